//! The functions behind the keys of `collection!`. Written from the table in
//! `mosaik-derive/src/collection/keys.rs`; a test there says how.

use crate::collections::{CollectionConfig, SyncConfig};
use crate::groups::{ConsensusConfig, Formation};
use crate::tickets::TicketValidator;
/// The ticket that every member must hold. Repeat it to ask for several.
#[inline]
pub fn require_ticket(
    config: CollectionConfig,
    value: impl TicketValidator,
) -> CollectionConfig {
    config.require_ticket(value)
}
/// The guest image that every member must run, proven by Intel TDX. See below.
#[inline]
pub fn require_tdx(
    config: CollectionConfig,
    value: impl TicketValidator,
) -> CollectionConfig {
    config.require_ticket(value)
}
/// How snapshots travel to new members. All members need the same.
#[inline]
pub fn sync(config: CollectionConfig, value: SyncConfig) -> CollectionConfig {
    config.with_sync(value)
}
/// How fast members notice, elect and give up. All members need the same.
#[inline]
pub fn consensus(config: CollectionConfig, value: ConsensusConfig) -> CollectionConfig {
    config.with_consensus(value)
}
/// Which writers found the history. Default: whoever is there first.
#[inline]
pub fn formation(config: CollectionConfig, value: Formation) -> CollectionConfig {
    config.with_formation(value)
}
/// How many changes a node keeps for those who follow them. Default: 4096.
#[inline]
pub fn history(config: CollectionConfig, value: usize) -> CollectionConfig {
    config.with_history(value)
}
