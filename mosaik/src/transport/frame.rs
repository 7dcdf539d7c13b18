//! Frames: a 4-byte big-endian length, then that many bytes.
//!
//! Pure: what goes out is collected into chunks, what came in is cut into frames. Knows nothing of streams. The limit is
//! enforced on the announced length, before a byte is reserved for it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Bytes of the length prefix.
pub(crate) const LENGTH_BYTES: usize = 4;

/// A shared frame at least this long is handed on as it is; a shorter one is cheaper to copy among its neighbours.
const SHARED_BYTES_MIN: usize = 4 * 1024;

/// The least memory that a queue takes at a time.
const BLOCK_BYTES_MIN: usize = 8 * 1024;

/// The least and the most that one read makes room for. It grows while reads fill it, so that an idle link costs little.
const READ_BYTES_MIN: usize = 2 * 1024;
const READ_BYTES_MAX: usize = 128 * 1024;

/// A frame was refused before it was queued; nothing of it was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum FrameError {
    /// The frame is longer than its protocol allows.
    #[error("frame of {bytes} bytes exceeds the limit of {limit} bytes of protocol {protocol}")]
    TooLarge {
        /// The length of the frame.
        bytes: usize,
        /// The limit of the protocol.
        limit: usize,
        /// The protocol's name.
        protocol: &'static str,
    },
}

impl FrameError {
    /// Never: the same frame is refused again.
    pub(crate) const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: nothing was sent.
    pub(crate) const fn is_definite(&self) -> bool {
        true
    }
}

/// An announced length that the protocol does not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oversize {
    pub(crate) bytes: usize,
}

/// Frames on their way out, in as few chunks as possible.
#[derive(Debug, Default)]
pub(crate) struct FrameQueue {
    /// Complete chunks, oldest first.
    chunks: Vec<Bytes>,
    /// Small frames still being collected; after all of `chunks`.
    tail: BytesMut,
    bytes: usize,
}

impl FrameQueue {
    pub(crate) fn push(&mut self, frame: &[u8]) {
        self.make_room(LENGTH_BYTES + frame.len());
        self.tail.put_u32(length_prefix(frame.len()));
        self.tail.put_slice(frame);
        self.bytes += LENGTH_BYTES + frame.len();
    }

    /// As [`push`](Self::push), without a copy when the frame is long.
    pub(crate) fn push_shared(&mut self, frame: Bytes) {
        if frame.len() < SHARED_BYTES_MIN {
            return self.push(&frame);
        }
        self.make_room(LENGTH_BYTES);
        self.tail.put_u32(length_prefix(frame.len()));
        self.bytes += LENGTH_BYTES + frame.len();
        self.seal();
        self.chunks.push(frame);
    }

    /// Bytes on the wire that are still queued, prefixes included.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What to write next.
    pub(crate) fn chunks(&mut self) -> &mut [Bytes] {
        self.seal();
        &mut self.chunks
    }

    /// Tells that `chunk_count` chunks, and `bytes` in all, are written. A chunk in part was cut by the writer.
    pub(crate) fn advance(&mut self, chunk_count: usize, bytes: usize) {
        self.chunks.drain(..chunk_count);
        self.bytes -= bytes;
    }

    /// A new block of memory serves many flushes of a small frame each.
    fn make_room(&mut self, bytes: usize) {
        if self.tail.is_empty() && self.tail.capacity() < bytes {
            self.tail.reserve(bytes.max(BLOCK_BYTES_MIN));
        } else {
            self.tail.reserve(bytes);
        }
    }

    fn seal(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(self.tail.split().freeze());
        }
    }
}

/// Bytes that came in, and the frames in them.
#[derive(Debug)]
pub(crate) struct FrameBuffer {
    bytes: BytesMut,
    frame_bytes_max: usize,
    read_bytes: usize,
}

