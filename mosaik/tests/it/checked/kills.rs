//! Leaders that die, one after the other, under clients that do not stop.
//!
//! Two kinds of clients. Those on the members die with them, and nobody knows of their last request whether it counted. Those
//! on two nodes that only observe live on, and try again what certainly did not happen: each of their requests counts once.

use std::{cell::Cell, rc::Rc, time::Duration};

use mosaik::{
    Group, Network, NetworkId, PeerId, SecretKey, UniqueId,
    groups::{
        ApplyContext, CommandError, ConsensusConfig, Formation, LeadershipPreference,
        LogReplaySync, Role, StateMachine,
    },
    testing::{Clock, MemoryNet},
};
use tokio::time::{Instant, sleep};

use crate::world::calendar;

/// Leaders killed in CI; `MOSAIK_KILLS` says otherwise.
const KILLS: usize = 20;

/// Members of the group.
const NODES: usize = 5;

/// Nodes that only observe, and live on.
const OBSERVERS: usize = 2;

/// How long a group may take to have five well members again.
const RECOVERY: Duration = Duration::from_secs(120);

/// Counts commands: one that is applied twice shows.
#[derive(Clone, Debug, Default)]
struct Counter {
    observes: bool,
    of_members: u64,
    of_observers: u64,
}

impl StateMachine for Counter {
    /// Whether an observer asks.
    type Command = bool;
    type Query = ();
    type QueryResult = (u64, u64);
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "checked.counter".into()
    }

    fn apply(&mut self, observer: bool, _: &dyn ApplyContext) {
        if observer {
            self.of_observers += 1;
        } else {
            self.of_members += 1;
        }
    }

    fn query(&self, (): ()) -> (u64, u64) {
        (self.of_members, self.of_observers)
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }

    fn leadership_preference(&self) -> LeadershipPreference {
        if self.observes {
            LeadershipPreference::Observer
        } else {
            LeadershipPreference::Normal
        }
    }
}

struct Member {
    key: SecretKey,
    network: Network,
    group: Rc<Group<Counter>>,
}

#[derive(Default)]
struct Tally {
    acknowledged: Cell<u64>,
    unknown: Cell<u64>,
    refused: Cell<u64>,
}

