//! Logs that are cut short, and snapshots for those who come too late.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::harness::{Cluster, Lie, Weather, id, soon};
use crate::groups::consensus::ReplicaConfig;
use crate::groups::consensus::wire::{
    Head, Members, Piece, Point, Pulled, Reply, Request, Running,
};
use crate::groups::identity::ReplicaId;
use crate::primitives::Digest;
use crate::runtime::Rng;
use crate::runtime::time::{Duration, sleep};

fn short_log(config: &mut ReplicaConfig) {
    config.limits.log_bytes = 64 * 1024;
    config.limits.log_bytes_kept = 8 * 1024;
}

async fn fill(cluster: &Cluster, count: usize) -> Vec<Bytes> {
    let leader = cluster.leader().await;
    for number in 0..count {
        let batch = Bytes::from(format!("{number:01000}"));
        soon("a write", cluster.replica(leader).propose(batch))
            .await
            .unwrap();
    }
    cluster.state(leader)
}

async fn same_state(cluster: &Cluster, expected: &[Bytes]) {
    let texts: Vec<&str> = expected
        .iter()
        .map(|item| core::str::from_utf8(item).unwrap())
        .collect();
    cluster.all_hold(&texts).await;
}

#[tokio::test(start_paused = true)]
async fn the_log_stays_short_if_snapshots_may_replace_it() {
    for (snapshots, longest) in [(true, 100 * 1024), (false, u64::MAX)] {
        let cluster = Cluster::founded_with(3, snapshots, short_log).await;
        let state = fill(&cluster, 500).await;
        same_state(&cluster, &state).await;
        for (replica, _) in cluster.replicas.values() {
            let bytes = replica.0.log.bytes();
            assert!(bytes < longest, "{bytes}");
            assert!(bytes > 8 * 1024, "{bytes}");
            assert!(snapshots || bytes > 500 * 1000, "{bytes}");
        }
        cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_blank_learner_gets_a_snapshot_and_the_rest() {
    let mut cluster = Cluster::founded_with(3, true, short_log).await;
    fill(&cluster, 500).await;
    cluster.add(id(4)).await;
    let leader = cluster.leader().await;
    cluster.replica(leader).add_learner(id(4)).await.unwrap();
    cluster.write("last").await;
    let state = cluster.state(leader);
    assert_eq!(state.len(), 501);
    same_state(&cluster, &state).await;
    assert!(cluster.net.calls("snapshot") > 0);
    assert_eq!(*cluster.replicas[&id(4)].1.restored.lock().unwrap(), 1);
    let voters: BTreeSet<_> = (1..=4).map(id).collect();
    cluster.replica(leader).change_voters(voters).await.unwrap();
    cluster.write("more").await;
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_blank_learner_replays_a_log_that_is_kept_whole() {
    let mut cluster = Cluster::founded_with(1, false, short_log).await;
    let state = fill(&cluster, 500).await;
    cluster.add(id(2)).await;
    cluster.replica(id(1)).add_learner(id(2)).await.unwrap();
    same_state(&cluster, &state).await;
    assert_eq!(cluster.net.calls("snapshot"), 0);
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_survives_lost_answers() {
    let mut cluster = Cluster::founded_with(1, true, short_log).await;
    let leader = fill_much(&cluster).await;
    let state = cluster.state(leader);
    cluster.net.lose_parts(2);
    cluster.add(id(2)).await;
    cluster.replica(leader).add_learner(id(2)).await.unwrap();
    same_state(&cluster, &state).await;
    assert!(cluster.net.calls("snapshot") >= 10);
    assert_eq!(*cluster.replicas[&id(2)].1.restored.lock().unwrap(), 1);
    cluster.close().await;
}

/// A state of several pieces.
async fn fill_much(cluster: &Cluster) -> ReplicaId {
    let leader = cluster.leader().await;
    for number in 0..40u8 {
        let batch = Bytes::from(vec![b'a' + number % 26; 200_000]);
        soon("a write", cluster.replica(leader).propose(batch))
            .await
            .unwrap();
    }
    leader
}

/// Bad weather, so that a transfer takes a while.
fn breeze(cluster: &Cluster) {
    cluster.net.set_weather(Some(Weather {
        rng: Rng::seeded(1),
        delay_max: Duration::from_millis(10),
        loss: 0.0,
    }));
}

#[tokio::test(start_paused = true)]
async fn a_learner_reads_a_follower_while_the_leader_goes_on() {
    let mut cluster = Cluster::founded_with(3, true, short_log).await;
    let leader = fill_much(&cluster).await;
    cluster.add(id(4)).await;
    breeze(&cluster);
    cluster.replica(leader).add_learner(id(4)).await.unwrap();
    let mut written_count = 0;
    while *cluster.replicas[&id(4)].1.restored.lock().unwrap() == 0 {
        cluster.write("meanwhile").await;
        written_count += 1;
        assert!(written_count < 1_000, "never restored");
    }
    assert!(written_count > 3, "{written_count}");
    let state = cluster.state(leader);
    assert_eq!(state.len(), 40 + written_count);
    same_state(&cluster, &state).await;
    let pulled = cluster.net.pulled();
    assert_eq!(pulled.len(), 1, "{pulled:?}");
    let (source, pieces) = pulled.first_key_value().unwrap();
    assert!(*source != leader && *pieces >= 15, "{pulled:?}");
    assert_eq!(cluster.leader().await, leader);
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn when_a_source_dies_another_gives_the_snapshot() {
    for cut_after in [1, 2, 9] {
        let mut cluster = Cluster::founded_with(3, true, short_log).await;
        let leader = fill_much(&cluster).await;
        cluster.add(id(4)).await;
        breeze(&cluster);
        cluster.net.cut_source_after(cut_after);
        cluster.replica(leader).add_learner(id(4)).await.unwrap();
        cluster.write("more").await;
        let state = cluster.state(leader);
        same_state(&cluster, &state).await;
        assert_eq!(*cluster.replicas[&id(4)].1.restored.lock().unwrap(), 1);
        let pulled = cluster.net.pulled();
        assert_eq!(pulled.len(), 2, "{pulled:?}");
        assert!(!pulled.contains_key(&leader), "{pulled:?}");
        cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_no_other_gives_the_snapshot_the_leader_does() {
    let mut cluster = Cluster::founded_with(3, true, short_log).await;
    let leader = fill_much(&cluster).await;
    let others: Vec<ReplicaId> = (1..=3).map(id).filter(|id| *id != leader).collect();
    cluster.add(id(4)).await;
    // They reach each other and the leader, and not the new one.
    cluster.net.cut_between(&others, id(4));
    cluster.replica(leader).add_learner(id(4)).await.unwrap();
    let state = cluster.state(leader);
    same_state(&cluster, &state).await;
    assert!(cluster.net.pulled().contains_key(&leader));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_lies_is_passed_over() {
    fn piece(change: impl FnOnce(&mut Piece)) -> Option<Reply> {
        let chunks = vec![Bytes::from_static(b"forged")];
        let mut piece = Piece {
            head: Some(Head {
                last: Point {
                    term: 1,
                    index: 1_000,
                },
                members: Members {
                    voters: vec![vec![id(2)]],
                    learners: Vec::new(),
                },
                members_at: None,
            }),
            digest: Running::default().add(&chunks),
            chunks,
            last: false,
        };
        change(&mut piece);
        Some(Reply::Pull(Pulled::Piece(piece)))
    }
    let lies: [Lie; 10] = [
        // Damaged.
        |request| {
            piece_of(
                request,
                |piece| piece.last = true,
                |piece| piece.digest = Digest::zero(),
            )
        },
        // Does not say what it stands for.
        |request| piece_of(request, |piece| piece.head = None, |_| {}),
        // Older than what the leader wants.
        |request| piece_of(request, |piece| head(piece).last.index = 3, |_| {}),
        // Of a term that no leader had.
        |request| piece_of(request, |piece| head(piece).last.term = 1 << 40, |_| {}),
        |request| piece_of(request, |piece| head(piece).last.index = u64::MAX, |_| {}),
        // Nobody can decide.
        |request| piece_of(request, |piece| head(piece).members.voters.clear(), |_| {}),
        // Beyond the limit; goes on and has other bytes than it says; has nothing in it and does not end.
        |request| {
            piece_of(
                request,
                |piece| piece.chunks = vec![Bytes::from(vec![0; 11 << 20])],
                |piece| piece.digest = Running::default().add(&piece.chunks),
            )
        },
        |request| piece_of(request, |_| {}, |_| {}),
        |request| {
            piece_of(
                request,
                |piece| piece.chunks.clear(),
                |piece| {
                    piece.digest = Running::default().add(&[]);
                },
            )
        },
        // Another answer altogether.
        |request| match request {
            Request::Pull(_) => Some(Reply::Transfer { accepted: true }),
            _ => None,
        },
    ];
    fn head(piece: &mut Piece) -> &mut Head {
        piece.head.as_mut().unwrap()
    }
    fn piece_of(request: &Request, change: fn(&mut Piece), then: fn(&mut Piece)) -> Option<Reply> {
        match request {
            Request::Pull(_) => piece(|piece| {
                change(piece);
                then(piece);
            }),
            _ => None,
        }
    }
    for (number, lie) in lies.into_iter().enumerate() {
        let mut cluster = Cluster::founded_with(2, true, |config| {
            short_log(config);
            config.limits.snapshot_bytes = 10 << 20;
        })
        .await;
        let leader = fill_much(&cluster).await;
        let liar = id(if leader == id(1) { 2 } else { 1 });
        cluster.net.set_liar(Some((liar, lie)));
        cluster.add(id(3)).await;
        cluster.replica(leader).add_learner(id(3)).await.unwrap();
        let state = cluster.state(leader);
        same_state(&cluster, &state).await;
        let pulled = cluster.net.pulled();
        assert!(pulled.contains_key(&liar), "lie {number}: {pulled:?}");
        assert_eq!(*cluster.replicas[&id(3)].1.restored.lock().unwrap(), 1);
        cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_ends_fetches_no_longer() {
    let mut cluster = Cluster::founded_with(2, true, short_log).await;
    let leader = fill_much(&cluster).await;
    let busy = id(if leader == id(1) { 2 } else { 1 });
    cluster.net.set_liar(Some((busy, |request| match request {
        Request::Pull(_) => Some(Reply::Pull(Pulled::Busy)),
        _ => None,
    })));
    cluster.add(id(3)).await;
    cluster.replica(leader).add_learner(id(3)).await.unwrap();
    let asked = || cluster.net.pulled().get(&busy).copied().unwrap_or(0);
    let asked_again = async |before| {
        while asked() <= before {
            sleep(Duration::from_millis(1)).await;
        }
    };
    soon("a fetch", asked_again(0)).await;
    // From now on nothing arrives, and whoever asks waits for an answer.
    cluster.net.set_weather(Some(Weather {
        rng: Rng::seeded(1),
        delay_max: Duration::ZERO,
        loss: 1.0,
    }));
    soon("a question without an answer", asked_again(asked())).await;
    // Its tasks have ended with it: this counts them.
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_was_away_catches_up() {
    let cluster = Cluster::founded_with(3, true, short_log).await;
    fill(&cluster, 10).await;
    let leader = cluster.leader().await;
    let away = *cluster.replicas.keys().find(|id| **id != leader).unwrap();
    cluster.net.cut_off(&[away]);
    let state = fill(&cluster, 300).await;
    cluster.net.heal().await;
    same_state(&cluster, &state).await;
    cluster.close().await;
}
