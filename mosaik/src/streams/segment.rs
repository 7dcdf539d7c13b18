//! Encoded datums, shared: each is encoded once, and every channel sends a slice of the same bytes.

use {
    super::criteria::Key,
    bytes::{Bytes, BytesMut},
    std::ops::Range,
};

/// A sealed run of datums at consecutive positions.
///
/// Its bytes are the frame that sends all of it: a header, then the datums, each behind its length as 4 bytes,
/// big-endian. As positions do not depend on the channel, every channel sends the same frame.
#[derive(Debug)]
pub(crate) struct Segment {
    first: u64,
    /// Where each datum ends in the frame.
    ends: Vec<u32>,
    frame: Bytes,
    /// One key for each datum, or none at all if the producer has no index.
    keys: Vec<Key>,
}

impl Segment {
    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.len())
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("a segment holds fewer than 2^32 datums")
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// The frame that sends the whole segment.
    pub(crate) const fn frame(&self) -> &Bytes {
        &self.frame
    }

    /// The datums at these indices, each behind its length.
    pub(crate) fn body(&self, indices: Range<u32>) -> &[u8] {
        &self.frame[self.offset(indices.start)..self.offset(indices.end)]
    }

    /// The encoded bytes of the datums at these indices, without their lengths.
    pub(crate) fn datum_bytes(&self, indices: Range<u32>) -> u64 {
        let framed = self.offset(indices.end) - self.offset(indices.start);
        (framed - indices.len() * LENGTH_BYTES) as u64
    }

    fn offset(&self, index: u32) -> usize {
        match index {
            0 => FRAME_HEADER_BYTES,
            index => self.ends[index as usize - 1] as usize,
        }
    }
}

/// The run that is being written.
#[derive(Debug, Default)]
pub(crate) struct OpenSegment {
    first: u64,
    ends: Vec<u32>,
    frame: BytesMut,
    keys: Vec<Key>,
}

impl OpenSegment {
    /// The position of the next datum.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    pub(crate) const fn first(&self) -> u64 {
        self.first
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// Appends a datum that stands behind its length already, see [`write_length`].
    pub(crate) fn push(&mut self, framed: &[u8], key: Option<Key>) {
        if self.ends.is_empty() {
            self.frame
                .reserve(FRAME_HEADER_BYTES + framed.len().max(SEGMENT_BYTES_TYPICAL));
            self.frame.extend_from_slice(&[FRAME_KIND_DATA]);
            self.frame.extend_from_slice(&self.first.to_be_bytes());
        }
        self.frame.extend_from_slice(framed);
        self.ends
            .push(u32::try_from(self.frame.len()).expect("a segment is sealed long before 4 GiB"));
        self.keys.extend(key);
    }

    /// Steps over a position that nobody is to receive.
    pub(crate) fn skip(&mut self) {
        debug_assert!(
            self.ends.is_empty(),
            "only an empty segment may step over a position"
        );
        self.first += 1;
    }

    pub(crate) fn seal(&mut self) -> Option<Segment> {
        if self.ends.is_empty() {
            return None;
        }
        let first = self.first;
        self.first = self.next();
        Some(Segment {
            first,
            ends: std::mem::take(&mut self.ends),
            frame: self.frame.split().freeze(),
            keys: std::mem::take(&mut self.keys),
        })
    }
}

/// Puts the length in front of a datum: `buffer` starts with [`LENGTH_BYTES`] of room.
pub(crate) fn write_length(buffer: &mut [u8]) {
    let length =
        u32::try_from(buffer.len() - LENGTH_BYTES).expect("datums are far smaller than 4 GiB");
    buffer[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
}

/// The kind of a frame of consecutive datums, see `wire`.
pub(crate) const FRAME_KIND_DATA: u8 = 1;

/// A kind, and the position of the first datum.
pub(crate) const FRAME_HEADER_BYTES: usize = 9;

/// The length in front of each datum.
pub(crate) const LENGTH_BYTES: usize = 4;

/// A segment is sealed when it has so many bytes: as much as one write to the transport takes well.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;

/// What is reserved when a segment begins: segments of quiet streams are small.
const SEGMENT_BYTES_TYPICAL: usize = 1024;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn framed(datum: &[u8]) -> Vec<u8> {
        let mut buffer = vec![0; LENGTH_BYTES];
        buffer.extend_from_slice(datum);
        write_length(&mut buffer);
        buffer
    }

    #[test]
    fn a_segment_slices_by_datum() {
        let mut open = OpenSegment::default();
        assert!(open.seal().is_none());
        open.skip();
        for datum in [&b"a"[..], b"", b"bcd"] {
            open.push(&framed(datum), None);
        }
        assert_eq!(
            (open.next(), open.len(), open.bytes()),
            (4, 3, 16 + FRAME_HEADER_BYTES)
        );
        let segment = open.seal().unwrap();
        assert_eq!((segment.first(), segment.end(), segment.len()), (1, 4, 3));
        assert_eq!(segment.body(0..1), framed(b"a"));
        assert_eq!(segment.body(1..3), [framed(b""), framed(b"bcd")].concat());
        assert_eq!(segment.body(2..2), b"");
        assert_eq!(segment.datum_bytes(0..3), 4);
        open.push(&framed(b"e"), None);
        assert_eq!(open.seal().unwrap().first(), 4);
    }
}
