//! Single replicas, by what they are told and what they do. Orders of events are the business of `model`.

use super::*;
use crate::groups::identity::LineageId;
use crate::groups::lineage::History;
use crate::primitives::{decode, encode};

const DELAY: Duration = Duration::from_secs(3);
const START: Duration = Duration::from_secs(100);

fn settings(formation: &Formation) -> Settings {
    Settings::new(Digest::from("group"), formation, false, DELAY).unwrap()
}

fn replica(number: u8) -> ReplicaId {
    ReplicaId::new(Digest::from_u8(number).into(), 1)
}

/// Replicas 1 to 3, in the order in which they found.
fn ranked() -> [ReplicaId; 3] {
    let mut replicas = [replica(1), replica(2), replica(3)];
    replicas.sort_by_key(|replica| replica.rank(&Digest::from("group")));
    replicas
}

fn facts(replica: ReplicaId, standing: Standing) -> Facts {
    Facts {
        replica,
        rule: Rule::Auto,
        founds: true,
        standing,
        sealed: None,
        released: None,
    }
}

fn history(age: u8, has_commands: bool) -> History {
    let origin = Origin {
        lineage: Lineage::first(LineageId::from([age; 16])),
        rule: Rule::Auto,
    };
    History {
        origin,
        has_commands,
    }
}

fn member(replica: ReplicaId, age: u8, has_commands: bool) -> Event {
    Event::Peer(facts(replica, Standing::Member(history(age, has_commands))))
}

fn blank(replica: ReplicaId) -> Event {
    Event::Peer(facts(replica, Standing::Blank))
}

fn said(from: ReplicaId, to: ReplicaId, message: Message) -> Event {
    Event::Message { from, to, message }
}

/// What is done, without what is said about it to everybody.
fn after(founding: &mut Founding, at: Duration, event: Event) -> Vec<Action> {
    let mut actions = founding.handle(START + at, 1_000, event);
    actions.retain(|action| !matches!(action, Action::Record { .. } | Action::Announce(_)));
    actions
}

fn begin(me: ReplicaId, formation: &Formation) -> Founding {
    let mut founding = Founding::new(settings(formation), me, START);
    assert_eq!(after(&mut founding, Duration::ZERO, Event::Tick), []);
    founding
}

fn is_founded_by(actions: &[Action], expected: &[ReplicaId]) -> bool {
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    matches!(actions, [.., Action::Found { founders, .. }] if *founders.as_set() == expected)
}

#[test]
fn a_lone_node_founds_when_discovery_has_settled_or_the_delay_is_over() {
    let me = replica(1);
    let mut founding = begin(me, &Formation::Auto);
    assert_eq!(
        founding.reason().to_string(),
        "discovery has not settled yet"
    );
    let settled = after(&mut founding, Duration::ZERO, Event::DiscoverySettled);
    assert!(is_founded_by(&settled, &[me]));
    assert!(
        founding
            .reason()
            .to_string()
            .starts_with("member of history")
    );

    let mut founding = begin(me, &Formation::Auto);
    assert_eq!(founding.deadline(), Some(START + DELAY));
    assert!(is_founded_by(
        &after(&mut founding, DELAY, Event::Tick),
        &[me]
    ));

    let now = Founding::new(settings(&Formation::Now), me, START).handle(START, 1_000, Event::Tick);
    assert!(
        now.iter()
            .any(|action| matches!(action, Action::Found { .. }))
    );
}

#[test]
fn known_candidates_that_are_not_bonded_are_waited_for_until_the_delay_is_over() {
    let me = replica(1);
    let mut founding = begin(me, &Formation::Auto);
    let keys = BTreeSet::from([me.key(), replica(2).key()]);
    assert_eq!(
        after(&mut founding, Duration::ZERO, Event::Candidates(keys)),
        []
    );
    assert_eq!(
        after(&mut founding, Duration::ZERO, Event::DiscoverySettled),
        []
    );
    assert_eq!(
        founding.reason().to_string(),
        "1 known members are not bonded yet"
    );
    assert!(is_founded_by(
        &after(&mut founding, DELAY, Event::Tick),
        &[me]
    ));
}

#[test]
fn the_lowest_asks_and_founds_with_all_that_pledge() {
    let [low, high, _] = ranked();
    let mut founding = begin(low, &Formation::Auto);
    after(&mut founding, Duration::ZERO, blank(high));
    let asked = after(&mut founding, Duration::ZERO, Event::DiscoverySettled);
    let [
        Action::Send {
            to,
            message: Message::Pledge { origin, founders },
        },
    ] = &asked[..]
    else {
        panic!("{asked:?}");
    };
    assert_eq!((*to, founders.as_set().len()), (high, 2));
    let lineage = origin.lineage;
    let grant = said(high, low, Message::Grant { lineage });
    let founded = after(&mut founding, Duration::ZERO, grant.clone());
    assert!(is_founded_by(&founded, &[low, high]), "{founded:?}");
    assert!(matches!(
        &founded[0],
        Action::Send {
            message: Message::Commit { .. },
            ..
        }
    ));
    // The commit was lost: it is said again.
    assert!(matches!(
        &after(&mut founding, Duration::ZERO, grant)[..],
        [Action::Send {
            message: Message::Commit { .. },
            ..
        }]
    ));
}

