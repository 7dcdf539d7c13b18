use std::collections::BTreeSet;

use super::*;
use crate::{
    groups::{
        ConsensusConfig, Formation, GroupConfig, LeadershipPreference, NoOp,
        cell::MachineCell,
        consensus::{Replica, ReplicaConfig},
        flaws::Flaws,
        identity::{LineageId, Origin, Rule},
        worker::{MachineApplier, Making},
    },
    primitives::{NetworkId, SecretKey},
    runtime::{Clock, Rng, Tasks},
};

fn peer(number: u8) -> PeerId {
    SecretKey::from_bytes(&[number; 32]).public()
}

fn replica(number: u8) -> ReplicaId {
    ReplicaId::of(&peer(number), 1)
}

fn lineage() -> Lineage {
    Lineage::first(LineageId::from([9; 16]))
}

/// Replica 1 without a driver, in a history with these voters, none of which it reaches.
async fn member(voters: &[ReplicaId]) -> (Arc<Core>, Tasks) {
    let config = GroupConfig::new(
        "key".into(),
        ConsensusConfig::default(),
        Vec::new(),
        Formation::Auto,
        LeadershipPreference::Normal,
        ("machine".into(), "sync".into()),
    );
    let ids = (*config.group_id(), NetworkId::from("network"));
    let making = Making {
        config: Arc::new(config),
        network_id: ids.1,
        local: peer(1),
        clock: Clock::system(),
        rng: Rng::seeded(1),
        flaws: Flaws::default(),
    };
    let (inputs, _) = tokio::sync::mpsc::channel(1);
    let core = Core::new(making, replica(1), inputs);
    let cell = Arc::new(MachineCell::new(NoOp));
    let applier = MachineApplier::new(cell, None, core.clone(), ids, lineage()).expect("blank");
    let line = Line {
        core: core.this.clone(),
        me: replica(1),
        lineage: lineage(),
    };
    let tasks = Tasks::root("member");
    let config = ReplicaConfig::new(replica(1), 1, tasks.clone());
    let started = Replica::start(config, Box::new(applier), Arc::new(line)).await;
    let started = started.expect("it starts");
    let voters: BTreeSet<_> = voters.iter().copied().collect();
    started.initialize(&voters).await.expect("it is blank");
    let mut view = started.watch();
    let founded = view.wait_for(|view| view.members.voters == voters);
    founded.await.expect("it runs");
    core.active.send_replace(Some(Active {
        replica: started,
        id: replica(1),
        origin: Origin {
            lineage: lineage(),
            rule: Rule::Auto,
        },
    }));
    (core, tasks)
}

async fn end(core: &Core, tasks: &Tasks) {
    let active = core.active.send_replace(None).expect("a replica");
    active.replica.shutdown().await;
    tasks.close(Duration::from_secs(1)).await;
}

/// `to` has answered that replica `from` was removed. Whether that is believed, and how often it was not by then.
fn told(core: &Core, from: ReplicaId, to: ReplicaId, verdict: Verdict) -> (bool, u64) {
    let address = Address {
        from,
        to,
        lineage: lineage(),
    };
    core.fenced(&address, verdict);
    let is_believed = core.is_removed.swap(false, Ordering::Relaxed);
    let is_woken = core.driver.notified().now_or_never().is_some();
    assert_eq!(is_believed, is_woken, "who believes it acts at once");
    (is_believed, core.refusals.of(Refused::NoVoter))
}

#[tokio::test(start_paused = true)]
async fn only_a_voter_is_believed_that_one_was_removed() {
    let (core, tasks) = member(&[replica(1), replica(2), replica(3)]).await;
    let said = |from, to| told(&core, from, to, Verdict::Removed);
    assert_eq!(said(replica(1), replica(2)), (true, 0));
    assert_eq!(said(replica(1), replica(3)), (true, 0));
    // A stranger, and what a voter was before or is since: it votes no more.
    assert_eq!(said(replica(1), replica(4)), (false, 1));
    assert_eq!(said(replica(1), replica(2).renewed()), (false, 2));
    // Of what this member was before: that was removed, and it is another one now.
    let former = ReplicaId::of(&peer(1), 0);
    assert_eq!(said(former, replica(2)), (false, 3));
    for other in [
        Verdict::Accept,
        Verdict::Blank,
        Verdict::WrongReplica { mine: replica(2) },
        Verdict::WrongLineage { mine: lineage() },
        Verdict::Diverged { winner: lineage() },
    ] {
        assert_eq!(told(&core, replica(1), replica(2), other), (false, 3));
    }
    end(&core, &tasks).await;
    // Without a replica there is nothing that could have been removed.
    assert_eq!(
        told(&core, replica(1), replica(2), Verdict::Removed),
        (false, 4)
    );
}

#[tokio::test(start_paused = true)]
async fn a_learner_is_not_believed_that_its_leader_was_removed() {
    let (core, tasks) = member(&[replica(1)]).await;
    let leader = core.active.borrow().clone().expect("a replica").replica;
    let leads = |view: &consensus::ReplicaView| view.is_leader() && view.members.committed;
    leader.watch().wait_for(leads).await.expect("it runs");
    let learner = replica(2);
    leader.add_learner(learner).await.expect("it leads alone");
    assert!(leader.watch().borrow().members.learners.contains(&learner));
    let said = told(&core, replica(1), learner, Verdict::Removed);
    assert_eq!(said, (false, 1));
    assert!(leader.watch().borrow().is_leader());
    drop(leader);
    end(&core, &tasks).await;
}
