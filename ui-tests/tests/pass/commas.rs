//! Commas between entries, or none.

use super::Trade;
use mosaik::*;

stream!(pub A = Trade,);
stream!(pub B = Trade, "b",);
stream!(pub C = Trade, "c" max_consumers: 3);
stream!(pub D = Trade, "d" max_consumers: 3 require: |_| true consumer queue_size: 4);
stream!(pub E = Trade, max_consumers: 3, require: |_| true,);
stream! {
    pub F = Trade, id!("f")
    producer online_when: |c| c.minimum_of(2)
    buffer_size: 8
}
