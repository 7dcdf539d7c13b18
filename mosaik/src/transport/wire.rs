//! What the two ends say before any protocol speaks: the hello of a connection, the header and the answer of a stream.
//!
//! Pure: values to bytes and back. Each travels as one frame and begins with a format version, so that a later format is
//! refused by name instead of being misread.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::primitives::{Digest, decode, encode};

use super::{close::CloseCode, protocol::REQUEST_BYTES_MAX};

/// The version of all three formats below.
const FORMAT: u8 = 1;

/// The longest hello that is read, in bytes.
pub(crate) const HELLO_BYTES_MAX: usize = 4 * 1024;

/// Bytes of a header before its request.
const HEADER_BYTES: usize = 5;

/// The longest header frame, request included; the protocol's own limit is checked once it is known.
pub(crate) const HEADER_FRAME_BYTES_MAX: usize = HEADER_BYTES + REQUEST_BYTES_MAX;

/// The longest answer frame.
pub(crate) const ANSWER_FRAME_BYTES_MAX: usize = 8 + REQUEST_BYTES_MAX;

/// A reason is untrusted text for people; more than this is cut.
pub(crate) const REASON_BYTES_MAX: usize = 1024;

/// What came is not what this version of the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    #[error("unknown format {0}")]
    Format(u8),
    #[error("malformed {0}")]
    Malformed(&'static str),
}

/// The first thing that each end of a connection says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The network that the speaker belongs to.
    pub(crate) network: Digest,
    /// Drawn when the speaker's transport was bound: tells a restart from a second connection.
    pub(crate) session: u64,
    /// The speaker's crate version, for logs and for people.
    pub(crate) version: String,
    /// Bits for what a later version can do more; unknown ones are ignored.
    pub(crate) features: u64,
}

impl Hello {
    pub(crate) fn encode(&self) -> Bytes {
        let body = encode(self).expect("invariant: a hello has no value that cannot be encoded");
        let mut bytes = BytesMut::with_capacity(1 + body.len());
        bytes.put_u8(FORMAT);
        bytes.put_slice(&body);
        bytes.freeze()
    }

    pub(crate) fn decode(mut frame: Bytes) -> Result<Self, WireError> {
        take_format(&mut frame, "hello")?;
        decode(&frame).map_err(|_| WireError::Malformed("hello"))
    }
}

/// The first thing on every stream but the hello's: which protocol, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) protocol: u16,
    pub(crate) version: u16,
    pub(crate) request: Bytes,
}

impl Header {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + self.request.len());
        bytes.put_u8(FORMAT);
        bytes.put_u16(self.protocol);
        bytes.put_u16(self.version);
        bytes.put_slice(&self.request);
        bytes.freeze()
    }

    pub(crate) fn decode(mut frame: Bytes) -> Result<Self, WireError> {
        take_format(&mut frame, "header")?;
        if frame.len() < HEADER_BYTES - 1 {
            return Err(WireError::Malformed("header"));
        }
        Ok(Self {
            protocol: frame.get_u16(),
            version: frame.get_u16(),
            request: frame,
        })
    }
}

/// What the acceptor of a stream says to its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept { reply: Bytes },
    Reject { code: CloseCode, reason: String },
}

impl Answer {
    const ACCEPT: u8 = 0;
    const REJECT: u8 = 1;

    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u8(FORMAT);
        match self {
            Self::Accept { reply } => {
                bytes.put_u8(Self::ACCEPT);
                bytes.put_slice(reply);
            }
            Self::Reject { code, reason } => {
                bytes.put_u8(Self::REJECT);
                bytes.put_u32(code.value());
                bytes.put_slice(cut(reason).as_bytes());
            }
        }
        bytes.freeze()
    }

    pub(crate) fn decode(mut frame: Bytes) -> Result<Self, WireError> {
        take_format(&mut frame, "answer")?;
        match frame.try_get_u8() {
            Ok(Self::ACCEPT) => Ok(Self::Accept { reply: frame }),
            Ok(Self::REJECT) => {
                let code = frame
                    .try_get_u32()
                    .map_err(|_| WireError::Malformed("answer"))?;
                let reason = String::from_utf8_lossy(&frame[..frame.len().min(REASON_BYTES_MAX)]);
                Ok(Self::Reject {
                    code: CloseCode::new(code),
                    // Replaced bytes take more room than the bytes that they replace.
                    reason: cut(&printable(&reason)).to_owned(),
                })
            }
            Ok(_) | Err(_) => Err(WireError::Malformed("answer")),
        }
    }
}

