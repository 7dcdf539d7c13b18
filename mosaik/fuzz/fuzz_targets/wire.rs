//! A connection's hello, a stream's header, and the answer to it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::wire(bytes));
