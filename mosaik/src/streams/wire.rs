//! What travels between a producer and a consumer: one long-lived stream for each pair.
//!
//! The consumer opens it with an [`OpenRequest`] and is answered with a [`Reply`] (MessagePack both) or a close code.
//! After that, frames are a kind and fixed fields, so that datums go from a segment to the decoder in place.

use {
    super::{
        credit::Credit,
        criteria::{Criteria, Filter},
        outbox::Item,
        segment::{FRAME_HEADER_BYTES, FRAME_KIND_DATA as DATA, LENGTH_BYTES},
        sequence::{GapReason, Place},
    },
    crate::primitives::{Bytes, Digest, Schema, StreamId},
    serde::{Deserialize, Serialize},
    thiserror::Error,
};

/// The version of everything in this file.
pub(crate) const WIRE_VERSION: u8 = 1;

/// What a consumer asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OpenRequest {
    pub(crate) version: u8,
    pub(crate) stream_id: StreamId,
    /// Names this consumer among those of its node, for resuming.
    pub(crate) consumer: u64,
    /// The fingerprint of the datum's schema.
    pub(crate) schema: Digest,
    pub(crate) criteria: WireCriteria,
    pub(crate) resume: Option<Place>,
    pub(crate) credit: Credit,
}

/// Which datums the consumer wants.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WireCriteria {
    pub(crate) filter: Option<Filter>,
}

impl WireCriteria {
    pub(crate) fn new(_criteria: &Criteria, filter: Option<Filter>) -> Self {
        Self { filter }
    }
}

/// What a producer answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// Frames follow.
    Accepted {
        incarnation: u64,
        /// The position of the first frame.
        start: u64,
    },
    /// The schemas differ; this is the producer's. The consumer answers with its own, and the stream ends.
    OtherSchema(Box<Schema>),
}

/// What a producer sends on an open channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// Consecutive datums.
    Data(Datums<'a>),
    /// Positions that the consumer will not receive; they are lost unless `lost` is 0.
    Gap {
        first: u64,
        end: u64,
        lost: u64,
        reason: GapReason,
    },
    /// The channel is over.
    Close { code: u32, reason: &'a str },
}

/// What a consumer sends on an open channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer<'a> {
    /// The new limit, counted from the opening of the link, and the first position not received.
    Credit { limit: Credit, received: u64 },
    /// The consumer's schema, after [`Reply::OtherSchema`].
    Schema(&'a [u8]),
}

/// A frame that makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum WireError {
    #[error("unknown frame kind {0}")]
    Kind(u8),
    #[error("frame ends inside a field")]
    Truncated,
    #[error("frame covers positions {first}..{end}")]
    Range { first: u64, end: u64 },
}

/// The datums of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Datums<'a> {
    first: u64,
    /// The position after the last one covered; for consecutive datums it comes from counting them.
    end: u64,
    count: u64,
    sparse: bool,
    body: &'a [u8],
}

impl<'a> Datums<'a> {
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    pub(crate) const fn end(&self) -> u64 {
        self.end
    }

    /// How many datums there are.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// Each datum with its position; the frame was checked when it was parsed.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &'a [u8])> + use<'a> {
        let (mut body, mut next, first, sparse) = (self.body, self.first, self.first, self.sparse);
        std::iter::from_fn(move || {
            let position = if sparse {
                first + u64::from(read_u32(&mut body)?)
            } else {
                next
            };
            let length = read_u32(&mut body)? as usize;
            let (datum, rest) = body.split_at_checked(length)?;
            body = rest;
            next += 1;
            Some((position, datum))
        })
    }

    fn dense(first: u64, body: &'a [u8]) -> Result<Self, WireError> {
        let (mut rest, mut count) = (body, 0u64);
        while !rest.is_empty() {
            rest = skip_datum(rest)?;
            count += 1;
        }
        let end = first.checked_add(count).ok_or(WireError::Range {
            first,
            end: u64::MAX,
        })?;
        Ok(Self {
            first,
            end,
            count,
            sparse: false,
            body,
        })
    }

    fn sparse(first: u64, end: u64, body: &'a [u8]) -> Result<Self, WireError> {
        if end < first {
            return Err(WireError::Range { first, end });
        }
        let (mut rest, mut offset_min, mut count) = (body, 0, 0);
        while !rest.is_empty() {
            let offset = u64::from(read_u32(&mut rest).ok_or(WireError::Truncated)?);
            if offset < offset_min || offset >= end - first {
                return Err(WireError::Range { first, end });
            }
            offset_min = offset + 1;
            rest = skip_datum(rest)?;
            count += 1;
        }
        Ok(Self {
            first,
            end,
            count,
            sparse: true,
            body,
        })
    }
}

