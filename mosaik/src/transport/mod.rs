//! One peer to one peer: connections, links, frames.
