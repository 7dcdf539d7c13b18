//! Peers that the configuration or an earlier run names, by address or by id.
//!
//! They need no task of their own: the core tries configured peers as long as the network runs, so one that
//! comes up late, or comes back, is found, and it knows when each was tried once.

use super::{Finder, LAST_GOOD_MAX};
use crate::primitives::EndpointAddr;

/// Offers the configured peers for ever, and those of an earlier run once.
pub(super) fn offer(finder: &Finder, configured: Vec<EndpointAddr>, last_good: Vec<EndpointAddr>) {
    for addr in configured {
        finder.hint_forever(addr);
    }
    for addr in last_good.into_iter().take(LAST_GOOD_MAX) {
        finder.hint(addr);
    }
}
