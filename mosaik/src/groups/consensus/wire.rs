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
    /// Pieces of snapshots: bulk, on a way of its own.
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
            Request::Pull(_) => Lane::Snapshot,
            Request::Vote(_) | Request::PreVote(_) | Request::Transfer(_) | Request::Fetch(_) => {
                Lane::Control
            }
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
        encode(&self.0, self.0.bytes_about())
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
const FORMAT: u8 = 2;

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
    #[serde(rename = "f")]
    Fetch(Fetch),
    #[serde(rename = "p")]
    Pull(Pull),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    #[serde(rename = "v")]
    Vote(Vote),
    #[serde(rename = "a")]
    Append(Appended),
    #[serde(rename = "t")]
    Transfer { accepted: bool },
    #[serde(rename = "f")]
    Fetch(Fetched),
    #[serde(rename = "p")]
    Pull(Pulled),
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

/// The sender, which leads in `term`, wants the receiver to have a snapshot that stands for `least` or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Fetch {
    pub(super) term: u64,
    /// Which of the sender's transfers: the same request again asks how far it is.
    pub(super) transfer: u64,
    pub(super) least: Point,
    /// Who has one, or will soon. To be asked in this order.
    pub(super) sources: Vec<ReplicaId>,
}

/// How far a [`Fetch`] is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Fetched {
    /// Under way, after so many steps forward.
    #[serde(rename = "n")]
    Underway { steps: u64 },
    /// All of it is here, and becomes the state.
    #[serde(rename = "r")]
    Restoring,
    /// The snapshot is the state now.
    #[serde(rename = "i")]
    Installed(Promise),
    /// A newer leader is known.
    #[serde(rename = "h")]
    Higher(Promise),
    /// Takes another snapshot: later, please.
    #[serde(rename = "b")]
    Busy,
    /// No source has given all of it.
    #[serde(rename = "x")]
    Failed { reason: String },
}

/// The sender wants a piece of a snapshot of the receiver's, which stands for `least` or more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pull {
    /// Which of the sender's. From the beginning, it is a new snapshot.
    pub(super) transfer: u64,
    pub(super) least: Point,
    /// Chunks of it that the sender has.
    pub(super) offset: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Pulled {
    #[serde(rename = "p")]
    Piece(Piece),
    /// The state here does not stand for that much yet, or the sender is no member yet: later, please.
    #[serde(rename = "l")]
    Late,
    /// Knows nothing of this transfer: from the beginning, please.
    #[serde(rename = "g")]
    Gone,
    /// As many snapshots are read as may.
    #[serde(rename = "b")]
    Busy,
}

/// A piece of a snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Piece {
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

impl Request {
    fn bytes_about(&self) -> usize {
        let content = match self {
            Self::Append(append) => append.entries.iter().map(Item::bytes_about).sum(),
            Self::Fetch(fetch) => 64 + fetch.sources.len() * 48,
            Self::Vote(_) | Self::PreVote(_) | Self::Transfer(_) | Self::Pull(_) => 0,
        };
        content + REPLY_BYTES_ABOUT
    }
}

impl Reply {
    /// Whether it says that a newer leader, or one who wants to be, is known.
    pub(super) const fn knows_higher(&self) -> bool {
        matches!(
            self,
            Self::Append(Appended::Higher(_)) | Self::Fetch(Fetched::Higher(_))
        )
    }

    fn bytes_about(&self) -> usize {
        let content = match self {
            Self::Pull(Pulled::Piece(piece)) => {
                let chunks: usize = piece.chunks.iter().map(|chunk| 5 + chunk.len()).sum();
                chunks + piece.head.as_ref().map_or(0, |_| 1024)
            }
            _ => 0,
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
