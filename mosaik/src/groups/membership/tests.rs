use super::health::{DEAD_AFTER, LAG_MAX, LIVE_WITHIN, STABLE_FOR};
use super::*;
use crate::primitives::Digest;
use core::time::Duration;
use proptest::prelude::*;

const GOOD: Health = Health {
    is_live: true,
    is_caught_up: true,
    is_dead: false,
};
const BEHIND: Health = Health {
    is_live: true,
    is_caught_up: false,
    is_dead: false,
};
const SILENT: Health = Health {
    is_live: false,
    is_caught_up: false,
    is_dead: false,
};
const DEAD: Health = Health {
    is_live: false,
    is_caught_up: false,
    is_dead: true,
};

fn replica(number: u8) -> ReplicaId {
    ReplicaId::new(Digest::from_u8(number).into(), 1)
}

fn set(numbers: &[u8]) -> BTreeSet<ReplicaId> {
    numbers.iter().copied().map(replica).collect()
}

/// The leader is 1; all others are well.
fn view(voters: &[u8], learners: &[u8]) -> View {
    let others = voters.iter().chain(learners).filter(|number| **number != 1);
    View {
        me: replica(1),
        voters: set(voters),
        learners: set(learners),
        is_settled: true,
        has_quorum: true,
        health: others.map(|number| (replica(*number), GOOD)).collect(),
        observers: BTreeSet::new(),
        applicants: BTreeSet::new(),
        leaving: BTreeSet::new(),
        former: BTreeSet::new(),
        voters_min: 1,
    }
}

impl View {
    fn health(mut self, number: u8, health: Health) -> Self {
        self.health.insert(replica(number), health);
        self
    }

    fn observers(mut self, numbers: &[u8]) -> Self {
        self.observers = set(numbers);
        self
    }

    fn applicants(mut self, numbers: &[u8]) -> Self {
        self.applicants = set(numbers);
        self
    }

    fn leaving(mut self, numbers: &[u8]) -> Self {
        self.leaving = set(numbers);
        self
    }

    fn voters_min(mut self, count: usize) -> Self {
        self.voters_min = count;
        self
    }
}

