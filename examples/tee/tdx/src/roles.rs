//! The producer outside, the consumer inside.

use std::collections::BTreeMap;
use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use mosaik::futures::SinkExt as _;
use mosaik::{
    CollectionWriter as _, Network, NetworkTdxExt as _, PeerId, StreamConsumer as _,
    StreamProducer as _, WriterOf, collections, declare,
};

use crate::arguments::Arguments;
use crate::rules::{our_image, own_image};

declare::stream! {
    /// Secrets for consumers that prove what they run.
    pub(crate) SecureConsumer = String, "mosaik.example.tdx.secrets",
    consumer require_ticket: our_image(),
}

declare::collection! {
    /// What each consumer received last: shared among guests of one image, and with nobody else.
    pub(crate) SecureObservers = collections::Map<PeerId, String>, "mosaik.example.tdx.observers",
    require_ticket: own_image(),
}

/// A person waits for it.
pub(crate) const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(3);
const BETWEEN_ITEMS: Duration = Duration::from_millis(500);
/// The exit code of a consumer that nothing came to.
const NOTHING_CAME: u8 = 3;

/// Sends to every consumer that is let in, until it is stopped.
pub(crate) async fn produce(network: &Network) -> Result<ExitCode, Box<dyn Error>> {
    println!("outside a trust domain: producing");
    if let Err(problem) = our_image().check() {
        println!("nobody will be let in: {problem}");
    }
    let mut producer = SecureConsumer::producer(network);
    let mut admitted = Vec::new();
    let mut refused = BTreeMap::new();
    for number in 1_u64.. {
        tokio::select! {
            () = tokio::time::sleep(BETWEEN_ITEMS) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        let consumers: Vec<_> = producer
            .consumers()
            .map(|channel| *channel.consumer_id())
            .collect();
        for consumer in consumers
            .iter()
            .filter(|consumer| !admitted.contains(*consumer))
        {
            println!("admitted {consumer}");
        }
        admitted = consumers;
        for refusal in producer.status().refused {
            if refused.get(&refusal.peer) != Some(&refusal.reason) {
                println!("refused {}: {}", refusal.peer, refusal.reason);
                refused.insert(refusal.peer, refusal.reason);
            }
        }
        if !admitted.is_empty() {
            producer.send(format!("secret {number}")).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Proves what it runs, and prints what it is sent.
pub(crate) async fn consume(
    network: &Network,
    arguments: &Arguments,
) -> Result<ExitCode, Box<dyn Error>> {
    println!("inside a trust domain: consuming");
    println!("{}", network.tdx().measurements()?);
    network.tdx().install_own_ticket()?;

    let mut consumer = SecureConsumer::consumer(network);
    // Its members judge each other by their tickets, so it comes after the ticket.
    let observers = SecureObservers::writer(network);
    let me = network.local().id();
    let patience = arguments
        .patience
        .map_or(Duration::MAX, Duration::from_secs);
    let mut count = 0;
    loop {
        tokio::select! {
            item = tokio::time::timeout(patience, consumer.recv()) => match item {
                Ok(Some(item)) => {
                    count += 1;
                    println!("received {item}");
                    // The others learn of it when the guests agree; this guest goes on meanwhile.
                    let noted = observers.insert(me, item);
                    tokio::spawn(async move {
                        if let Err(error) = noted.await {
                            eprintln!("not noted: {error}");
                        }
                    });
                    if arguments.receive == Some(count) {
                        return Ok(ExitCode::SUCCESS);
                    }
                }
                Ok(None) => return Ok(ExitCode::SUCCESS),
                Err(_) => {
                    println!("nothing came: not admitted");
                    return Ok(ExitCode::from(NOTHING_CAME));
                }
            },
            () = observers.when().updated() => print_observers(&observers),
            _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
        }
    }
}

fn print_observers(observers: &WriterOf<SecureObservers>) {
    for (peer, item) in observers.iter() {
        println!("observed {peer}: {item}");
    }
}
