//! Type and constant parameters, bounds in line or in a `where` clause.

use mosaik::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Pair<A, B>(A, B);

#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Sized4<const N: usize>;

stream!(pub Of<T: Datum> = T);
stream!(pub Many<T: Serialize + DeserializeOwned + Send + 'static> = Vec<T>, "many");
stream!(pub Pairs<A, B> where A: Serialize + DeserializeOwned + Send + 'static, B: Serialize + DeserializeOwned + Send + 'static = Pair<A, B>);
// That the type can travel need not be repeated: it is asked where the stream is used.
stream!(pub Bare<T> = Vec<T>);
stream!(pub Blocks<const N: usize> = Sized4<N>, max_consumers: N);
stream!(pub Named<T: Datum> = T, T::derived_stream_id(), require: |_| std::mem::size_of::<T>() > 0);

const TEXTS: fn(&Network) -> ProducerOf<Of<String>> = Of::<String>::producer;
const NUMBERS: fn(&Network) -> ConsumerOf<Many<u64>> = Many::<u64>::consumer;
const BLOCKS: fn(&Network) -> ConsumerOf<Blocks<4>> = Blocks::<4>::consumer;
const BARE: fn(&Network) -> ConsumerOf<Bare<u8>> = Bare::<u8>::consumer;
