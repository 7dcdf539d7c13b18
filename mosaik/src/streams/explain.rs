//! Status in words: why datums flow, or why they do not.

use {
    super::{back_pressure::BackPressure, status::State},
    crate::{
        primitives::{PeerId, Short, StreamId},
        runtime::time::Instant,
    },
    std::{
        collections::BTreeMap,
        fmt,
        sync::{Mutex, PoisonError},
        time::Duration,
    },
};

/// What a producer is doing, and why; `Display` says it in words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProducerStatus {
    /// The stream.
    pub stream_id: StreamId,
    /// Whether `send` takes datums, if there is room.
    pub online: bool,
    /// Why it has ended, if it has.
    pub ended: Option<String>,
    /// Whether there is room for another datum.
    pub has_room: bool,
    /// What it does about slow consumers.
    pub back_pressure: BackPressure,
    /// Its consumers.
    pub consumers: Vec<ChannelStatus>,
    /// Consumers that were refused, the latest first.
    pub refused: Vec<Refused>,
    /// Datums that were accepted while nobody was there to receive them.
    pub unheard: u64,
    /// Those among them that the undelivered sink had no room for.
    pub undelivered_dropped: u64,
}

/// What a consumer is doing, and why; `Display` says it in words.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// The stream.
    pub stream_id: StreamId,
    /// Whether its condition for being online is met.
    pub online: bool,
    /// Datums that wait for the application.
    pub queued: usize,
    /// The producers that it is or will be connected to.
    pub producers: Vec<ChannelStatus>,
    /// Producers that it is not connected to, and why.
    pub refused: Vec<Refused>,
}

/// One channel, from either end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChannelStatus {
    /// The other end.
    pub peer: PeerId,
    /// What the channel is doing.
    pub state: State,
    /// Datums that were sent or received.
    pub datums: usize,
    /// Datums that wait to be sent.
    pub queued: u64,
    /// Datums that are lost to the consumer.
    pub lost: u64,
    /// Whether it waits for the consumer's application to take what it has.
    pub waits_for_consumer: bool,
}

/// A peer with which there is no channel, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The peer.
    pub peer: PeerId,
    /// Why, in words.
    pub reason: String,
    /// How often in a row.
    pub count: u64,
    /// How long ago the last time was.
    pub ago: Duration,
}

impl fmt::Display for ProducerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "producer of {}: ", Short(&self.stream_id))?;
        if let Some(why) = &self.ended {
            return write!(f, "closed: {why}");
        }
        let connected = self
            .consumers
            .iter()
            .filter(|channel| channel.state == State::Connected)
            .count();
        match (self.online, self.has_room) {
            (false, _) => write!(
                f,
                "offline: {connected} consumers connected, `online_when` asks for more"
            )?,
            (true, true) => write!(f, "online with {connected} consumers")?,
            (true, false) => write!(f, "online, but waits for a slow consumer")?,
        }
        write_details(f, &self.consumers, &self.refused)
    }
}

impl fmt::Display for ConsumerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connected = self
            .producers
            .iter()
            .filter(|channel| channel.state == State::Connected)
            .count();
        write!(f, "consumer of {}: ", Short(&self.stream_id))?;
        match connected {
            0 if self.producers.is_empty() && self.refused.is_empty() => {
                f.write_str("no known peer produces the stream")?;
            }
            0 => f.write_str("no producer connected")?,
            count => write!(f, "{count} producers connected")?,
        }
        if self.queued > 0 {
            write!(f, ", {} datums wait for the application", self.queued)?;
        }
        write_details(f, &self.producers, &self.refused)
    }
}

fn write_details(
    f: &mut fmt::Formatter<'_>,
    channels: &[ChannelStatus],
    refused: &[Refused],
) -> fmt::Result {
    for channel in channels {
        write!(f, "; {channel}")?;
    }
    for refused in refused {
        write!(f, "; {refused}")?;
    }
    Ok(())
}

impl fmt::Display for ChannelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Connecting => "connecting",
            State::Connected => "connected",
            State::Terminated => "ended",
        };
        write!(
            f,
            "{} {state}, {} datums",
            Short(self.peer.as_bytes()),
            self.datums
        )?;
        if self.queued > 0 {
            write!(f, ", {} queued", self.queued)?;
        }
        if self.waits_for_consumer {
            f.write_str(", waits for the consumer to take what it has")?;
        }
        if self.lost > 0 {
            write!(f, ", {} lost", self.lost)?;
        }
        Ok(())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} not connected: {}",
            Short(self.peer.as_bytes()),
            self.reason
        )?;
        if self.count > 1 {
            write!(f, " ({} times)", self.count)?;
        }
        Ok(())
    }
}

/// The last refusals, one for each peer; bounded.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_peer: Mutex<BTreeMap<PeerId, Noted>>,
}

#[derive(Debug)]
struct Noted {
    reason: String,
    count: u64,
    at: Instant,
}

impl Refusals {
    pub(crate) fn note(&self, peer: PeerId, reason: &str, now: Instant) {
        let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = by_peer.get_mut(&peer) {
            if noted.reason == reason {
                noted.count += 1;
            } else {
                noted.count = 1;
                reason.clone_into(&mut noted.reason);
            }
            noted.at = now;
            return;
        }
        if by_peer.len() >= REFUSALS_MAX
            && let Some(oldest) = by_peer
                .iter()
                .min_by_key(|(_, noted)| noted.at)
                .map(|(peer, _)| *peer)
        {
            by_peer.remove(&oldest);
        }
        let noted = Noted {
            reason: reason.to_owned(),
            count: 1,
            at: now,
        };
        by_peer.insert(peer, noted);
    }

    /// Why a peer is not connected, if that is known.
    pub(crate) fn reason(&self, peer: &PeerId) -> Option<String> {
        let by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        by_peer.get(peer).map(|noted| noted.reason.clone())
    }

    /// The peer is connected, or no longer asks.
    pub(crate) fn forget(&self, peer: &PeerId) {
        self.by_peer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(peer);
    }

    /// The latest first.
    pub(crate) fn list(&self, now: Instant) -> Vec<Refused> {
        let by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list: Vec<_> = by_peer
            .iter()
            .map(|(peer, noted)| Refused {
                peer: *peer,
                reason: noted.reason.clone(),
                count: noted.count,
                ago: now.saturating_duration_since(noted.at),
            })
            .collect();
        list.sort_by_key(|refused| refused.ago);
        list
    }
}

/// Peers whose refusal a status names: what a person reads.
const REFUSALS_MAX: usize = 64;
