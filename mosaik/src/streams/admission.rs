//! Who may be at the other end of a channel.
//!
//! A producer decides about a consumer when it asks and whenever its entry changes; a consumer decides about producers
//! by the same [`Requirements`]. Pure: entries in, decisions out.

use {
    super::criteria::{Filter, KeyKind},
    crate::{
        primitives::{Digest, PeerEntry, PeerId},
        tickets::{Admission, Gate, Refused, TicketValidator},
    },
    chrono::{DateTime, Utc},
    std::{
        fmt,
        panic::{AssertUnwindSafe, catch_unwind},
        sync::Arc,
        time::Duration,
    },
};

/// A rule about a peer.
pub(crate) type Predicate = Box<dyn Fn(&PeerEntry) -> bool + Send + Sync>;

/// What a peer must satisfy; every rule, in the order in which they were given.
pub(crate) struct Requirements {
    predicate: Option<Predicate>,
    tickets: Vec<Arc<dyn TicketValidator>>,
}

impl Requirements {
    pub(crate) const fn none() -> Self {
        Self {
            predicate: None,
            tickets: Vec::new(),
        }
    }

    /// Adds a rule that is asked after the earlier ones hold.
    pub(crate) fn require(&mut self, rule: impl Fn(&PeerEntry) -> bool + Send + Sync + 'static) {
        self.predicate = Some(match self.predicate.take() {
            None => Box::new(rule),
            Some(earlier) => Box::new(move |peer| earlier(peer) && rule(peer)),
        });
    }

    pub(crate) fn require_ticket(&mut self, validator: impl TicketValidator) {
        self.tickets.push(Arc::new(validator));
    }

    /// The rules in the shape that the public configurations have.
    pub(crate) fn into_parts(self) -> (Predicate, Vec<Arc<dyn TicketValidator>>) {
        let predicate = self.predicate.unwrap_or_else(|| Box::new(|_| true));
        (predicate, self.tickets)
    }
}

/// Whether a peer satisfies the rules, and until when its tickets do.
///
/// `peer` is who the transport says it is. A rule that panics is not satisfied.
pub(crate) fn check(
    peer: &PeerId,
    entry: &PeerEntry,
    predicate: &Predicate,
    gate: &Gate,
    now: DateTime<Utc>,
) -> Result<ValidUntil, Refusal> {
    match catch_unwind(AssertUnwindSafe(|| predicate(entry))) {
        Ok(true) => {}
        Ok(false) => return Err(Refusal::Requirement),
        Err(_) => return Err(Refusal::RulePanicked),
    }
    match gate.judge(peer, entry, now) {
        Admission::Refused(refused) => Err(Refusal::Ticket(refused)),
        admitted => Ok(ValidUntil(admitted.judge_again_at())),
    }
}

/// When a decision has to be taken again although no entry changed; `None` for never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValidUntil(pub(crate) Option<DateTime<Utc>>);

/// How long to wait for a time of the calendar before looking at the calendar again.
///
/// A second at most: while the host sleeps, or when its clock is set, the calendar goes on without the clock that waits
/// are measured by, and a right that has ended meanwhile has to end within a second.
pub(crate) fn until_the_calendar_shows(at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    let left = (at - now).to_std().unwrap_or_default();
    // A little later than the time, so that it has certainly passed.
    (left + TICK).min(LOOK_EVERY)
}

const TICK: Duration = Duration::from_millis(5);

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a producer offers, as far as admission cares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Offer {
    pub(crate) schema: Digest,
    /// The kind of keys of its index, once known: `Some(None)` for an index that has seen no datum.
    pub(crate) index: Option<Option<KeyKind>>,
    pub(crate) consumers: usize,
    pub(crate) consumers_max: usize,
}

/// What a consumer asks for, as far as admission cares.
pub(crate) struct Applicant<'a> {
    /// What [`check`] says about its entry in the catalog; `None` if it has none.
    pub(crate) eligible: Option<Result<ValidUntil, Refusal>>,
    pub(crate) schema: Digest,
    pub(crate) filter: Option<&'a Filter>,
    /// Whether it takes up a channel that it has already.
    pub(crate) resumes: bool,
}

/// Decides about a consumer; `None` as an offer means that there is no such stream.
pub(crate) fn decide(
    offer: Option<Offer>,
    applicant: &Applicant<'_>,
) -> Result<ValidUntil, Refusal> {
    let eligible = applicant.eligible.clone().ok_or(Refusal::UnknownPeer)?;
    let offer = offer.ok_or(Refusal::StreamNotFound)?;
    if offer.schema != applicant.schema {
        return Err(Refusal::SchemaMismatch);
    }
    if let Some(filter) = applicant.filter {
        check_filter(filter, offer.index)?;
    }
    if !applicant.resumes && offer.consumers >= offer.consumers_max {
        return Err(Refusal::NoCapacity {
            consumers_max: offer.consumers_max,
        });
    }
    eligible
}

