//! A TDX quote, a ticket with one, and collateral.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosaik::__fuzz::quote(bytes));
