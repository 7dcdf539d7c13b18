//! What the two ends of a bond say: opening, introductions, frames. Pure: values to bytes and back.
//!
//! A frame begins with its kind. A long body is not copied behind it, it follows as a frame of its own.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::primitives::{Digest, GroupId, decode, encode_into};

/// The version of the opening and of the introduction; frames are of the same.
const FORMAT: u8 = 1;

/// What came is not what this version of the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("unknown format {0}")]
    Format(u8),
    #[error("malformed {0}")]
    Malformed(&'static str),
}

/// The request that a bond is opened with: of which group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) group: GroupId,
}

impl Opening {
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(1 + self.group.len());
        bytes.put_u8(FORMAT);
        bytes.put_slice(self.group.as_bytes());
        bytes.freeze()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let group = after_format(bytes, "opening")?;
        let group: [u8; 32] = group
            .try_into()
            .map_err(|_| WireError::Malformed("opening"))?;
        Ok(Self {
            group: GroupId::from_bytes(group),
        })
    }
}

/// The first frame of each end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Introduction {
    /// That the speaker knows the group's key, on this connection.
    pub(super) proof: Digest,
    /// What the member says of itself; not for the bond to read.
    pub(super) facts: Bytes,
}

impl Introduction {
    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u8(FORMAT);
        encode_into(self, &mut bytes).expect("invariant: an introduction is flat");
        bytes.freeze()
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let body = after_format(bytes, "introduction")?;
        decode(body).map_err(|_| WireError::Malformed("introduction"))
    }
}

fn after_format<'a>(bytes: &'a [u8], what: &'static str) -> Result<&'a [u8], WireError> {
    match bytes.split_first() {
        Some((&FORMAT, rest)) => Ok(rest),
        Some((&other, _)) => Err(WireError::Format(other)),
        None => Err(WireError::Malformed(what)),
    }
}

/// What travels on an established bond.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// A sign of life, with what the member has to say at each.
    Ping(Bytes),
    /// The speaker leaves the group.
    Departure,
    /// Something that needs no answer.
    Note { kind: u8, body: Bytes },
    /// Something that does. Ids are the asker's, each used once.
    Request {
        id: u64,
        kind: u8,
        /// At most 255 bytes, beside a body that may be long and shared.
        head: Bytes,
        body: Bytes,
    },
    /// The answer.
    Reply { id: u64, body: Bytes },
}

const PING: u8 = 1;
const DEPARTURE: u8 = 2;
const NOTE: u8 = 3;
const REQUEST: u8 = 4;
const REPLY: u8 = 5;

/// Set in the kind of a frame whose body comes as the next frame.
const BODY_FOLLOWS: u8 = 0x80;

/// A shorter body is cheaper to copy behind its head.
const BODY_APART_BYTES_MIN: usize = 4 * 1024;

impl Frame {
    /// The frame as one or two of the link's.
    pub(super) fn encode(self) -> (Bytes, Option<Bytes>) {
        let body = self.body();
        let is_apart = body.len() >= BODY_APART_BYTES_MIN;
        let flag = if is_apart { BODY_FOLLOWS } else { 0 };
        let inline = if is_apart { 0 } else { body.len() };
        let mut head = BytesMut::with_capacity(HEAD_BYTES_ABOUT + inline);
        match &self {
            Self::Ping(_) => head.put_u8(PING | flag),
            Self::Departure => head.put_u8(DEPARTURE),
            Self::Note { kind, .. } => {
                head.put_u8(NOTE | flag);
                head.put_u8(*kind);
            }
            Self::Request {
                id,
                kind,
                head: short,
                ..
            } => {
                head.put_u8(REQUEST | flag);
                head.put_u64(*id);
                head.put_u8(*kind);
                let length = u8::try_from(short.len());
                head.put_u8(length.expect("invariant: heads are a few numbers"));
                head.put_slice(short);
            }
            Self::Reply { id, .. } => {
                head.put_u8(REPLY | flag);
                head.put_u64(*id);
            }
        }
        if is_apart {
            return (head.freeze(), Some(body));
        }
        head.put_slice(&body);
        (head.freeze(), None)
    }

    /// About as many bytes as it takes on the wire.
    pub(super) fn bytes_about(&self) -> usize {
        self.body().len() + HEAD_BYTES_ABOUT
    }

    fn body(&self) -> Bytes {
        match self {
            Self::Departure => Bytes::new(),
            Self::Ping(body)
            | Self::Note { body, .. }
            | Self::Request { body, .. }
            | Self::Reply { body, .. } => body.clone(),
        }
    }
}

/// Length prefix, kind, id and the head of a request.
const HEAD_BYTES_ABOUT: usize = 64;

/// Puts frames together from those of the link.
#[derive(Debug, Default)]
pub(super) struct FrameReader {
    /// A frame that waits for its body.
    head: Option<Frame>,
}

