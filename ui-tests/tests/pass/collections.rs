//! Every form of a collection.

use mosaik::collections::{self, Key, OrderedKey, SyncConfig, Value};
use mosaik::groups::{ConsensusConfig, Formation};
use mosaik::tickets::{Expiration, InvalidTicket, TicketValidator};
use mosaik::*;

collection!(pub Scores = collections::Map<String, u64>, "scores");
mosaik::collection! {
    /// With docs and attributes.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) Names = mosaik::collections::Set<String>, "names",
}
mosaik::declare::collection!(Events = collections::Vec<crate::Trade>, IDS.events);
collection!(reader Latest = collections::Cell<crate::Trade>, "latest",);
collection!(pub writer First = collections::Once<String>, IDS.first());
collection!(pub Jobs = collections::PriorityQueue<u64, String, String, 5>, "jobs");
collection!(Bounded = collections::BoundedPriorityQueue<u64, String, String, 5>, "bounded");
collection!(Ordered = collections::OrderedMap<u64, Vec<u8>>, "ordered");
collection!(OfHandle = collections::MapReader<u64, u64>, "of handle");
collection!(reader = collections::Set<u64>, "named reader");
collection!(pub writer writer = collections::Set<u64>, "named writer");
collection!(snake_case = Alias, "alias");

type Alias = collections::Cell<u64>;

pub struct Ids {
    events: StoreId,
}

impl Ids {
    const fn first(&self) -> &'static str {
        "first"
    }
}

const IDS: Ids = Ids {
    events: unique_id!("events"),
};

struct Anybody(u8);

impl TicketValidator for Anybody {
    fn class(&self) -> UniqueId {
        unique_id!("anybody")
    }
    fn signature(&self) -> UniqueId {
        self.class().derive([self.0])
    }
    fn validate(
        &self,
        _: &[u8],
        _: &mosaik::discovery::PeerEntry,
    ) -> Result<Expiration, InvalidTicket> {
        Ok(Expiration::Never)
    }
}

collection! {
    pub Gated = collections::Map<String, u64>, "gated",
    require_ticket: Anybody(1),
    require_ticket: { let boxed: Box<dyn TicketValidator> = Box::new(Anybody(2)); boxed },
    sync: SyncConfig::default().with_fetch_batch_size(10)
    consensus: ConsensusConfig::default(),
    formation: Formation::Expect(3),
    history: 3 + 4
}

collection!(pub Index<K: Key, V> where V: Value = collections::Map<K, V>, "index");
collection!(pub reader Ranking<P: OrderedKey, const N: u64> = collections::PriorityQueue<P, P, u64, N>, "ranking");
collection!(pub Plain<T: Clone + serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> = collections::Vec<T>, "plain");

fn spawned<F: Future + Send + Sync + 'static>(future: F) -> F {
    future
}

async fn uses(network: &Network) {
    let scores: WriterOf<Scores> = Scores::writer(network);
    let _: collections::MapWriter<String, u64> = scores;
    let read = spawned(Scores::online_reader(network)).await;
    let _: Option<u64> = read.get("ann");
    let _: collections::VecReader<crate::Trade> = Events::reader(network);
    let _: collections::MapWriter<u64, u64> = OfHandle::writer(network);
    let latest: collections::CellWriter<crate::Trade> = Latest::writer(network);
    let _ = spawned(Latest::online_writer(network)).await;
    let _: ReaderOf<Latest> = Latest::online_reader(network).await;
    let _ = (
        latest,
        First::online_reader(network).await,
        First::writer(network),
    );
    let _ = (
        Jobs::writer(network),
        Bounded::reader(network),
        Ordered::writer(network),
    );
    let _ = (
        reader::reader(network),
        writer::reader(network),
        snake_case::writer(network),
    );
    let _ = spawned(Index::<String, u64>::online_writer(network))
        .await
        .get("x");
    let _: collections::PriorityQueueReader<u64, u64, u64, 3> = Ranking::<u64, 3>::reader(network);
    let _ = (Plain::<String>::writer(network), Gated::writer(network));
    let _ = (Names, Names::reader(network));
}

fn inside(network: &Network) -> collections::SetReader<u8> {
    collection!(Local = collections::Set<u8>, "local");
    fn same<C: CollectionReader>(network: &Network) -> C::Reader {
        C::reader(network)
    }
    same::<Local>(network)
}
