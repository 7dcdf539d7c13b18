//! Histories that were founded apart, and members whose states differ.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use mosaik::{
    groups::{ApplyContext, CommandError, GroupEvent, LogReplaySync, Role, StateMachine},
    testing::MemoryNet,
    *,
};

use super::{
    Ask, all_vote, counter, introduce, memory_nodes_apart, nodes, online, soon, states, until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_history_yields_without_loss() {
    let net = MemoryNet::new(1);
    let nodes = memory_nodes_apart(&net, 2).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    let lineages = [groups[0].status().lineage, groups[1].status().lineage];
    assert_ne!(lineages[0], lineages[1]);
    // The younger or the older: the one with commands stays.
    let mut events = groups[0].events();
    soon("a command", groups[1].execute_many([5, 6]))
        .await
        .unwrap();
    introduce(&nodes).await;
    let yielded = async {
        loop {
            if let Ok(GroupEvent::Yielded { from }) = events.recv().await {
                return from;
            }
        }
    };
    assert_eq!(
        Some(soon("the empty one to yield", yielded).await),
        lineages[0]
    );
    let is_one = || groups[0].status().lineage == lineages[1];
    soon("one history", until(is_one)).await;
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(7)).await.unwrap();
    assert_eq!(states(&groups).await, [[5, 6, 7], [5, 6, 7]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_histories_with_commands_the_younger_stops_and_keeps_its_data() {
    let net = MemoryNet::new(1);
    let nodes = memory_nodes_apart(&net, 2).await;
    let older = counter(&nodes[0]);
    soon("the older", older.when().online()).await;
    soon("a command", older.execute(1)).await.unwrap();
    let younger = counter(&nodes[1]);
    soon("the younger", younger.when().online()).await;
    soon("a command", younger.execute(100)).await.unwrap();
    introduce(&nodes).await;
    let has_stopped = || younger.status().role == Role::Stopped;
    soon("the younger to stop", until(has_stopped)).await;
    let error = soon("its answer", younger.execute(101)).await.unwrap_err();
    let CommandError::Failed { reason, .. } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("history"), "{reason}");
    assert_eq!(younger.query(Ask::History, Weak).await.unwrap(), vec![100]);
    soon("a command", older.execute(2)).await.unwrap();
    assert_eq!(older.query(Ask::History, Strong).await.unwrap(), vec![1, 2]);
}

/// Answers each command with a number that no other machine of this process answers with.
#[derive(Debug, Default)]
struct Arbitrary;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl StateMachine for Arbitrary {
    type Command = ();
    type Query = ();
    type QueryResult = ();
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tests.arbitrary".into()
    }
    fn apply(&mut self, (): (), _: &dyn ApplyContext) {}
    fn apply_with_response(&mut self, (): (), _: &dyn ApplyContext) -> Bytes {
        Bytes::copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes())
    }
    fn query(&self, (): ()) {}
    fn state_sync(&self) -> LogReplaySync<Self> {
        LogReplaySync::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_whose_state_differs_stops_with_evidence() {
    let nodes = nodes(2).await;
    let join = |node: &Network| {
        let builder = node.groups().with_key("arbitrary");
        builder.with_state_machine(Arbitrary).join()
    };
    let groups: Vec<_> = nodes.iter().map(join).collect();
    online(&groups).await;
    let follower = groups.iter().find(|group| !group.is_leader()).unwrap();
    let mut events = follower.events();
    let leader = groups.iter().find(|group| group.is_leader()).unwrap();
    soon("a command", leader.execute(())).await.unwrap();
    let stopped = async {
        loop {
            if let Ok(GroupEvent::Stopped { reason }) = events.recv().await {
                return reason;
            }
        }
    };
    let reason = soon("the follower to stop", stopped).await;
    assert!(
        reason.contains("differs") && reason.contains("digest"),
        "{reason}"
    );
    assert_eq!(follower.status().role, Role::Stopped);
}