#[test]
fn every_request_counts_once_however_many_leaders_die() {
    let kills = std::env::var("MOSAIK_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("a runtime starts");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, run(kills));
}

async fn run(kills: usize) {
    let net = MemoryNet::new(1);
    // One calendar for all lives: who comes back with one that was set back by a minute is refused by the others.
    let clock = calendar();
    let mut members = Vec::new();
    let mut keys = Vec::new();
    for number in 0..NODES as u8 {
        keys.push(SecretKey::from_bytes(&[number + 1; 32]));
    }
    let founders: Vec<PeerId> = keys.iter().map(SecretKey::public).collect();
    for key in keys {
        let formation = Formation::Founders(founders.clone());
        members.push(Member::start(&net, clock, key, formation, false).await);
    }
    let mut observers = Vec::new();
    for number in 0..OBSERVERS as u8 {
        let key = SecretKey::from_bytes(&[100 + number; 32]);
        let observer = Member::start(&net, clock, key, Formation::JoinOnly, true).await;
        observer.meet(&members).await;
        observers.push(observer);
    }
    for (index, member) in members.iter().enumerate() {
        member.meet(&members[..index]).await;
    }
    for member in members.iter().chain(&observers) {
        member.group.when().online().await;
    }
    let steady = Rc::new(Tally::default());
    let tally = Rc::new(Tally::default());
    let stop = Rc::new(Cell::new(false));
    let begin = Instant::now();
    let mut clients = Vec::new();
    for member in &members {
        clients.push(work(&member.group, &tally, &stop));
    }
    for observer in &observers {
        clients.push(insist(&observer.group, &steady, &stop));
    }
    for kill in 0..kills {
        sleep(Duration::from_millis(200)).await;
        let victim = loop {
            let leading = members.iter().position(|member| member.group.is_leader());
            match leading {
                Some(index) => break index,
                None => sleep(Duration::from_millis(20)).await,
            }
        };
        let Member {
            key,
            network,
            group,
        } = members.swap_remove(victim);
        net.crash(network.local().id());
        drop((network, group));
        let member = Member::start(&net, clock, key, Formation::JoinOnly, false).await;
        member.meet(&members).await;
        member.meet(&observers).await;
        members.push(member);
        // Another kill before the dead one is replaced could take the majority with it.
        well_again(&members, kill).await;
        clients.push(work(&members[NODES - 1].group, &tally, &stop));
    }
    stop.set(true);
    for client in clients {
        client.await.expect("a client does not panic");
    }
    let value = members[0]
        .group
        .query((), mosaik::Strong)
        .await
        .expect("the group is well");
    let (value, of_observers) = value.into();
    let (acknowledged, unknown) = (tally.acknowledged.get(), tally.unknown.get());
    println!(
        "{kills} leaders killed in {:?}: of members' requests {acknowledged} acknowledged, {} refused, {unknown} unknown, \
         {value} counted; of observers' {} acknowledged, {} tried again, {of_observers} counted",
        begin.elapsed(),
        tally.refused.get(),
        steady.acknowledged.get(),
        steady.refused.get(),
    );
    assert!(
        value >= acknowledged,
        "{value} counted, {acknowledged} acknowledged"
    );
    assert!(
        value <= acknowledged + unknown,
        "{value} counted, {acknowledged} acknowledged, {unknown} unknown"
    );
    assert_eq!(steady.unknown.get(), 0, "unknown to those that lived on");
    assert_eq!(of_observers, steady.acknowledged.get());
}

impl Member {
    async fn start(
        net: &MemoryNet,
        clock: Clock,
        key: SecretKey,
        formation: Formation,
        observes: bool,
    ) -> Self {
        let network = Network::builder(NetworkId::from("kills"))
            .with_memory_net(net)
            .with_clock(clock)
            .with_secret_key(key.clone())
            .build()
            .await
            .expect("a node starts");
        let group = network
            .groups()
            .with_key("kills")
            .with_formation(formation)
            .with_consensus_config(ConsensusConfig::default())
            .with_state_machine(Counter {
                observes,
                ..Counter::default()
            })
            .join();
        Self {
            key,
            network,
            group: Rc::new(group),
        }
    }

    /// Knows the others, and they it.
    async fn meet(&self, others: &[Self]) {
        for other in others {
            let synced = self
                .network
                .discovery()
                .sync_with(other.network.local().addr())
                .await;
            synced.expect("nothing is in the way");
        }
    }
}

/// A client on the member: one request after the other, as long as the member lives.
fn work(
    group: &Rc<Group<Counter>>,
    tally: &Rc<Tally>,
    stop: &Rc<Cell<bool>>,
) -> tokio::task::JoinHandle<()> {
    let (group, tally, stop) = (Rc::downgrade(group), Rc::clone(tally), Rc::clone(stop));
    tokio::task::spawn_local(async move {
        while !stop.get() {
            let Some(pending) = group.upgrade().map(|group| group.execute(false)) else {
                return;
            };
            let count = match pending.await {
                Ok(_) => &tally.acknowledged,
                Err(CommandError::GroupTerminated) => &tally.unknown,
                Err(error) if error.is_definite() => &tally.refused,
                Err(_) => &tally.unknown,
            };
            count.set(count.get() + 1);
            sleep(Duration::from_millis(10)).await;
        }
    })
}

/// A client that tries again what certainly did not happen: each of its requests is to count once.
fn insist(
    group: &Rc<Group<Counter>>,
    tally: &Rc<Tally>,
    stop: &Rc<Cell<bool>>,
) -> tokio::task::JoinHandle<()> {
    let (group, tally, stop) = (Rc::clone(group), Rc::clone(tally), Rc::clone(stop));
    tokio::task::spawn_local(async move {
        // What was refused is tried again as the next request: it is the same one.
        while !stop.get() {
            let count = match group.execute(true).await {
                Ok(_) => &tally.acknowledged,
                Err(error) if error.is_definite() => &tally.refused,
                Err(_) => &tally.unknown,
            };
            count.set(count.get() + 1);
            sleep(Duration::from_millis(10)).await;
        }
    })
}

/// Waits until all are online and decide, five in number: nobody dead is among them then.
async fn well_again(members: &[Member], kill: usize) {
    let end = Instant::now() + RECOVERY;
    loop {
        let well = members.iter().all(|member| {
            let status = member.group.status();
            let decides = matches!(status.role, Role::Leader | Role::Follower);
            status.is_online && decides && status.voters.len() == NODES
        });
        if well {
            return;
        }
        if Instant::now() > end {
            let look = |member: &Member| {
                let (group, discovery) = (&member.group, member.network.discovery());
                let bonds: Vec<_> = group.bonds().iter().map(|bond| *bond.peer().id()).collect();
                let catalog = discovery.catalog();
                let offers = catalog
                    .peers()
                    .filter(|peer| peer.groups().contains(group.id()));
                let offers: Vec<_> = offers.map(|peer| *peer.id()).collect();
                let id = member.network.local().id();
                format!(
                    "{id}\n  {:?}\n  bonds {bonds:?}\n  offers {offers:?}",
                    group.status()
                )
            };
            let all: Vec<String> = members.iter().map(look).collect();
            let all = all.join("\n");
            panic!("after kill {kill}: not well:\n{all}");
        }
        sleep(Duration::from_millis(100)).await;
    }
}
