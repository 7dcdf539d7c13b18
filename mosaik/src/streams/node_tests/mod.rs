//! Producers and consumers of one node, without a network.

mod datums;
mod eligibility;
mod flow;
mod metrics;
mod opening;
mod pressure;

use {
    super::*,
    crate::{
        primitives::{Digest, EndpointAddr, PeerEntry, PeerId, SecretKey},
        streams::ConsumerEvent,
    },
    futures::{future::BoxFuture, stream::BoxStream},
    serde::{Deserialize, Serialize},
    std::task::{Context, Waker},
    tokio::sync::{broadcast, watch},
};

/// A catalog with one entry.
pub(crate) struct Alone {
    me: watch::Sender<PeerEntry>,
}

impl Alone {
    pub(crate) fn new() -> Arc<Self> {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let now = chrono::DateTime::from_timestamp(1_000_000, 0).unwrap();
        let me = PeerEntry::new_at(Digest::from("net"), EndpointAddr::from(id), now);
        Arc::new(Self {
            me: watch::Sender::new(me),
        })
    }

    fn change(&self, change: impl FnOnce(PeerEntry) -> PeerEntry) {
        self.me.send_modify(|me| *me = change(me.clone()));
    }
}

impl Directory for Alone {
    fn local_id(&self) -> PeerId {
        *self.me.borrow().id()
    }

    fn me(&self) -> PeerEntry {
        self.me.borrow().clone()
    }

    fn peer(&self, id: &PeerId) -> Option<PeerEntry> {
        (*id == self.local_id()).then(|| self.me())
    }

    fn producers(&self, _: &StreamId) -> Vec<PeerEntry> {
        Vec::new()
    }

    fn changes(&self) -> BoxStream<'static, ()> {
        let mut receiver = self.me.subscribe();
        receiver.mark_unchanged();
        futures::stream::unfold(receiver, |mut receiver| async {
            receiver.changed().await.ok()?;
            Some(((), receiver))
        })
        .boxed()
    }

    fn advertise(&self, stream: StreamId) -> Result<(), String> {
        if self.me.borrow().streams().len() == STREAMS_MAX {
            return Err("too many streams".to_owned());
        }
        self.change(|me| me.add_streams(stream));
        Ok(())
    }

    fn retract(&self, stream: StreamId) {
        self.change(|me| me.remove_streams(stream));
    }

    fn sync_with(&self, _: PeerId) -> BoxFuture<'static, bool> {
        async { false }.boxed()
    }
}

const STREAMS_MAX: usize = 20;

fn streams() -> (Streams, Arc<Alone>) {
    let directory = Alone::new();
    let streams = Streams::open(StreamsParts {
        config: Config::builder().build().unwrap(),
        network_id: Digest::from("net"),
        directory: directory.clone(),
        transport: None,
        tasks: Tasks::root("test"),
        clock: Clock::system(),
        rng: Rng::seeded(1),
    });
    (streams, directory)
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Data(String);

fn data(text: &str) -> Data {
    Data(text.to_owned())
}

fn is_ready(future: &mut (impl Future<Output = ()> + Unpin)) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    std::pin::Pin::new(future).poll(&mut cx).is_ready()
}

/// Lets the tasks run until a condition holds that nothing announces.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let looking = async {
        while !holds() {
            time::sleep(Duration::from_millis(1)).await;
        }
    };
    let found = time::timeout(Duration::from_secs(60), looking).await;
    assert!(found.is_ok(), "never: {what}");
}

/// Waits until a consumer has been turned away so many times; why, in the end.
async fn turned_away(events: &mut broadcast::Receiver<ConsumerEvent>, times: usize) -> String {
    let mut last = String::new();
    for _ in 0..times {
        last = loop {
            let event = time::timeout(Duration::from_secs(600), events.recv()).await;
            if let ConsumerEvent::Disconnected { reason, .. } = event.unwrap().unwrap() {
                break reason;
            }
        };
    }
    last
}
