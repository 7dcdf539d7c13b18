//! The long-lived links to peers: one each, with a reader and a writer that wait for nobody else.
//!
//! Both ends of a pair may open a link at the same time. Both then keep the one that the smaller id
//! opened; the other is drained, not cut, so that nothing sent on it is lost. A link of a peer's former
//! life (its incarnation differs) never wins over one of its present life.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::yield_now,
};

use super::{Message, MessageError};
use crate::{
    primitives::{Bytes, PeerId},
    runtime::{
        Shutdown,
        time::{sleep, timeout},
    },
    transport::{CloseCode, LinkReceiver, LinkSender},
};

/// Messages that wait for one slow peer. A full round of anti-entropy is some ten; beyond this the peer
/// is told less, and the next round makes up for it.
const QUEUED_PER_PEER_MAX: usize = 256;

/// Bytes put into one write: more only delays the first of them.
const BATCH_BYTES_MAX: usize = 64 * 1024;

/// How long a peer may leave our bytes unread. It would be declared dead by then.
const FLUSH_WITHIN: Duration = Duration::from_secs(15);

/// Frames taken from one peer before other tasks of the same worker get their turn.
const FRAMES_PER_TURN: u64 = 32;

/// How long a link that is given up may still bring what its peer had sent on it.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// The first thing each end says on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Random for each life of a node; tells a new life from an old connection.
    pub(super) incarnation: u64,
}

impl Greeting {
    const FORMAT: u8 = 1;

    pub(super) fn encode(self) -> Bytes {
        let mut bytes = vec![Self::FORMAT];
        bytes.extend_from_slice(&self.incarnation.to_be_bytes());
        bytes.into()
    }

    /// Later formats may add bytes at the end.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let incarnation = u64::from_be_bytes(*rest.first_chunk::<8>()?);
        (*format == Self::FORMAT).then_some(Self { incarnation })
    }
}

/// One end of a link, as the table keeps it.
#[derive(Debug)]
struct Entry {
    serial: u64,
    opened_by_us: bool,
    incarnation: u64,
    queue: mpsc::Sender<Message>,
    /// Ends the reader and the writer at once.
    cut: Cut,
}

/// A way to end both halves of a link with a reason.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    token: Shutdown,
    draining: Shutdown,
    code: Arc<Mutex<CloseCode>>,
}

impl Cut {
    fn new(parent: &Shutdown) -> Self {
        let code = Arc::new(Mutex::new(CloseCode::CANCELLED));
        Self {
            token: parent.child(),
            draining: parent.child(),
            code,
        }
    }

