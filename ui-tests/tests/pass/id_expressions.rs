//! An id that is computed.

use super::Trade;
use mosaik::*;

const ID: StreamId = unique_id!("market.trades.v1");
const NAME: &str = "market.trades.v1";

mod ids {
    pub(super) const TRADES: mosaik::StreamId = mosaik::id!("trades");
}

fn chosen(region: &str) -> StreamId {
    StreamId::from(region)
}

stream!(pub OfConstant = Trade, ID);
stream!(pub OfPath = Trade, ids::TRADES);
stream!(pub OfCall = Trade, chosen("eu"));
stream!(pub OfText = Trade, NAME);
stream!(pub OfMacro = Trade, unique_id!("market.trades.v1"));
stream!(pub OfBlock = Trade, { let region = "eu"; chosen(region) });
stream!(pub WithKeys = Trade, self::ids::TRADES, require: |_| true);
