//! A prefix names who must satisfy a requirement, and which side takes an option.

use super::Trade;
use mosaik::*;

const TRUSTED: Tag = unique_id!("trusted");

stream! {
    pub Both = Trade,
    require: |peer| peer.tags().contains(&TRUSTED),
    producer require: |peer| peer.tags().contains(&TRUSTED),
    consumer require: |peer| !peer.tags().is_empty(),
    producer online_when: |c| c.minimum_of(2),
    consumer online_when: |c| c.minimum_of(1),
    producer buffer_size: 64,
    consumer queue_size: 64,
}

// What is checked by the side that exists.
stream!(pub producer Guarded = Trade, consumer require: |peer| peer.tags().contains(&TRUSTED));
stream!(pub consumer Careful = Trade, producer require: |peer| peer.tags().contains(&TRUSTED));
stream!(pub producer Plain = Trade, require: |peer| peer.tags().contains(&TRUSTED));
stream!(pub consumer Simple = Trade, require: |_peer| true, online_when: |c| c.minimum_of(1));
