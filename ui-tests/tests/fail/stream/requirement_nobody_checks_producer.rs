use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

fn validator() -> Box<dyn tickets::TicketValidator> {
    loop {}
}

stream!(producer Trades = Trade, "trades", producer require_ticket: validator());

fn main() {}
