//! Items of the user's that are named like what the expansion needs.

#![expect(
    non_upper_case_globals,
    non_camel_case_types,
    reason = "names that might collide"
)]

pub struct Future;
pub struct Result;
pub struct Option;
pub struct Send;
pub struct Sync;
pub struct Network;
pub struct Producer;
pub struct Consumer;
pub struct StreamProducer;
pub struct StreamConsumer;
pub struct PhantomData;
pub struct Digest;
pub struct Builder;
pub struct network;
pub const producer: u8 = 1;
pub const consumer: u8 = 2;
pub const p: u8 = 3;
pub const builder: u8 = 4;
pub static require: u8 = 7;
pub mod mosaik {}
pub mod core {}
pub mod std {}

::mosaik::stream! {
    pub Trades = super::Trade, "trades",
    require: |_| builder == 4,
    online_when: |c| c.minimum_of(3),
    max_consumers: p as usize,
}

::mosaik::stream!(pub Derived<T: ::mosaik::Datum> = T);

pub const ID: ::mosaik::UniqueId = ::mosaik::unique_id!("x");