fn skip_datum(mut body: &[u8]) -> Result<&[u8], WireError> {
    let length = read_u32(&mut body).ok_or(WireError::Truncated)? as usize;
    body.get(length..).ok_or(WireError::Truncated)
}

impl<'a> Frame<'a> {
    pub(crate) fn parse(frame: &'a [u8]) -> Result<Self, WireError> {
        let (kind, mut rest) = frame.split_first().ok_or(WireError::Truncated)?;
        let fields = &mut rest;
        match *kind {
            DATA => {
                let first = field(fields)?;
                Ok(Self::Data(Datums::dense(first, rest)?))
            }
            SPARSE => {
                let (first, end) = (field(fields)?, field(fields)?);
                Ok(Self::Data(Datums::sparse(first, end, rest)?))
            }
            GAP => {
                let (first, end, lost) = (field(fields)?, field(fields)?, field(fields)?);
                let reason = match rest {
                    [EXPIRED] => GapReason::Expired,
                    [_] => GapReason::Overflow,
                    _ => return Err(WireError::Truncated),
                };
                if first > end || lost > end - first {
                    return Err(WireError::Range { first, end });
                }
                Ok(Self::Gap {
                    first,
                    end,
                    lost,
                    reason,
                })
            }
            CLOSE => {
                let code = read_u32(fields).ok_or(WireError::Truncated)?;
                // The text is for people; what is not text is left out.
                let reason = std::str::from_utf8(rest).unwrap_or_default();
                Ok(Self::Close { code, reason })
            }
            kind => Err(WireError::Kind(kind)),
        }
    }
}

