//! An id in the declaration: any text, or 64 hex digits.

use super::Trade;
use mosaik::*;

stream!(pub Named = Trade, "market.trades.v1");
stream!(pub Empty = Trade, "");
stream!(pub Raw = Trade, r#"market "trades""#);
stream!(pub Hex = Trade, "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789ABCDEF");
