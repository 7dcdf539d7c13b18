//! What tests of programs need: a network in memory with faults to order, and clocks to own.
//!
//! See [`NetworkBuilder::with_memory_net`](crate::network::NetworkBuilder::with_memory_net),
//! [`with_clock`](crate::network::NetworkBuilder::with_clock) and
//! [`with_seed`](crate::network::NetworkBuilder::with_seed).

#[doc(hidden)]
pub use crate::groups::{Ceiling, Flaw, openraft_alone};
pub use crate::{
    runtime::Clock,
    transport::{Conditions, MemoryNet},
};
