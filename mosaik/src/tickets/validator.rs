//! The rule that judges tickets of one class.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Expiration, Rejection};
use crate::primitives::{PeerEntry, TicketClass, UniqueId};

/// A ticket that its validator refused. Says no more: the reason is the validator's to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("InvalidTicket")]
pub struct InvalidTicket;

impl InvalidTicket {
    /// Whether the same ticket may be accepted later: not unless it is replaced.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was admitted: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// A rule that judges the tickets of one class.
///
/// Called for every peer that wants to connect and whenever what its entry says changes, so it should
/// take well under a millisecond, and must not wait. Answers are remembered until the entry changes or the
/// answer's own time has come.
///
/// ```
/// use mosaik::{
///     PeerId, UniqueId,
///     discovery::PeerEntry,
///     tickets::{Expiration, InvalidTicket, TicketClass, TicketValidator},
/// };
///
/// /// Admits the peers of a list, each by a ticket that says nothing but who it is.
/// struct Listed(Vec<PeerId>);
///
/// impl TicketValidator for Listed {
///     fn class(&self) -> TicketClass {
///         "example.listed".into()
///     }
///
///     fn signature(&self) -> UniqueId {
///         self.0.iter().fold(self.class(), |id, peer| id.derive(peer.as_bytes()))
///     }
///
///     fn validate(&self, ticket: &[u8], peer: &PeerEntry) -> Result<Expiration, InvalidTicket> {
///         let is_listed = ticket == peer.id().as_bytes() && self.0.contains(peer.id());
///         is_listed.then_some(Expiration::Never).ok_or(InvalidTicket)
///     }
/// }
///
/// let peer = mosaik::SecretKey::from_bytes(&[7; 32]).public();
/// assert_ne!(Listed(vec![]).signature(), Listed(vec![peer]).signature());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not validate tickets",
    label = "not a `TicketValidator`",
    note = "use `mosaik::tickets::Jwt`, or implement `TicketValidator` for your own rule"
)]
pub trait TicketValidator: Send + Sync + 'static {
    /// Which tickets it can judge.
    fn class(&self) -> TicketClass;

    /// An id of the kind of rule and its whole configuration: equal rules have equal ids.
    ///
    /// It goes into the id of a group, so members with different rules never meet.
    fn signature(&self) -> UniqueId;

    /// Judges the data of a ticket that `peer` carries.
    ///
    /// # Errors
    /// The ticket does not let this peer in.
    fn validate(&self, ticket: &[u8], peer: &PeerEntry) -> Result<Expiration, InvalidTicket>;

    /// [`validate`](Self::validate) at a given time, with the reason of a refusal.
    ///
    /// What streams, groups and collections call. Override it to explain refusals, and to say when a
    /// ticket that is not valid yet will be.
    ///
    /// # Errors
    /// The ticket does not let this peer in: which rule says so.
    fn judge(
        &self,
        ticket: &[u8],
        peer: &PeerEntry,
        now: DateTime<Utc>,
    ) -> Result<Expiration, Rejection> {
        let _ = now;
        self.validate(ticket, peer).map_err(Rejection::from)
    }

    /// What its tickets are called in explanations.
    fn name(&self) -> &'static str {
        "ticket"
    }
}

macro_rules! forward {
    ($($pointer:ident),*) => {
        $(
            #[diagnostic::do_not_recommend]
            impl<T: TicketValidator + ?Sized> TicketValidator for $pointer<T> {
                fn class(&self) -> TicketClass {
                    (**self).class()
                }

                fn signature(&self) -> UniqueId {
                    (**self).signature()
                }

                fn validate(
                    &self,
                    ticket: &[u8],
                    peer: &PeerEntry,
                ) -> Result<Expiration, InvalidTicket> {
                    (**self).validate(ticket, peer)
                }

                fn judge(
                    &self,
                    ticket: &[u8],
                    peer: &PeerEntry,
                    now: DateTime<Utc>,
                ) -> Result<Expiration, Rejection> {
                    (**self).judge(ticket, peer, now)
                }

                fn name(&self) -> &'static str {
                    (**self).name()
                }
            }
        )*
    };
}

forward!(Box, Arc);

impl PeerEntry {
    /// Until when the best of the peer's tickets of the validator's class is valid.
    ///
    /// # Errors
    /// No ticket of that class is valid.
    pub fn validate_ticket(
        &self,
        validator: &dyn TicketValidator,
    ) -> Result<Expiration, InvalidTicket> {
        self.tickets_of(validator.class())
            .filter_map(|ticket| validator.validate(ticket.data(), self).ok())
            .max()
            .ok_or(InvalidTicket)
    }

