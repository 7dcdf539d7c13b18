//! Groups between nodes, over sockets on this host.

mod failing;
mod forming;
mod hostile;
mod meeting;
mod serving;
mod together;
mod voting;

use std::time::Duration;

use futures::future::join_all;
use mosaik::{
    groups::{ApplyContext, GroupBuilder, InMemoryLogStore, LogReplaySync, StateMachine},
    testing::MemoryNet,
    *,
};

use crate::wait::{until, within};

/// For what takes well under a second on an idle host: tests run beside each other.
const SOON: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(SOON, what, future).await
}

/// Adds up; answers with the sum and keeps every summand.
#[derive(Debug, Default)]
struct Counter {
    sum: i64,
    applied: Vec<i64>,
}

/// What can be asked of a [`Counter`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Ask {
    Sum,
    History,
}

impl StateMachine for Counter {
    type Command = i64;
    type Query = Ask;
    type QueryResult = Vec<i64>;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tests.counter".into()
    }

    fn apply(&mut self, add: i64, ctx: &dyn ApplyContext) {
        assert_eq!(ctx.index(), self.applied.len() as u64 + 1);
        self.sum += add;
        self.applied.push(add);
    }

    fn query(&self, query: Ask) -> Vec<i64> {
        match query {
            Ask::Sum => vec![self.sum],
            Ask::History => self.applied.clone(),
        }
    }

    fn state_sync(&self) -> LogReplaySync<Self> {
        LogReplaySync::default()
    }
}

/// A node of a network that no other test uses.
async fn node(network: NetworkId) -> Network {
    Network::builder(network).loopback().build().await.unwrap()
}

/// Nodes that know each other on a network in memory, which can be cut.
async fn memory_nodes(net: &MemoryNet, count: usize) -> Vec<Network> {
    let nodes = memory_nodes_apart(net, count).await;
    introduce(&nodes).await;
    nodes
}

/// Nodes that do not know each other yet.
async fn memory_nodes_apart(net: &MemoryNet, count: usize) -> Vec<Network> {
    let network = NetworkId::random();
    let build = |_| Network::builder(network).with_memory_net(net).build();
    let nodes = join_all((0..count).map(build)).await;
    nodes.into_iter().map(Result::unwrap).collect()
}

async fn introduce(nodes: &[Network]) {
    for (index, node) in nodes.iter().enumerate() {
        for other in &nodes[..index] {
            let synced = node.discovery().sync_with(other.local().addr());
            soon("the introduction", synced).await.unwrap();
        }
    }
}

async fn nodes(count: usize) -> Vec<Network> {
    let network = NetworkId::random();
    join_all((0..count).map(|_| node(network))).await
}

fn builder<'n>(
    network: &'n Network,
    key: &str,
) -> GroupBuilder<'n, InMemoryLogStore<i64>, Counter> {
    network
        .groups()
        .with_key(key)
        .with_state_machine(Counter::default())
}

fn counter(network: &Network) -> Group<Counter> {
    builder(network, "counter").join()
}

async fn online<M: StateMachine>(groups: &[Group<M>]) {
    for group in groups {
        let online = tokio::time::timeout(SOON, group.when().online()).await;
        assert!(online.is_ok(), "not online: {:#?}", group.status());
    }
}

/// The members' states, once all of them have applied what any of them has.
async fn states(groups: &[Group<Counter>]) -> Vec<Vec<i64>> {
    let index = groups.iter().map(Group::committed).max().unwrap();
    let mut states = Vec::new();
    for group in groups {
        soon(
            "the members to be equal",
            group.when().committed().reaches(index),
        )
        .await;
        states.push(group.query(Ask::History, Weak).await.unwrap().into());
    }
    states
}

/// All members are voters.
async fn all_vote<M: StateMachine>(groups: &[Group<M>]) {
    let votes = |group: &Group<M>| group.status().voters.len() == groups.len();
    soon("all to vote", until(|| groups.iter().all(votes))).await;
}
