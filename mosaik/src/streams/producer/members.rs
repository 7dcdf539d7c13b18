//! Who a producer serves: admission, takeovers after a broken link, and re-checks.

use {
    super::core::Core,
    crate::{
        primitives::{Digest, PeerEntry, PeerEntryVersion, PeerId},
        runtime::time::Instant,
        streams::{
            admission::{
                Applicant, Offer, Refusal, ValidUntil, check, decide, until_the_calendar_shows,
            },
            credit::Credit,
            criteria::Filter,
            fanout::{ChannelId, Subscribe},
            sequence::Place,
            status::Stats,
        },
    },
    chrono::{DateTime, Utc},
    std::{collections::BTreeMap, time::Duration},
    tokio::sync::watch,
};

/// The consumers of one producer.
#[derive(Debug, Default)]
pub(crate) struct Members {
    served: BTreeMap<MemberKey, Member>,
    next_number: u64,
}

/// One consumer: its node, and its number on that node.
pub(crate) type MemberKey = (PeerId, u64);

#[derive(Debug)]
struct Member {
    channel: ChannelId,
    /// The link that serves it now; a report of an earlier one changes nothing.
    link: u64,
    stop: watch::Sender<Option<Stop>>,
    /// The entry by which it was judged.
    judged: Option<PeerEntryVersion>,
    valid_until: ValidUntil,
    /// Since when its link is broken.
    detached: Option<Instant>,
    stats: Stats,
}

/// Why a link is to be closed from this side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The consumer is no longer eligible.
    Refused(Refusal),
    /// Another link of the same consumer serves it.
    Superseded,
}

impl Stop {
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// A consumer that asks.
pub(crate) struct Application<'a> {
    pub(crate) peer: PeerId,
    pub(crate) entry: Option<&'a PeerEntry>,
    pub(crate) consumer: u64,
    pub(crate) schema: Digest,
    pub(crate) filter: Option<Filter>,
    pub(crate) credit: Credit,
    pub(crate) resume: Option<Place>,
    pub(crate) keeps_sent: bool,
}

/// A consumer that is served from now on.
pub(crate) struct Admitted {
    pub(crate) link: Link,
    /// The position of the first frame.
    pub(crate) start: u64,
    pub(crate) stop: watch::Receiver<Option<Stop>>,
    pub(crate) stats: Stats,
}

/// Names one link of one consumer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) key: MemberKey,
    pub(crate) channel: ChannelId,
    pub(crate) number: u64,
}

impl Members {
    pub(crate) fn is_current(&self, link: &Link) -> bool {
        self.served
            .get(&link.key)
            .is_some_and(|member| member.link == link.number)
    }

    pub(crate) fn len(&self) -> usize {
        self.served.len()
    }

    /// The channels to the consumers on one node.
    pub(crate) fn channels_of(&self, peer: &PeerId) -> Vec<ChannelId> {
        let of_peer = self.served.range((*peer, 0)..=(*peer, u64::MAX));
        of_peer.map(|(_, member)| member.channel).collect()
    }

    /// The producer ended: whoever has no link will not get one.
    pub(crate) fn end(&mut self) {
        self.served.retain(|_, member| member.detached.is_none());
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    fn attached(&self) -> usize {
        self.served
            .values()
            .filter(|member| member.detached.is_none())
            .count()
    }

    /// The member without a link for the longest time.
    fn most_detached(&self) -> Option<MemberKey> {
        let detached = self
            .served
            .iter()
            .filter(|(_, member)| member.detached.is_some());
        detached
            .min_by_key(|(_, member)| member.detached)
            .map(|(key, _)| *key)
    }
}

impl Core {
    /// Decides about a consumer, and opens or takes up its channel.
    pub(crate) fn admit(&self, application: Application<'_>) -> Result<Admitted, Refusal> {
        let key = (application.peer, application.consumer);
        // Before any lock: the rules are the user's.
        let eligible = application
            .entry
            .map(|entry| self.check(&application.peer, entry));
        let mut members = self.members();
        let known = members
            .served
            .get(&key)
            .map(|member| (member.channel, member.detached.is_none()));
        let offer = Offer {
            schema: self.fingerprint,
            index: self.index(),
            consumers: members.attached(),
            consumers_max: self.config.max_consumers,
        };
        let applicant = Applicant {
            eligible,
            schema: application.schema,
            filter: application.filter.as_ref(),
            // A link that still holds a place passes it on; one that broke has given it up.
            resumes: known.is_some_and(|(_, attached)| attached),
        };
        let ended = self.why_ended().is_some();
        let valid_until = decide((!ended).then_some(offer), &applicant)?;

        let resume = application
            .resume
            .filter(|place| place.incarnation == self.incarnation);
        let taken_up = known.zip(resume).and_then(|((channel, _), place)| {
            let start =
                self.with_fanout(|fanout| fanout.resume(channel, application.credit, place.next))?;
            Some((channel, start))
        });
        let previous = members.served.remove(&key);
        let stats = match &previous {
            Some(member) => member.stats.clone(),
            None => Stats::default(),
        };
        let number = members.number();
        let (channel, start) = match taken_up {
            Some(taken_up) => taken_up,
            None => {
                let start = self.with_fanout(|fanout| {
                    if let Some(member) = &previous {
                        fanout.remove(member.channel);
                    }
                    let subscribe = Subscribe {
                        filter: application.filter,
                        credit: application.credit,
                        resume: resume.map(|place| place.next),
                        keeps_sent: application.keeps_sent,
                    };
                    fanout.subscribe(number, subscribe)
                });
                (number, start)
            }
        };
        if let Some(member) = previous {
            member.stop.send_replace(Some(Stop::Superseded));
        }
        let (stop, stopped) = watch::channel(None);
        members.served.insert(
            key,
            Member {
                channel,
                link: number,
                stop,
                judged: application.entry.map(PeerEntry::update_version),
                valid_until,
                detached: None,
                stats: stats.clone(),
            },
        );
        while members.len() > self.config.max_consumers
            && let Some(detached) = members.most_detached()
        {
            self.remove(&mut members, &detached);
        }
        self.meter.accepted();
        self.meter.consumers(members.len());
        drop(members);
        self.refusals.forget(&application.peer);
        self.recheck.notify_one();
        Ok(Admitted {
            link: Link {
                key,
                channel,
                number,
            },
            start,
            stop: stopped,
            stats,
        })
    }