#[test]
fn the_next_change() {
    let voters = |numbers: &[u8]| Some(Change::SetVoters(set(numbers)));
    let learner = |number| Some(Change::AddLearner(replica(number)));
    let gone = |number| Some(Change::RemoveLearner(replica(number)));
    let transfer = |number| Some(Change::TransferLeader(replica(number)));
    let table = [
        ("alone", view(&[1], &[]), None),
        (
            "a first applicant",
            view(&[1], &[]).applicants(&[2]),
            learner(2),
        ),
        (
            "a writer before an observer",
            view(&[1], &[]).applicants(&[2, 3]).observers(&[2]),
            learner(3),
        ),
        (
            "who is in already",
            view(&[1, 2], &[3]).applicants(&[2, 3]).health(3, BEHIND),
            None,
        ),
        ("two both vote", view(&[1], &[2]), voters(&[1, 2])),
        ("not while behind", view(&[1], &[2]).health(2, BEHIND), None),
        ("the third", view(&[1, 2], &[3]), voters(&[1, 2, 3])),
        ("no fourth", view(&[1, 2, 3], &[4]), None),
        (
            "the fourth and the fifth together",
            view(&[1, 2, 3], &[4, 5]),
            voters(&[1, 2, 3, 4, 5]),
        ),
        (
            "from four to five",
            view(&[1, 2, 3, 4], &[5]),
            voters(&[1, 2, 3, 4, 5]),
        ),
        ("no sixth", view(&[1, 2, 3, 4, 5], &[6, 7]), None),
        (
            "observers never vote",
            view(&[1], &[2]).observers(&[2]),
            None,
        ),
        (
            "a voter leaves",
            view(&[1, 2, 3], &[]).leaving(&[3]),
            voters(&[1, 2]),
        ),
        (
            "a standby takes its place",
            view(&[1, 2, 3], &[4]).leaving(&[3]),
            voters(&[1, 2, 4]),
        ),
        (
            "down to one",
            view(&[1, 2], &[]).leaving(&[2]),
            voters(&[1]),
        ),
        ("a learner leaves", view(&[1], &[2]).leaving(&[2]), gone(2)),
        (
            "one that leaves is not taken in",
            view(&[1], &[]).applicants(&[2]).leaving(&[2]),
            None,
        ),
        (
            "the leader leaves",
            view(&[1, 2, 3], &[]).leaving(&[1]),
            transfer(2),
        ),
        (
            "not to one that leaves or is behind",
            view(&[1, 2, 3, 4], &[]).leaving(&[1, 2]).health(3, BEHIND),
            transfer(4),
        ),
        (
            "the leader leaves a learner",
            view(&[1], &[2]).leaving(&[1]),
            voters(&[1, 2]),
        ),
        ("the last one leaves", view(&[1], &[]).leaving(&[1]), None),
        (
            "a dead voter",
            view(&[1, 2, 3], &[]).health(3, DEAD),
            voters(&[1, 2]),
        ),
        (
            "a dead voter and a standby",
            view(&[1, 2, 3], &[4]).health(3, DEAD),
            voters(&[1, 2, 4]),
        ),
        (
            "a silent voter is not dead",
            view(&[1, 2, 3], &[]).health(3, SILENT),
            None,
        ),
        (
            "never without a live majority",
            view(&[1, 2, 3, 4, 5], &[])
                .health(3, DEAD)
                .health(4, SILENT)
                .health(5, SILENT),
            None,
        ),
        (
            "a strict group keeps its number",
            view(&[1, 2, 3], &[]).health(3, DEAD).voters_min(3),
            None,
        ),
        (
            "a strict group replaces",
            view(&[1, 2, 3], &[4]).health(3, DEAD).voters_min(3),
            voters(&[1, 2, 4]),
        ),
        ("a dead learner", view(&[1], &[2]).health(2, DEAD), gone(2)),
        (
            "a silent voter does not keep others out",
            view(&[1, 2, 3], &[4, 5]).health(2, SILENT),
            voters(&[1, 2, 3, 4, 5]),
        ),
    ];
    for (name, view, expected) in table {
        assert_eq!(next_change(&view), expected, "{name}");
        for (is_settled, has_quorum) in [(false, true), (true, false)] {
            let view = View {
                is_settled,
                has_quorum,
                ..view.clone()
            };
            assert_eq!(next_change(&view), None, "{name}");
        }
    }
    let mut former = view(&[1], &[]).applicants(&[2]);
    former.former = set(&[2]);
    assert_eq!(
        next_change(&former),
        None,
        "a replica comes back as another one"
    );
    let learners: Vec<u8> = (10..10 + LEARNERS_MAX as u8).collect();
    let full = view(&[1, 2, 3, 4, 5], &learners).applicants(&[9]);
    assert_eq!(next_change(&full), None);
}

#[test]
fn groups_grow_to_five_voters_and_shrink_to_one() {
    let mut view = view(&[1], &[]);
    let mut sizes = Vec::new();
    for number in 2..=7 {
        view.applicants.insert(replica(number));
        view = settle(view);
        sizes.push(view.voters.len());
    }
    assert_eq!(sizes, [2, 3, 3, 5, 5, 5]);
    sizes.clear();
    for number in (2..=7).rev() {
        view.leaving.insert(replica(number));
        view = settle(view);
        sizes.push(view.voters.len());
    }
    assert_eq!(sizes, [5, 5, 4, 3, 2, 1]);
}

/// Carries out changes until there are none.
fn settle(mut view: View) -> View {
    for _ in 0..20 {
        match next_change(&view) {
            None => return view,
            Some(Change::AddLearner(id)) => {
                view.learners.insert(id);
                view.health.insert(id, GOOD);
            }
            Some(Change::RemoveLearner(id)) => {
                view.learners.remove(&id);
                view.former.insert(id);
            }
            Some(Change::SetVoters(voters)) => {
                view.learners = &view.learners - &voters;
                view.former.extend(&view.voters - &voters);
                view.voters = voters;
            }
            Some(Change::TransferLeader(_)) => return view,
        }
    }
    panic!("changes never end");
}