    /// Until when all validators are content; `None` if there are no validators.
    ///
    /// # Errors
    /// A validator finds no valid ticket.
    pub fn validate_tickets(
        &self,
        validators: &[impl AsRef<dyn TicketValidator>],
    ) -> Result<Option<Expiration>, InvalidTicket> {
        validators
            .iter()
            .try_fold(None, |soonest: Option<Expiration>, validator| {
                let expiration = self.validate_ticket(validator.as_ref())?;
                Ok(Some(
                    soonest.map_or(expiration, |soonest| soonest.min(expiration)),
                ))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{Digest, EndpointAddr, SecretKey, Ticket};
    use chrono::DateTime;

    /// Tickets of class `self.0` hold the second they expire at, in text; 0 is never.
    struct Seconds(u8);

    impl TicketValidator for Seconds {
        fn class(&self) -> TicketClass {
            TicketClass::from_u8(self.0)
        }

        fn signature(&self) -> UniqueId {
            self.class().derive("seconds")
        }

        fn validate(&self, ticket: &[u8], _: &PeerEntry) -> Result<Expiration, InvalidTicket> {
            let text = core::str::from_utf8(ticket).map_err(|_| InvalidTicket)?;
            match text.parse().map_err(|_| InvalidTicket)? {
                0 => Ok(Expiration::Never),
                seconds => DateTime::from_timestamp(seconds, 0)
                    .map(Expiration::At)
                    .ok_or(InvalidTicket),
            }
        }
    }

    fn entry(tickets: &[(u8, &'static str)]) -> PeerEntry {
        let address = EndpointAddr::new(SecretKey::from_bytes(&[1; 32]).public());
        let entry = PeerEntry::new_at(Digest::zero(), address, DateTime::UNIX_EPOCH);
        tickets.iter().fold(entry, |entry, (class, data)| {
            entry.add_ticket(Ticket::new(TicketClass::from_u8(*class), (*data).into()))
        })
    }

    fn at(seconds: i64) -> Expiration {
        Expiration::At(DateTime::from_timestamp(seconds, 0).unwrap())
    }

    #[test]
    fn the_latest_valid_ticket_of_the_class_counts() {
        type Tickets = &'static [(u8, &'static str)];
        let table: &[(Tickets, Result<Expiration, InvalidTicket>)] = &[
            (&[], Err(InvalidTicket)),
            (&[(2, "5")], Err(InvalidTicket)),
            (&[(1, "bad")], Err(InvalidTicket)),
            (&[(1, "bad"), (1, "5"), (1, "9"), (2, "99")], Ok(at(9))),
            (&[(1, "9"), (1, "0")], Ok(Expiration::Never)),
        ];
        for (tickets, expected) in table {
            assert_eq!(
                entry(tickets).validate_ticket(&Seconds(1)),
                *expected,
                "{tickets:?}"
            );
        }
    }

    #[test]
    fn all_validators_must_agree_and_the_soonest_end_counts() {
        let none: Vec<Arc<dyn TicketValidator>> = Vec::new();
        assert_eq!(entry(&[]).validate_tickets(&none), Ok(None));
        let both: Vec<Arc<dyn TicketValidator>> = vec![Arc::new(Seconds(1)), Arc::new(Seconds(2))];
        assert_eq!(
            entry(&[(1, "5"), (2, "3")]).validate_tickets(&both),
            Ok(Some(at(3)))
        );
        assert_eq!(
            entry(&[(1, "5"), (2, "0")]).validate_tickets(&both),
            Ok(Some(at(5)))
        );
        assert_eq!(
            entry(&[(1, "5")]).validate_tickets(&both),
            Err(InvalidTicket)
        );
    }

    #[test]
    fn pointers_are_validators() {
        let boxed: Box<dyn TicketValidator> = Box::new(Seconds(3));
        assert_eq!(boxed.class(), Seconds(3).class());
        let shared: Arc<Box<dyn TicketValidator>> = Arc::new(boxed);
        assert_eq!(shared.signature(), Seconds(3).signature());
        assert_eq!(entry(&[(3, "7")]).validate_ticket(&shared), Ok(at(7)));
        assert_eq!(InvalidTicket.to_string(), "InvalidTicket");
    }
}
