//! An order book that nodes match orders with: the engine, and the exchange that a group replicates.

pub mod engine;
pub mod exchange;
