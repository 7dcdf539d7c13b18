use {
    super::*,
    crate::{
        primitives::{Digest, EndpointAddr, SecretKey, TicketClass, UniqueId},
        tickets::InvalidTicket,
    },
    std::sync::atomic::{AtomicUsize, Ordering},
};

/// Tickets hold when they begin and end, in seconds, as in `10-20`; an end of 0 is never.
struct Span {
    class: u8,
    asked: Arc<AtomicUsize>,
}

impl TicketValidator for Span {
    fn class(&self) -> TicketClass {
        TicketClass::from_u8(self.class)
    }

    fn signature(&self) -> UniqueId {
        self.class().derive("span")
    }

    fn validate(&self, _: &[u8], _: &PeerEntry) -> Result<Expiration, InvalidTicket> {
        panic!("a gate passes the time")
    }

    fn judge(
        &self,
        ticket: &[u8],
        _: &PeerEntry,
        now: DateTime<Utc>,
    ) -> Result<Expiration, Rejection> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let text = std::str::from_utf8(ticket).unwrap();
        let (begin, end) = text.split_once('-').ok_or(Rejection::new("no span"))?;
        let (begin, end) = (begin.parse().unwrap(), end.parse().unwrap());
        if now < at(begin) {
            return Err(Rejection::new("too early").acceptable_from(at(begin)));
        }
        Ok(match end {
            0 => Expiration::Never,
            end => Expiration::At(at(end)),
        })
    }

    fn name(&self) -> &'static str {
        "span"
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn entry(peer: u8, tickets: &[(u8, &'static str)]) -> PeerEntry {
    let address = EndpointAddr::new(SecretKey::from_bytes(&[peer; 32]).public());
    let entry = PeerEntry::new_at(Digest::zero(), address, DateTime::UNIX_EPOCH);
    tickets.iter().fold(entry, |entry, (class, data)| {
        entry.add_ticket(Ticket::new(TicketClass::from_u8(*class), (*data).into()))
    })
}

fn gate(classes: &[u8]) -> (Gate, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let validator = |class: &u8| -> Arc<dyn TicketValidator> {
        Arc::new(Span {
            class: *class,
            asked: asked.clone(),
        })
    };
    (Gate::new(classes.iter().map(validator).collect()), asked)
}

fn judge(gate: &Gate, entry: &PeerEntry, now: i64) -> Admission {
    gate.judge(entry.id(), entry, at(now))
}

fn until(seconds: i64) -> Result<Expiration, &'static str> {
    Ok(Expiration::At(at(seconds)))
}

#[test]
fn all_validators_must_be_satisfied_and_the_soonest_end_counts() {
    type Case = (
        &'static [u8],
        &'static [(u8, &'static str)],
        Result<Expiration, &'static str>,
        Option<i64>,
    );
    let never = Ok(Expiration::Never);
    let table: &[Case] = &[
        (&[], &[], never, None),
        (&[1], &[], Err("span: the peer carries none"), None),
        (
            &[1],
            &[(2, "0-0")],
            Err("span: the peer carries none"),
            None,
        ),
        (&[1], &[(1, "0-0")], never, None),
        (&[1], &[(1, "0-90"), (1, "0-99")], until(99), Some(99)),
        (&[1], &[(1, "0-90"), (1, "bad")], until(90), Some(90)),
        (&[1, 2], &[(1, "0-90"), (2, "0-80")], until(80), Some(80)),
        (
            &[1, 2],
            &[(1, "0-90")],
            Err("span: the peer carries none"),
            None,
        ),
        (&[1], &[(1, "60-90")], Err("span: too early"), Some(60)),
        // The later of the two: before it the second validator still says no.
        (
            &[1, 2],
            &[(1, "60-90"), (2, "70-90")],
            Err("span: too early; span: too early"),
            Some(70),
        ),
        (
            &[1, 2],
            &[(1, "60-90")],
            Err("span: too early; span: the peer carries none"),
            None,
        ),
        (
            &[1],
            &[(1, "60-90"), (1, "55-90"), (1, "0-40")],
            Err("span: none of 3 is valid: "),
            Some(55),
        ),
    ];
    for (validators, tickets, expected, again) in table {
        let (gate, _) = gate(validators);
        let admission = judge(&gate, &entry(1, tickets), 50);
        let case = format!("{validators:?} {tickets:?}: {admission:?}");
        match (&admission, expected) {
            (Admission::Admitted { until }, Ok(expected)) => assert_eq!(until, expected, "{case}"),
            (Admission::Refused(refused), Err(expected)) => {
                assert!(refused.to_string().starts_with(expected), "{case}");
            }
            _ => panic!("{case}"),
        }
        assert_eq!(admission.judge_again_at(), again.map(at), "{case}");
    }
}

