//! Only one end is declared here; the other one lives in another program.

use super::Trade;
use mosaik::*;

stream!(pub producer Sold = Trade, "trades");
stream!(pub consumer Bought = Trade, "trades");

const SOLD: fn(&Network) -> ProducerOf<Sold> = Sold::producer;
const BOUGHT: fn(&Network) -> ConsumerOf<Bought> = Bought::consumer;
