//! Generated code needs no prelude.

#[no_implicit_prelude]
mod bare {
    ::mosaik::stream!(pub Trades = super::super::Trade, "trades", require: |_| true);
    ::mosaik::stream!(pub Derived<T: ::mosaik::Datum> = T, history: 3);
    pub const ID: ::mosaik::UniqueId = ::mosaik::id!("x");
}
