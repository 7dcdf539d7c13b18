//! Tests of the public interface: one binary, a module a topic.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail on the spot too, and real sockets take real time"
)]

mod checked;
mod cli;
mod collections;
mod declare;
mod ending;
mod entries;
mod groups;
mod hostile;
mod linear;
mod netns;
mod network;
mod node;
mod processes;
mod public_api;
mod scratch;
mod siege;
mod streams;
#[cfg(feature = "tdx")]
mod tdx;
mod tickets;
mod wait;
mod world;
