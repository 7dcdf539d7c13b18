//! Peers that misbehave must not disturb the others.

use std::time::Duration;

use super::*;
use crate::transport::Protocol;

#[tokio::test(start_paused = true)]
async fn a_silent_peer_stalls_nobody() {
    let net = MemoryNet::new(60);
    let node = Plan::new("silent", 1).start(&net).await;
    // It opens links as a peer would, and never says or reads anything.
    let mut config = TransportConfig::new("silent".into(), key(66));
    config.clock = clock();
    let silent = Transport::memory(&net, config).await.unwrap();
    let mut links = Vec::new();
    for life in 0..4u8 {
        let greeting = vec![1, 0, 0, 0, 0, 0, 0, 0, life];
        links.push(
            silent
                .open(node.addr(), Protocol::DISCOVERY, greeting.into())
                .await
                .unwrap(),
        );
    }
    let honest = Plan::new("silent", 2).start(&net).await;
    let start = Instant::now();
    honest.discovery.sync_with(node.addr()).await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
    node.discovery.add_tags("news");
    let took = until("news reach the honest", || {
        let catalog = honest.discovery.catalog();
        catalog.get_signed(&node.id()) == Some(&node.discovery.me())
    })
    .await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_ends_the_link_and_is_counted() {
    let net = MemoryNet::new(61);
    let node = Plan::new("violation", 1).start(&net).await;
    let mut config = TransportConfig::new("violation".into(), key(67));
    config.clock = clock();
    let hostile = Transport::memory(&net, config).await.unwrap();
    let greeting = vec![1, 0, 0, 0, 0, 0, 0, 0, 1];
    let open = || hostile.open(node.addr(), Protocol::DISCOVERY, greeting.clone().into());
    let (mut sender, mut receiver) = open().await.unwrap().split();
    // One may be a mistake; eight are not.
    for _ in 0..8 {
        sender.queue(&[1, 1, 0xc1, 0xc1]).unwrap();
    }
    sender.flush().await.unwrap();
    // The link ends, whatever the node had said before.
    while let Ok(Some(_)) = receiver.recv().await {}
    assert_eq!(node.discovery.linked_count(), 0);
    let stats = node.discovery.stats();
    assert_eq!((stats.messages_malformed, stats.violations), (8, 1));
    // When it comes back it is cut off without being heard: before or after its opening is answered.
    if let Ok(mut link) = open().await {
        while let Ok(Some(_)) = link.recv().await {}
    }
    assert_eq!(node.discovery.linked_count(), 0);
}
