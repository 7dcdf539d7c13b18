//! Fresh quotes on demand: which peers have answered a verifier's number, and which are to be asked.
//!
//! Rules only say that they want an answer; a node's task asks the peer over the network and enters the answer here. Does
//! not know how peers are reached.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::watch;

use super::{
    measurements::Measurements,
    policy::Claims,
    ticket::{Binding, TdxTicket, TdxTicketError},
    verify::{Verdict, Verifier, VerifyError},
};
use crate::primitives::{Digest, NetworkId, PeerId};

/// How long an answer counts: a stolen key is of use for that long after its domain has gone.
const ANSWER_LASTS: TimeDelta = TimeDelta::minutes(10);

/// An answer older than this is asked for again while the old one still counts.
const ASK_AFTER: TimeDelta = TimeDelta::minutes(5);

/// A peer that did not answer is not asked again at once.
const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(2);

/// A rule looks at a peer at the latest when its last answer has run out.
const UNUSED_FOR: TimeDelta = TimeDelta::minutes(15);

/// Peers that are asked or have answered: as many as tickets that something is known about.
const PEERS_MAX: usize = 4096;

/// The challenges of this process.
pub(crate) static CHALLENGES: LazyLock<Challenges> = LazyLock::new(|| Challenges {
    state: Mutex::default(),
    wanted: watch::Sender::new(0),
});

pub(crate) struct Challenges {
    state: Mutex<HashMap<Asked, State>>,
    wanted: watch::Sender<u64>,
}

/// A peer in a network, as one root of trust sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked {
    network: NetworkId,
    peer: PeerId,
    root: Option<Digest>,
}

struct State {
    verifier: Verifier,
    answered: Option<Answer>,
    asked_at: Option<DateTime<Utc>>,
    looked_at: DateTime<Utc>,
}

/// What a peer answered: for the rule to judge as it judges the ticket.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The start of the peer: another start is another domain.
    started_at: DateTime<Utc>,
    at: DateTime<Utc>,
    pub(super) measurements: Measurements,
    pub(super) verdict: Verdict,
}

impl Answer {
    pub(super) fn lasts_until(&self) -> DateTime<Utc> {
        self.at + ANSWER_LASTS
    }
}

/// A challenge that a node is to put to a peer.
pub(crate) struct Challenge {
    asked: Asked,
    verifier: Verifier,
    nonce: [u8; 32],
}

/// The peer's answer that counts; `None` while there is none, and then it will be asked.
pub(super) fn answered(claims: &Claims, verifier: &Verifier, now: DateTime<Utc>) -> Option<Answer> {
    CHALLENGES.look(&claims.binding, verifier, now)
}

impl Challenges {
    fn look(&self, binding: &Binding, verifier: &Verifier, now: DateTime<Utc>) -> Option<Answer> {
        let asked = Asked {
            network: binding.network_id,
            peer: binding.peer_id,
            root: verifier.root().map(Digest::hash),
        };
        let mut states = self.lock();
        if !states.contains_key(&asked) && states.len() >= PEERS_MAX {
            states.retain(|_, state| {
                let answered = state.answered.as_ref();
                answered.is_some_and(|answer| answer.lasts_until() > now)
            });
            if states.len() >= PEERS_MAX {
                tracing::warn!("a peer is not challenged now: too many are");
                return None;
            }
        }
        let state = states.entry(asked).or_insert_with(|| State {
            verifier: verifier.clone(),
            answered: None,
            asked_at: None,
            looked_at: now,
        });
        state.looked_at = now;
        let counts = |answer: &&Answer| {
            answer.started_at == binding.started_at && answer.lasts_until() > now
        };
        let answer = state.answered.as_ref().filter(counts).cloned();
        if state.is_due(now) {
            drop(states);
            self.wanted
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        answer
    }

    /// Changes when a peer is to be asked.
    pub(crate) fn wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// The challenges that are due in a network, each with a number of its own, to peers that the caller can reach.
    pub(crate) fn due(
        &self,
        network: &NetworkId,
        now: DateTime<Utc>,
        can_reach: impl Fn(&PeerId) -> bool,
    ) -> Vec<Challenge> {
        let mut due = Vec::new();
        for (asked, state) in self.lock().iter_mut() {
            if asked.network == *network && state.is_due(now) && can_reach(&asked.peer) {
                state.asked_at = Some(now);
                due.push(Challenge {
                    asked: asked.clone(),
                    verifier: state.verifier.clone(),
                    nonce: *Digest::random().as_bytes(),
                });
            }
        }
        due
    }

    /// Forgets the peers of a network that no rule has looked at for a while: they are gone, or their rules are.
    pub(crate) fn forget_unused(&self, network: &NetworkId, now: DateTime<Utc>) {
        self.lock()
            .retain(|asked, state| asked.network != *network || now - state.looked_at < UNUSED_FOR);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, State>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_due(&self, now: DateTime<Utc>) -> bool {
        let is_fresh = self
            .answered
            .as_ref()
            .is_some_and(|answer| now - answer.at < ASK_AFTER && answer.at <= now);
        let waits = self
            .asked_at
            .is_some_and(|at| (now - at).abs() < ASK_AGAIN_AFTER);
        !is_fresh && !waits
    }
}

impl Challenge {
    /// Whom to ask.
    pub(crate) const fn peer(&self) -> &PeerId {
        &self.asked.peer
    }

    /// The number that the quote has to sign.
    pub(crate) const fn nonce(&self) -> &[u8; 32] {
        &self.nonce
    }

    /// Enters the peer's answer: a ticket whose quote signs the number. Computes for milliseconds.
    ///
    /// # Errors
    /// It is not such a ticket, or proves nothing.
    pub(crate) fn enter(&self, answer: &[u8], now: DateTime<Utc>) -> Result<(), ChallengeError> {
        let ticket = TdxTicket::try_from(answer).map_err(ChallengeError::Ticket)?;
        let is_for_this = *ticket.nonce() == self.nonce
            && *ticket.peer_id() == self.asked.peer
            && *ticket.network_id() == self.asked.network;
        if !is_for_this {
            return Err(ChallengeError::Ticket(TdxTicketError::InvalidReportData));
        }
        let verdict = ticket
            .verify_with(&self.verifier, now)
            .map_err(ChallengeError::NotProven)?;
        let answer = Answer {
            started_at: *ticket.started_at(),
            at: now,
            measurements: ticket.measurements(),
            verdict,
        };
        if let Some(state) = CHALLENGES.lock().get_mut(&self.asked) {
            state.answered = Some(answer);
        }
        Ok(())
    }
}

/// Why an answer does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChallengeError {
    #[error("{0}")]
    Ticket(TdxTicketError),
    #[error("{0}")]
    NotProven(VerifyError),
}

#[cfg(all(test, feature = "tdx-simulated"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails on the spot")]

