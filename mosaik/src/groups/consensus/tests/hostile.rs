//! Members that say what no honest replica says.

use super::harness::{Cluster, Lie, id, soon};
use crate::groups::consensus::wire::{
    Append, Appended, Ballot, Fetch, Item, Members, Point, Promise, Pull, RaftReply, RaftRequest,
    Reply, Request, Said, Transfer,
};
use crate::groups::identity::ReplicaId;
use crate::groups::refusals::Refused;
use crate::runtime::time::{Duration, sleep};

fn append(term: u64, previous: Option<(u64, u64)>, entries: Vec<Item>) -> Request {
    let previous = previous.map(|(term, index)| Point { term, index });
    Request::Append(Append {
        term,
        previous,
        entries,
        committed: None,
    })
}

fn members(voters: Vec<Vec<u64>>) -> Said {
    let voters = voters
        .iter()
        .map(|set| set.iter().map(|number| id(*number)).collect())
        .collect();
    Said::Members(Members {
        voters,
        learners: Vec::new(),
    })
}

fn fetch(term: u64, least: (u64, u64), sources: Vec<u64>) -> Request {
    let (of_term, index) = least;
    Request::Fetch(Fetch {
        term,
        transfer: 1,
        least: Point {
            term: of_term,
            index,
        },
        sources: sources.into_iter().map(id).collect(),
    })
}

/// Three that vote and a fourth that listens, all of which hold "a"; and who leads them.
async fn three_and_a_learner() -> (Cluster, ReplicaId) {
    let mut cluster = Cluster::founded(3).await;
    cluster.add(id(4)).await;
    let leader = cluster.leader().await;
    cluster.replica(leader).add_learner(id(4)).await.unwrap();
    cluster.write("a").await;
    cluster.all_hold(&["a"]).await;
    (cluster, leader)
}

/// `target` does not take what `liar` says.
async fn refuses(cluster: &Cluster, target: ReplicaId, liar: ReplicaId, request: Request) {
    let shown = format!("{request:?}");
    let shown = &shown[..shown.len().min(200)];
    let served = cluster
        .replica(target)
        .serve(liar, RaftRequest::new(request));
    let reply = soon("a reply", served).await;
    assert!(
        matches!(reply, RaftReply(Reply::Refused(_))),
        "{shown}: {reply:?}"
    );
}

/// The replicas hold "a", and agree on one more write.
async fn goes_on(cluster: &Cluster) {
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
}

/// Nobody has unseated the leader.
fn still_leads(cluster: &Cluster, leader: ReplicaId, term: u64) {
    let view = cluster.replica(leader).watch().borrow().clone();
    assert!(view.is_leader() && view.term == term, "{view:?}");
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_refused_and_harms_nothing() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let nonsense = [
        append(u64::MAX, None, Vec::new()),
        append(1, Some((2, 3)), Vec::new()),
        append(2, Some((1, u64::MAX - 1)), vec![Item(2, Said::Nothing)]),
        append(2, Some((2, 3)), vec![Item(1, Said::Nothing)]),
        append(2, Some((2, 3)), vec![Item(3, Said::Nothing)]),
        append(9, Some((2, 3)), vec![Item(9, members(vec![]))]),
        append(9, Some((2, 3)), vec![Item(9, members(vec![vec![]]))]),
        append(9, Some((2, 3)), vec![Item(9, Said::Nothing); 10_000]),
        Request::Vote(Ballot {
            term: u64::MAX,
            last: None,
            transfer: true,
        }),
        Request::PreVote(Ballot {
            term: 1 << 62,
            last: None,
            transfer: true,
        }),
        Request::Transfer(Transfer {
            term: u64::MAX,
            to: id(1),
            last: None,
        }),
        fetch(u64::MAX, (1, 3), vec![3]),
        fetch(9, (10, 3), vec![3]),
        fetch(9, (9, u64::MAX), vec![3]),
        fetch(9, (9, 3), vec![]),
        fetch(9, (9, 3), (1..100).collect()),
        Request::Pull(Pull {
            transfer: 1,
            least: Point {
                term: u64::MAX,
                index: 0,
            },
            offset: 0,
        }),
    ];
    for request in nonsense {
        refuses(&cluster, id(1), id(2), request).await;
    }
    refuses(&cluster, id(1), id(1), append(9, None, Vec::new())).await;
    goes_on(&cluster).await;
    cluster.close().await;
}

