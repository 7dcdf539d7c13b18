//! The way out of one bond: who has something to say writes it at once, if the link takes it; one task writes the rest.
//!
//! To leave every frame to that task would be a wake-up more for each, which takes longer than to write a short one.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use futures::FutureExt;
use tokio::sync::Notify;

use super::{
    outbox::{Full, Lane, Outbox},
    wire::Frame,
};
use crate::transport::{CloseCode, LinkSender};

/// The way out of one bond.
#[derive(Default)]
pub(super) struct Way {
    outbox: Outbox,
    /// Something is left to the task.
    left: Notify,
    /// Locked for a write that does not wait. Not there while the task writes, which may wait, or when it has ended.
    link: Mutex<Option<Writing>>,
}

struct Writing {
    sender: LinkSender,
    /// Why nothing can be written any more.
    failure: Option<CloseCode>,
}

impl Way {
    /// Leaves a frame to the task.
    pub(super) fn queue(&self, lane: Lane, frame: Frame) -> Result<(), Full> {
        self.outbox.push(lane, frame)?;
        self.left.notify_one();
        Ok(())
    }

    /// Writes a frame, and what waits before it, as far as the link takes them. To be called by tasks of the runtime.
    pub(super) fn send(&self, lane: Lane, frame: Frame) -> Result<(), Full> {
        self.outbox.push(lane, frame)?;
        let mut link = match self.link.try_lock() {
            Ok(link) => link,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                // Whoever writes may not see the frame any more.
                self.left.notify_one();
                return Ok(());
            }
        };
        let written = link
            .as_mut()
            .map(|link| link.write(&self.outbox).now_or_never());
        if !matches!(written, Some(Some(Ok(())))) {
            self.left.notify_one();
        }
        Ok(())
    }

    /// Nothing more is taken in; what is there still goes out.
    pub(super) fn close(&self) {
        self.outbox.close();
        self.left.notify_one();
    }

    /// Begins to send on this link.
    pub(super) const fn open(&self, sender: LinkSender) -> Open<'_> {
        Open {
            way: self,
            held: Some(Writing {
                sender,
                failure: None,
            }),
        }
    }

    fn link(&self) -> MutexGuard<'_, Option<Writing>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Writes until nothing waits. Dropping the future loses nothing.
    async fn write(&mut self, outbox: &Outbox) -> Result<(), CloseCode> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        loop {
            if let Err(error) = self.sender.flush().await {
                return self.fail(error.code().unwrap_or(CloseCode::UNEXPECTED_CLOSE));
            }
            let frames = outbox.take(FLUSH_BYTES);
            if frames.is_empty() {
                return Ok(());
            }
            for frame in frames {
                let (head, body) = frame.encode();
                let queued = self
                    .sender
                    .queue(&head)
                    .and_then(|()| body.map_or(Ok(()), |body| self.sender.queue_shared(body)));
                if let Err(error) = queued {
                    // Whoever made it was to look at the limit; the other end would wait for the body.
                    let peer = self.sender.peer();
                    tracing::error!(peer = %peer.fmt_short(), %error, "frame of a bond not sent");
                    return self.fail(CloseCode::FRAME_TOO_LARGE);
                }
            }
        }
    }

    const fn fail(&mut self, code: CloseCode) -> Result<(), CloseCode> {
        self.failure = Some(code);
        Err(code)
    }
}

/// What the task of a bond knows of its way. Nothing else keeps the link.
pub(super) struct Open<'a> {
    way: &'a Way,
    /// The link, while others cannot have it.
    held: Option<Writing>,
}

impl Open<'_> {
    /// Writes what others leave, until the way is closed and nothing waits, or the link fails.
    pub(super) async fn write_rest(&mut self) -> Result<(), CloseCode> {
        let Way { outbox, .. } = self.way;
        loop {
            let is_closed = outbox.is_closed();
            if self.held.is_none() {
                self.held = self.way.link().take();
            }
            if let Some(link) = &mut self.held {
                link.write(outbox).await?;
            }
            if is_closed {
                return Ok(());
            }
            *self.way.link() = self.held.take();
            self.way.left.notified().await;
        }
    }

    /// Takes the link back.
    pub(super) fn end(mut self) -> Option<LinkSender> {
        let link = self.held.take().or_else(|| self.way.link().take());
        link.map(|link| link.sender)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        let link = self.way.link().take();
        drop(link);
    }
}

/// What is written before more urgent frames get their turn.
const FLUSH_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::*;
    use crate::{
        groups::bonds::wire::FrameReader,
        primitives::{NetworkId, SecretKey},
        transport::{Link, MemoryNet, Protocol, Transport, TransportConfig},
    };

    async fn node(net: &MemoryNet, seed: u8) -> Transport {
        let key = SecretKey::from_bytes(&[seed; 32]);
        let config = TransportConfig::new(NetworkId::from("ways"), key);
        Transport::memory(net, config).await.unwrap()
    }

    async fn pair(net: &MemoryNet) -> [(Transport, Link); 2] {
        let (ours, theirs) = (node(net, 1).await, node(net, 2).await);
        let (tx, mut rx) = mpsc::channel(1);
        theirs.serve(Protocol::BOND, move |incoming| {
            let tx = tx.clone();
            async move {
                let link = incoming.accept(Bytes::new()).await.unwrap();
                tx.send(link).await.unwrap();
            }
            .boxed()
        });
        let opened = ours.open(theirs.local_addr(), Protocol::BOND, Bytes::new());
        let opened = opened.await.unwrap();
        let accepted = rx.recv().await.unwrap();
        [(ours, opened), (theirs, accepted)]
    }

    fn note(kind: u8, bytes: usize) -> Frame {
        Frame::Note {
            kind,
            body: Bytes::from(vec![kind; bytes]),
        }
    }

    async fn received(link: &mut Link, reader: &mut FrameReader) -> Frame {
        loop {
            let bytes = link.recv().await.unwrap().expect("more frames");
            if let Some(frame) = reader.take(bytes).unwrap() {
                return frame;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_link_does_not_take_at_once_follows_in_order() {
        let net = MemoryNet::new(1);
        let [(_ours, ours), (_theirs, mut theirs)] = pair(&net).await;
        let (sender, _receiver) = ours.split();
        let mut reader = FrameReader::default();
        let way = Way::default();
        // There is nobody yet who could send it.
        way.send(Lane::Append, note(0, 10)).unwrap();
        let mut open = way.open(sender);
        {
            let mut rest = std::pin::pin!(open.write_rest());
            assert!(rest.as_mut().now_or_never().is_none());
            assert_eq!(received(&mut theirs, &mut reader).await, note(0, 10));
            // Without the task, as long as nothing is in the way.
            way.send(Lane::Append, note(1, 10)).unwrap();
            assert_eq!(received(&mut theirs, &mut reader).await, note(1, 10));
            // More than a link takes that nobody reads.
            let long = 2..10;
            for kind in long.clone() {
                way.send(Lane::Append, note(kind, 4 << 20)).unwrap();
            }
            let reads = async {
                for kind in long {
                    assert_eq!(
                        received(&mut theirs, &mut reader).await,
                        note(kind, 4 << 20)
                    );
                }
                way.close();
            };
            let (written, ()) = tokio::join!(rest, reads);
            assert_eq!(written, Ok(()));
        }
        assert_eq!(way.send(Lane::Control, note(0, 0)), Err(Full));
        assert!(open.end().is_some());
    }
}
