//! Declarations inside a function.

use mosaik::*;

fn declares(network: &Network) -> bool {
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Local(u8);

    const LIMIT: usize = 3;

    stream!(Locals = Local, "locals", max_consumers: LIMIT);
    let producer = Locals::producer(network);
    stream! { producer Others = Local }
    producer.try_send(Local(1)).is_ok() && Others::producer(network).try_send(Local(2)).is_ok()
}
