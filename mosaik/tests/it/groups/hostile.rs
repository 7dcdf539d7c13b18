//! A member that has the key and says what no member would say: the others go on.

use futures::future::join_all;
use mosaik::{groups::Bond, primitives::encoding, *};
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use serde::{Deserialize, Serialize};

use super::{Ask, Counter, all_vote, counter, nodes, online, soon, states};

/// What it says to each of the others.
const SAYINGS: usize = 3_000;

/// Kinds of notes and requests that mean something, and some that do not.
const KINDS: u8 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_talks_nonsense_is_borne() {
    let nodes = nodes(3).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    let (hostile, honest) = groups.split_last().unwrap();
    let talk = nodes[..2].iter().map(|node| {
        let bond = hostile.bonds().get(&node.local().id()).unwrap();
        babble(bond, hostile.status().lineage.unwrap())
    });
    let (talked, ()) = futures::join!(join_all(talk), async {
        for number in 0..40 {
            let group = &honest[number % 2];
            soon("a command", group.execute(1)).await.unwrap();
        }
    });
    let answers: usize = talked.into_iter().sum();
    // Each question is answered, if only with a refusal, for as long as the bond lasts.
    assert!(answers > SAYINGS / 4, "{answers}");
    for group in honest {
        soon("online", group.when().online()).await;
        assert!(group.status().why_offline.is_none());
        let sum = soon("a strong query", group.query(Ask::Sum, Strong)).await;
        assert_eq!(sum.unwrap(), vec![41]);
    }
    assert_eq!(honest[0].status().lineage, honest[1].status().lineage);
    // Its bonds are made again if they had to end, and it is a member like the others.
    online(&groups).await;
    soon("a command", groups[2].execute(1)).await.unwrap();
    assert!(states(&groups).await.iter().all(|state| state.len() == 42));
}

/// Nobody can write in another's name: a session is of the peer that began it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_cannot_write_in_the_session_of_another() {
    let (nodes, groups, [leader, hostile, victim]) = cast().await;
    let bond = groups[hostile]
        .bonds()
        .get(&nodes[leader].local().id())
        .unwrap();
    let head = named(groups[hostile].status().lineage.unwrap());
    // Encoded as members encode commands: a session, the first number, how many, and each behind its length.
    let piece = |of: &Network| {
        let mut piece = of.local().id().as_bytes()[..8].to_vec();
        piece.extend_from_slice(&[7; 8]);
        piece.extend_from_slice(&1u64.to_be_bytes());
        piece.extend_from_slice(&1u32.to_be_bytes());
        piece.extend_from_slice(&1u32.to_be_bytes());
        piece.push(100);
        piece
    };
    for number in 1..=3 {
        for of in [victim, leader] {
            let forged = bond.ask(PROPOSE, head.clone().into(), piece(&nodes[of]).into());
            let answer = soon("an answer", forged).await.expect("an answer");
            assert_eq!(answer.first(), Some(&REFUSED));
        }
        assert_eq!(refused(&groups[leader], "session"), 2 * number);
    }
    // In a session of its own it may.
    let own = bond.ask(PROPOSE, head.into(), piece(&nodes[hostile]).into());
    let answer = soon("an answer", own).await.expect("an answer");
    assert_eq!(answer.first(), Some(&0));
    soon("a command", groups[victim].execute(1)).await.unwrap();
    assert_eq!(states(&groups).await, [[1, 100, 1]; 3]);
}

/// What consensus says passes within one history only, whoever says it: here a voter, over the bond of a member.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_of_another_history_is_fenced() {
    let (nodes, groups, [leader, hostile, victim]) = cast().await;
    let bond = |of: usize, with: usize| groups[of].bonds().get(&nodes[with].local().id()).unwrap();
    let status = groups[leader].status();
    let (lineage, term) = (status.lineage.unwrap(), status.term.0);
    let liar = incarnation(&bond(leader, hostile), lineage).await;
    let (mut elsewhere, mut later) = (lineage, lineage);
    elsewhere.id = Digest::from("elsewhere");
    later.epoch += 1;
    for target in [leader, victim] {
        let bond = bond(hostile, target);
        let meant = incarnation(&bond, lineage).await;
        let before = refused(&groups[target], "fenced");
        let appends = [
            append(term + 1, None, Vec::new()),
            append(term + 1, Some((term, 1)), vec![(term + 1, "forged".into())]),
            append(0, None, Vec::new()),
        ];
        for append in &appends {
            for wrong in [elsewhere, later] {
                let head = addressed(liar, meant, wrong);
                let asked = bond.ask(RAFT, head, append.clone());
                let answer = soon("an answer", asked).await.expect("an answer");
                assert_eq!(answer.first(), Some(&FENCED));
                let verdict = encoding::deserialize(&answer[1..]).expect("a verdict");
                let Verdict::WrongLineage { mine } = verdict else {
                    panic!("{verdict:?}");
                };
                assert_eq!(
                    (&mine.0[..], mine.1),
                    (&lineage.id.as_bytes()[..16], lineage.epoch)
                );
            }
        }
        assert_eq!(refused(&groups[target], "fenced") - before, 6);
        // The last of them harms nothing anywhere: in this history it passes, so it was the history that did not.
        let asked = bond.ask(RAFT, addressed(liar, meant, lineage), appends[2].clone());
        let answer = soon("an answer", asked).await.expect("an answer");
        assert_eq!(answer.first(), Some(&0), "{answer:?}");
        assert_eq!(refused(&groups[target], "fenced") - before, 6);
    }
    soon("a command", groups[victim].execute(1)).await.unwrap();
    let status = groups[victim].status();
    assert_eq!(status.leader, Some(nodes[leader].local().id()));
    assert_eq!((status.term.0, status.lineage), (term, Some(lineage)));
    assert_eq!(states(&groups).await, [[1, 1]; 3]);
}

