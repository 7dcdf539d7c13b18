//! What values can be: anything that Rust takes there.

use super::Trade;
use mosaik::discovery::PeerEntry;
use mosaik::*;
use std::sync::atomic::{AtomicUsize, Ordering};

static LIMIT: AtomicUsize = AtomicUsize::new(3);

fn trusted(peer: &PeerEntry) -> bool {
    !peer.tags().is_empty()
}

fn none_of(tag: Tag) -> impl Fn(&PeerEntry) -> bool + Send + Sync + 'static {
    move |peer| !peer.tags().contains(&tag)
}

impl Trades {
    const MINIMUM: usize = 2;
}

stream! {
    pub Trades = Trade,
    require: trusted,
    require: none_of(unique_id!("banned")),
    require: |peer: &PeerEntry| peer.tags().len() < 10,
    require: { let tag = id!("trusted"); move |peer| peer.tags().contains(&tag) },
    online_when: |c| c.minimum_of(Self::MINIMUM),
    max_consumers: LIMIT.load(Ordering::Relaxed),
    buffer_size: if cfg!(test) { 8 } else { 1024 },
    history: 4 * 2,
    back_pressure: match Self::MINIMUM {
        0 => streams::BackPressure::Block,
        _ => streams::BackPressure::Disconnect,
    },
    criteria: Criteria {},
}
