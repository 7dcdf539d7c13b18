mod market {
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Trade;

    mosaik::stream!(pub Trades = Trade);
}

fn main() {}
