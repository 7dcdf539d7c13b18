//! Logs that are cut short, and snapshots for those who come too late.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::harness::{Cluster, id, soon};
use crate::groups::consensus::ReplicaConfig;

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
    // Several pieces.
    let leader = cluster.leader().await;
    for number in 0..40u8 {
        let batch = Bytes::from(vec![b'a' + number % 26; 200_000]);
        soon("a write", cluster.replica(leader).propose(batch))
            .await
            .unwrap();
    }
    let state = cluster.state(leader);
    cluster.net.lose_parts(2);
    cluster.add(id(2)).await;
    cluster.replica(leader).add_learner(id(2)).await.unwrap();
    same_state(&cluster, &state).await;
    assert!(cluster.net.calls("snapshot") >= 10);
    assert_eq!(*cluster.replicas[&id(2)].1.restored.lock().unwrap(), 1);
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