fn check_filter(filter: &Filter, index: Option<Option<KeyKind>>) -> Result<(), Refusal> {
    if !filter.is_bounded() {
        return Err(Refusal::FilterTooLarge);
    }
    match (index, filter.kind()) {
        (None, _) => Err(Refusal::NoIndex),
        (Some(Some(index)), Some(filter)) if index != filter => {
            Err(Refusal::OtherKeys { index, filter })
        }
        _ => Ok(()),
    }
}

/// Why a consumer is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownPeer,
    StreamNotFound,
    SchemaMismatch,
    NoIndex,
    OtherKeys { index: KeyKind, filter: KeyKind },
    FilterTooLarge,
    NoCapacity { consumers_max: usize },
    Requirement,
    Ticket(Refused),
    RulePanicked,
}

impl Refusal {
    /// When the verdict may change though no entry does.
    pub(crate) fn judge_again_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Ticket(refused) => refused.judge_again_at(),
            _ => None,
        }
    }

    /// What the other end is told: not which rule failed.
    pub(crate) fn told(&self) -> String {
        match self {
            Self::Requirement | Self::Ticket(_) | Self::RulePanicked => "not allowed".to_owned(),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownPeer => f.write_str("the consumer is not in the producer's catalog"),
            Self::StreamNotFound => f.write_str("no such stream here"),
            Self::SchemaMismatch => f.write_str("the datum has another schema"),
            Self::NoIndex => f.write_str("the producer has no index to filter by"),
            Self::OtherKeys { index, filter } => {
                write!(
                    f,
                    "the index has {}, the filter asks for {}",
                    index.name(),
                    filter.name()
                )
            }
            Self::FilterTooLarge => f.write_str("the filter has too many ranges"),
            Self::NoCapacity { consumers_max } => write!(f, "at most {consumers_max} consumers"),
            Self::Requirement => f.write_str("it does not satisfy `require`"),
            Self::Ticket(refused) => write!(f, "it has no valid ticket ({refused})"),
            Self::RulePanicked => f.write_str("a requirement panicked"),
        }
    }
}

#[cfg(test)]
mod tests {
    use {
        super::*,
        crate::primitives::{EndpointAddr, SecretKey},
    };

    fn entry(tags: &[&str]) -> PeerEntry {
        let id = SecretKey::from_bytes(&[7; 32]).public();
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let entry = PeerEntry::new_at(Digest::from("net"), EndpointAddr::from(id), now);
        entry.add_tags(tags.iter().copied())
    }

    fn ask(
        entry: &PeerEntry,
        predicate: &Predicate,
        tickets: &[Arc<dyn TicketValidator>],
    ) -> Result<ValidUntil, Refusal> {
        let gate = Gate::new(tickets.to_vec());
        check(entry.id(), entry, predicate, &gate, DateTime::UNIX_EPOCH)
    }

    fn offer(consumers: usize, index: Option<Option<KeyKind>>) -> Offer {
        Offer {
            schema: Digest::from("schema"),
            index,
            consumers,
            consumers_max: 3,
        }
    }

    #[test]
    fn refusals_come_in_the_order_of_the_protocol() {
        const OK: Result<ValidUntil, Refusal> = Ok(ValidUntil(None));
        const NO: Result<ValidUntil, Refusal> = Err(Refusal::Requirement);
        let numbers = Filter::key_range(1u8..);
        let words = Filter::key_is("a");
        let full = Refusal::NoCapacity { consumers_max: 3 };
        let other_keys = Refusal::OtherKeys {
            index: KeyKind::Text,
            filter: KeyKind::Unsigned,
        };
        // (offer, entry's eligibility, schema, filter, resumes) -> verdict
        let cases = [
            (None, None, "schema", None, false, Err(Refusal::UnknownPeer)),
            (
                None,
                Some(OK),
                "schema",
                None,
                false,
                Err(Refusal::StreamNotFound),
            ),
            (
                Some(offer(3, None)),
                Some(NO),
                "other",
                None,
                false,
                Err(Refusal::SchemaMismatch),
            ),
            (
                Some(offer(3, None)),
                Some(NO),
                "schema",
                Some(&numbers),
                false,
                Err(Refusal::NoIndex),
            ),
            (
                Some(offer(0, Some(Some(KeyKind::Text)))),
                Some(OK),
                "schema",
                Some(&numbers),
                false,
                Err(other_keys),
            ),
            (
                Some(offer(0, Some(Some(KeyKind::Text)))),
                Some(OK),
                "schema",
                Some(&words),
                false,
                OK,
            ),
            (
                Some(offer(0, Some(None))),
                Some(OK),
                "schema",
                Some(&numbers),
                false,
                OK,
            ),
            (
                Some(offer(3, None)),
                Some(NO),
                "schema",
                None,
                false,
                Err(full),
            ),
            (Some(offer(3, None)), Some(NO), "schema", None, true, NO),
            (Some(offer(3, None)), Some(OK), "schema", None, true, OK),
            (Some(offer(2, None)), Some(NO), "schema", None, false, NO),
            (Some(offer(2, None)), Some(OK), "schema", None, false, OK),
        ];
        for (offer, eligible, schema, filter, resumes, verdict) in cases {
            let applicant = Applicant {
                eligible,
                schema: Digest::from(schema),
                filter,
                resumes,
            };
            assert_eq!(decide(offer, &applicant), verdict, "{offer:?}");
        }
    }

