//! An order book that nodes match orders with.

pub mod engine;
