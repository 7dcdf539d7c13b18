//! Large entries travel like small ones.

use std::time::Duration;

use mosaik::{Bytes, Digest, Network, PeerId, discovery::PeerEntry, tickets::Ticket, unique_id};

const CLASS: Digest = unique_id!("entries.ticket");

/// How long a change may take to reach a peer that is already known.
const NEWS_WITHIN: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_500_tags_and_a_16_kb_ticket_still_announces_changes() {
    let [speaker, listener] = pair().await;
    speaker
        .discovery()
        .add_tags((0..500_u64).map(Digest::from_u64).collect::<Vec<_>>());
    speaker.discovery().add_ticket(ticket(16_000));
    sees(&listener, speaker.local().id(), |entry| {
        entry.tags().len() == 500 && entry.tickets_of(CLASS).count() == 1
    })
    .await;

    for change in 1..=3 {
        speaker
            .discovery()
            .add_tags(format!("change-{change}").as_str());
        sees(&listener, speaker.local().id(), |entry| {
            entry.tags().len() == 500 + change
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_of_200_kib_travels() {
    let [speaker, listener] = pair().await;
    speaker.discovery().add_ticket(ticket(200 * 1024));
    let whole = |entry: &PeerEntry| {
        entry
            .tickets_of(CLASS)
            .any(|ticket| ticket.data().len() == 200 * 1024)
    };
    sees(&listener, speaker.local().id(), whole).await;

    // Also to a node that comes later and learns all of it at once.
    let late = node(*speaker.network_id()).await;
    late.discovery().dial(listener.local().addr()).await;
    sees(&late, speaker.local().id(), whole).await;
}

fn ticket(bytes: usize) -> Ticket {
    // Bytes without a pattern, so that nothing could have been compressed away.
    let data = (0_u64..).flat_map(|block| *Digest::from_u64(block).hashed().as_bytes());
    Ticket::new(CLASS, data.take(bytes).collect::<Bytes>())
}

async fn pair() -> [Network; 2] {
    let network = Digest::random();
    let pair = [node(network).await, node(network).await];
    pair[0]
        .discovery()
        .sync_with(pair[1].local().addr())
        .await
        .expect("two nodes of one network sync");
    pair
}

async fn node(network: Digest) -> Network {
    let discovery = mosaik::discovery::Config::builder().no_auto_bootstrap();
    let builder = Network::builder(network)
        .loopback()
        .with_discovery(discovery);
    builder.build().await.expect("a loopback node can be built")
}

async fn sees(node: &Network, peer: PeerId, met: impl Fn(&PeerEntry) -> bool) {
    let mut catalogs = node.discovery().catalog_watch();
    let seen = catalogs.wait_for(|catalog| catalog.get(&peer).is_some_and(&met));
    let in_time = tokio::time::timeout(NEWS_WITHIN, seen).await;
    in_time
        .expect("news of a large entry arrive in time")
        .expect("the node runs");
}
