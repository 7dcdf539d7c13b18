//! A signed peer entry, as it travels and as it is stored.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::entry(bytes));