    #[test]
    fn rules_are_asked_in_order_until_one_fails() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let asked = Arc::new(AtomicUsize::new(0));
        let mut requirements = Requirements::none();
        requirements.require(|peer| peer.tags().contains(&"a".into()));
        let count = asked.clone();
        requirements.require(move |peer| {
            count.fetch_add(1, Ordering::Relaxed);
            peer.tags().contains(&"b".into())
        });
        let (predicate, tickets) = requirements.into_parts();
        let cases = [
            (entry(&[]), Err(Refusal::Requirement), 0),
            (entry(&["a"]), Err(Refusal::Requirement), 1),
            (entry(&["a", "b"]), Ok(ValidUntil(None)), 2),
        ];
        for (entry, verdict, asked_so_far) in cases {
            assert_eq!(ask(&entry, &predicate, &tickets), verdict);
            assert_eq!(asked.load(Ordering::Relaxed), asked_so_far);
        }
    }

    #[test]
    fn a_rule_that_panics_admits_nobody() {
        let mut requirements = Requirements::none();
        requirements.require(|_| panic!("a rule with a defect"));
        let (predicate, tickets) = requirements.into_parts();
        assert_eq!(
            ask(&entry(&[]), &predicate, &tickets),
            Err(Refusal::RulePanicked)
        );
    }

    #[test]
    fn the_soonest_ticket_bounds_the_decision() {
        use crate::{
            primitives::{Bytes, Ticket, TicketClass, UniqueId},
            tickets::{Expiration, InvalidTicket},
        };

        struct Until(&'static str, Expiration);
        impl TicketValidator for Until {
            fn class(&self) -> TicketClass {
                UniqueId::from(self.0)
            }
            fn signature(&self) -> UniqueId {
                self.class()
            }
            fn validate(&self, _: &[u8], _: &PeerEntry) -> Result<Expiration, InvalidTicket> {
                Ok(self.1)
            }
        }

        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let mut requirements = Requirements::none();
        requirements.require_ticket(Until("a", Expiration::Never));
        requirements.require_ticket(Until("b", Expiration::At(at(5))));
        requirements.require_ticket(Until("c", Expiration::At(at(9))));
        let (predicate, tickets) = requirements.into_parts();
        let ticket = |class: &str| Ticket::new(UniqueId::from(class), Bytes::new());
        let some = entry(&[]).add_ticket(ticket("a")).add_ticket(ticket("b"));
        let refusal = ask(&some, &predicate, &tickets).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "it has no valid ticket (ticket: the peer carries none)"
        );
        assert_eq!(refusal.told(), "not allowed");
        let all = some.add_ticket(ticket("c"));
        assert_eq!(ask(&all, &predicate, &tickets), Ok(ValidUntil(Some(at(5)))));
    }

    #[test]
    fn the_calendar_is_looked_at_every_second_until_a_right_ends() {
        let at = |millis| DateTime::from_timestamp_millis(millis).unwrap();
        for (end, wait) in [
            (100_000, 1000),
            (2_500, 1000),
            (1_300, 305),
            (1_000, 5),
            (0, 5),
        ] {
            let waits = until_the_calendar_shows(at(end), at(1_000));
            assert_eq!(waits, Duration::from_millis(wait), "{end}");
        }
    }

    #[test]
    fn the_other_end_is_not_told_which_rule_failed() {
        for refusal in [Refusal::Requirement, Refusal::RulePanicked] {
            assert_eq!(refusal.told(), "not allowed");
        }
        assert_eq!(
            Refusal::NoCapacity { consumers_max: 3 }.told(),
            "at most 3 consumers"
        );
    }
}