    use super::*;
    use crate::{
        primitives::SecretKey,
        tdx::{Measurement, Quote, QuoteProvider as _, SimulatedPlatform},
        tickets::Expiration,
    };

    const START: i64 = 1_800_000_000;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(START + seconds, 0).unwrap()
    }

    fn binding(nonce: [u8; 32]) -> Binding {
        Binding {
            peer_id: SecretKey::from_bytes(&[1; 32]).public(),
            network_id: NetworkId::from("challenges"),
            started_at: at(-100),
            quoted_at: at(0),
            expiration: Expiration::Never,
            nonce,
        }
    }

    fn answer(nonce: [u8; 32]) -> Vec<u8> {
        let register = Measurement::new([3; 48]);
        let platform = SimulatedPlatform::new(Measurements::new(register, [register; 4]));
        let binding = binding(nonce);
        let quote = platform.quote(&binding.report_data()).unwrap();
        let quote = Quote::from_bytes(&quote).unwrap();
        let collateral = platform.collateral(&quote).ok();
        let ticket = TdxTicket::new(quote, binding, collateral).unwrap();
        ticket.to_bytes().unwrap()
    }

    #[test]
    fn an_answer_counts_for_ten_minutes_and_is_renewed_after_five() {
        let verifier = crate::tee::tdx::provider::simulated_verifier();
        let claimed = binding([0; 32]);
        let look = |seconds| CHALLENGES.look(&claimed, &verifier, at(seconds));
        let due = |seconds| CHALLENGES.due(&claimed.network_id, at(seconds), |_| true);
        assert!(look(0).is_none());
        assert!(
            CHALLENGES
                .due(&claimed.network_id, at(0), |_| false)
                .is_empty()
        );
        let [challenge] = &due(0)[..] else {
            panic!("nobody is to be asked");
        };
        assert_eq!(challenge.peer(), &claimed.peer_id);
        assert!(due(1).is_empty(), "asked just now");
        assert_eq!(due(3).len(), 1, "no answer");

        // A quote that was made before does not sign the number, and nothing else signs anything.
        assert!(challenge.enter(&answer([0; 32]), at(4)).is_err());
        assert!(challenge.enter(b"nonsense", at(4)).is_err());
        assert!(look(4).is_none());

        challenge.enter(&answer(*challenge.nonce()), at(4)).unwrap();
        let counted = look(4).unwrap();
        assert_eq!(counted.lasts_until(), at(4) + ANSWER_LASTS);
        assert_eq!(counted.measurements.mrtd(), Measurement::new([3; 48]));
        assert!(due(200).is_empty(), "fresh");
        assert_eq!(due(305).len(), 1, "five minutes old");
        assert!(
            look(305).is_some(),
            "the old one counts while the new one is asked for"
        );
        assert!(look(605).is_none());

        // Another start of the same peer is another domain.
        let restarted = Binding {
            started_at: at(5),
            ..claimed
        };
        assert!(CHALLENGES.look(&restarted, &verifier, at(6)).is_none());
        assert!(
            CHALLENGES
                .look(&claimed, &Verifier::intel(), at(6))
                .is_none()
        );
        CHALLENGES.forget_unused(&claimed.network_id, at(10_000));
        assert!(look(7).is_none());
    }
}
