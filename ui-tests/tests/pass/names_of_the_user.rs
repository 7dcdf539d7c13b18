//! Items of the user's that are named like what the expansion needs.

#![expect(
    non_upper_case_globals,
    non_camel_case_types,
    reason = "names that might collide"
)]

pub struct Future;
#[derive(Clone, ::serde::Serialize, ::serde::Deserialize)]
pub struct A;
pub struct S;
pub struct Clone;
pub struct Group;
pub struct StateMachine;
pub struct Message;
pub struct Bytes;
pub struct Serialize;
pub struct Deserialize;
pub struct Some;
pub struct None;
pub struct Ok;
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
pub const command: u8 = 5;
pub const query: u8 = 6;
pub const ctx: u8 = 7;
pub const chunks: u8 = 8;
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

#[::mosaik::state_machine(id = "a")]
impl A {
    #[command]
    pub fn copy(&mut self, a: A, s: ::std::vec::Vec<A>) -> A {
        s.into_iter().next().unwrap_or(a)
    }
    #[query]
    pub fn has(&self, a: A) -> A {
        a
    }
}

pub struct CollectionReader;
pub struct CollectionWriter;
pub struct CollectionConfig;
pub struct CollectionFromDef;
pub struct Reader;
pub struct Writer;
pub const config: u8 = 9;
pub const reader: u8 = 10;
pub const writer: u8 = 11;
pub const id: u8 = 12;

::mosaik::collection! {
    pub Scores = ::mosaik::collections::Map<u8, u8>, "scores",
    history: config as usize,
}

::mosaik::collection!(pub writer Any<T: ::mosaik::collections::Value> = ::mosaik::collections::Vec<T>, ID);

::mosaik::stream!(pub Derived<T: ::mosaik::Datum> = T);

pub const ID: ::mosaik::UniqueId = ::mosaik::unique_id!("x");
