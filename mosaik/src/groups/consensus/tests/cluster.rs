//! What holds while replicas come, go, fall silent and fail.

#![expect(
    clippy::disallowed_methods,
    reason = "a test ends what it starts with its runtime"
)]

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::future::join_all;

use super::harness::{Cluster, POISON, id, soon};
use crate::groups::consensus::{
    ChangeError, Fatal, InitializeError, ProposeError, ReadError, Role, TransferError,
};
use crate::runtime::time::{Duration, Instant, sleep};

fn batch(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test(start_paused = true)]
async fn one_replica_is_a_group() {
    let cluster = Cluster::founded(1).await;
    cluster.write("a").await;
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    let replica = cluster.replica(id(1));
    let index = soon("an index", replica.read_index()).await.unwrap();
    soon("it applied", replica.wait_applied(index))
        .await
        .unwrap();
    let again = replica.initialize(&BTreeSet::from([id(1)])).await;
    assert_eq!(again, Err(InitializeError::NotBlank));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_stranger_does_not_found() {
    let cluster = Cluster::blank(1, false, |_| {}).await;
    let founders = BTreeSet::from([id(2), id(3)]);
    let outcome = cluster.replica(id(1)).initialize(&founders).await;
    assert_eq!(outcome, Err(InitializeError::NotFounder));
    let refused = cluster.replica(id(1)).propose(batch("a")).await;
    assert_eq!(refused, Err(ProposeError::NotLeader { leader: None }));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn batches_reach_all_in_one_order() {
    for count in [3, 5] {
        let cluster = Cluster::founded(count).await;
        let leader = cluster.leader().await;
        let texts: Vec<String> = (0..500).map(|number| format!("b{number}")).collect();
        let mut submitted = Vec::new();
        for text in &texts {
            let proposal = cluster.replica(leader).submit(batch(text)).await;
            submitted.push(proposal.unwrap());
        }
        for outcome in soon("all writes", join_all(submitted)).await {
            outcome.unwrap();
        }
        let expected: Vec<&str> = texts.iter().map(String::as_str).collect();
        cluster.all_hold(&expected).await;
        // Written and sent together: far fewer frames than batches.
        let frames = cluster.net.calls("append");
        assert!(frames < 200, "{frames} frames");
        cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_points_at_the_leader() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leader = cluster.leader().await;
    let follower = *cluster.replicas.keys().find(|id| **id != leader).unwrap();
    cluster
        .wait(follower, "it to know", |view| view.leader.is_some())
        .await;
    let replica = cluster.replica(follower);
    let leader = Some(leader);
    assert_eq!(
        replica.propose(batch("b")).await,
        Err(ProposeError::NotLeader { leader })
    );
    assert_eq!(
        replica.read_index().await,
        Err(ReadError::NotLeader { leader })
    );
    let change = replica.add_learner(id(9)).await;
    assert_eq!(change, Err(ChangeError::NotLeader { leader }));
    assert_eq!(
        replica.transfer_leader(follower).await,
        Err(TransferError::NotLeader)
    );
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn another_takes_over_when_the_leader_dies() {
    for count in [3, 5] {
        let mut cluster = Cluster::founded(count).await;
        cluster.write("a").await;
        let dead = cluster.leader().await;
        cluster.kill(dead).await;
        let begin = Instant::now();
        cluster.write("b").await;
        let took = begin.elapsed();
        assert!(took < Duration::from_millis(2_500), "{took:?}");
        cluster.all_hold(&["a", "b"]).await;
        cluster.close().await;
    }
}

#[tokio::test(start_paused = true)]
async fn leadership_is_handed_over() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leader = cluster.leader().await;
    let heir = *cluster.replicas.keys().find(|id| **id != leader).unwrap();
    let begin = Instant::now();
    let handed_over = cluster.replica(leader).transfer_leader(heir).await;
    handed_over.unwrap();
    assert!(
        begin.elapsed() < Duration::from_millis(500),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(cluster.leader_of(&[heir]).await, heir);
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    let stranger = cluster.replica(heir).transfer_leader(id(9)).await;
    assert_eq!(stranger, Err(TransferError::NotVoter));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_learner_becomes_a_voter_and_leaves() {
    let mut cluster = Cluster::founded(1).await;
    cluster.write("a").await;
    cluster.add(id(2)).await;
    cluster.add(id(3)).await;
    let leader = cluster.replica(id(1)).clone();
    let unknown = leader.change_voters(BTreeSet::from([id(1), id(2)])).await;
    assert!(
        matches!(unknown, Err(ChangeError::Refused(_))),
        "{unknown:?}"
    );
    leader.add_learner(id(2)).await.unwrap();
    leader.add_learner(id(3)).await.unwrap();
    leader.add_learner(id(3)).await.unwrap();
    cluster.all_hold(&["a"]).await;
    let view = cluster.wait(id(1), "no lag", |view| {
        view.followers.len() == 2 && view.followers.values().all(|other| other.lag_count == 0)
    });
    assert_eq!(view.await.members.learners, BTreeSet::from([id(2), id(3)]));
    let voters = BTreeSet::from([id(1), id(2), id(3)]);
    leader.change_voters(voters.clone()).await.unwrap();
    let view = cluster.wait(id(3), "to vote", |view| view.members.voters == voters);
    assert_eq!(view.await.role, Role::Follower);
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    leader.remove(id(3)).await.unwrap();
    leader.remove(id(3)).await.unwrap();
    let view = cluster
        .wait(id(1), "one to leave", |view| view.members.voters.len() == 2)
        .await;
    assert!(view.members.learners.is_empty());
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_removes_itself() {
    let mut cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leaver = cluster.leader().await;
    cluster.replica(leaver).remove(leaver).await.unwrap();
    cluster.kill(leaver).await;
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    let leader = cluster.leader().await;
    assert_eq!(
        cluster
            .wait(leader, "two", |_| true)
            .await
            .members
            .voters
            .len(),
        2
    );
    cluster.close().await;
}

/// All leave at once, and the leader leads a little longer than it is a member.
#[tokio::test(start_paused = true)]
async fn a_leader_that_removed_itself_changes_no_members_any_more() {
    let mut cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leaver = cluster.leader().await;
    let next = (1..=3).map(id).find(|id| *id != leaver).unwrap();
    let leading = cluster.replica(leaver).clone();
    let (own, other) = futures::join!(leading.remove(leaver), leading.remove(next));
    own.unwrap();
    assert!(
        matches!(other, Err(ChangeError::NotLeader { .. })),
        "{other:?}"
    );
    assert_eq!(leading.watch().borrow().running, Ok(()));
    drop(leading);
    cluster.kill(leaver).await;
    let leader = cluster.leader().await;
    let view = cluster.wait(leader, "two", |view| view.members.voters.len() == 2);
    assert!(view.await.members.voters.contains(&next));
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn several_changes_at_once_come_one_after_the_other() {
    let mut cluster = Cluster::founded(1).await;
    for number in 2..=5 {
        cluster.add(id(number)).await;
    }
    let leader = cluster.replica(cluster.leader().await).clone();
    let joins = (2..=5).map(|number| leader.add_learner(id(number)));
    for outcome in soon("all to join", join_all(joins)).await {
        outcome.unwrap();
    }
    cluster.write("a").await;
    cluster.all_hold(&["a"]).await;
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_minority_acknowledges_nothing_and_says_so() {
    let cluster = Cluster::founded(5).await;
    cluster.write("a").await;
    let leader = cluster.leader().await;
    let mut others = cluster.replicas.keys().copied().filter(|id| *id != leader);
    let island = [leader, others.next().unwrap()];
    let mainland: Vec<_> = others.collect();
    cluster.net.cut_off(&island);
    let lonely = cluster.replica(leader).clone();
    // Taken while it still may lead: the others may have it, as far as it knows.
    let begun = tokio::spawn({
        let lonely = lonely.clone();
        async move { lonely.propose(batch("lost")).await }
    });
    let begin = Instant::now();
    let refused = loop {
        match soon("a refusal", lonely.read_index()).await {
            Err(ReadError::NoQuorum) => break lonely.propose(batch("refused")).await,
            Err(error) => panic!("{error}"),
            // Confirmed before the cut.
            Ok(_) => sleep(Duration::from_millis(10)).await,
        }
    };
    assert_eq!(refused, Err(ProposeError::NoQuorum));
    assert!(
        begin.elapsed() < Duration::from_secs(2),
        "{:?}",
        begin.elapsed()
    );
    let change = lonely.add_learner(id(9)).await;
    assert_eq!(change, Err(ChangeError::NoQuorum));

    let other = cluster.leader_of(&mainland).await;
    cluster.replica(other).propose(batch("b")).await.unwrap();
    cluster.net.heal().await;
    let unknown = soon("an end", begun).await.unwrap();
    assert_eq!(unknown, Err(ProposeError::Unknown));
    cluster.all_hold(&["a", "b"]).await;
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_proposal_that_is_never_decided_is_unknown_in_the_end() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leader = cluster.leader().await;
    cluster.net.cut_off(&[leader]);
    let begin = Instant::now();
    let outcome = cluster.replica(leader).propose(batch("b")).await;
    assert_eq!(outcome, Err(ProposeError::Unknown));
    assert!(begin.elapsed() <= Duration::from_secs(11));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn reads_see_what_was_acknowledged() {
    let cluster = Cluster::founded(3).await;
    for number in 0..10 {
        let text = format!("{number}");
        cluster.write(&text).await;
        let leader = cluster.leader().await;
        let reads = (0..50).map(|_| cluster.replica(leader).read_index());
        let indices = soon("an index", join_all(reads)).await;
        for (id, (replica, _)) in &cluster.replicas {
            let index = *indices[0].as_ref().unwrap();
            soon("to apply", replica.wait_applied(index)).await.unwrap();
            assert_eq!(cluster.state(*id).last().unwrap(), text.as_bytes());
        }
    }
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_state_ends_the_replica_and_all_that_waits() {
    let cluster = Cluster::founded(1).await;
    cluster.write("a").await;
    let replica = cluster.replica(id(1)).clone();
    let wait = tokio::spawn({
        let replica = replica.clone();
        async move { replica.wait_applied(1_000).await }
    });
    let poison = Bytes::from_static(POISON);
    let proposals = [replica.propose(poison), replica.propose(batch("b"))];
    let outcomes = soon("an end", join_all(proposals)).await;
    let fatal = |error: &Fatal| {
        let Fatal::Panicked { text, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!(text, "poisoned batch");
    };
    for outcome in outcomes {
        match outcome {
            Err(ProposeError::Fatal(reason)) => fatal(&reason),
            other => panic!("{other:?}"),
        }
    }
    fatal(&soon("the wait to end", wait).await.unwrap().unwrap_err());
    let view = cluster
        .wait(id(1), "its end", |view| view.running.is_err())
        .await;
    fatal(&view.running.unwrap_err());
    assert!(matches!(
        replica.read_index().await,
        Err(ReadError::Fatal(_))
    ));
    assert!(matches!(
        replica.add_learner(id(2)).await,
        Err(ChangeError::Fatal(_))
    ));
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_on_one_replica_leaves_the_others_alone() {
    let cluster = Cluster::founded(3).await;
    let leader = cluster.leader().await;
    cluster.write("a").await;
    // All of them panic at it, in the end: it is in the log. What matters is that all say so.
    let outcome = soon(
        "an end",
        cluster.replica(leader).propose(Bytes::from_static(POISON)),
    );
    assert!(matches!(
        outcome.await,
        Err(ProposeError::Fatal(Fatal::Panicked { .. }))
    ));
    let mut ended = 0;
    for id in cluster.replicas.keys() {
        let mut view = cluster.replica(*id).watch();
        let end = view.wait_for(|view| view.running.is_err());
        if tokio::time::timeout(Duration::from_secs(5), end)
            .await
            .is_ok()
        {
            ended += 1;
        }
    }
    assert!(ended >= 1);
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn shutting_down_ends_what_waits() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let leader = cluster.leader().await;
    let replica = cluster.replica(leader).clone();
    cluster.net.cut_off(&[leader]);
    let propose = tokio::spawn({
        let replica = replica.clone();
        async move { replica.propose(batch("b")).await }
    });
    let wait = tokio::spawn({
        let replica = replica.clone();
        async move { replica.wait_applied(1_000).await }
    });
    tokio::task::yield_now().await;
    replica.shutdown().await;
    assert_eq!(soon("the wait", wait).await.unwrap(), Err(Fatal::Stopped));
    let outcome = soon("the proposal", propose).await.unwrap();
    assert_eq!(outcome, Err(ProposeError::Fatal(Fatal::Stopped)));
    let view = cluster
        .wait(leader, "its end", |view| view.running.is_err())
        .await;
    assert_eq!(view.running, Err(Fatal::Stopped));
    cluster.close().await;
}