    fn cut(&self, code: CloseCode) {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner) = code;
        self.token.cancel();
    }

    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Lets the link end by itself: it is not in the table any more.
    fn drain(&self) {
        self.draining.cancel();
    }

    /// Ends once the link has had the time to end by itself.
    async fn drained(&self) {
        self.draining.cancelled().await;
        sleep(DRAIN_WITHIN).await;
    }

    pub(super) fn code(&self) -> CloseCode {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a new link.
pub(super) enum Attached {
    /// It is the first one to this peer.
    New(Ends),
    /// It replaces an older one between the same two lives.
    Replaced(Ends),
    /// It replaces one of the peer's former life.
    Reborn(Ends),
    /// The one at hand is kept.
    Refused,
}

/// What the tasks of a link need.
pub(super) struct Ends {
    pub(super) serial: u64,
    pub(super) queue: mpsc::Receiver<Message>,
    pub(super) cut: Cut,
    pub(super) open: OpenGuard,
}

/// Counts a link as open until its writer has ended.
pub(super) struct OpenGuard(Arc<watch::Sender<usize>>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// No link to that peer.
    NoLink,
    /// The peer does not take what is queued already.
    Full,
}

/// All links of a node, by peer.
#[derive(Debug)]
pub(super) struct Links {
    me: PeerId,
    root: Shutdown,
    table: Mutex<Table>,
    /// Writers that have not ended, to wait for when leaving.
    open: Arc<watch::Sender<usize>>,
}

#[derive(Debug, Default)]
struct Table {
    serial: u64,
    closed: bool,
    by_peer: HashMap<PeerId, Entry>,
}

impl Links {
    pub(super) fn new(me: PeerId, root: Shutdown) -> Self {
        Self {
            me,
            root,
            table: Mutex::default(),
            open: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Enters a link to `peer`, or refuses it in favour of the one at hand.
    pub(super) fn attach(&self, peer: PeerId, opened_by_us: bool, incarnation: u64) -> Attached {
        let mut table = self.lock();
        if table.closed {
            return Attached::Refused;
        }
        let old = table.by_peer.get(&peer);
        let reborn = old.is_some_and(|old| old.incarnation != incarnation);
        if old.is_some_and(|old| !reborn && !self.prefers(peer, opened_by_us, old.opened_by_us)) {
            return Attached::Refused;
        }
        table.serial += 1;
        let serial = table.serial;
        let (sender, queue) = mpsc::channel(QUEUED_PER_PEER_MAX);
        let cut = Cut::new(&self.root);
        let entry = Entry {
            serial,
            opened_by_us,
            incarnation,
            queue: sender,
            cut: cut.clone(),
        };
        self.open.send_modify(|open| *open += 1);
        let ends = Ends {
            serial,
            queue,
            cut,
            open: OpenGuard(self.open.clone()),
        };
        // Dropping the old entry drops its queue: its writer sends what is queued, then finishes.
        match table.by_peer.insert(peer, entry) {
            None => Attached::New(ends),
            Some(old) if reborn => {
                old.cut.cut(CloseCode::RESTARTED);
                Attached::Reborn(ends)
            }
            Some(old) => {
                old.cut.drain();
                Attached::Replaced(ends)
            }
        }
    }

    /// Whether the node takes no more links.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// How long a link may last that is open and was not taken: the peer may have sent on it before it knew.
    pub(super) fn beside(&self) -> Cut {
        let cut = Cut::new(&self.root);
        cut.drain();
        cut
    }

    /// Whether [`Links::attach`] would take such a link now.
    pub(super) fn would_take(&self, peer: PeerId, opened_by_us: bool, incarnation: u64) -> bool {
        let table = self.lock();
        !table.closed
            && table.by_peer.get(&peer).is_none_or(|old| {
                old.incarnation != incarnation || self.prefers(peer, opened_by_us, old.opened_by_us)
            })
    }

    /// Whether a new link wins over an old one between the same two lives.
    fn prefers(&self, peer: PeerId, new_is_ours: bool, old_is_ours: bool) -> bool {
        // The same end opened both: it knows that the first one is lost. Otherwise the smaller id's wins.
        new_is_ours == old_is_ours || new_is_ours == (self.me < peer)
    }

    /// Removes a link that has ended. False when another one has taken its place, or it was cut.
    pub(super) fn detach(&self, peer: &PeerId, serial: u64) -> bool {
        let mut table = self.lock();
        let current = table
            .by_peer
            .get(peer)
            .is_some_and(|entry| entry.serial == serial);
        if current {
            table.by_peer.remove(peer);
        }
        current
    }

    /// Queues a message; never waits.
    pub(super) fn send(&self, to: &PeerId, message: Message) -> Result<(), Unsent> {
        let table = self.lock();
        let entry = table.by_peer.get(to).ok_or(Unsent::NoLink)?;
        entry
            .queue
            .try_send(message)
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Unsent::Full,
                mpsc::error::TrySendError::Closed(_) => Unsent::NoLink,
            })
    }

    /// Ends the link to `peer` at once.
    pub(super) fn cut(&self, peer: &PeerId, code: CloseCode) {
        if let Some(entry) = self.lock().by_peer.remove(peer) {
            entry.cut.cut(code);
        }
    }

    /// Ends the link to `peer` once what is queued is sent.
    pub(super) fn close(&self, peer: &PeerId) {
        if let Some(entry) = self.lock().by_peer.remove(peer) {
            entry.cut.drain();
        }
    }

    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.lock().by_peer.contains_key(peer)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().by_peer.len()
    }

    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.lock().by_peer.keys().copied().collect()
    }

    /// Ends the tasks of every link.
    pub(super) fn cut_all(&self) {
        self.root.cancel();
    }

    /// Takes no more links, and waits until every writer has sent what was queued.
    pub(super) async fn finish(&self) {
        {
            let mut table = self.lock();
            table.closed = true;
            table.by_peer.clear();
        }
        let mut open = self.open.subscribe();
        // The sender lives in self, so this ends when the count is zero.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Every change of the table is one step, so a panic leaves it whole.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what is queued until the queue is dropped, the link is cut, or the peer stops reading.
///
/// Returns how many messages did not fit in a frame.
pub(super) async fn write(
    mut link: LinkSender,
    mut queue: mpsc::Receiver<Message>,
    cut: Cut,
) -> u64 {
    let mut unsendable = 0;
    loop {
        let message = tokio::select! {
            message = queue.recv() => message,
            () = cut.cancelled() => {
                link.reset(cut.code());
                return unsendable;
            }
        };
        let Some(first) = message else { break };
        let mut next = Some(first);
        while let Some(message) = next {
            let queued = link.queue_shared(message.encode()).is_ok();
            unsendable += u64::from(!queued);
            next = if link.queued_bytes() < BATCH_BYTES_MAX {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        let flushed = tokio::select! {
            flushed = timeout(FLUSH_WITHIN, link.flush()) => flushed,
            () = cut.cancelled() => {
                link.reset(cut.code());
                return unsendable;
            }
        };
        match flushed {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                cut.cut(CloseCode::UNEXPECTED_CLOSE);
                return unsendable;
            }
            Err(_) => {
                cut.cut(CloseCode::TOO_SLOW);
                link.reset(CloseCode::TOO_SLOW);
                return unsendable;
            }
        }
    }
    let _ = timeout(DRAIN_WITHIN, link.finish()).await;
    unsendable
}

/// Reads frames until the link ends; `take` must not wait. A reader always drains at once: bytes that are
/// left unread would end the whole connection.
pub(super) async fn read(
    mut link: LinkReceiver,
    cut: Cut,
    mut take: impl FnMut(Result<Message, MessageError>),
) {
    let drained = cut.drained();
    tokio::pin!(drained);
    for count in 1_u64.. {
        if count.is_multiple_of(FRAMES_PER_TURN) {
            yield_now().await;
        }
        let frame = tokio::select! {
            frame = link.recv() => frame,
            () = cut.cancelled() => return link.stop(cut.code()),
            () = &mut drained => return link.stop(CloseCode::DUPLICATE),
        };
        match frame {
            Ok(Some(frame)) => take(Message::decode(&frame)),
            Ok(None) | Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    fn ids() -> (PeerId, PeerId) {
        let mut ids = [1, 2].map(|seed| SecretKey::from_bytes(&[seed; 32]).public());
        ids.sort_unstable();
        (ids[0], ids[1])
    }

    fn kept(attached: &Attached) -> &'static str {
        match attached {
            Attached::New(_) => "new",
            Attached::Replaced(_) => "replaced",
            Attached::Reborn(_) => "reborn",
            Attached::Refused => "refused",
        }
    }

    #[test]
    fn both_ends_keep_the_link_of_the_smaller_id() {
        let (small, large) = ids();
        // (who looks, at whom), and what happens to the link that the smaller opened when it comes second,
        // and to the one that the larger opened when it comes second.
        for (me, peer) in [(small, large), (large, small)] {
            let by_small = me == small;
            let links = Links::new(me, Shutdown::new());
            let _first = links.attach(peer, !by_small, 1);
            assert_eq!(kept(&links.attach(peer, by_small, 1)), "replaced");
            let links = Links::new(me, Shutdown::new());
            let _first = links.attach(peer, by_small, 1);
            assert_eq!(kept(&links.attach(peer, !by_small, 1)), "refused");
        }
    }

    #[test]
    fn a_new_life_wins_over_the_link_of_a_former_one() {
        let (small, large) = ids();
        let links = Links::new(small, Shutdown::new());
        let Attached::New(old) = links.attach(large, true, 1) else {
            panic!("not new")
        };
        assert_eq!(kept(&links.attach(large, false, 2)), "reborn");
        assert_eq!(old.cut.code(), CloseCode::RESTARTED);
        // The end of the old one does not take the new one away.
        assert!(!links.detach(&large, old.serial));
        assert!(links.contains(&large));
    }

    #[test]
    fn a_greeting_has_a_format() {
        let greeting = Greeting { incarnation: 7 };
        assert_eq!(greeting.encode().as_ref(), [1, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(Greeting::decode(&greeting.encode()), Some(greeting));
        assert_eq!(
            Greeting::decode(&[1, 0, 0, 0, 0, 0, 0, 0, 7, 99]),
            Some(greeting)
        );
        for bad in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 0, 7], &[1, 0, 0]] {
            assert_eq!(Greeting::decode(bad), None);
        }
    }
}
