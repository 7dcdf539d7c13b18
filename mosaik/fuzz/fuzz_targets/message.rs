//! A message of discovery, and what the core does with it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::message(bytes));