#[test]
fn a_late_pledge_is_no_pledge() {
    let [low, high, _] = ranked();
    let mut founding = begin(low, &Formation::Auto);
    after(&mut founding, Duration::ZERO, blank(high));
    after(&mut founding, Duration::ZERO, Event::DiscoverySettled);
    let Standing::Pledged(lineage) = founding.standing() else {
        panic!("{:?}", founding.standing());
    };
    let grant = said(high, low, Message::Grant { lineage });
    let actions = after(&mut founding, ATTEMPT_TIMEOUT, grant);
    let withdrawn = Action::Send {
        to: high,
        message: Message::Withdraw { lineage },
    };
    assert_eq!(actions, [withdrawn.clone(), withdrawn]);
    // Whoever is silent has had its chance, until it is heard again.
    assert_eq!(
        founding.deadline(),
        Some(START + ATTEMPT_TIMEOUT + RETRY_AFTER)
    );
}

#[test]
fn the_higher_one_waits_pledges_and_takes_part() {
    let [low, high, other] = ranked();
    let mut founding = begin(high, &Formation::Auto);
    after(&mut founding, Duration::ZERO, blank(low));
    assert_eq!(
        after(&mut founding, Duration::ZERO, Event::DiscoverySettled),
        []
    );
    assert_eq!(founding.reason(), Reason::Better { candidate: low });

    let origin = history(1, false).origin;
    let lineage = origin.lineage;
    let founders = Founders::try_from(BTreeSet::from([low, high])).unwrap();
    let pledge = Message::Pledge {
        origin: origin.clone(),
        founders: founders.clone(),
    };
    let granted = Action::Send {
        to: low,
        message: Message::Grant { lineage },
    };
    for _ in 0..2 {
        let pledge = said(low, high, pledge.clone());
        assert_eq!(
            after(&mut founding, Duration::ZERO, pledge),
            std::slice::from_ref(&granted)
        );
    }
    // Exclusive: nobody else gets one, and nobody else can release it.
    let another = Message::Pledge {
        origin: history(2, false).origin,
        founders: Founders::try_from(BTreeSet::from([other, high])).unwrap(),
    };
    let refused = after(&mut founding, Duration::ZERO, said(other, high, another));
    assert!(matches!(
        &refused[..],
        [Action::Send {
            message: Message::Refuse {
                refusal: Refusal::Taken(_),
                ..
            },
            ..
        }]
    ));
    after(
        &mut founding,
        Duration::ZERO,
        said(other, high, Message::Withdraw { lineage }),
    );
    assert_eq!(founding.standing(), Standing::Pledged(lineage));

    let queried = after(&mut founding, QUERY_AFTER, Event::Tick);
    let query = Message::Query {
        lineage,
        proposer: low,
    };
    assert_eq!(
        queried,
        [Action::Send {
            to: low,
            message: query
        }]
    );
    let commit = Message::Commit { origin, founders };
    let founded = after(&mut founding, QUERY_AFTER, said(low, high, commit));
    assert!(is_founded_by(&founded, &[low, high]));
}

#[test]
fn a_pledge_is_released_only_as_another_replica() {
    let [low, high, _] = ranked();
    let mut founding = begin(high, &Formation::JoinOnly);
    let origin = history(1, false).origin;
    let founders = Founders::try_from(BTreeSet::from([low, high])).unwrap();
    let pledge = Message::Pledge { origin, founders };
    let refused = after(
        &mut founding,
        Duration::ZERO,
        said(low, high, pledge.clone()),
    );
    assert!(matches!(
        &refused[..],
        [Action::Send {
            message: Message::Refuse { .. },
            ..
        }]
    ));

    let mut founding = begin(high, &Formation::Auto);
    after(
        &mut founding,
        Duration::ZERO,
        said(low, high, pledge.clone()),
    );
    let released = after(&mut founding, RELEASE_AFTER, Event::Tick);
    assert!(released.contains(&Action::Renew(high.renewed())));
    // What was promised under the former name is promised no more.
    assert_eq!(
        after(&mut founding, RELEASE_AFTER, said(low, high, pledge)),
        []
    );
    assert_ne!(founding.me(), high);
}

