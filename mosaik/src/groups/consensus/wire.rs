//! What replicas say to each other: structures of our own, whatever openraft calls them.
//!
//! Who sends is known from the bond and never said: a request cannot speak for another replica.
//! Indices of entries follow from the position before them: an append cannot leave a hole.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::groups::identity::ReplicaId;
use crate::primitives::{self, Digest, encoding::DecodeError, encoding::EncodeError};

/// A message of one replica to another.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::groups) struct RaftRequest {
    pub(super) request: Request,
    /// Known to the sender only.
    lane: Lane,
}

/// The answer to a [`RaftRequest`].
#[derive(Clone, Debug, PartialEq)]
pub(in crate::groups) struct RaftReply(pub(super) Reply);

/// How urgent a request is, and with what it may share a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::groups) enum Lane {
    /// Elections, signs of life: small, before everything else.
    Control,
    /// Entries, and what was agreed on of them: in order, up to a few MiB.
    Append,
    /// Parts of snapshots: up to a few MiB, behind everything else.
    Snapshot,
}

/// Why bytes are not a message. They never become one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::groups) enum WireError {
    /// Nothing at all.
    #[error("message is empty")]
    Empty,
    /// From a later or earlier version of this library.
    #[error("message format {found}, this side speaks {FORMAT}")]
    Format {
        /// Format that the message claims.
        found: u8,
    },
    /// Not the structure it should be.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl RaftRequest {
    pub(super) fn new(request: Request) -> Self {
        let lane = match &request {
            Request::Append(_) => Lane::Append,
            Request::Part(_) => Lane::Snapshot,
            Request::Vote(_) | Request::PreVote(_) | Request::Transfer(_) => Lane::Control,
        };
        Self { request, lane }
    }

    /// A sign of life. It may overtake entries, since it builds only on what was answered.
    pub(super) fn sign_of_life(append: Append) -> Self {
        Self {
            request: Request::Append(append),
            lane: Lane::Control,
        }
    }

    /// What a follower would answer that has stored what it is asked to, if that is what it is asked.
    pub(in crate::groups) fn assent(&self) -> Option<RaftReply> {
        matches!(self.request, Request::Append(_))
            .then_some(RaftReply(Reply::Append(Appended::Stored)))
    }

    /// How it should travel, if this side sends it.
    pub(in crate::groups) fn lane(&self) -> Lane {
        self.lane
    }

    /// The bytes that [`decode`](RaftRequest::decode) takes.
    ///
    /// # Errors
    /// A batch is beyond 4 GiB.
    pub(in crate::groups) fn encode(&self) -> Result<Bytes, EncodeError> {
        encode(&self.request, self.request.bytes_about())
    }

    /// Reads what [`encode`](RaftRequest::encode) wrote. Safe on bytes from anywhere.
    ///
    /// # Errors
    /// The bytes are no request of this format.
    pub(in crate::groups) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        decode(bytes).map(Self::new)
    }
}

impl RaftReply {
    /// The answer of a side that does not take the request.
    pub(in crate::groups) fn refused(reason: impl Into<String>) -> Self {
        Self(Reply::Refused(reason.into()))
    }

    /// The bytes that [`decode`](RaftReply::decode) takes.
    ///
    /// # Errors
    /// None in practice: replies are small.
    pub(in crate::groups) fn encode(&self) -> Result<Bytes, EncodeError> {
        encode(&self.0, REPLY_BYTES_ABOUT)
    }

    /// Reads what [`encode`](RaftReply::encode) wrote. Safe on bytes from anywhere.
    ///
    /// # Errors
    /// The bytes are no reply of this format.
    pub(in crate::groups) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        decode(bytes).map(Self)
    }
}

/// Raised whenever a structure below changes.
const FORMAT: u8 = 1;

/// Bytes reserved for a reply.
const REPLY_BYTES_ABOUT: usize = 128;

fn encode<T: Serialize>(message: &T, bytes_about: usize) -> Result<Bytes, EncodeError> {
    let mut out = BytesMut::with_capacity(bytes_about);
    out.put_u8(FORMAT);
    primitives::encode_into(message, &mut out)?;
    Ok(out.freeze())
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&FORMAT, message)) => Ok(primitives::decode(message)?),
        Some((&found, _)) => Err(WireError::Format { found }),
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    #[serde(rename = "v")]
    Vote(Ballot),
    #[serde(rename = "w")]
    PreVote(Ballot),
    #[serde(rename = "a")]
    Append(Append),
    #[serde(rename = "t")]
    Transfer(Transfer),
    #[serde(rename = "s")]
    Part(Part),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    #[serde(rename = "v")]
    Vote(Vote),
    #[serde(rename = "a")]
    Append(Appended),
    #[serde(rename = "t")]
    Transfer { accepted: bool },
    #[serde(rename = "s")]
    Part(Taken),
    #[serde(rename = "x")]
    Refused(String),
}