    /// A link has ended. A consumer that said goodbye is gone; one whose link broke may come back for a while.
    pub(crate) fn link_ended(&self, link: &Link, said_goodbye: bool) {
        let mut members = self.members();
        if !members.is_current(link) {
            return;
        }
        if said_goodbye || self.why_ended().is_some() {
            self.remove(&mut members, &link.key);
            return;
        }
        if let Some(member) = members.served.get_mut(&link.key) {
            member.detached = Some(self.clock.now());
        }
        drop(members);
        self.recheck.notify_one();
    }

    /// Judges every consumer whose entry changed or whose ticket ran out; when the next deadline is.
    pub(crate) fn recheck(&self, entry: impl Fn(&PeerId) -> Option<PeerEntry>) -> Option<Duration> {
        let (now, utc) = (self.clock.now(), self.clock.utc());
        let served: Vec<_> = {
            let members = self.members();
            let snapshot = |(key, member): (&MemberKey, &Member)| (*key, member.snapshot());
            members.served.iter().map(snapshot).collect()
        };
        // Without the lock: the rules are the user's.
        let verdicts: Vec<_> = served
            .into_iter()
            .filter_map(|(key, member)| {
                let verdict = self.verdict(&key.0, &member, entry(&key.0).as_ref(), now, utc)?;
                Some((key, member.link, verdict))
            })
            .collect();
        let mut members = self.members();
        for (key, link, verdict) in verdicts {
            let Some(member) = members
                .served
                .get_mut(&key)
                .filter(|member| member.link == link)
            else {
                continue;
            };
            match verdict {
                Verdict::Keep {
                    judged,
                    valid_until,
                } => {
                    member.judged = Some(judged);
                    member.valid_until = valid_until;
                }
                Verdict::Forget => self.remove(&mut members, &key),
                Verdict::Stop(refusal) => {
                    tracing::debug!(peer = %key.0, %refusal, "consumer is no longer eligible");
                    self.refusals.note(key.0, &refusal.to_string(), now);
                    member.stop.send_replace(Some(Stop::Refused(refusal)));
                    self.remove(&mut members, &key);
                }
            }
        }
        members
            .served
            .values()
            .filter_map(|member| member.deadline(now, utc))
            .min()
    }

    fn verdict(
        &self,
        peer: &PeerId,
        member: &Snapshot,
        entry: Option<&PeerEntry>,
        now: Instant,
        utc: DateTime<Utc>,
    ) -> Option<Verdict> {
        if member
            .detached
            .is_some_and(|since| now >= since + RESUME_GRACE)
        {
            return Some(Verdict::Forget);
        }
        let Some(entry) = entry else {
            // Without an entry nothing can be judged; without a requirement there is nothing to judge.
            return self
                .config
                .is_restricted()
                .then_some(Verdict::Stop(Refusal::UnknownPeer));
        };
        let judged = entry.update_version();
        let expired = member.valid_until.0.is_some_and(|until| until <= utc);
        if member.judged == Some(judged) && !expired {
            return None;
        }
        Some(match self.check(peer, entry) {
            Ok(valid_until) => Verdict::Keep {
                judged,
                valid_until,
            },
            Err(refusal) => Verdict::Stop(refusal),
        })
    }

    fn check(&self, peer: &PeerId, entry: &PeerEntry) -> Result<ValidUntil, Refusal> {
        let config = &self.config;
        check(peer, entry, &config.require, &config.gate, self.clock.utc())
    }

    fn remove(&self, members: &mut Members, key: &MemberKey) {
        if let Some(member) = members.served.remove(key) {
            self.with_fanout(|fanout| fanout.remove(member.channel));
            self.meter.consumers(members.len());
        }
    }
}

enum Verdict {
    Keep {
        judged: PeerEntryVersion,
        valid_until: ValidUntil,
    },
    Stop(Refusal),
    Forget,
}

/// What a verdict is about.
struct Snapshot {
    link: u64,
    judged: Option<PeerEntryVersion>,
    valid_until: ValidUntil,
    detached: Option<Instant>,
}

impl Member {
    const fn snapshot(&self) -> Snapshot {
        Snapshot {
            link: self.link,
            judged: self.judged,
            valid_until: self.valid_until,
            detached: self.detached,
        }
    }

    fn deadline(&self, now: Instant, utc: DateTime<Utc>) -> Option<Duration> {
        let forget = self
            .detached
            .map(|since| (since + RESUME_GRACE).saturating_duration_since(now));
        let expire = self
            .valid_until
            .0
            .map(|until| until_the_calendar_shows(until, utc));
        [forget, expire].into_iter().flatten().min()
    }
}

/// How long a consumer whose link broke keeps its place: a re-dial takes well under a second.
const RESUME_GRACE: Duration = Duration::from_secs(2);
