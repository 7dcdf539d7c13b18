//! What happens when members go, or do what they must not.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use bytes::Bytes;
use mosaik::{
    groups::{
        ApplyContext, CommandError, GroupEvent, LogReplaySync, QueryError, Role, StateMachine,
    },
    testing::MemoryNet,
    *,
};

use super::{
    Ask, Counter, all_vote, counter, memory_nodes, node, nodes, online, soon, states, until, within,
};
use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_go_on_when_the_leader_leaves() {
    let mut nodes = nodes(3).await;
    let mut groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    let leader = groups.iter().position(Group::is_leader).unwrap();
    let start = Instant::now();
    drop(groups.remove(leader));
    let left = nodes.remove(leader);
    for group in &groups {
        let is_another = || {
            let leader = group.leader();
            leader.is_some() && leader != Some(left.local().id())
        };
        soon("another leader", until(is_another)).await;
    }
    soon("a command", groups[0].execute(2)).await.unwrap();
    eprintln!(
        "after the leader left, a command was applied within {:?}",
        start.elapsed()
    );
    all_vote(&groups).await;
    assert!(states(&groups).await.iter().all(|state| *state == [1, 2]));
    let knows = |group: &Group<Counter>| group.bonds().contains_peer(&left.local().id());
    soon("it to be forgotten", until(|| !groups.iter().any(knows))).await;
    // Down to one.
    drop(groups.remove(0));
    all_vote(&groups).await;
    soon("a command of the last", groups[0].execute(3))
        .await
        .unwrap();
    // And it can come back.
    let again = counter(&left);
    groups.push(again);
    online(&groups).await;
    assert_eq!(states(&groups).await, [[1, 2, 3], [1, 2, 3]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_others_go_on_when_the_leader_is_killed() {
    let net = MemoryNet::new(1);
    let mut nodes = memory_nodes(&net, 3).await;
    let mut groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    let leader = groups.iter().position(Group::is_leader).unwrap();
    let dead = nodes.remove(leader);
    let handle = groups.remove(leader);
    let start = Instant::now();
    net.crash(dead.local().id());
    let mut number = 2;
    loop {
        match groups[0].execute(number).await {
            Ok(_) => break,
            Err(error) => {
                assert!(error.is_retryable(), "{error}");
                assert!(start.elapsed() < Duration::from_secs(15));
                number += 1;
            }
        }
    }
    let took = start.elapsed();
    eprintln!("after the leader died, a command was applied within {took:?}");
    // Cut off, the old leader acknowledges nothing.
    let cut_off = soon("its answer", handle.execute(9)).await.unwrap_err();
    assert!(cut_off.is_retryable(), "{cut_off}");
    states(&groups).await;
}

/// Panics at the tenth command.
#[derive(Debug, Default)]
struct Mine(u64);

impl StateMachine for Mine {
    type Command = ();
    type Query = ();
    type QueryResult = u64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tests.mine".into()
    }
    fn apply(&mut self, (): (), _: &dyn ApplyContext) {
        self.0 += 1;
        assert!(self.0 < 10, "the tenth command");
    }
    fn query(&self, (): ()) -> u64 {
        self.0
    }
    fn state_sync(&self) -> LogReplaySync<Self> {
        LogReplaySync::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_panics_stops_its_member_and_nothing_else() {
    let node = node(NetworkId::random()).await;
    let group = node
        .groups()
        .with_key("mine")
        .with_state_machine(Mine::default())
        .join();
    let other = counter(&node);
    soon("online", group.when().online()).await;
    for _ in 0..9 {
        soon("a command", group.execute(())).await.unwrap();
    }
    let error = soon("the tenth", group.execute(())).await.unwrap_err();
    let CommandError::Failed { reason, .. } = &error else {
        panic!("{error}");
    };
    assert!(reason.contains("the tenth command"), "{reason}");
    assert!(!error.is_retryable());
    let query = group.query((), Weak).await.unwrap_err();
    assert!(matches!(query, QueryError::Failed { .. }), "{query}");
    let status = group.status();
    assert_eq!(status.role, Role::Stopped);
    assert!(status.why_offline.unwrap().contains("the tenth command"));
    online(std::slice::from_ref(&other)).await;
    soon("a command of another group", other.execute(1))
        .await
        .unwrap();
}

/// Encodes everything, and decodes nothing that begins with a zero.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Picky(Bytes);

#[derive(Debug, thiserror::Error)]
#[error("begins with a zero")]
struct BeginsWithZero;

impl Datum for Picky {
    type EncodeError = Infallible;
    type DecodeError = BeginsWithZero;

    fn encode(&self) -> Result<Bytes, Infallible> {
        Ok(self.0.clone())
    }
    fn decode(bytes: &[u8]) -> Result<Self, BeginsWithZero> {
        match bytes.first() {
            Some(0) => Err(BeginsWithZero),
            _ => Ok(Self(Bytes::copy_from_slice(bytes))),
        }
    }
}

#[derive(Debug, Default)]
struct Taken(u64);

impl StateMachine for Taken {
    type Command = Picky;
    type Query = ();
    type QueryResult = u64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tests.taken".into()
    }
    fn apply(&mut self, _: Picky, _: &dyn ApplyContext) {
        self.0 += 1;
    }
    fn query(&self, (): ()) -> u64 {
        self.0
    }
    fn state_sync(&self) -> LogReplaySync<Self> {
        LogReplaySync::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_does_not_decode_harms_nobody() {
    let nodes = nodes(2).await;
    let join = |node: &Network| {
        let builder = node.groups().with_key("picky");
        builder.with_state_machine(Taken::default()).join()
    };
    let groups: Vec<_> = nodes.iter().map(join).collect();
    online(&groups).await;
    let follower = groups.iter().find(|group| !group.is_leader()).unwrap();
    let bad = follower.execute(Picky(Bytes::from_static(b"\0")));
    let good = follower.execute(Picky(Bytes::from_static(b"x")));
    let bad = soon("the bad one", bad).await;
    assert!(matches!(bad, Err(CommandError::Failed { .. })), "{bad:?}");
    assert_eq!(soon("the good one", good).await.unwrap(), 1);
    for group in &groups {
        soon("it", group.when().committed().reaches(1)).await;
        assert_eq!(group.query((), Weak).await.unwrap(), 1);
        assert!(group.status().is_online);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_acknowledged() {
    let net = MemoryNet::new(1);
    let nodes = memory_nodes(&net, 3).await;
    let mut groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    states(&groups).await;
    let ids: Vec<_> = nodes.iter().map(|node| node.local().id()).collect();
    net.partition(&ids[..1], &ids[1..]);
    let others = groups.split_off(1);
    soon("offline", groups[0].when().offline()).await;
    let start = Instant::now();
    let error = soon("the error", groups[0].execute(2)).await.unwrap_err();
    let took = start.elapsed();
    assert!(matches!(error, CommandError::NoQuorum(_)), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    assert_eq!(error.into_commands(), [2]);
    let read = soon("a strong query", groups[0].query(Ask::Sum, Strong)).await;
    assert!(matches!(read, Err(QueryError::NoQuorum(_))), "{read:?}");
    assert_eq!(groups[0].query(Ask::Sum, Weak).await.unwrap(), vec![1]);
    soon("the others", others[0].execute(3)).await.unwrap();
    net.heal();
    groups.extend(others);
    online(&groups).await;
    let states = states(&groups).await;
    assert!(states.iter().all(|state| *state == [1, 3]), "{states:?}");
}

/// Cut off for so long that the others gave it up: it hears from those that vote, and takes part as another replica.
#[tokio::test(start_paused = true)]
async fn who_was_given_up_comes_back_as_another() {
    let world = World::new(7);
    let nodes: [Network; 3] = world.nodes().await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    states(&groups).await;
    let follower = |index: &usize| !groups[*index].is_leader();
    let gone = (0..3).find(follower).expect("two follow");
    let (left, right): (Vec<_>, Vec<_>) = nodes
        .iter()
        .map(|node| node.local().id())
        .partition(|id| *id == nodes[gone].local().id());
    let others: Vec<_> = (0..3).filter(|index| *index != gone).collect();
    world.net.partition(&left, &right);
    let two_vote = |index: &usize| groups[*index].status().voters.len() == 2;
    let given_up = until(|| others.iter().all(two_vote));
    within(LONG, "it to be given up", given_up).await;
    soon("a command", groups[others[0]].execute(2))
        .await
        .unwrap();
    // It knows nothing of that, and holds on to what it has.
    let status = groups[gone].status();
    assert_eq!((status.voters.len(), status.committed.0), (3, 1));
    assert!(!status.is_online);
    let mut events = groups[gone].events();
    world.net.heal();
    let lineage = groups[others[0]].status().lineage;
    let joins = async {
        loop {
            if let Ok(GroupEvent::Joined { lineage }) = events.recv().await {
                return Some(lineage);
            }
        }
    };
    assert_eq!(within(LONG, "it to join again", joins).await, lineage);
    let fenced = |index: &usize| {
        let counts = groups[*index].refusals();
        counts
            .into_iter()
            .any(|(why, count)| why == "fenced" && count > 0)
    };
    assert!(others.iter().any(fenced), "somebody told it");
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[gone].execute(3)).await.unwrap();
    assert_eq!(states(&groups).await, [[1, 2, 3]; 3]);
}

/// Longer than a member is silent before it is given up, and than it takes to be found again.
const LONG: Duration = Duration::from_secs(120);
