//! What takes how long on real sockets, in real time. The times are printed; what is asserted allows for a busy machine.

use super::*;

use std::time::Instant;

use futures::SinkExt;

/// Issue 3: 200 streams among 10 nodes come up within 5 s of start. Real sockets, real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_streams_among_ten_nodes_come_up() {
    let start = Instant::now();
    let id = NetworkId::random();
    let nodes: Vec<Network> = join_all((0..10).map(|_| Network::builder(id).loopback().build()))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for node in &nodes[1..] {
        node.discovery().dial(nodes[0].local().addr()).await;
    }
    let mut ends = Vec::new();
    for stream in 0..200usize {
        let name = stream.to_string();
        let producer = nodes[stream % 10]
            .streams()
            .producer::<u64>()
            .with_stream_id(name.as_str());
        let consumer = nodes[(stream * 7 + 3) % 10]
            .streams()
            .consumer::<u64>()
            .with_stream_id(name.as_str());
        ends.push((producer.build().unwrap(), consumer.build()));
    }
    let up = ends
        .iter_mut()
        .enumerate()
        .map(|(stream, (producer, consumer))| async move {
            producer.send(stream as u64).await.unwrap();
            assert_eq!(consumer.recv().await, Some(stream as u64));
        });
    timeout(Duration::from_secs(20), join_all(up))
        .await
        .expect("all streams come up");
    println!(
        "200 streams among 10 nodes: {:?} after start",
        start.elapsed()
    );
}

/// Issue 3: in within a second of becoming eligible, out within a second of ceasing to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eligibility_takes_effect_at_once() {
    let id = NetworkId::random();
    let (a, b) = (
        Network::builder(id).loopback().build().await.unwrap(),
        Network::builder(id).loopback().build().await.unwrap(),
    );
    let producer = a
        .streams()
        .producer::<Data2>()
        .require(|peer| peer.tags().contains(&"trusted".into()))
        .build()
        .unwrap();
    let consumer = b.streams().consume::<Data2>();
    turned_away(&mut consumer.events(), 3).await;
    let (mut ins, mut outs) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let start = Instant::now();
        b.discovery().add_tags("trusted");
        timeout(10 * SECOND, consumer.when().subscribed())
            .await
            .expect("in");
        ins.push(start.elapsed());
        let start = Instant::now();
        b.discovery().remove_tags("trusted");
        let out = async {
            consumer.when().unsubscribed().await;
            producer.when().unsubscribed().await;
        };
        timeout(10 * SECOND, out).await.expect("out");
        outs.push(start.elapsed());
    }
    println!("in after {ins:?}, out after {outs:?}");
}
