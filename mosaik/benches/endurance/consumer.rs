//! A consuming process.

use std::time::Duration;

use mosaik::{Network, NetworkId, streams::ConsumerEvent};

use crate::{END, Numbered, report::Report};

/// Datums between two pauses of the slow one.
const SLOW_EVERY: u64 = 20_000;

/// One pause of the slow one.
const SLOW_PAUSE: Duration = Duration::from_millis(20);

/// Consumes until the end, then prints a [`Report`] as one line.
pub(crate) async fn run(arguments: &[String]) {
    let [habit, network_id] = arguments else {
        panic!("a habit and a network")
    };
    let network_id = NetworkId::from(network_id.as_str());
    let network = Network::builder(network_id)
        .loopback()
        .build()
        .await
        .expect("a node starts");
    let mut consumer = network
        .streams()
        .consumer::<Numbered>()
        .with_stream_id(network_id)
        .build();
    let mut events = consumer.events();
    println!("ready");
    // From here on it is owed every datum, or word that it is lost; numbers are positions in the stream.
    let joined = loop {
        if let Ok(ConsumerEvent::Connected { next, .. }) = events.recv().await {
            break next;
        }
    };
    drop(events);
    let mut report = Report {
        joined,
        ..Report::default()
    };
    let mut expected = None;
    while let Some(Numbered { number, .. }) = consumer.recv().await {
        if number == END {
            break;
        }
        report.received += 1;
        match expected {
            Some(expected) if number < expected => report.backwards += 1,
            Some(expected) => report.missing += number - expected,
            None => {}
        }
        expected = Some(number + 1);
        if habit == "slow" && number % SLOW_EVERY == 0 {
            tokio::time::sleep(SLOW_PAUSE).await;
        }
    }
    report.lost = consumer.stats().lost();
    println!("{}", report.to_line());
    let _ = network.shutdown(Duration::from_secs(2)).await;
}
