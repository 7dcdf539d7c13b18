//! Generated code needs no prelude.

#[no_implicit_prelude]
mod bare {
    ::mosaik::stream!(pub Trades = super::super::Trade, "trades", require: |_| true);
    ::mosaik::stream!(pub Derived<T: ::mosaik::Datum> = T, history: 3);

    ::mosaik::collection!(pub Scores = ::mosaik::collections::Map<u8, u8>, "scores", history: 3);
    ::mosaik::collection!(pub reader Any<T: ::mosaik::collections::Value> = ::mosaik::collections::Vec<T>, ID);

    #[derive(::serde::Serialize, ::serde::Deserialize)]
    pub struct Log;

    #[::mosaik::state_machine(id = "log")]
    impl Log {
        #[command]
        pub fn write(&mut self, by: u8) -> u8 {
            by
        }
        #[query]
        pub fn read(&self, from: u8) -> u8 {
            from
        }
    }

    pub const ID: ::mosaik::UniqueId = ::mosaik::id!("x");
}
