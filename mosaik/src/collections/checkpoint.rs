//! A state as chunks of bytes, and back.
//!
//! A checkpoint is one row of records, each behind its length: a [`Header`], then the items. It is cut into chunks
//! without regard to records, so that a large item makes no large chunk.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::structure::{Items, Structure};
use crate::groups::{self, CHECKPOINT_CHUNK_BYTES_MAX};
use crate::primitives::{self, UniqueId};

/// The version of this format.
const FORMAT: u16 = 1;

/// Bytes of the length before each record.
const LENGTH_BYTES: usize = size_of::<u32>();

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    format: u16,
    kind: String,
    types: UniqueId,
    version: u64,
    counter: u64,
    items_count: u64,
}

/// Why chunks are no state of this collection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damage {
    #[error("the snapshot has format {format}, and this replica reads {FORMAT}")]
    Format { format: u16 },
    #[error("the snapshot is of another collection: a {kind}, or other types")]
    Foreign { kind: String },
    #[error("a record of the snapshot cannot be decoded: {reason}")]
    Undecodable { reason: String },
    #[error("the snapshot is empty")]
    Empty,
    #[error("the snapshot ends after {loaded} of {announced} items")]
    Incomplete { loaded: u64, announced: u64 },
}

/// A state on its way out: a view of one moment, written while the state goes on.
pub(super) struct Writing<S: Structure> {
    items: Items<S::Item>,
    buffer: BytesMut,
}

impl<S: Structure> Writing<S> {
    /// The `state` at a version.
    pub(super) fn new(state: &S, version: u64) -> Self {
        let header = Header {
            format: FORMAT,
            kind: S::KIND.to_owned(),
            types: S::types_id(),
            version,
            counter: state.counter(),
            items_count: state.count() as u64,
        };
        let mut buffer = BytesMut::new();
        write(&header, &mut buffer);
        Self {
            items: state.items(),
            buffer,
        }
    }
}

impl<S: Structure> groups::Checkpoint for Writing<S> {
    fn next_chunk(&mut self) -> Option<Bytes> {
        while self.buffer.len() < CHECKPOINT_CHUNK_BYTES_MAX
            && let Some(item) = self.items.next()
        {
            write(&item, &mut self.buffer);
        }
        let length = self.buffer.len().min(CHECKPOINT_CHUNK_BYTES_MAX);
        (length > 0).then(|| self.buffer.split_to(length).freeze())
    }
}