/// An entry's place: no two entries of one lineage share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) term: u64,
    pub(super) index: u64,
}

/// The sender wants to lead in `term`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ballot {
    pub(super) term: u64,
    pub(super) last: Option<Point>,
    /// The present leader asked it to.
    pub(super) transfer: bool,
}

/// What a replica has promised: to whom, in which term, and whether a quorum did as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Promise {
    pub(super) term: u64,
    pub(super) to: ReplicaId,
    pub(super) committed: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) promise: Promise,
    pub(super) granted: bool,
    pub(super) last: Option<Point>,
}

/// The sender leads in `term`, and `entries` follow `previous`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Append {
    pub(super) term: u64,
    pub(super) previous: Option<Point>,
    pub(super) entries: Vec<Item>,
    pub(super) committed: Option<Point>,
}

/// An entry: the term in which it was proposed, and what it says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Item(pub(super) u64, pub(super) Said);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Said {
    #[serde(rename = "0")]
    Nothing,
    #[serde(rename = "b")]
    Batch(Bytes),
    #[serde(rename = "m")]
    Members(Members),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Appended {
    #[serde(rename = "s")]
    Stored,
    #[serde(rename = "c")]
    Conflict,
    #[serde(rename = "h")]
    Higher(Promise),
}

/// The sender, which leads in `term`, wants `to` to lead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Transfer {
    pub(super) term: u64,
    pub(super) to: ReplicaId,
    pub(super) last: Option<Point>,
}

/// Who votes and who only listens. Two sets of voters while one replaces the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Members {
    pub(super) voters: Vec<Vec<ReplicaId>>,
    pub(super) learners: Vec<ReplicaId>,
}

/// A piece of a snapshot of the sender, which leads in `term`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) term: u64,
    /// Which of the sender's snapshots.
    pub(super) transfer: u64,
    /// Chunks of it before this piece.
    pub(super) offset: u64,
    /// With the first piece: what the snapshot stands for.
    pub(super) head: Option<Head>,
    /// As the checkpoint gave them.
    pub(super) chunks: Vec<Bytes>,
    /// SHA-256 of all chunks up to the end of this piece, each behind its length.
    pub(super) digest: Digest,
    pub(super) last: bool,
}

/// What a snapshot stands for: all entries up to `last`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) last: Point,
    pub(super) members: Members,
    /// The entry that made them members.
    pub(super) members_at: Option<Point>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Taken {
    /// Wants the piece that begins with this chunk.
    #[serde(rename = "n")]
    Next { offset: u64 },
    /// The whole snapshot is the state now.
    #[serde(rename = "i")]
    Installed(Promise),
    /// A newer leader is known.
    #[serde(rename = "h")]
    Higher(Promise),
    /// Knows nothing of this transfer, or what it has is damaged: from the beginning, please.
    #[serde(rename = "r")]
    Restart,
    /// Takes another snapshot or restores this one: later, please.
    #[serde(rename = "b")]
    Busy,
}

impl Request {
    fn bytes_about(&self) -> usize {
        let content = match self {
            Self::Append(append) => append.entries.iter().map(Item::bytes_about).sum(),
            Self::Part(part) => {
                let chunks: usize = part.chunks.iter().map(|chunk| 5 + chunk.len()).sum();
                chunks + part.head.as_ref().map_or(0, |_| 1024)
            }
            Self::Vote(_) | Self::PreVote(_) | Self::Transfer(_) => 0,
        };
        content + REPLY_BYTES_ABOUT
    }
}

impl Item {
    fn bytes_about(&self) -> usize {
        match &self.1 {
            Said::Nothing => 16,
            Said::Batch(batch) => 24 + batch.len(),
            Said::Members(members) => {
                let voters: usize = members.voters.iter().map(Vec::len).sum();
                32 + (voters + members.learners.len()) * 48
            }
        }
    }
}

/// The running digest of a snapshot's chunks.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Sha256);

impl Running {
    /// The digest with these chunks too.
    pub(super) fn add(&mut self, chunks: &[Bytes]) -> Digest {
        for chunk in chunks {
            self.0.update((chunk.len() as u64).to_be_bytes());
            self.0.update(chunk);
        }
        Digest::from_bytes(self.0.clone().finalize().into())
    }
}
