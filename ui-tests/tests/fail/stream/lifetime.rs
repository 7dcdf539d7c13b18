use mosaik::*;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Trade;

#[derive(Serialize, Deserialize)]
struct Quote<'a>(&'a str);

stream!(Quotes<'a> = Quote<'a>);

fn main() {
    let _: fn(&Network) -> ProducerOf<Quotes<'static>> = Quotes::producer;
}