#[test]
fn health_by_what_is_heard() {
    let ms = Duration::from_millis;
    let (close, far, lost) = (replica(2), replica(3), replica(4));
    let mut watch = Watch::new();
    let observe = |watch: &mut Watch, now: Duration, heard: Duration| {
        let progress = |lag, heard_at| Progress { heard_at, lag };
        let followers = BTreeMap::from([
            (close, progress(Some(LAG_MAX), Some(heard))),
            (far, progress(Some(LAG_MAX + 1), Some(heard))),
            (lost, progress(None, None)),
        ]);
        watch.observe(now, &followers);
    };
    observe(&mut watch, ms(1_000), ms(1_000));
    assert_eq!(watch.health(ms(1_000))[&close], BEHIND);
    assert_eq!(watch.deadline(ms(1_000)), Some(ms(1_000) + STABLE_FOR));
    observe(&mut watch, ms(1_500), ms(1_500));
    let health = watch.health(ms(1_500));
    assert_eq!(
        (health[&close], health[&far], health[&lost]),
        (GOOD, BEHIND, BEHIND)
    );
    let silent = ms(1_501) + LIVE_WITHIN;
    assert_eq!(watch.health(silent)[&close], SILENT);
    assert_eq!(watch.health(ms(1_000) + DEAD_AFTER)[&lost], DEAD);
    assert_eq!(watch.health(ms(1_000) + DEAD_AFTER)[&close], SILENT);
    watch.supersede(close.renewed());
    assert_eq!(watch.health(ms(1_500))[&close], DEAD);
    assert_eq!(watch.health(ms(1_500))[&far], BEHIND);
    watch.observe(ms(2_000), &BTreeMap::new());
    assert!(watch.health(ms(2_000)).is_empty() && watch.deadline(ms(2_000)).is_none());
}

proptest! {
    #[test]
    fn whatever_the_view_no_change_is_dangerous(
        roles in proptest::collection::vec(0u8..4, 1..9),
        health in proptest::collection::vec(0usize..4, 9),
        leaving in proptest::collection::vec(any::<bool>(), 9),
        observers in proptest::collection::vec(any::<bool>(), 9),
        voters_min in 1usize..4,
    ) {
        let numbers = |role: u8| -> Vec<u8> {
            let roles = roles.iter().zip(2u8..);
            roles.filter(|(is, _)| **is == role).map(|(_, number)| number).collect()
        };
        let mut voters = numbers(0);
        voters.truncate(VOTERS_MAX - 1);
        voters.push(1);
        let mut view = view(&voters, &numbers(1)).applicants(&numbers(2)).voters_min(voters_min);
        for number in 2u8..9 {
            let at = usize::from(number);
            view.health.insert(replica(number), [GOOD, BEHIND, SILENT, DEAD][health[at]]);
            if leaving[at] { view.leaving.insert(replica(number)); }
            if observers[at] && !view.voters.contains(&replica(number)) { view.observers.insert(replica(number)); }
        }
        if leaving[0] { view.leaving.insert(replica(1)); }
        let change = next_change(&view);
        prop_assert_eq!(&change, &next_change(&view.clone()));
        match change {
            Some(Change::SetVoters(next)) => {
                let live = next.iter().filter(|id| view.is_live(id)).count();
                prop_assert!(live > next.len() / 2);
                prop_assert!(next.len() <= VOTERS_MAX + 1, "one more only to hand over");
                prop_assert!(next.contains(&view.me));
                prop_assert!(next.is_disjoint(&view.observers));
                for gone in &view.voters - &next {
                    prop_assert!(view.leaving.contains(&gone) || view.health_of(&gone).is_dead);
                }
                prop_assert!((&view.voters - &next).len() <= 1);
                for new in &next - &view.voters {
                    prop_assert!(view.learners.contains(&new) && view.health_of(&new).is_caught_up);
                }
            }
            Some(Change::AddLearner(id)) => prop_assert!(view.applicants.contains(&id)),
            Some(Change::RemoveLearner(id)) => {
                prop_assert!(view.learners.contains(&id));
                prop_assert!(view.leaving.contains(&id) || view.health_of(&id).is_dead);
            }
            Some(Change::TransferLeader(id)) => {
                prop_assert!(view.leaving.contains(&view.me) && view.voters.contains(&id));
                prop_assert!(view.health_of(&id).is_caught_up);
            }
            None => {}
        }
    }
}
