//! How members find each other and begin one history.

use std::time::{Duration, Instant};

use futures::future::join_all;
use mosaik::{
    groups::{Formation, GroupEvent},
    *,
};

use crate::world::World;

use super::{Ask, all_vote, builder, counter, node, nodes, online, soon, states};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_node_leads_soon() {
    let node = node(NetworkId::random()).await;
    let start = Instant::now();
    let group = counter(&node);
    soon("the lone node", group.when().online()).await;
    assert_eq!(soon("the command", group.execute(7)).await.unwrap(), 1);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(3), "{took:?}");
    eprintln!("a lone node's first command was applied after {took:?}");
    assert!(group.is_leader() && group.leader() == Some(node.local().id()));
    let sum = group.query(Ask::Sum, Strong).await.unwrap();
    assert_eq!((sum.result(), sum.state_position()), (&vec![7], 1.into()));
    let status = group.status();
    assert_eq!((status.voters.len(), status.quorum_margin), (1, Some(0)));
    assert_eq!(status.why_offline, None, "{status:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_share_one_history() {
    let nodes = nodes(3).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    let lineage = groups[0].status().lineage;
    assert!(lineage.is_some() && groups.iter().all(|group| group.status().lineage == lineage));
    for (number, group) in (1..).zip(&groups) {
        soon("a command", group.execute(number)).await.unwrap();
    }
    assert_eq!(states(&groups).await, [[1, 2, 3]; 3]);
    for group in &groups {
        let sum = soon("a strong query", group.query(Ask::Sum, Strong)).await;
        assert_eq!(sum.unwrap(), vec![6]);
        assert_eq!(group.bonds().len(), 2);
        assert_eq!(group.status().quorum_margin, Some(1));
    }
    let bond = groups[0].bonds().get(&nodes[1].local().id()).unwrap();
    let other = groups[1].bonds().get(&nodes[0].local().id()).unwrap();
    assert_eq!(bond.id(), other.id());
    assert_eq!(bond.peer().id(), &nodes[1].local().id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_node_joins_and_catches_up() {
    let network = NetworkId::random();
    let first = node(network).await;
    let early = counter(&first);
    soon("the first", early.when().online()).await;
    soon("commands", early.execute_many(1..=100)).await.unwrap();
    let second = node(network).await;
    let late = counter(&second);
    let mut events = late.events();
    let groups = [early, late];
    online(&groups).await;
    let joined = async {
        loop {
            if let Ok(GroupEvent::Joined { lineage }) = events.recv().await {
                return lineage;
            }
        }
    };
    let lineage = soon("the event", joined).await;
    assert_eq!(Some(lineage), groups[0].status().lineage);
    let history: Vec<i64> = (1..=100).collect();
    assert_eq!(states(&groups).await, [history.clone(), history]);
    all_vote(&groups).await;
    soon("a forwarded command", groups[1].execute(101))
        .await
        .unwrap();
    assert!(states(&groups).await.iter().all(|state| state.len() == 101));
}

/// Over sockets, beside other tests; `together` has the time that it may take, on a clock that no load disturbs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_expect_two_always_share_one_history() {
    let mut took = Vec::new();
    for _ in 0..50 {
        took.extend(join_all([pair(), pair()]).await);
    }
    took.sort();
    let (median, slowest) = (took[50], took[99]);
    eprintln!("100 pairs: online after {median:?} in the median, {slowest:?} at most");
}

/// How long two take that start at the same time, to the last of them.
async fn pair() -> Duration {
    let nodes = nodes(2).await;
    let start = Instant::now();
    let join = |node| {
        builder(node, "pair")
            .with_formation(Formation::Expect(2))
            .join()
    };
    let groups: Vec<_> = nodes.iter().map(join).collect();
    online(&groups).await;
    let took = start.elapsed();
    let lineage = groups[0].status().lineage;
    assert_eq!(lineage, groups[1].status().lineage);
    assert!(groups.iter().all(|group| group.bonds().len() == 1));
    soon("a command", groups[0].execute(1)).await.unwrap();
    took
}

#[tokio::test(start_paused = true)]
async fn one_that_expects_two_waits_and_says_so() {
    let node = World::new(1).node(1).await;
    let group = builder(&node, "pair")
        .with_formation(Formation::Expect(2))
        .join();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let status = group.status();
    assert!(!status.is_online && status.lineage.is_none());
    let why = status.why_offline.unwrap();
    assert!(why.contains('2'), "{why}");
    let error = group.execute(1).await.unwrap_err();
    assert!(error.is_definite() && error.is_retryable(), "{error}");
    assert_eq!(error.into_commands(), [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_is_another_group() {
    let nodes = nodes(2).await;
    let one = builder(&nodes[0], "one").join();
    let other = builder(&nodes[1], "other").join();
    assert_ne!(one.id(), other.id());
    online(&[one, other]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_handles_are_one_member() {
    let node = node(NetworkId::random()).await;
    let first = counter(&node);
    let second = counter(&node);
    online(&[first, second]).await;
    let (first, second) = (counter(&node), counter(&node));
    soon("online again", second.when().online()).await;
    soon("a command", first.execute(3)).await.unwrap();
    assert_eq!(second.query(Ask::Sum, Weak).await.unwrap(), vec![3]);
    drop(first);
    soon("a command", second.execute(4)).await.unwrap();
}
