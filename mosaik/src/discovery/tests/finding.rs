//! How nodes find each other.

use std::time::Duration;

use super::*;
use crate::runtime::time::timeout;
use crate::transport::Conditions;

#[tokio::test(start_paused = true)]
async fn two_nodes_meet_by_address() {
    let net = MemoryNet::new(1);
    let one = Plan::new("by-address", 1).start(&net).await;
    let two = Plan::new("by-address", 2).start(&net).await;
    two.discovery.dial(one.addr()).await;
    let took = until_acquainted(&[&one, &two]).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn two_nodes_meet_by_id() {
    let net = MemoryNet::new(2);
    let one = Plan::new("by-id", 1).start(&net).await;
    let two = Plan::new("by-id", 2).start(&net).await;
    two.discovery.dial(one.id()).await;
    until_acquainted(&[&one, &two]).await;
}

#[tokio::test(start_paused = true)]
async fn simultaneous_dials_leave_one_link_that_works() {
    let net = MemoryNet::new(3);
    let one = Plan::new("simultaneous", 1).start(&net).await;
    let two = Plan::new("simultaneous", 2).start(&net).await;
    tokio::join!(
        two.discovery.dial(one.addr()),
        one.discovery.dial(two.addr())
    );
    until_acquainted(&[&one, &two]).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(
        (one.discovery.linked_count(), two.discovery.linked_count()),
        (1, 1)
    );
    one.discovery.add_tags("late");
    until("the tag arrives", || {
        let catalog = two.discovery.catalog();
        catalog
            .get(&one.id())
            .unwrap()
            .tags()
            .contains(&"late".into())
    })
    .await;
}

/// Both ask for an exchange at once, over links that both open. Whichever link stays, no question is lost on the other.
#[tokio::test(start_paused = true)]
async fn simultaneous_exchanges_are_answered_soon() {
    for seed in 0..200 {
        let net = MemoryNet::new(seed);
        net.set_all(Conditions {
            delay: Duration::from_millis(1),
            jitter: Duration::from_millis(40),
            loss: 0.0,
        });
        let one = Plan::new("exchanges", 1).start(&net).await;
        let two = Plan::new("exchanges", 2).start(&net).await;
        let start = Instant::now();
        let (there, back) = tokio::join!(
            one.discovery.sync_with(two.addr()),
            two.discovery.sync_with(one.addr()),
        );
        assert_eq!((there.is_ok(), back.is_ok()), (true, true), "seed {seed}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "seed {seed}: {took:?}");
        assert!(one.knows(&two) && two.knows(&one), "seed {seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_of_one_process_find_each_other_within_a_second() {
    let net = MemoryNet::new(4);
    let mut nodes = Vec::new();
    for seed in 1..=10 {
        nodes.push(
            Plan::new("same-process", seed)
                .sources(Sources::local())
                .start(&net)
                .await,
        );
    }
    let took = until_acquainted(&nodes.iter().collect::<Vec<_>>()).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn no_auto_bootstrap_means_neither_finding_nor_being_found() {
    let net = MemoryNet::new(5);
    let shy = Plan::new("shy", 1)
        .sources(Sources::local())
        .config(ConfigBuilder::no_auto_bootstrap);
    let shy = shy.start(&net).await;
    let open = Plan::new("shy", 2)
        .sources(Sources::local())
        .start(&net)
        .await;
    sleep(Duration::from_secs(20)).await;
    assert!(!shy.knows(&open) && !open.knows(&shy));
    open.discovery.dial(shy.id()).await;
    until_acquainted(&[&shy, &open]).await;
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_peer_that_comes_up_late_is_found() {
    let net = MemoryNet::new(6);
    let late_id = key(9).public();
    let early = Plan::new("late", 1).config(|config| config.with_bootstrap(late_id));
    let early = early.start(&net).await;
    sleep(Duration::from_secs(60)).await;
    let late = Plan::new("late", 9).start(&net).await;
    let took = until_acquainted(&[&early, &late]).await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn ten_nodes_converge_through_one_bootstrap_id() {
    let net = MemoryNet::new(7);
    let first = Plan::new("converge", 1).start(&net).await;
    let mut nodes = vec![first];
    for seed in 2..=10 {
        let plan = Plan::new("converge", seed);
        let bootstrap = nodes[0].id();
        nodes.push(
            plan.config(|config| config.with_bootstrap(bootstrap))
                .start(&net)
                .await,
        );
    }
    let took = until_acquainted(&nodes.iter().collect::<Vec<_>>()).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_lone_node_settles_and_says_so() {
    let net = MemoryNet::new(8);
    let alone = Plan::new("alone", 1)
        .sources(Sources::local())
        .start(&net)
        .await;
    timeout(Duration::from_secs(1), alone.discovery.settled())
        .await
        .unwrap();

    // Without any source there is nothing to wait for.
    let none = Plan::new("alone.none", 2).start(&net).await;
    timeout(Duration::from_secs(1), none.discovery.settled())
        .await
        .unwrap();

    // A bootstrap peer that is not there counts as asked after a few seconds.
    let nobody = key(77).public();
    let waiting = Plan::new("alone.bootstrap", 3).config(|config| config.with_bootstrap(nobody));
    let waiting = waiting.start(&net).await;
    timeout(Duration::from_secs(4), waiting.discovery.settled())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn settled_comes_after_the_bootstrap_peer_is_known() {
    let net = MemoryNet::new(9);
    let first = Plan::new("settled", 1).start(&net).await;
    let id = first.id();
    let second = Plan::new("settled", 2)
        .config(|config| config.with_bootstrap(id))
        .start(&net)
        .await;
    second.discovery.settled().await;
    assert!(second.knows(&first));
}

#[tokio::test(start_paused = true)]
async fn good_peers_are_those_that_answer() {
    let net = MemoryNet::new(10);
    let one = Plan::new("good", 1).start(&net).await;
    let two = Plan::new("good", 2).start(&net).await;
    assert_eq!(two.discovery.good_peers(), []);
    two.discovery
        .dial([one.addr(), EndpointAddr::from(key(99).public())])
        .await;
    until_acquainted(&[&one, &two]).await;
    let good = two.discovery.good_peers();
    assert_eq!(
        good.iter().map(|addr| addr.id).collect::<Vec<_>>(),
        [one.id()]
    );

    // In the next run they are enough to be found again.
    let sources = Sources {
        last_good: vec![one.addr()],
        ..Sources::none()
    };
    let next = Plan::new("good", 3).sources(sources).start(&net).await;
    until_acquainted(&[&one, &next]).await;
}
