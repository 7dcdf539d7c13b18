//! A token, and what a validator makes of it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::jwt(bytes));