#[test]
fn whoever_reports_a_history_is_joined() {
    let [me, a, b] = ranked();
    let mut founding = begin(me, &Formation::Auto);
    let origin = history(2, false).origin;
    let joins = |via| Action::Join {
        origin: origin.clone(),
        via,
    };
    assert_eq!(
        after(&mut founding, Duration::ZERO, member(a, 2, false)),
        [joins(a)]
    );
    assert_eq!(
        after(&mut founding, Duration::ZERO, member(b, 2, false)),
        []
    );
    assert_eq!(
        after(&mut founding, Duration::ZERO, Event::BondDown(a.key())),
        [joins(b)]
    );
    // All are gone: after a while it begins anew, as another replica.
    assert_eq!(
        after(&mut founding, Duration::ZERO, Event::BondDown(b.key())),
        []
    );
    let renewed = after(&mut founding, ORPHAN_AFTER, Event::Tick);
    assert_eq!(renewed[0], Action::Renew(me.renewed()));

    let mut founding = begin(me, &Formation::Auto);
    after(&mut founding, Duration::ZERO, member(a, 2, false));
    // The older one stays, and nothing has been taken from the younger one yet.
    let older = after(&mut founding, Duration::ZERO, member(b, 1, false));
    assert!(matches!(&older[..], [Action::Renew(_), Action::Join { via, .. }] if *via == b));
    after(
        &mut founding,
        Duration::ZERO,
        Event::Touched(history(1, false).origin.lineage),
    );
    assert_eq!(founding.standing(), Standing::Member(history(1, false)));
}

#[test]
fn rules_do_not_mix() {
    let [me, other, _] = ranked();
    let mut founding = begin(me, &Formation::Expect(2));
    after(&mut founding, Duration::ZERO, Event::DiscoverySettled);
    assert_eq!(founding.reason().to_string(), "1 of 2 founders are here");
    assert_eq!(after(&mut founding, Duration::ZERO, blank(other)), []);
    assert!(matches!(founding.reason(), Reason::RuleConflict { .. }));
    // It does not join what promises less, either.
    assert_eq!(after(&mut founding, DELAY, member(other, 1, true)), []);
    assert!(
        founding
            .reason()
            .to_string()
            .contains("set the same formation")
    );
}

#[test]
fn members_of_two_histories_meet() {
    let [me, other, _] = ranked();
    let lineage = |age| history(age, false).origin.lineage;
    let meets = |age, has_commands, event: Event| {
        let mut founding = Founding::resume(
            settings(&Formation::Auto),
            me,
            history(age, has_commands),
            BTreeSet::from([me]),
        );
        let actions = after(&mut founding, Duration::ZERO, event);
        (actions, founding)
    };
    let (actions, _) = meets(2, false, member(other, 1, false));
    assert_eq!(actions, [Action::Yield { to: lineage(1) }]);
    assert_eq!(meets(2, true, member(other, 1, false)).0, []);
    assert_eq!(meets(1, true, member(other, 2, true)).0, []);
    let (actions, diverged) = meets(2, true, member(other, 1, true));
    assert!(matches!(&actions[..], [Action::Fence(_)]));
    assert!(diverged.reason().to_string().contains("keeps its data"));
    assert_eq!(diverged.standing(), Standing::Diverged(history(2, true)));

    // Sealed: it joins the other one as another replica, and stragglers follow.
    let (_, mut sealed) = meets(2, false, member(other, 1, false));
    let moved = after(&mut sealed, Duration::ZERO, Event::Sealed);
    assert!(matches!(
        &moved[..],
        [Action::Renew(_), Action::Join { .. }]
    ));
    assert_eq!(sealed.facts().sealed, Some(lineage(2)));
    let of_another = Facts {
        replica: other,
        ..sealed.facts()
    };
    let (moved, _) = meets(2, false, Event::Peer(of_another));
    assert!(matches!(&moved[..], [Action::Renew(_), ..]));
}

/// A voter that lost its storage may have acknowledged what stands in our log; one that let go of its pledge has not.
#[test]
fn a_member_leaves_a_history_only_if_it_never_had_a_majority() {
    let [me, other, _] = ranked();
    let meets = |released: bool| {
        let voters = BTreeSet::from([me, other]);
        let history = history(1, false);
        let lineage = history.origin.lineage;
        let mut founding = Founding::resume(settings(&Formation::Auto), me, history, voters);
        let facts = Facts {
            released: released.then_some(lineage),
            ..facts(other.renewed(), Standing::Blank)
        };
        after(&mut founding, Duration::ZERO, Event::Peer(facts))
    };
    assert_eq!(meets(true)[0], Action::Renew(me.renewed()));
    assert_eq!(meets(false), []);
}

#[test]
fn golden_bytes() {
    let lineage = Lineage::first(LineageId::from([1; 16]));
    let bytes = encode(&Message::Grant { lineage }).unwrap();
    let decoded: Message = decode(&bytes).unwrap();
    assert_eq!(decoded, Message::Grant { lineage });
    let mut expected = b"\x81\xa5Grant\x91\x92\xc4\x10".to_vec();
    expected.extend_from_slice(&[1; 16]);
    expected.push(0);
    assert_eq!(bytes, expected);
    let facts = facts(replica(1), Standing::Member(history(1, true)));
    assert_eq!(decode::<Facts>(&encode(&facts).unwrap()).unwrap(), facts);
}
