//! How peers leave: with a goodbye, by dying, or by silence.

use std::time::Duration;

use super::*;

/// The peer of the first departure among events, and when it came.
async fn departure(events: &mut tokio::sync::broadcast::Receiver<Event>) -> (PeerId, Duration) {
    let start = Instant::now();
    let wait = async {
        loop {
            if let Event::PeerDeparted(peer) = events.recv().await.unwrap() {
                return peer;
            }
        }
    };
    let peer = timeout(Duration::from_secs(60), wait)
        .await
        .expect("a departure");
    (peer, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_heard_by_all() {
    let net = MemoryNet::new(40);
    let one = Plan::new("goodbye", 1).start(&net).await;
    let two = Plan::new("goodbye", 2).start(&net).await;
    let three = Plan::new("goodbye", 3).start(&net).await;
    two.discovery.dial(one.addr()).await;
    three.discovery.dial(one.addr()).await;
    until_acquainted(&[&one, &two, &three]).await;
    let mut heard = [one.discovery.events(), two.discovery.events()];
    let gone = three.id();
    let start = Instant::now();
    three.discovery.shutdown(Duration::from_secs(2)).await;
    assert!(
        start.elapsed() <= Duration::from_millis(600),
        "{:?}",
        start.elapsed()
    );
    for events in &mut heard {
        let (peer, took) = departure(events).await;
        assert_eq!(peer, gone);
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    assert!(!one.knows(&three) && !two.knows(&three));
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_needs_no_more_than_the_wish_to_end() {
    let net = MemoryNet::new(41);
    let one = Plan::new("dropped", 1).start(&net).await;
    let two = Plan::new("dropped", 2).start(&net).await;
    two.discovery.dial(one.addr()).await;
    until_acquainted(&[&one, &two]).await;
    let mut events = one.discovery.events();
    // What dropping a network does: nobody waits.
    two.discovery.tasks().shutdown().cancel();
    let (peer, took) = departure(&mut events).await;
    assert_eq!(peer, two.id());
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn the_silent_are_purged_in_time_and_can_come_back() {
    let net = MemoryNet::new(42);
    let quick = |config: ConfigBuilder| {
        config
            .with_purge_after(Duration::from_secs(4))
            .with_announce_interval(Duration::from_secs(1))
    };
    let slow = |config: ConfigBuilder| config.with_announce_interval(Duration::from_secs(300));
    let one = Plan::new("purge", 1).config(quick).start(&net).await;
    let two = Plan::new("purge", 2).config(slow).start(&net).await;
    let mut events = one.discovery.events();
    one.discovery.sync_with(two.addr()).await.unwrap();
    let first = events.recv().await.unwrap();
    assert_eq!(
        first,
        Event::PeerDiscovered(two.discovery.me().into_unsigned())
    );
    let (peer, took) = departure(&mut events).await;
    assert_eq!(peer, two.id());
    let (earliest, latest) = (Duration::from_secs(3), Duration::from_secs(5));
    assert!(took >= earliest && took <= latest, "{took:?}");
    assert!(!one.knows(&two));

    two.discovery.add_tags("still here");
    until("the peer is discovered again", || one.knows(&two)).await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_is_noticed() {
    let net = MemoryNet::new(43);
    let one = Plan::new("crash", 1).start(&net).await;
    let two = Plan::new("crash", 2).start(&net).await;
    let three = Plan::new("crash", 3).start(&net).await;
    two.discovery.dial(one.addr()).await;
    three.discovery.dial(one.addr()).await;
    until_acquainted(&[&one, &two, &three]).await;
    let mut events = one.discovery.events();
    let gone = three.id();
    net.crash(gone);
    let (peer, took) = departure(&mut events).await;
    assert_eq!(peer, gone);
    assert!(took < Duration::from_secs(30), "{took:?}");
}