/// Appends a record. One that cannot be encoded is left out, and missed by who counts.
fn write(record: &impl Serialize, buffer: &mut BytesMut) {
    let start = buffer.len();
    buffer.put_u32(0);
    let written = primitives::encode_into(record, buffer).is_ok();
    let length = u32::try_from(buffer.len() - start - LENGTH_BYTES);
    match length {
        Ok(length) if written => {
            buffer[start..start + LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        }
        _ => buffer.truncate(start),
    }
}

/// A state on its way in. Nothing of it counts before [`finish`](Self::finish).
pub(super) struct Reading<S> {
    state: S,
    header: Option<Header>,
    loaded_count: u64,
    rest: BytesMut,
}

impl<S: Structure> Reading<S> {
    pub(super) fn new() -> Self {
        Self {
            state: S::default(),
            header: None,
            loaded_count: 0,
            rest: BytesMut::new(),
        }
    }

    /// Takes the next chunk.
    pub(super) fn feed(&mut self, chunk: &[u8]) -> Result<(), Damage> {
        self.rest.extend_from_slice(chunk);
        while let Some(length) = self.rest.get(..LENGTH_BYTES) {
            let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
            if self.rest.len() - LENGTH_BYTES < length {
                break;
            }
            self.rest.advance(LENGTH_BYTES);
            let record = self.rest.split_to(length);
            self.load(&record)?;
        }
        Ok(())
    }

    fn load(&mut self, record: &[u8]) -> Result<(), Damage> {
        if self.header.is_some() {
            self.state.load(decode(record)?);
            self.loaded_count += 1;
            return Ok(());
        }
        let header: Header = decode(record)?;
        if header.format != FORMAT {
            return Err(Damage::Format {
                format: header.format,
            });
        }
        if header.kind != S::KIND || header.types != S::types_id() {
            return Err(Damage::Foreign { kind: header.kind });
        }
        self.state.set_counter(header.counter);
        self.header = Some(header);
        Ok(())
    }

    /// The state and its version, if it is whole.
    pub(super) fn finish(self) -> Result<(S, u64), Damage> {
        let Some(header) = self.header else {
            return Err(Damage::Empty);
        };
        if self.loaded_count == header.items_count && self.rest.is_empty() {
            Ok((self.state, header.version))
        } else {
            Err(Damage::Incomplete {
                loaded: self.loaded_count,
                announced: header.items_count,
            })
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(record: &[u8]) -> Result<T, Damage> {
    primitives::decode(record).map_err(|error| Damage::Undecodable {
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collections::elements::Elements;
    use crate::collections::slot::Slot;
    use crate::groups::Checkpoint as _;

    fn elements(count: u64) -> Elements<u64> {
        Elements((0..count).collect())
    }

    fn chunks<S: Structure>(state: &S) -> Vec<Bytes> {
        let mut writing = Writing::new(state, 7);
        core::iter::from_fn(|| writing.next_chunk()).collect()
    }

    fn read<S: Structure>(chunks: &[Bytes]) -> Result<S, Damage> {
        let mut reading = Reading::<S>::new();
        chunks.iter().try_for_each(|chunk| reading.feed(chunk))?;
        let (state, version) = reading.finish()?;
        assert_eq!(version, 7);
        Ok(state)
    }

    /// The same bytes in pieces of `length`.
    fn cut(chunks: &[Bytes], length: usize) -> Vec<Bytes> {
        let whole = chunks.concat();
        whole.chunks(length).map(Bytes::copy_from_slice).collect()
    }

    #[test]
    fn pieces_of_every_size_give_the_state_back() {
        for count in [0, 1, 2, 1000] {
            let chunks = chunks(&elements(count));
            for length in [1, 7, 5000] {
                let back: Elements<u64> = read(&cut(&chunks, length)).unwrap();
                assert_eq!(back.0, elements(count).0, "{count} by {length}");
            }
        }
    }

    #[test]
    fn a_large_item_is_cut() {
        let large = Slot::<Vec<u8>, false>(Some(vec![7; 3 * CHECKPOINT_CHUNK_BYTES_MAX]));
        let chunks = chunks(&large);
        assert!(chunks.len() >= 4);
        assert!(
            chunks
                .iter()
                .all(|chunk| chunk.len() <= CHECKPOINT_CHUNK_BYTES_MAX)
        );
        assert_eq!(read::<Slot<Vec<u8>, false>>(&chunks).unwrap().0, large.0);
    }

    #[test]
    fn what_is_missing_or_foreign_is_refused() {
        let whole = chunks(&elements(10));
        assert_eq!(
            read::<Elements<u64>>(&cut(&whole, whole[0].len() - 1)[..1])
                .map(drop)
                .unwrap_err(),
            Damage::Incomplete {
                loaded: 9,
                announced: 10
            }
        );
        assert_eq!(
            read::<Elements<u64>>(&[]).map(drop).unwrap_err(),
            Damage::Empty
        );
        assert_eq!(
            read::<Elements<u32>>(&whole).map(drop).unwrap_err(),
            Damage::Foreign { kind: "vec".into() }
        );
        assert!(matches!(
            read::<Slot<u64, false>>(&whole),
            Err(Damage::Foreign { .. })
        ));
        let garbage = Bytes::from_static(b"\0\0\0\x01\xc1");
        assert!(matches!(
            read::<Elements<u64>>(&[garbage]),
            Err(Damage::Undecodable { .. })
        ));
    }
}
