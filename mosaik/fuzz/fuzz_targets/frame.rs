//! Frames out of a stream of bytes that arrive in pieces.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::frame(bytes));
