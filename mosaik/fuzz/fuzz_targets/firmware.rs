//! A firmware image and a kernel that are measured.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::firmware(bytes));
