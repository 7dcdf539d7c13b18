//! Frames that wait to be sent on one bond: bounded, the urgent ones first.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::wire::Frame;

/// How urgent a frame is. Frames of one lane stay in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::groups) enum Lane {
    /// Signs of life, elections, founding: small.
    Control,
    /// Log entries and forwarded commands.
    Append,
}

/// Frames that wait to be sent on one bond.
#[derive(Default)]
pub(super) struct Outbox(Mutex<State>);

#[derive(Default)]
struct State {
    lanes: [VecDeque<Frame>; 2],
    bytes: usize,
    is_closed: bool,
}

/// As much is waiting already as may, or the bond has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Outbox {
    /// Never waits. A frame that would be the only one is always taken.
    pub(super) fn push(&self, lane: Lane, frame: Frame) -> Result<(), Full> {
        let bytes = frame.bytes_about();
        let mut state = self.lock();
        let is_over = state.bytes > 0 && state.bytes + bytes > limit(lane);
        if state.is_closed || is_over {
            return Err(Full);
        }
        state.bytes += bytes;
        state.lanes[lane as usize].push_back(frame);
        Ok(())
    }

    /// The most urgent frames, up to about `bytes_max`.
    pub(super) fn take(&self, bytes_max: usize) -> Vec<Frame> {
        self.lock().take(bytes_max)
    }

    /// Whether nothing more is taken in.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Nothing more is taken in; what is there still goes out.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, bytes_max: usize) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut bytes = 0;
        for lane in &mut self.lanes {
            while bytes < bytes_max
                && let Some(frame) = lane.pop_front()
            {
                bytes += frame.bytes_about();
                frames.push(frame);
            }
        }
        self.bytes -= bytes;
        frames
    }
}

/// Bytes that may wait, so that a full lane leaves room for more urgent ones.
const fn limit(lane: Lane) -> usize {
    match lane {
        // Two windows of the longest frames, and what is urgent.
        Lane::Control => 80 * 1024 * 1024,
        Lane::Append => 64 * 1024 * 1024,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn note(kind: u8, bytes: usize) -> Frame {
        Frame::Note {
            kind,
            body: Bytes::from(vec![0; bytes]),
        }
    }

    fn kinds(frames: &[Frame]) -> Vec<u8> {
        let kind = |frame: &Frame| match frame {
            Frame::Note { kind, .. } => *kind,
            other => panic!("{other:?}"),
        };
        frames.iter().map(kind).collect()
    }

    #[test]
    fn urgent_frames_overtake() {
        let outbox = Outbox::default();
        for (lane, kind) in [
            (Lane::Append, 2),
            (Lane::Control, 0),
            (Lane::Append, 3),
            (Lane::Control, 1),
        ] {
            outbox.push(lane, note(kind, 10)).unwrap();
        }
        let frames = outbox.take(1 << 20);
        assert_eq!(kinds(&frames), [0, 1, 2, 3]);
        assert!(outbox.take(1 << 20).is_empty());
    }

    #[test]
    fn a_full_lane_leaves_room_for_urgent_frames() {
        let outbox = Outbox::default();
        outbox.push(Lane::Append, note(1, 100 << 20)).unwrap();
        assert_eq!(outbox.push(Lane::Append, note(2, 1)), Err(Full));
        assert_eq!(outbox.push(Lane::Control, note(2, 1)), Err(Full));
        outbox.take(1);
        outbox.push(Lane::Append, note(1, 64 << 20)).unwrap();
        assert_eq!(outbox.push(Lane::Append, note(2, 1)), Err(Full));
        outbox.push(Lane::Control, note(2, 1)).unwrap();
    }

    #[test]
    fn what_is_there_goes_out_after_the_close() {
        let outbox = Outbox::default();
        outbox.push(Lane::Control, note(1, 1)).unwrap();
        outbox.close();
        assert_eq!(outbox.push(Lane::Control, note(2, 1)), Err(Full));
        assert_eq!(outbox.take(1).len(), 1);
        assert!(outbox.take(1).is_empty());
    }
}
