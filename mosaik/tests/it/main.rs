//! Tests of the public interface: one binary, a module a topic.

mod cli;
mod network;
mod public_api;
mod scratch;