/// Three that vote and have one command: which one leads, which one is hostile, and which one neither.
async fn cast() -> (Vec<Network>, Vec<Group<Counter>>, [usize; 3]) {
    let nodes = nodes(3).await;
    let groups: Vec<_> = nodes.iter().map(counter).collect();
    online(&groups).await;
    all_vote(&groups).await;
    soon("a command", groups[0].execute(1)).await.unwrap();
    let leads = groups.iter().position(Group::is_leader);
    let leader = leads.expect("one leads");
    (nodes, groups, [leader, (leader + 1) % 3, (leader + 2) % 3])
}

/// Which replica a peer is, of which it tells everybody that takes it for another one.
async fn incarnation(bond: &Bond<Counter>, lineage: groups::LineageId) -> u64 {
    let asked = bond.ask(RAFT, addressed(0, 0, lineage), append(0, None, Vec::new()));
    let answer = soon("an answer", asked).await.expect("an answer");
    assert_eq!(answer.first(), Some(&FENCED));
    match encoding::deserialize(&answer[1..]).expect("a verdict") {
        Verdict::WrongReplica { mine } => mine.1,
        verdict => panic!("{verdict:?}"),
    }
}

/// The head of what one replica says to the consensus of another.
fn addressed(from: u64, to: u64, lineage: groups::LineageId) -> Bytes {
    let head = [&from.to_be_bytes()[..], &to.to_be_bytes()].concat();
    [head, named(lineage)].concat().into()
}

/// A leader's message of this term: entries that follow a place in the log.
fn append(term: u64, previous: Option<(u64, u64)>, entries: Vec<(u64, Bytes)>) -> Bytes {
    #[derive(Serialize)]
    enum Request {
        #[serde(rename = "a")]
        Append(
            u64,
            Option<(u64, u64)>,
            Vec<(u64, Said)>,
            Option<(u64, u64)>,
        ),
    }
    #[derive(Serialize)]
    enum Said {
        #[serde(rename = "b")]
        Batch(Bytes),
    }
    let entries = entries
        .into_iter()
        .map(|(term, batch)| (term, Said::Batch(batch)));
    let append = Request::Append(term, previous, entries.collect(), None);
    let append = encoding::try_serialize(&append).expect("plain values");
    [&[RAFT_FORMAT], &append[..]].concat().into()
}

/// What the fence answers.
#[derive(Debug, Deserialize)]
enum Verdict {
    WrongReplica { mine: (Digest, u64) },
    WrongLineage { mine: (Bytes, u32) },
}

/// How often a member has refused something for this reason.
fn refused(group: &Group<Counter>, why: &str) -> u64 {
    let counts = group.refusals();
    counts.into_iter().find(|(kind, _)| *kind == why).unwrap().1
}

/// The history's name as it travels.
fn named(lineage: groups::LineageId) -> Vec<u8> {
    let mut named = lineage.id.as_bytes()[..16].to_vec();
    named.extend_from_slice(&lineage.epoch.to_be_bytes());
    named
}

/// The kind of what one consensus says to another, its format, and how an answer begins that the fence gave.
const RAFT: u8 = 1;
const RAFT_FORMAT: u8 = 2;
const FENCED: u8 = 1;

/// The kind of the request to write, and the answer to one that makes no sense.
const PROPOSE: u8 = 2;
const REFUSED: u8 = 4;

/// Says everything; how many answers came.
async fn babble(bond: Bond<Counter>, lineage: groups::LineageId) -> usize {
    let mut rng = SmallRng::seed_from_u64(1);
    let mut answers = 0;
    // What follows it is believed to be about this history.
    let named = named(lineage);
    for number in 0..SAYINGS {
        let kind = rng.random_range(0..KINDS);
        let length = [0, 1, 8, 36, 500, 20_000][rng.random_range(0..6)];
        let mut body = vec![0; rng.random_range(0..=length)];
        rng.fill(&mut body[..]);
        // Often what follows begins as it should.
        if rng.random_bool(0.5)
            && let Some(first) = body.first_mut()
        {
            *first = 1;
        }
        let mut head = named.clone();
        let more = rng.random_range(0..=40);
        head.extend((0..more).map(|_| rng.random::<u8>()));
        if rng.random_bool(0.3) {
            rng.fill(&mut head[..]);
        }
        if number % 3 == 0 {
            bond.say(kind, body.into());
        } else {
            // To be removed at its own wish is no nonsense.
            let kind = if kind == LEAVE { KINDS } else { kind };
            let answer = soon("an answer", bond.ask(kind, head.into(), body.into())).await;
            answers += usize::from(answer.is_some());
        }
        if bond.is_terminated() {
            break;
        }
    }
    answers
}

/// The kind of the request to be removed.
const LEAVE: u8 = 4;