fn take_format(frame: &mut Bytes, what: &'static str) -> Result<(), WireError> {
    match frame.try_get_u8() {
        Ok(FORMAT) => Ok(()),
        Ok(other) => Err(WireError::Format(other)),
        Err(_) => Err(WireError::Malformed(what)),
    }
}

/// Cuts a text to [`REASON_BYTES_MAX`] at the end of a character.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(REASON_BYTES_MAX)]
}

/// A peer's text without what could drive a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_hello() {
        let hello = Hello {
            network: Digest::from_bytes([0xab; 32]),
            session: 0x0102_0304_0506_0708,
            version: "0.1.0".into(),
            features: 0,
        };
        let bytes = hello.encode();
        let mut expected = vec![FORMAT, 0x94, 0xc4, 32];
        expected.extend([0xab; 32]);
        expected.extend([0xcf, 1, 2, 3, 4, 5, 6, 7, 8, 0xa5]);
        expected.extend(b"0.1.0");
        expected.push(0);
        assert_eq!(bytes.as_ref(), expected);
        assert_eq!(Hello::decode(bytes).unwrap(), hello);
    }

    #[test]
    fn golden_header() {
        let header = Header {
            protocol: 0x0102,
            version: 3,
            request: Bytes::from_static(b"req"),
        };
        let bytes = header.encode();
        assert_eq!(bytes.as_ref(), b"\x01\x01\x02\x00\x03req");
        assert_eq!(Header::decode(bytes).unwrap(), header);
    }

    #[test]
    fn golden_answers() {
        let accept = Answer::Accept {
            reply: Bytes::from_static(b"ok"),
        };
        assert_eq!(accept.encode().as_ref(), b"\x01\x00ok");
        assert_eq!(Answer::decode(accept.encode()).unwrap(), accept);
        let reject = Answer::Reject {
            code: CloseCode::NO_CAPACITY,
            reason: "full".into(),
        };
        assert_eq!(reject.encode().as_ref(), b"\x01\x01\x00\x00\x29\x0dfull");
        assert_eq!(Answer::decode(reject.encode()).unwrap(), reject);
    }

    #[test]
    fn malformed_bytes_are_errors() {
        for bytes in [&b""[..], b"\x01", b"\x01\x01\x00", b"\x01\x02"] {
            let bytes = Bytes::copy_from_slice(bytes);
            assert!(Hello::decode(bytes.clone()).is_err(), "{bytes:?}");
            assert!(Header::decode(bytes.clone()).is_err(), "{bytes:?}");
            assert!(Answer::decode(bytes.clone()).is_err(), "{bytes:?}");
        }
        let later = Bytes::from_static(b"\x02\x00\x01\x00\x01");
        assert_eq!(Hello::decode(later.clone()), Err(WireError::Format(2)));
        assert_eq!(Header::decode(later.clone()), Err(WireError::Format(2)));
        assert_eq!(Answer::decode(later), Err(WireError::Format(2)));
    }

    #[test]
    fn reasons_are_cut_and_harmless() {
        let reject = Answer::Reject {
            code: CloseCode::NOT_ALLOWED,
            reason: format!("\x1b[2Jé{}", "é".repeat(REASON_BYTES_MAX)),
        };
        let Answer::Reject { reason, .. } = Answer::decode(reject.encode()).unwrap() else {
            panic!("a rejection stays one");
        };
        assert!(reason.len() <= REASON_BYTES_MAX);
        assert!(!reason.contains('\x1b'));
        assert!(!reason.contains('\u{fffd}'));
        let no_text = [
            &[FORMAT, Answer::REJECT, 0, 0, 0, 0][..],
            &[0xff; REASON_BYTES_MAX],
        ]
        .concat();
        let Answer::Reject { reason, .. } = Answer::decode(no_text.into()).unwrap() else {
            panic!("a rejection stays one");
        };
        assert!(reason.len() <= REASON_BYTES_MAX);
    }
}
