use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

stream!(Trades = Trade, "trades", max_consumer: 3);
stream!(Orders);
stream!(Fills = &Trade);

fn main() {
    let network: Network = network();
    let trades: ProducerOf<Trades> = Trades::producer(&network);
    let _ = trades.try_send(Trade);
    let orders: ProducerOf<Orders> = Orders::producer(&network);
    let _ = orders.try_send(Trade);
    let fills: ProducerOf<Fills> = Fills::producer(&network);
    let _ = fills.try_send(Trade);
    let _ = Orders::online_consumer(&network);
}

fn network() -> Network {
    loop {}
}