impl<'a> Answer<'a> {
    pub(crate) fn parse(frame: &'a [u8]) -> Result<Self, WireError> {
        let (kind, mut rest) = frame.split_first().ok_or(WireError::Truncated)?;
        let fields = &mut rest;
        match *kind {
            CREDIT => {
                let limit = Credit::new(field(fields)?, field(fields)?);
                let received = field(fields)?;
                Ok(Self::Credit { limit, received })
            }
            SCHEMA => Ok(Self::Schema(rest)),
            kind => Err(WireError::Kind(kind)),
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.clear();
        match self {
            Self::Credit { limit, received } => {
                out.push(CREDIT);
                for value in [limit.datums, limit.bytes, *received] {
                    out.extend_from_slice(&value.to_be_bytes());
                }
            }
            Self::Schema(schema) => {
                out.push(SCHEMA);
                out.extend_from_slice(schema);
            }
        }
    }
}

/// Writes a close frame.
pub(crate) fn write_close(code: u32, reason: &str, out: &mut Vec<u8>) {
    out.clear();
    out.push(CLOSE);
    out.extend_from_slice(&code.to_be_bytes());
    let mut length = reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !reason.is_char_boundary(length) {
        length -= 1;
    }
    out.extend_from_slice(&reason.as_bytes()[..length]);
}

/// A frame to send.
#[derive(Debug)]
pub(crate) enum Outgoing<'a> {
    /// Valid during the call.
    Copied(&'a [u8]),
    /// The bytes of a segment, shared with every other channel.
    Shared(Bytes),
}

/// Turns items into frames, many datums to a frame; `emit` is called once for each.
pub(crate) fn write_frames<E>(
    items: &[Item],
    buffer: &mut Vec<u8>,
    mut emit: impl FnMut(Outgoing<'_>) -> Result<(), E>,
) -> Result<(), E> {
    buffer.clear();
    // First and next position of the frame in the buffer.
    let (mut first, mut next) = (0, 0);
    for item in items {
        if let Item::Data(slice) = item
            && let Some(frame) = slice.whole_frame()
            && frame.len() >= SHARED_BYTES_MIN
        {
            flush(buffer, &mut emit)?;
            emit(Outgoing::Shared(frame.clone()))?;
            continue;
        }
        let kind = match item {
            Item::Gap { .. } => GAP,
            Item::Data(slice) if slice.picked.is_some() => SPARSE,
            Item::Data(_) => DATA,
        };
        let continues = buffer.first() == Some(&kind)
            && kind != GAP
            && next == item.first()
            && buffer.len() < FRAME_BYTES_TARGET;
        if !continues {
            flush(buffer, &mut emit)?;
            first = item.first();
            buffer.push(kind);
            buffer.extend_from_slice(&first.to_be_bytes());
            if kind != DATA {
                buffer.extend_from_slice(&item.end().to_be_bytes());
            }
        }
        next = item.end();
        match item {
            Item::Gap { lost, reason, .. } => {
                buffer.extend_from_slice(&lost.to_be_bytes());
                buffer.push(if *reason == GapReason::Expired {
                    EXPIRED
                } else {
                    OVERFLOW
                });
            }
            Item::Data(slice) => match &slice.picked {
                None => {
                    let body = slice.segment.body(slice.range.clone());
                    if buffer.len() > FRAME_HEADER_BYTES
                        && buffer.len() + body.len() > FRAME_BYTES_JOINED_MAX
                    {
                        flush(buffer, &mut emit)?;
                        first = item.first();
                        buffer.push(kind);
                        buffer.extend_from_slice(&first.to_be_bytes());
                    }
                    buffer.extend_from_slice(body);
                }
                Some(picked) => {
                    buffer[SPARSE_END_AT..SPARSE_END_AT + 8].copy_from_slice(&next.to_be_bytes());
                    for index in picked {
                        let position = slice.segment.first() + u64::from(*index);
                        let offset =
                            u32::try_from(position - first).expect("a frame covers few segments");
                        buffer.extend_from_slice(&offset.to_be_bytes());
                        buffer.extend_from_slice(slice.segment.body(*index..index + 1));
                    }
                }
            },
        }
    }
    flush(buffer, &mut emit)
}

fn flush<E>(
    buffer: &mut Vec<u8>,
    emit: &mut impl FnMut(Outgoing<'_>) -> Result<(), E>,
) -> Result<(), E> {
    if buffer.is_empty() {
        return Ok(());
    }
    let result = emit(Outgoing::Copied(buffer));
    buffer.clear();
    result
}

fn read_u32(from: &mut &[u8]) -> Option<u32> {
    let (value, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(u32::from_be_bytes(*value))
}

fn field(from: &mut &[u8]) -> Result<u64, WireError> {
    let (value, rest) = from.split_first_chunk().ok_or(WireError::Truncated)?;
    *from = rest;
    Ok(u64::from_be_bytes(*value))
}

const SPARSE: u8 = 2;
const GAP: u8 = 3;
const CLOSE: u8 = 4;
const CREDIT: u8 = 16;
const SCHEMA: u8 = 17;

const OVERFLOW: u8 = 0;
const EXPIRED: u8 = 1;

/// Where the end position stands in a sparse frame.
const SPARSE_END_AT: usize = 9;

/// A segment with so many bytes is sent in place; smaller ones are copied together.
const SHARED_BYTES_MIN: usize = 8 * 1024;

/// A frame takes no further datums beyond this: larger ones gain nothing and delay the first datum.
const FRAME_BYTES_TARGET: usize = 64 * 1024;

/// Datums are joined to one frame up to this.
const FRAME_BYTES_JOINED_MAX: usize = 128 * 1024;

/// Text of a close frame.
const CLOSE_REASON_BYTES_MAX: usize = 256;

/// Room that a frame takes besides its datum.
const FRAME_OVERHEAD_BYTES: usize = 64;

/// The largest datum, in encoded bytes: what fits a frame.
pub(crate) const DATUM_BYTES_MAX: usize =
    crate::primitives::limits::DATA_FRAME_BYTES_MAX - FRAME_OVERHEAD_BYTES - LENGTH_BYTES;

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
