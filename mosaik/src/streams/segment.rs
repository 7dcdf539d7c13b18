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

/// An encoded datum on its way into a segment, in a buffer that begins with room for the header of a frame of its own.
pub(crate) struct Encoded<'a>(&'a mut BytesMut);

impl<'a> Encoded<'a> {
    /// What `encode` appends to the buffer, which is cleared.
    pub(crate) fn write<E>(
        buffer: &'a mut BytesMut,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), E>,
    ) -> Result<Self, E> {
        buffer.clear();
        buffer.extend_from_slice(&[0; ENCODED_PREFIX_BYTES]);
        encode(buffer)?;
        Ok(Self(buffer))
    }

    /// The bytes of the datum alone.
    pub(crate) fn len(&self) -> usize {
        self.0.len() - ENCODED_PREFIX_BYTES
    }

    /// Whether it is a segment of its own, whose bytes are not copied.
    pub(super) fn is_large(&self) -> bool {
        self.0.len() >= WHOLE_BYTES_MIN
    }

    /// The datum behind its length.
    fn framed(&mut self) -> &[u8] {
        let length = u32::try_from(self.len()).expect("datums are far smaller than 4 GiB");
        let framed = &mut self.0[FRAME_HEADER_BYTES..];
        framed[..LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        framed
    }

    /// The datum as a frame. What is left of the buffer's memory stays with the buffer.
    fn into_frame(mut self, position: u64) -> Bytes {
        self.framed();
        self.0[0] = FRAME_KIND_DATA;
        self.0[1..FRAME_HEADER_BYTES].copy_from_slice(&position.to_be_bytes());
        self.0.split().freeze()
    }
}

/// The run that is being written.
#[derive(Debug, Default)]
pub(crate) struct OpenSegment {
    first: u64,
    ends: Vec<u32>,
    frame: BytesMut,
    keys: Vec<Key>,
    /// Bytes and datums of the segment before, which the next one is often like.
    typical: (usize, usize),
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

    /// Appends a datum.
    pub(crate) fn push(&mut self, mut datum: Encoded<'_>, key: Option<Key>) {
        let framed = datum.framed();
        if self.ends.is_empty() {
            let (bytes, datums) = self.typical;
            self.frame
                .reserve(FRAME_HEADER_BYTES + framed.len().max(bytes).max(SEGMENT_BYTES_MIN));
            self.ends.reserve(datums);
            self.frame.extend_from_slice(&[FRAME_KIND_DATA]);
            self.frame.extend_from_slice(&self.first.to_be_bytes());
        }
        self.frame.extend_from_slice(framed);
        self.ends.push(end(self.frame.len()));
        self.keys.extend(key);
    }

    /// A segment of one datum, in the memory that it was encoded to. The open segment must be empty.
    pub(crate) fn push_whole(&mut self, datum: Encoded<'_>, key: Option<Key>) -> Segment {
        debug_assert!(self.ends.is_empty(), "what came before is sealed");
        let first = self.first;
        self.first += 1;
        let frame = datum.into_frame(first);
        Segment {
            first,
            ends: vec![end(frame.len())],
            frame,
            keys: key.into_iter().collect(),
        }
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
        self.typical = (self.frame.len(), self.ends.len());
        Some(Segment {
            first,
            ends: std::mem::take(&mut self.ends),
            frame: self.frame.split().freeze(),
            keys: std::mem::take(&mut self.keys),
        })
    }
}

fn end(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a segment is sealed long before 4 GiB")
}

/// The kind of a frame of consecutive datums, see `wire`.
pub(crate) const FRAME_KIND_DATA: u8 = 1;

/// A kind, and the position of the first datum.
pub(crate) const FRAME_HEADER_BYTES: usize = 9;

/// The length in front of each datum.
pub(crate) const LENGTH_BYTES: usize = 4;

/// What stands before a datum that is a frame of its own.
pub(crate) const ENCODED_PREFIX_BYTES: usize = FRAME_HEADER_BYTES + LENGTH_BYTES;

/// From here on a datum is a segment of its own: to copy it costs more than a segment does.
const WHOLE_BYTES_MIN: usize = 16 * 1024;

/// A segment is sealed when it has so many bytes: as much as one write to the transport takes well.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;

/// The least that is reserved when a segment begins: segments of quiet streams are small.
const SEGMENT_BYTES_MIN: usize = 1024;

#[cfg(test)]
pub(crate) mod tests {
    use {super::*, std::convert::Infallible};

    /// Calls `push` with the datum, encoded.
    pub(crate) fn encoded<T>(datum: &[u8], push: impl FnOnce(Encoded<'_>) -> T) -> T {
        let mut buffer = BytesMut::new();
        let append = |buffer: &mut BytesMut| {
            buffer.extend_from_slice(datum);
            Ok::<(), Infallible>(())
        };
        let Ok(datum) = Encoded::write(&mut buffer, append);
        push(datum)
    }

    fn framed(datum: &[u8]) -> Vec<u8> {
        encoded(datum, |mut datum| datum.framed().to_vec())
    }

    #[test]
    fn a_segment_slices_by_datum() {
        let mut open = OpenSegment::default();
        assert!(open.seal().is_none());
        open.skip();
        for datum in [&b"a"[..], b"", b"bcd"] {
            encoded(datum, |datum| open.push(datum, None));
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
        encoded(b"e", |datum| open.push(datum, None));
        assert_eq!(open.seal().unwrap().first(), 4);
    }

    #[test]
    fn a_large_datum_is_a_frame_where_it_was_encoded() {
        let mut open = OpenSegment::default();
        encoded(b"a", |datum| open.push(datum, None));
        open.seal();
        let large = vec![7; WHOLE_BYTES_MIN];
        let (at, segment) = encoded(&large, |datum| {
            assert!(datum.is_large());
            (datum.0.as_ptr(), open.push_whole(datum, None))
        });
        assert_eq!(segment.frame().as_ptr(), at);
        assert_eq!((segment.first(), segment.end(), open.next()), (1, 2, 2));
        assert_eq!(segment.body(0..1), framed(&large));
        let mut copied = OpenSegment {
            first: 1,
            ..OpenSegment::default()
        };
        encoded(&large, |datum| copied.push(datum, None));
        assert_eq!(segment.frame(), copied.seal().unwrap().frame());
    }
}
