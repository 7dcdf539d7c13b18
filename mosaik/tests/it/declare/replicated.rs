//! Declared machines and collections between nodes.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use mosaik::{collections::Map, groups::ApplyContext, testing::MemoryNet, *};
use serde::{Deserialize, Serialize};

use super::soon;
use crate::streams::until;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Insufficient {
    missing: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Bank {
    accounts: BTreeMap<String, u64>,
    /// When, with which chance, and at which index `stamp` was applied.
    stamps: Vec<(i64, u64, u64)>,
}

#[mosaik::state_machine(id = "declare.bank.v1")]
impl Bank {
    #[command]
    fn deposit(&mut self, who: String, amount: u64) -> u64 {
        let account = self.accounts.entry(who).or_default();
        *account += amount;
        *account
    }

    #[command]
    fn withdraw(&mut self, who: String, amount: u64) -> Result<u64, Insufficient> {
        let account = self.accounts.entry(who).or_default();
        let left = account.checked_sub(amount).ok_or(Insufficient {
            missing: amount - *account,
        })?;
        *account = left;
        Ok(left)
    }

    #[command]
    fn stamp(&mut self, ctx: &dyn ApplyContext) {
        let at = ctx.timestamp().timestamp_millis();
        self.stamps.push((at, ctx.random(), ctx.index().0));
    }

    #[query]
    fn balance(&self, who: String) -> Option<u64> {
        self.accounts.get(&who).copied()
    }

    #[query]
    fn whole(&self) -> Self {
        self.clone()
    }
}

/// Nodes in memory that know each other.
async fn nodes(seed: u64, count: usize) -> Vec<Network> {
    let net = MemoryNet::new(seed);
    let network = NetworkId::random();
    let build = |_| Network::builder(network).with_memory_net(&net).build();
    let nodes: Vec<Network> = join_all((0..count).map(build))
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    for (index, node) in nodes.iter().enumerate() {
        for other in &nodes[..index] {
            let synced = node.discovery().sync_with(other.local().addr());
            soon("nodes meet", synced).await.unwrap();
        }
    }
    nodes
}

fn join(network: &Network) -> Group<Bank> {
    let groups = network.groups().with_key("bank");
    groups.with_state_machine(Bank::default()).join()
}

/// One history with all of them: until then, members that have just met may be alone.
async fn together(banks: &[Group<Bank>]) {
    let voters = |bank: &Group<Bank>| bank.status().voters.len();
    until("all vote", || {
        banks.iter().all(|bank| voters(bank) == banks.len())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_return_what_their_methods_return_on_every_member() {
    let nodes = nodes(1, 3).await;
    let banks: Vec<Group<Bank>> = nodes.iter().map(join).collect();
    together(&banks).await;
    for (round, bank) in banks.iter().enumerate() {
        let deposited = soon("a deposit", bank.deposit("ann".into(), 5)).await;
        assert_eq!(deposited.unwrap(), 5 * (round as u64 + 1));
        let too_much = soon("a withdrawal", bank.withdraw("ann".into(), 1_000)).await;
        let missing = 1_000 - 5 * (round as u64 + 1);
        assert_eq!(too_much.unwrap(), Err(Insufficient { missing }));
        soon("a stamp", bank.stamp()).await.unwrap();
        let other = &banks[(round + 1) % 3];
        let balance = soon("a query", other.balance("ann".into()).into_future()).await;
        assert_eq!(balance.unwrap(), Some(5 * (round as u64 + 1)));
    }
    let deposit = soon("a deposit", banks[0].deposit("bob".into(), 1).with_index()).await;
    let (_, index) = deposit.unwrap();
    assert_eq!(index, 10);
    let mut states = Vec::new();
    for bank in &banks {
        soon("all is applied", bank.when().committed().reaches(index)).await;
        let (state, at) = bank.whole().weak().with_index().await.unwrap();
        assert_eq!(at, index);
        states.push(state);
    }
    assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
    let stamps = &states[0].stamps;
    assert!(stamps.iter().all(|(at, ..)| *at > 1_600_000_000_000));
    let indices: Vec<u64> = stamps.iter().map(|(.., index)| *index).collect();
    assert_eq!(indices, [3, 6, 9]);
    let chances: BTreeSet<u64> = stamps.iter().map(|(_, chance, _)| *chance).collect();
    assert_eq!(chances.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_joins_late_gets_the_state() {
    let nodes = nodes(2, 2).await;
    let first = join(&nodes[0]);
    soon("the bank is online", first.when().online()).await;
    // Longer than a chunk of a snapshot.
    let name = "x".repeat(4_000);
    let deposits = (0..200).map(|number| first.deposit(format!("{number} {name}"), number));
    for deposit in soon("the deposits", join_all(deposits)).await {
        deposit.unwrap();
    }
    let banks = [first, join(&nodes[1])];
    together(&banks).await;
    let (there, here) = (banks[0].whole(), banks[1].whole());
    let (there, here) = futures::join!(there.into_future(), here.into_future());
    assert_eq!(there.unwrap(), here.unwrap());
}

collection!(Scores = Map<String, u64>, "declare.scores", history: 10);
collection!(reader Names = collections::Set<String>, unique_id!("declare.names"));

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declared_collections_meet_under_their_ids() {
    let nodes = nodes(3, 2).await;
    let scores = soon("a writer", Scores::online_writer(&nodes[0])).await;
    let version = scores.insert("ann".into(), 5).await.unwrap();
    let reader = soon("a reader", Scores::online_reader(&nodes[1])).await;
    soon("the write", reader.when().reaches(version)).await;
    assert_eq!(reader.get("ann"), Some(5));
    let elsewhere = collections::MapReader::<String, u64>::reader(&nodes[1], "declare.scores");
    assert_eq!(elsewhere.group_id(), reader.group_id());

    let names = soon("a writer", Names::online_writer(&nodes[0])).await;
    let version = names.insert("ann".into()).await.unwrap();
    let reader: ReaderOf<Names> = soon("a reader", Names::online_reader(&nodes[1])).await;
    soon("the write", reader.when().reaches(version)).await;
    assert!(reader.contains("ann"));
}