/// What a peer says that wants to lead, to unseat who does, or to use up terms.
fn ambition(term: u64, me: u64) -> Vec<Request> {
    let last = Some(Point {
        term,
        index: 1 << 40,
    });
    let ballot = Ballot {
        term: term + 1,
        last,
        transfer: true,
    };
    vec![
        Request::Vote(ballot.clone()),
        Request::PreVote(ballot),
        append(term, None, Vec::new()),
        append(
            term + 1,
            None,
            vec![Item(term + 1, Said::Batch("forged".into()))],
        ),
        append(
            term + 1,
            Some((term, 2)),
            vec![Item(term + 1, members(vec![vec![me]]))],
        ),
        Request::Transfer(Transfer {
            term: term + 1,
            to: id(me),
            last,
        }),
        fetch(term + 1, (term, 3), vec![me]),
    ]
}

#[tokio::test(start_paused = true)]
async fn who_does_not_vote_cannot_lead_or_unseat() {
    let (cluster, leader) = three_and_a_learner().await;
    let term = cluster.replica(leader).watch().borrow().term;
    let mut said_count = 0;
    // A learner, a peer that is no member, and a voter's former self.
    let former = ReplicaId::new(id(2).key().into(), 9);
    for round in 0..20 {
        for (liar, number) in [(id(4), 4), (id(9), 9), (former, 2)] {
            for request in ambition(term + round, number) {
                for target in (1..=3).map(id) {
                    refuses(&cluster, target, liar, request.clone()).await;
                    said_count += 1;
                }
            }
        }
    }
    let counted: u64 = (1..=3)
        .map(|number| cluster.replica(id(number)).0.refusals.of(Refused::NoVoter))
        .sum();
    assert_eq!(counted, said_count);
    goes_on(&cluster).await;
    still_leads(&cluster, leader, term);
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn terms_cannot_be_used_up_by_anybody() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    for request in ambition((1 << 62) - 3, 2) {
        refuses(&cluster, id(1), id(2), request).await;
    }
    assert_eq!(cluster.replica(id(1)).0.refusals.of(Refused::Leap), 7);
    goes_on(&cluster).await;
    cluster.close().await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_vote_cannot_unseat_by_its_answers() {
    let lies: [Lie; 4] = [
        |request| match request {
            Request::Append(append) => {
                Some(Reply::Append(Appended::Higher(promise(append.term + 1))))
            }
            _ => None,
        },
        |request| match request {
            Request::Append(_) => Some(Reply::Append(Appended::Higher(promise(u64::MAX)))),
            _ => None,
        },
        // Has entries that it has not, or none that it has.
        |request| match request {
            Request::Append(_) => Some(Reply::Append(Appended::Stored)),
            _ => None,
        },
        |request| match request {
            Request::Append(_) => Some(Reply::Append(Appended::Conflict)),
            _ => None,
        },
    ];
    for lie in lies {
        let (cluster, leader) = three_and_a_learner().await;
        let term = cluster.replica(leader).watch().borrow().term;
        cluster.net.set_liar(Some((id(4), lie)));
        for number in 0..50 {
            cluster.write(&format!("{number}")).await;
            sleep(Duration::from_millis(100)).await;
        }
        still_leads(&cluster, leader, term);
        for number in 1..=3 {
            assert_eq!(cluster.state(id(number)).len(), 51);
        }
        cluster.net.set_liar(None);
        cluster.close().await;
    }
}

fn promise(term: u64) -> Promise {
    Promise {
        term,
        to: id(4),
        committed: true,
    }
}

/// What makes the rule above bearable: a voter that has missed who votes is led all the same.
#[tokio::test(start_paused = true)]
async fn a_voter_that_has_missed_who_votes_elects_one_it_does_not_know() {
    let (mut cluster, leader) = three_and_a_learner().await;
    let followers: Vec<ReplicaId> = (1..=3).map(id).filter(|id| *id != leader).collect();
    let (late, leaving) = (followers[0], followers[1]);
    cluster.net.cut_off(&[late]);
    let voters = [leader, late, id(4)].into();
    cluster.replica(leader).change_voters(voters).await.unwrap();
    cluster.write("b").await;
    cluster.kill(leader).await;
    cluster.kill(leaving).await;
    let known = cluster.replica(late).watch().borrow().members.clone();
    assert!(!known.voters.contains(&id(4)));
    cluster.net.heal().await;
    assert_eq!(cluster.leader().await, id(4));
    cluster.write("c").await;
    cluster.all_hold(&["a", "b", "c"]).await;
    cluster.close().await;
}
