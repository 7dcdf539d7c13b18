//! Replicas in one process, on a clock that the tests own, over a network that they cut.

mod cluster;
mod compaction;
mod harness;
mod hostile;
mod simulation;
mod store;
mod wire;
