//! Attributes and visibilities go to the declared struct.

use super::Trade;
use mosaik::*;

stream! {
    /// Every trade of the market.
    #[derive(Debug, Clone, Copy, Default, PartialEq)]
    #[must_use]
    pub Trades = Trade, "trades"
}

stream!(#[cfg(any())] pub Absent = NoSuchType, no_such_id(), require: no_such_function);
stream!(#[deprecated(note = "use Trades")] pub Old = Trade);
stream!(pub(crate) InCrate = Trade);
stream!(pub(super) InParent = Trade);
stream!(pub(in crate::attributes) InPath = Trade);
stream!(Private = Trade);

#[test]
fn derives_apply() {
    assert_eq!(format!("{:?}", Trades), "Trades");
    assert_eq!(Trades.clone(), <Trades as Default>::default());
}