impl FrameBuffer {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self {
            bytes: BytesMut::new(),
            frame_bytes_max,
            read_bytes: READ_BYTES_MIN,
        }
    }

    /// Changes the limit, for what has not been cut yet.
    pub(crate) fn limit_to(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// Whether the stream could end here without cutting a frame.
    pub(crate) fn is_between_frames(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The buffer to read into, with room for at least one more byte.
    ///
    /// Room is made for what has arrived so far, doubled, never for what is announced: an announcement costs nothing.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        let room = match self.announced() {
            Some(length) => {
                let missing = (LENGTH_BYTES + length).saturating_sub(self.bytes.len());
                missing.clamp(1, self.bytes.len().max(self.read_bytes))
            }
            None => self.read_bytes,
        };
        self.bytes.reserve(room.max(self.read_bytes));
        &mut self.bytes
    }

    /// Tells how much one read put into [`room`](Self::room), so that the next one makes room to match.
    pub(crate) fn filled(&mut self, bytes: usize) {
        if bytes >= self.read_bytes {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES_MAX);
        } else if bytes < self.read_bytes / 8 {
            self.read_bytes = (self.read_bytes / 2).max(READ_BYTES_MIN);
        }
    }

    /// Takes the next complete frame.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Bytes>, Oversize> {
        match self.end_of_frame(0)? {
            Some(end) => {
                let mut frame = self.bytes.split_to(end);
                frame.advance(LENGTH_BYTES);
                Ok(Some(frame.freeze()))
            }
            None => Ok(None),
        }
    }

    /// Takes all complete frames at once, as one block.
    ///
    /// An oversized announcement behind good frames is reported by the next call.
    pub(crate) fn next_batch(&mut self) -> Result<Option<FrameBatch>, Oversize> {
        let mut end = 0;
        let mut count = 0;
        loop {
            match self.end_of_frame(end) {
                Ok(Some(next)) => {
                    end = next;
                    count += 1;
                }
                Err(oversize) if count == 0 => return Err(oversize),
                Ok(None) | Err(_) => break,
            }
        }
        if count == 0 {
            return Ok(None);
        }
        Ok(Some(FrameBatch {
            block: self.bytes.split_to(end).freeze(),
            count,
        }))
    }

    fn announced(&self) -> Option<usize> {
        length_at(&self.bytes, 0)
    }

    /// Where the frame that begins at `start` ends, if all of it is here.
    fn end_of_frame(&self, start: usize) -> Result<Option<usize>, Oversize> {
        let Some(length) = length_at(&self.bytes, start) else {
            return Ok(None);
        };
        if length > self.frame_bytes_max {
            return Err(Oversize { bytes: length });
        }
        let end = start + LENGTH_BYTES + length;
        Ok((end <= self.bytes.len()).then_some(end))
    }
}

/// The frames that one read brought, as slices of one block of memory.
#[derive(Clone, Debug)]
pub(crate) struct FrameBatch {
    /// Whole frames with their prefixes.
    block: Bytes,
    count: usize,
}

impl FrameBatch {
    /// How many frames there are; at least one.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no frame. A batch that was received has some.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The frames in order of arrival.
    pub(crate) fn iter(&self) -> Frames<'_> {
        Frames { rest: &self.block }
    }
}

impl<'a> IntoIterator for &'a FrameBatch {
    type Item = &'a [u8];
    type IntoIter = Frames<'a>;

    fn into_iter(self) -> Frames<'a> {
        self.iter()
    }
}

/// The frames of a [`FrameBatch`], one by one.
#[derive(Clone, Debug)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Frames<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let length = length_at(self.rest, 0)?;
        let (frame, rest) = self.rest[LENGTH_BYTES..].split_at(length);
        self.rest = rest;
        Some(frame)
    }
}

fn length_at(bytes: &[u8], start: usize) -> Option<usize> {
    let prefix = bytes.get(start..start + LENGTH_BYTES)?;
    let prefix: [u8; LENGTH_BYTES] = prefix.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(prefix)).ok()
}

