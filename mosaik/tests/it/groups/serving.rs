//! Commands and queries while all is well.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use mosaik::{
    groups::{ApplyContext, CommandError, LogReplaySync, StateMachine},
    *,
};

use super::{Ask, counter, node, nodes, online, soon, states};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_of_one_handle_keep_their_order() {
    let nodes = nodes(3).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    let follower = groups.iter().find(|group| !group.is_leader()).unwrap();
    // Nobody polls these while they are made.
    let calls: Vec<_> = (1..=1000).map(|number| follower.execute(number)).collect();
    let indices = soon("all commands", join_all(calls)).await;
    let indices: Vec<u64> = indices.into_iter().map(|index| index.unwrap().0).collect();
    assert_eq!(indices, (1..=1000).collect::<Vec<_>>());
    let state = follower.query(Ask::History, Weak).await.unwrap();
    assert_eq!(state, (1..=1000).collect::<Vec<i64>>());
    // A call that is dropped at once is a call all the same.
    drop(follower.execute(1001));
    soon(
        "the dropped call",
        follower.when().committed().reaches(1001),
    )
    .await;
    let range = soon("many", follower.execute_many([1, 2, 3]))
        .await
        .unwrap();
    assert_eq!((range.start().0, range.end().0), (1002, 1004));
    assert!(
        states(&groups)
            .await
            .iter()
            .all(|state| state.len() == 1004)
    );
    let none = follower.execute_many([]).await.unwrap_err();
    assert!(matches!(none, CommandError::NoCommands));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strong_query_sees_what_was_acknowledged_anywhere() {
    let nodes = nodes(3).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    for number in 1..=50 {
        let writer = &groups[number % 3];
        soon("a command", writer.execute(1)).await.unwrap();
        let reader = &groups[(number + 1) % 3];
        let sum = soon("a query", reader.query(Ask::Sum, Strong))
            .await
            .unwrap();
        assert_eq!(sum, vec![number as i64]);
    }
}

/// Keeps the length of each command.
#[derive(Debug, Default)]
struct Lengths(Vec<u64>);

impl StateMachine for Lengths {
    type Command = Bytes;
    type Query = ();
    type QueryResult = Vec<u64>;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tests.lengths".into()
    }
    fn apply(&mut self, command: Bytes, _: &dyn ApplyContext) {
        self.0.push(command.len() as u64);
    }
    fn query(&self, (): ()) -> Vec<u64> {
        self.0.clone()
    }
    fn state_sync(&self) -> LogReplaySync<Self> {
        LogReplaySync::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_commands_arrive_and_too_large_ones_come_back() {
    let nodes = nodes(3).await;
    let join = |node: &Network| {
        let builder = node.groups().with_key("large");
        builder.with_state_machine(Lengths::default()).join()
    };
    let groups: Vec<_> = nodes.iter().map(join).collect();
    online(&groups).await;
    let follower = groups.iter().find(|group| !group.is_leader()).unwrap();
    let mebibyte = Bytes::from(vec![7; 1 << 20]);
    let calls: Vec<_> = (0..100)
        .map(|_| follower.execute(mebibyte.clone()))
        .collect();
    for index in tokio::time::timeout(Duration::from_secs(60), join_all(calls))
        .await
        .unwrap()
    {
        index.unwrap();
    }
    let too_large = Bytes::from(vec![7; 9 << 20]);
    let error = follower.execute(too_large).await.unwrap_err();
    assert!(matches!(error, CommandError::TooLarge { .. }), "{error}");
    assert!(error.is_definite() && !error.is_retryable());
    assert_eq!(error.into_commands()[0].len(), 9 << 20);
    soon("a small one", follower.execute(Bytes::new()))
        .await
        .unwrap();
    let index = follower.committed();
    for group in &groups {
        soon("all of it", group.when().committed().reaches(index)).await;
        let lengths = group.query((), Weak).await.unwrap();
        assert_eq!(lengths.len(), 101);
        assert!(group.status().is_online, "{:#?}", group.status());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_gives_commands_back() {
    let node = node(NetworkId::random()).await;
    let join = node.groups().with_key("full");
    let group = join.with_state_machine(Lengths::default()).join();
    soon("online", group.when().online()).await;
    let large = Bytes::from(vec![7; 4 << 20]);
    let calls: Vec<_> = (0..200).map(|_| group.execute(large.clone())).collect();
    let outcomes = tokio::time::timeout(Duration::from_secs(60), join_all(calls))
        .await
        .unwrap();
    let (done, refused): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    assert!(done.len() >= 32, "{} done", done.len());
    for error in refused.into_iter().map(Result::unwrap_err) {
        assert!(matches!(error, CommandError::QueueFull { .. }), "{error}");
        assert_eq!(error.into_commands().len(), 1);
    }
    soon("a command after all", group.execute(Bytes::new()))
        .await
        .unwrap();
}
