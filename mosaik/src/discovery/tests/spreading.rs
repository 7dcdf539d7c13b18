//! How news reach others, and what the handle promises about them.

use std::time::Duration;

use super::*;
use crate::{
    discovery::{Error, PeerEntry},
    primitives::{Bytes, Tag, Ticket, UniqueId},
};

async fn pair(network: &str, seed: u64) -> (MemoryNet, Node, Node) {
    let net = MemoryNet::new(seed);
    let one = Plan::new(network, 1).start(&net).await;
    let two = Plan::new(network, 2).start(&net).await;
    two.discovery.dial(one.addr()).await;
    until_acquainted(&[&one, &two]).await;
    (net, one, two)
}

/// Whether `there` sees the newest entry of `of`.
fn is_current(there: &Node, of: &Node) -> bool {
    there.discovery.catalog().get_signed(&of.id()) == Some(&of.discovery.me())
}

#[tokio::test(start_paused = true)]
async fn tags_and_tickets_are_pushed() {
    let (_net, one, two) = pair("pushed", 20).await;
    let class = UniqueId::from("class");
    let ticket = Ticket::new(class, Bytes::from_static(b"first"));

    one.discovery.add_tags(["a", "b"]);
    assert_eq!(one.discovery.me().tags().len(), 2);
    let took = until("tags arrive", || is_current(&two, &one)).await;
    assert!(took < Duration::from_secs(1), "{took:?}");

    one.discovery.remove_tags("a");
    one.discovery.add_ticket(ticket.clone());
    until("the ticket arrives", || is_current(&two, &one)).await;

    let version = one.discovery.me().update_version();
    let second = Ticket::new(class, Bytes::from_static(b"second"));
    one.discovery.replace_ticket(second.clone());
    let entry = one.discovery.me();
    assert_eq!(
        entry.tickets().keys().copied().collect::<Vec<_>>(),
        [second.id()]
    );
    assert!(entry.update_version() > version);
    until("the replacement arrives", || is_current(&two, &one)).await;

    one.discovery.remove_ticket(second.id());
    one.discovery.add_ticket(ticket);
    one.discovery.remove_tickets_of(class);
    until("the removal arrives", || is_current(&two, &one)).await;
    let catalog = two.discovery.catalog();
    let entry = catalog.get(&one.id()).unwrap();
    assert!(entry.tickets().is_empty());
    assert_eq!(
        entry.tags().iter().copied().collect::<Vec<_>>(),
        [Tag::from("b")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_is_not_announced() {
    let (_net, one, two) = pair("no-op", 21).await;
    let ticket = Ticket::new(UniqueId::from("class"), Bytes::from_static(b"data"));
    one.discovery.add_tags("a");
    one.discovery.add_ticket(ticket.clone());
    until("the first changes arrive", || is_current(&two, &one)).await;
    let before = one.discovery.me();
    let mut events = two.discovery.events();
    let mut watch = one.discovery.catalog_watch();
    watch.mark_unchanged();

    one.discovery.add_tags("a");
    one.discovery.remove_tags("never there");
    one.discovery.add_ticket(ticket.clone());
    one.discovery.replace_ticket(ticket);
    one.discovery.remove_ticket(UniqueId::from("never there"));
    one.discovery
        .remove_tickets_of(UniqueId::from("never there"));

    assert_eq!(one.discovery.me(), before);
    assert!(!watch.has_changed().unwrap());
    sleep(Duration::from_secs(3)).await;
    assert_eq!(drain(&mut events), []);
}

#[tokio::test(start_paused = true)]
async fn a_node_does_not_re_version_its_entry_by_itself_after_start() {
    let net = MemoryNet::new(22);
    let node = Plan::new("calm", 1)
        .sources(Sources::local())
        .start(&net)
        .await;
    let first = node.discovery.me();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(node.discovery.me(), first);
}

#[tokio::test(start_paused = true)]
async fn a_peer_is_discovered_exactly_once() {
    let net = MemoryNet::new(23);
    let one = Plan::new("once", 1).start(&net).await;
    let mut events = one.discovery.events();
    let two = Plan::new("once", 2).start(&net).await;
    let three = Plan::new("once", 3).start(&net).await;
    // Every way at once: dials in all directions, and syncs.
    two.discovery.dial([one.addr(), three.addr()]).await;
    three.discovery.dial([one.addr(), two.addr()]).await;
    one.discovery.dial([two.addr(), three.addr()]).await;
    one.discovery.sync_with(two.addr()).await.unwrap();
    three.discovery.sync_with(one.addr()).await.unwrap();
    until_acquainted(&[&one, &two, &three]).await;
    sleep(Duration::from_secs(5)).await;

    let seen = drain(&mut events);
    let discovered = |peer: &Node| {
        let entry = peer.discovery.me().into_unsigned();
        seen.iter()
            .filter(|event| **event == Event::PeerDiscovered(entry.clone()))
            .count()
    };
    assert_eq!(
        (seen.len(), discovered(&two), discovered(&three)),
        (2, 1, 1),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn sync_with_merges_both_sides() {
    let net = MemoryNet::new(24);
    let one = Plan::new("sync", 1).start(&net).await;
    let two = Plan::new("sync", 2).start(&net).await;
    let sync = two.discovery.sync_with(one.addr());
    sleep(Duration::from_secs(1)).await;
    // Lazy: nothing was sent.
    assert!(!one.knows(&two) && !two.knows(&one));
    sync.await.unwrap();
    assert!(one.knows(&two) && two.knows(&one));
    // By id too, once the catalog knows where it is.
    two.discovery.sync_with(one.id()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sync_with_another_network_is_an_error_and_changes_nothing() {
    let net = MemoryNet::new(25);
    let ours = Plan::new("sync.ours", 1).start(&net).await;
    let theirs = Plan::new("sync.theirs", 2).start(&net).await;
    let error = ours.discovery.sync_with(theirs.addr()).await.unwrap_err();
    let Error::DifferentNetwork {
        local_network,
        remote_network,
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(local_network, NetworkId::from("sync.ours"));
    assert_eq!(remote_network, NetworkId::from("sync.theirs"));
    assert!(!ours.knows(&theirs) && !theirs.knows(&ours));
}

#[tokio::test(start_paused = true)]
async fn sync_with_nobody_fails_in_time() {
    let net = MemoryNet::new(26);
    let node = Plan::new("sync.nobody", 1).start(&net).await;
    let start = Instant::now();
    let error = node
        .discovery
        .sync_with(key(50).public())
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn sync_with_gives_a_future_that_can_go_anywhere() {
    fn check<T: Send + Sync + 'static>(_: impl FnOnce(&Discovery) -> T) {}
    check(|discovery| discovery.sync_with(key(1).public()));
    check(Discovery::settled);
}

#[tokio::test(start_paused = true)]
async fn fed_and_inserted_entries_follow_the_rules() {
    let net = MemoryNet::new(27);
    let one = Plan::new("feed", 1).start(&net).await;
    let two = Plan::new("feed", 2).start(&net).await;
    let three = Plan::new("feed.other", 3).start(&net).await;
    let mut watch = one.discovery.catalog_watch();

    // Unsigned entries are ours alone, and can be taken back.
    assert!(one.discovery.insert(two.discovery.me()));
    assert!(one.discovery.insert(PeerEntry::from(&two.discovery.me())));
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    assert!(one.discovery.catalog().get(&two.id()).is_some());
    assert!(!one.knows(&two));
    assert!(one.discovery.remove(two.id()));
    assert!(!one.discovery.remove(two.id()));
    assert!(one.discovery.insert(two.discovery.me()));
    assert!(one.discovery.clear_unsigned());
    assert!(!one.discovery.clear_unsigned());
    assert!(!one.discovery.insert(one.discovery.me()), "the local id");
    assert!(
        !one.discovery.insert(three.discovery.me()),
        "another network"
    );

    // A signed one takes its place, once.
    assert!(one.discovery.feed(two.discovery.me()));
    assert!(!one.discovery.feed(two.discovery.me()));
    assert!(one.knows(&two));
    assert!(
        !one.discovery.insert(two.discovery.me()),
        "a signed one is known"
    );
    assert!(!one.discovery.feed(three.discovery.me()), "another network");
    two.discovery.add_tags("newer");
    assert!(one.discovery.feed(two.discovery.me()));
    assert!(watch.has_changed().unwrap());
}

#[tokio::test(start_paused = true)]
async fn large_entries_travel() {
    let (_net, one, two) = pair("large", 28).await;
    // D3: 500 tags and a ticket of 16 KB, then one change more.
    one.discovery.add_tags(
        (0..500)
            .map(|n| Tag::from(format!("tag-{n}").as_str()))
            .collect::<Vec<_>>(),
    );
    let class = UniqueId::from("quote");
    one.discovery
        .add_ticket(Ticket::new(class, vec![7; 16 * 1024].into()));
    until("500 tags and a ticket arrive", || is_current(&two, &one)).await;
    one.discovery.add_tags("one more");
    let took = until("one more tag arrives", || is_current(&two, &one)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");

    one.discovery
        .replace_ticket(Ticket::new(class, vec![8; 200 * 1024].into()));
    let took = until("200 KiB arrive", || is_current(&two, &one)).await;
    assert!(took < Duration::from_secs(2), "{took:?}");
    one.discovery.remove_tickets_of(class);
    until("the entry is small again", || is_current(&two, &one)).await;
}

#[tokio::test(start_paused = true)]
async fn a_handle_says_which_network_it_is_of() {
    let net = MemoryNet::new(29);
    let node = Plan::new("debug", 1).start(&net).await;
    let expected = format!(
        "Discovery(network_id={})",
        &NetworkId::from("debug").to_string()[..10]
    );
    assert_eq!(format!("{:?}", node.discovery), expected);
}