fn length_prefix(length: usize) -> u32 {
    u32::try_from(length).expect("invariant: frames are checked against a limit far below 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(queue: &mut FrameQueue) -> Vec<u8> {
        queue.chunks().concat()
    }

    fn feed(buffer: &mut FrameBuffer, bytes: &[u8]) {
        let room = buffer.room();
        assert!(room.capacity() > room.len());
        room.extend_from_slice(bytes);
        buffer.filled(bytes.len());
    }

    #[test]
    fn golden_bytes() {
        let mut queue = FrameQueue::default();
        queue.push(b"ab");
        queue.push(b"");
        queue.push_shared(Bytes::from_static(b"xyz"));
        assert_eq!(
            wire(&mut queue),
            b"\x00\x00\x00\x02ab\x00\x00\x00\x00\x00\x00\x00\x03xyz"
        );
        assert_eq!(queue.bytes(), 17);
        assert_eq!(queue.chunks().len(), 1, "small frames share a chunk");
    }

    #[test]
    fn long_shared_frames_are_not_copied() {
        let long = Bytes::from(vec![7; SHARED_BYTES_MIN]);
        let mut queue = FrameQueue::default();
        queue.push(b"a");
        queue.push_shared(long.clone());
        queue.push(b"b");
        assert_eq!(queue.bytes(), 4 + 1 + 4 + long.len() + 4 + 1);
        let chunks = queue.chunks();
        assert_eq!(chunks.len(), 3);
        assert_eq!(chunks[1].as_ptr(), long.as_ptr());
        let mut buffer = FrameBuffer::new(long.len());
        feed(&mut buffer, &wire(&mut queue));
        let batch = buffer.next_batch().unwrap().unwrap();
        assert_eq!(batch.len(), 3);
        assert_eq!(batch.iter().map(<[u8]>::len).sum::<usize>(), long.len() + 2);
    }

    #[test]
    fn written_chunks_leave_the_queue() {
        let mut queue = FrameQueue::default();
        queue.push(b"one");
        queue.chunks();
        queue.push(b"two");
        assert_eq!(queue.chunks().len(), 2);
        queue.advance(1, 7);
        queue.chunks()[0].advance(2);
        queue.advance(0, 2);
        assert_eq!(queue.bytes(), 5);
        assert_eq!(wire(&mut queue), b"\x00\x03two");
        queue.advance(1, 5);
        assert!(queue.is_empty());
    }

    #[test]
    fn frames_cut_anywhere_come_back_whole() {
        let mut queue = FrameQueue::default();
        let frames: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; usize::from(n) * 7]).collect();
        for frame in &frames {
            queue.push(frame);
        }
        let wire = wire(&mut queue);
        for step in [1, 2, 3, 5, 64, 1000, wire.len()] {
            let mut one_by_one = FrameBuffer::new(1024);
            let mut batches = FrameBuffer::new(1024);
            let (mut single, mut batched) = (Vec::new(), Vec::new());
            for piece in wire.chunks(step) {
                feed(&mut one_by_one, piece);
                feed(&mut batches, piece);
                while let Some(frame) = one_by_one.next_frame().unwrap() {
                    single.push(frame.to_vec());
                }
                while let Some(batch) = batches.next_batch().unwrap() {
                    assert_eq!(batch.iter().count(), batch.len());
                    batched.extend(batch.iter().map(<[u8]>::to_vec));
                }
            }
            assert_eq!(single, frames);
            assert_eq!(batched, frames);
            assert!(one_by_one.is_between_frames() && batches.is_between_frames());
        }
    }

    #[test]
    fn an_oversized_announcement_reserves_nothing() {
        let mut buffer = FrameBuffer::new(100);
        feed(&mut buffer, b"\x00\x00\x00\x01a\xff\xff\xff\xff");
        let batch = buffer.next_batch().unwrap().unwrap();
        assert_eq!(batch.iter().collect::<Vec<_>>(), [b"a"]);
        let oversize = Oversize { bytes: 0xffff_ffff };
        assert_eq!(buffer.next_batch().unwrap_err(), oversize);
        assert_eq!(buffer.next_frame().unwrap_err(), oversize);
        assert!(buffer.room().capacity() <= 2 * READ_BYTES_MAX);
    }

    #[test]
    fn a_large_announcement_costs_only_what_arrives() {
        let mut buffer = FrameBuffer::new(usize::MAX >> 1);
        feed(&mut buffer, b"\x40\x00\x00\x00");
        feed(&mut buffer, &[0; 1000]);
        assert_eq!(buffer.next_frame().unwrap(), None);
        assert!(
            buffer.room().capacity() <= 16 * 1024,
            "{}",
            buffer.room().capacity()
        );
    }

    #[test]
    fn room_follows_the_traffic() {
        let mut buffer = FrameBuffer::new(1 << 20);
        for _ in 0..10 {
            let bytes = buffer.read_bytes;
            buffer.filled(bytes);
        }
        assert_eq!(buffer.read_bytes, READ_BYTES_MAX);
        for _ in 0..10 {
            buffer.filled(10);
        }
        assert_eq!(buffer.read_bytes, READ_BYTES_MIN);
    }
}