/// A ticket that expired between two looks never gives a right, however its validator counts.
#[test]
fn f17_expiry_is_never_mistaken_for_no_end() {
    let (gate, _) = gate(&[1]);
    let bearer = entry(1, &[(1, "0-60")]);
    for (now, admitted) in [(59, true), (60, false), (61, false)] {
        let admission = judge(&gate, &bearer, now);
        let is_admitted = matches!(admission, Admission::Admitted { .. });
        assert_eq!(is_admitted, admitted, "at {now}: {admission:?}");
    }
}

/// Another peer's entry, tickets and all, gives no right to the one that shows it.
#[test]
fn f17_an_entry_of_another_peer_gives_no_right() {
    let (gate, asked) = gate(&[1]);
    let member = entry(1, &[(1, "0-0")]);
    let thief = *entry(2, &[]).id();
    let admission = gate.judge(&thief, &member, at(1));
    assert_eq!(admission, Admission::refused("the entry is another peer's"));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    assert!(matches!(
        judge(&gate, &member, 1),
        Admission::Admitted { .. }
    ));
}

#[test]
fn an_answer_is_remembered_until_the_entry_or_the_time_changes_it() {
    let (gate, asked) = gate(&[1]);
    let member = entry(1, &[(1, "0-60")]);
    let stranger = entry(2, &[(1, "bad")]);
    // A version alone changes nothing that an entry says.
    let renewed = member
        .clone()
        .add_ticket(Ticket::new(TicketClass::from_u8(1), "0-80".into()));
    let touched = member.clone().touched_at(at(5));
    let cases = [
        (&member, 10, 1),
        (&member, 11, 1),
        (&touched, 12, 1),
        (&stranger, 12, 2),
        (&stranger, 12, 2),
        (&stranger, 13, 3),
        (&renewed, 13, 5),
        (&renewed, 59, 5),
        // The first of the two is over by now, but the answer was about the later one.
        (&renewed, 61, 5),
        (&renewed, 80, 7),
        // The clock was set back.
        (&renewed, 70, 9),
    ];
    for (index, (entry, now, expected)) in cases.into_iter().enumerate() {
        judge(&gate, entry, now);
        assert_eq!(asked.load(Ordering::Relaxed), expected, "case {index}");
    }
}

#[test]
fn strangers_do_not_push_out_members() {
    let (gate, asked) = gate(&[1]);
    let member = entry(1, &[(1, "0-0")]);
    judge(&gate, &member, 1);
    let unknown = entry(2, &[]);
    for index in 0..2 * REMEMBERED_MAX {
        let key = Digest::from(index.to_string().as_str());
        let peer = SecretKey::from_bytes(key.as_bytes()).public();
        gate.remember(
            peer,
            Remembered {
                mark: 0,
                at: at(1),
                admission: judge(&gate, &unknown, 1),
            },
        );
    }
    assert!(gate.lock().len() <= REMEMBERED_MAX);
    judge(&gate, &member, 2);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn a_validator_that_panics_admits_nobody() {
    struct Broken;
    impl TicketValidator for Broken {
        fn class(&self) -> TicketClass {
            TicketClass::from_u8(1)
        }
        fn signature(&self) -> UniqueId {
            self.class()
        }
        fn validate(&self, _: &[u8], _: &PeerEntry) -> Result<Expiration, InvalidTicket> {
            panic!("a validator with a defect")
        }
    }
    let gate = Gate::new(vec![Arc::new(Broken)]);
    assert_eq!(
        judge(&gate, &entry(1, &[(1, "")]), 1),
        Admission::refused("ticket: the validator panicked")
    );
}

#[test]
fn many_tickets_cost_no_more_than_some() {
    let (gate, asked) = gate(&[1]);
    let tickets: Vec<(u8, &'static str)> = (0..40)
        .map(|index| (1, &*format!("{index}").leak()))
        .collect();
    let admission = judge(&gate, &entry(1, &tickets), 1);
    assert_eq!(asked.load(Ordering::Relaxed), TICKETS_JUDGED_MAX);
    assert_eq!(
        admission,
        Admission::refused("span: none of 40 is valid: no span (only the first 16 were looked at)")
    );
}
