//! All keys.

use super::Trade;
use mosaik::streams::backoff::ExponentialBackoff;
use mosaik::streams::{BackPressure, Filter};
use mosaik::tickets::TicketValidator;
use mosaik::*;

fn validator() -> Box<dyn TicketValidator> {
    unreachable!("declarations are not opened here")
}

stream! {
    pub Trades = Trade, "trades",
    require: |peer| !peer.tags().is_empty(),
    require_ticket: validator(),
    online_when: |c| c.minimum_of(2),
    max_consumers: 8,
    buffer_size: 64,
    back_pressure: BackPressure::DropOldest,
    history: 10,
    index_by: |trade| trade.price,
    criteria: Criteria::default(),
    filter: Filter::key_range(..100u64),
    backoff: ExponentialBackoff::default(),
    queue_size: 16,
}

stream!(pub Lagging = Trade, disconnect_lagging: false);
