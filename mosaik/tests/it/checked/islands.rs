//! Two histories of one group, which meet: each of them stays what it was.
//!
//! Two nodes and three begin apart, all under `Formation::Auto`, with a client on each. After a while the way between
//! them is mended. The older history goes on, the younger stops and says so, and the calls of either side have an order
//! that explains their answers.

use mosaik::{
    Group, PeerId,
    groups::{Formation, Role},
    testing::{Flaw, MemoryNet},
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    client::History,
    machine::Store,
    world::{Finding, NODES, Pace, RECOVERY, WORK, clients, join, judge, networks, unwell},
};

/// Nodes of the first island.
const FIRST: usize = 2;

/// One run.
pub(super) async fn run(seed: u64, flaw: Option<Flaw>) -> Result<(), Finding> {
    let (pace, work) = (Pace::Brisk, Pace::Brisk.of(WORK));
    let net = MemoryNet::new(seed);
    let networks = networks(&net, seed, flaw).await;
    let ids: Vec<PeerId> = networks.iter().map(|node| node.local().id()).collect();
    net.partition(&ids[..FIRST], &ids[FIRST..]);
    let joined = networks
        .iter()
        .map(|node| join(node, pace, Formation::Auto));
    let groups: Vec<Group<Store>> = joined.collect();
    for group in &groups {
        let online = timeout(RECOVERY, group.when().online()).await;
        assert!(online.is_ok(), "seed {seed}: {:?}", group.status());
    }
    let lineages = [0, NODES - 1].map(|number| groups[number].status().lineage);
    assert_ne!(lineages[0], lineages[1], "seed {seed}");
    let mut clients = clients(seed);
    let working = clients
        .iter_mut()
        .zip(&groups)
        .map(|(client, group)| client.work(group, work));
    let meeting = async {
        sleep(work / 6).await;
        // The terms of the two histories differ from now on: a leader hears one of a later term.
        let leads = |number: &usize| groups[*number].is_leader();
        let leader = (FIRST..NODES).find(leads).map(|number| ids[number]);
        let leader = leader.expect("nothing is in the way on the island");
        let others = ids[FIRST..].iter().copied().filter(|id| *id != leader);
        let others: Vec<PeerId> = others.collect();
        net.partition(&[leader], &others);
        sleep(work / 4).await;
        for other in others {
            net.mend(leader, other);
            net.mend(other, leader);
        }
        sleep(work / 12).await;
        net.heal();
    };
    tokio::join!(futures::future::join_all(working), meeting);
    let well = well(&groups).await;
    let mut islands = [History::default(), History::default()];
    for (number, client) in clients.into_iter().enumerate() {
        islands[usize::from(number >= FIRST)].add(client.history);
    }
    for island in &islands {
        judge(island)?;
    }
    well
}

/// Waits until one history has stopped, because of the other, and the members of the other are online and equal.
async fn well(groups: &[Group<Store>]) -> Result<(), Finding> {
    let end = Instant::now() + RECOVERY;
    loop {
        let (first, second) = groups.split_at(FIRST);
        let is_well = [(first, second), (second, first)]
            .iter()
            .any(|(stopped, others)| have_stopped(stopped) && go_on(others));
        if is_well {
            return Ok(());
        }
        if Instant::now() > end {
            return Err(unwell(groups.iter()));
        }
        sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn have_stopped(groups: &[Group<Store>]) -> bool {
    groups.iter().all(|group| {
        let status = group.status();
        let why = status.why_offline.unwrap_or_default();
        status.role == Role::Stopped && why.contains("keeps its data")
    })
}

fn go_on(groups: &[Group<Store>]) -> bool {
    let state = |group: &Group<Store>| (group.committed(), group.look(Clone::clone));
    groups.iter().all(|group| group.status().is_online)
        && groups
            .windows(2)
            .all(|pair| state(&pair[0]) == state(&pair[1]))
}