impl FrameReader {
    /// Takes a frame of the link; `None` when its body is still to come.
    pub(super) fn take(&mut self, mut bytes: Bytes) -> Result<Option<Frame>, WireError> {
        if let Some(head) = self.head.take() {
            return Ok(Some(with_body(head, bytes)));
        }
        let malformed = WireError::Malformed("frame");
        let kind = bytes.try_get_u8().map_err(|_| malformed)?;
        let frame = match kind & !BODY_FOLLOWS {
            PING => Frame::Ping(bytes),
            DEPARTURE => Frame::Departure,
            NOTE => Frame::Note {
                kind: bytes.try_get_u8().map_err(|_| malformed)?,
                body: bytes,
            },
            REQUEST => {
                let id = bytes.try_get_u64().map_err(|_| malformed)?;
                let kind = bytes.try_get_u8().map_err(|_| malformed)?;
                let length = usize::from(bytes.try_get_u8().map_err(|_| malformed)?);
                if length > bytes.len() {
                    return Err(malformed);
                }
                let head = bytes.split_to(length);
                Frame::Request {
                    id,
                    kind,
                    head,
                    body: bytes,
                }
            }
            REPLY => Frame::Reply {
                id: bytes.try_get_u64().map_err(|_| malformed)?,
                body: bytes,
            },
            _ => return Err(malformed),
        };
        if kind & BODY_FOLLOWS == 0 {
            return Ok(Some(frame));
        }
        self.head = Some(frame);
        Ok(None)
    }
}

fn with_body(head: Frame, body: Bytes) -> Frame {
    match head {
        Frame::Ping(_) => Frame::Ping(body),
        Frame::Departure => Frame::Departure,
        Frame::Note { kind, .. } => Frame::Note { kind, body },
        Frame::Request { id, kind, head, .. } => Frame::Request {
            id,
            kind,
            head,
            body,
        },
        Frame::Reply { id, .. } => Frame::Reply { id, body },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn there_and_back(frame: Frame) -> Frame {
        let mut reader = FrameReader::default();
        let (head, body) = frame.encode();
        match (reader.take(head).unwrap(), body) {
            (Some(frame), None) => frame,
            (None, Some(body)) => reader.take(body).unwrap().expect("a whole frame"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn golden_bytes() {
        let opening = Opening {
            group: GroupId::from_u8(7),
        };
        let bytes = opening.encode();
        assert_eq!((bytes.len(), bytes[0], bytes[32]), (33, FORMAT, 7));
        assert_eq!(Opening::decode(&bytes), Ok(opening));
        let request = Frame::Request {
            id: 0x0102,
            kind: 9,
            head: Bytes::from_static(b"h"),
            body: Bytes::from_static(b"xy"),
        };
        let (head, body) = request.encode();
        assert_eq!(head.as_ref(), b"\x04\0\0\0\0\0\0\x01\x02\x09\x01hxy");
        assert_eq!(body, None);
        assert_eq!(Frame::Departure.encode().0.as_ref(), b"\x02");
        let introduction = Introduction {
            proof: Digest::from_u8(1),
            facts: Bytes::from_static(b"f"),
        };
        let bytes = introduction.encode();
        assert_eq!(bytes[..4], [FORMAT, 0x92, 0xc4, 32]);
        assert_eq!(bytes[bytes.len() - 3..], [0xc4, 1, b'f']);
        assert_eq!(Introduction::decode(&bytes), Ok(introduction));
    }

    #[test]
    fn long_bodies_are_not_copied() {
        let body = Bytes::from(vec![5; BODY_APART_BYTES_MIN]);
        let frame = Frame::Reply {
            id: 1,
            body: body.clone(),
        };
        let (_, apart) = frame.clone().encode();
        assert_eq!(apart.unwrap().as_ptr(), body.as_ptr());
        assert_eq!(there_and_back(frame.clone()), frame);
    }

    #[test]
    fn malformed_bytes_are_errors() {
        for bytes in [
            &b""[..],
            b"\x00",
            b"\x03",
            b"\x04\0\0",
            b"\x05\0",
            b"\x7f",
            b"\x04\0\0\0\0\0\0\0\0\0\x02a",
        ] {
            let mut reader = FrameReader::default();
            assert!(reader.take(Bytes::from_static(bytes)).is_err(), "{bytes:?}");
        }
        assert_eq!(Opening::decode(&[2; 33]), Err(WireError::Format(2)));
        assert!(Opening::decode(&[1; 32]).is_err());
        assert!(Introduction::decode(&[]).is_err());
        assert!(Introduction::decode(&[1, 0x92]).is_err());
    }

    proptest! {
        #[test]
        fn frames_survive(kind: u8, id: u64, length in 0usize..10_000, which in 0u8..5) {
            let body = Bytes::from(vec![kind; length]);
            let frame = match which {
                0 => Frame::Ping(body),
                1 => Frame::Departure,
                2 => Frame::Note { kind, body },
                3 => Frame::Request {
                    id,
                    kind,
                    head: body.slice(..length.min(255)),
                    body,
                },
                _ => Frame::Reply { id, body },
            };
            prop_assert_eq!(there_and_back(frame.clone()), frame);
        }

        #[test]
        fn any_bytes_are_a_frame_or_an_error(frames in proptest::collection::vec(any::<Vec<u8>>(), 0..5)) {
            let mut reader = FrameReader::default();
            for frame in frames {
                let _ = reader.take(frame.into());
            }
        }
    }
}
