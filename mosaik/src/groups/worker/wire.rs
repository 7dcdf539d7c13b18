//! What members say to each other over a bond: kinds, heads and answers. Pure. Numbers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::batch::{Malformed, parse_lineage, put_lineage};
use crate::{
    groups::{
        founding::{Facts, Message},
        identity::{Lineage, ReplicaId},
        lineage::{Address, Verdict},
    },
    primitives::{PeerId, decode, encode},
};

/// Notes: the member's [`Card`], and what founding has to say.
pub(super) const NOTE_CARD: u8 = 1;
pub(super) const NOTE_FOUNDING: u8 = 2;

/// Requests.
pub(super) const ASK_RAFT: u8 = 1;
pub(super) const ASK_PROPOSE: u8 = 2;
pub(super) const ASK_READ_INDEX: u8 = 3;
pub(super) const ASK_LEAVE: u8 = 4;

/// The version of cards, and of what founding says.
const FORMAT: u8 = 1;

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Card {
    pub(super) facts: Facts,
    /// Whether it never votes.
    pub(super) is_observer: bool,
}

/// What founding says, from whom and to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    pub(super) from: ReplicaId,
    pub(super) to: ReplicaId,
    pub(super) message: Message,
}

/// The encoding of a card or of what founding says.
pub(super) fn encode_note<T: Serialize>(note: &T) -> Bytes {
    let body = encode(note).expect("invariant: notes are flat and of encodable parts");
    let mut bytes = BytesMut::with_capacity(1 + body.len());
    bytes.put_u8(FORMAT);
    bytes.put_slice(&body);
    bytes.freeze()
}

pub(super) fn decode_note<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    match bytes.split_first() {
        Some((&FORMAT, body)) => decode(body).map_err(|_| Malformed),
        _ => Err(Malformed),
    }
}

/// Whom a raft message is from and for. The peers' keys are those of the bond.
pub(super) fn encode_address(address: &Address) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ADDRESS_BYTES);
    bytes.put_u64(address.from.incarnation());
    bytes.put_u64(address.to.incarnation());
    put_lineage(&mut bytes, address.lineage);
    bytes.freeze()
}

pub(super) fn decode_address(
    mut bytes: &[u8],
    from: &PeerId,
    to: &PeerId,
) -> Result<Address, Malformed> {
    if bytes.len() != ADDRESS_BYTES {
        return Err(Malformed);
    }
    Ok(Address {
        from: ReplicaId::of(from, bytes.get_u64()),
        to: ReplicaId::of(to, bytes.get_u64()),
        lineage: parse_lineage(bytes)?,
    })
}

const ADDRESS_BYTES: usize = 8 + 8 + 20;

/// The head of a request that is not of the consensus: in which history.
pub(super) fn encode_lineage(lineage: Lineage) -> Bytes {
    let mut bytes = BytesMut::with_capacity(20);
    put_lineage(&mut bytes, lineage);
    bytes.freeze()
}

/// The answer to a raft message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RaftAnswer {
    /// The consensus has answered.
    Reply(Bytes),
    /// The fence has.
    Fenced(Verdict),
}

impl RaftAnswer {
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        match self {
            Self::Reply(reply) => {
                bytes.put_u8(0);
                bytes.put_slice(reply);
            }
            Self::Fenced(verdict) => {
                bytes.put_u8(1);
                let verdict = encode(verdict).expect("invariant: verdicts are flat");
                bytes.put_slice(&verdict);
            }
        }
        bytes.freeze()
    }

    pub(super) fn decode(mut bytes: Bytes) -> Result<Self, Malformed> {
        match bytes.try_get_u8() {
            Ok(0) => Ok(Self::Reply(bytes)),
            Ok(1) => decode(&bytes).map(Self::Fenced).map_err(|_| Malformed),
            _ => Err(Malformed),
        }
    }
}

/// What became of a request to the leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeaderAnswer {
    /// Done; for a read index, with the index.
    Done(u64),
    /// Not by this member: nothing was done.
    NotLeader,
    /// Nothing was done.
    NoQuorum,
    /// It may be done.
    Unknown,
    /// It makes no sense: nothing was done.
    Refused,
}

impl LeaderAnswer {
    pub(super) fn encode(self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(9);
        let (code, value) = match self {
            Self::Done(value) => (0, value),
            Self::NotLeader => (1, 0),
            Self::NoQuorum => (2, 0),
            Self::Unknown => (3, 0),
            Self::Refused => (4, 0),
        };
        bytes.put_u8(code);
        bytes.put_u64(value);
        bytes.freeze()
    }

    /// Anything else is an answer that says nothing.
    pub(super) fn decode(mut bytes: &[u8]) -> Self {
        if bytes.len() != 9 {
            return Self::Unknown;
        }
        match (bytes.get_u8(), bytes.get_u64()) {
            (0, value) => Self::Done(value),
            (1, _) => Self::NotLeader,
            (2, _) => Self::NoQuorum,
            (4, _) => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{groups::identity::LineageId, primitives::SecretKey};

    #[test]
    fn golden_bytes() {
        let peer = |seed| SecretKey::from_bytes(&[seed; 32]).public();
        let address = Address {
            from: ReplicaId::of(&peer(1), 0x0102),
            to: ReplicaId::of(&peer(2), 3),
            lineage: Lineage {
                id: LineageId::from([9; 16]),
                epoch: 4,
            },
        };
        let bytes = encode_address(&address);
        let mut expected = vec![0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3];
        expected.extend([9; 16]);
        expected.extend([0, 0, 0, 4]);
        assert_eq!(bytes, expected);
        assert_eq!(decode_address(&bytes, &peer(1), &peer(2)), Ok(address));
        assert!(decode_address(&bytes[1..], &peer(1), &peer(2)).is_err());
        for answer in [
            LeaderAnswer::Done(7),
            LeaderAnswer::NotLeader,
            LeaderAnswer::NoQuorum,
            LeaderAnswer::Unknown,
            LeaderAnswer::Refused,
        ] {
            assert_eq!(LeaderAnswer::decode(&answer.encode()), answer);
        }
        assert_eq!(LeaderAnswer::decode(b""), LeaderAnswer::Unknown);
        for answer in [
            RaftAnswer::Reply(Bytes::from_static(b"x")),
            RaftAnswer::Fenced(Verdict::Removed),
        ] {
            assert_eq!(RaftAnswer::decode(answer.encode()), Ok(answer));
        }
        assert!(RaftAnswer::decode(Bytes::new()).is_err());
    }
}
