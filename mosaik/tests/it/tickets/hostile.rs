//! Ten thousand attempts with bad tickets, over sockets and in real time: who is admitted does not notice.

use std::time::Duration;

use mosaik::{
    collections::{CollectionConfig, Map},
    groups::{ApplyContext, Formation, Group, LogReplaySync, StateMachine},
    streams::{Consumer, Producer},
    tickets::Es256SigningKey,
};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;

use super::*;
use crate::{
    node::alone,
    siege::{Attack, Plan, Siege, Windows, p99},
};

/// Attempts of all strangers together.
const ATTEMPTS: u64 = 10_000;

/// Attempts in a second.
const RATE: u32 = 1000;

/// Uses of a window, at least.
const USES: usize = 300;

/// Between two uses.
const PACE: Duration = Duration::from_millis(2);

const NETWORK: &str = "tickets.hostile";

/// The issuer's key, as the attackers have it too: their tickets are bad in other ways besides.
const ISSUER: [u8; 32] = [5; 32];

/// Something that a member uses and strangers are kept from.
trait Service: Sized {
    /// Below this, uses beside other tests measure the scheduler. A write takes some six turns of two nodes, each of which
    /// waits for a core.
    const NOISE: Duration = Duration::from_millis(10);

    /// At the guard and at the member; and how strangers ask for it.
    fn open(guard: &Network, member: &Network, rule: Jwt) -> (Self, Attack);

    /// Until the member is in.
    fn ready(&mut self) -> impl Future<Output = ()>;

    /// One use, from one end to the other.
    fn once(&mut self) -> impl Future<Output = ()>;

    /// Whether the guard has the member connected and nobody else, and what it reads of the others.
    fn at_the_guard(&self) -> (usize, String);
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sent(u64);

struct OfStream {
    producer: Producer<Sent>,
    consumer: Consumer<Sent>,
}

impl Service for OfStream {
    /// One turn of each.
    const NOISE: Duration = Duration::from_micros(2_500);

    fn open(guard: &Network, member: &Network, rule: Jwt) -> (Self, Attack) {
        let builder = guard.streams().producer::<Sent>().require_ticket(rule);
        let producer = builder.build().unwrap();
        let attack = Attack::Stream {
            stream: *producer.stream_id(),
            schema: Sent::schema().fingerprint(),
            issuer: ISSUER,
        };
        let consumer = member.streams().consume();
        (Self { producer, consumer }, attack)
    }

    async fn ready(&mut self) {
        self.consumer.when().subscribed().await;
    }

    async fn once(&mut self) {
        self.producer.try_send(Sent(1)).unwrap();
        self.consumer.recv().await.unwrap();
    }

    fn at_the_guard(&self) -> (usize, String) {
        let told = self.producer.status().to_string();
        (self.producer.consumers().count(), told)
    }
}

/// Counts its commands.
#[derive(Default)]
struct Count(u64);

impl StateMachine for Count {
    type Command = u64;
    type Query = ();
    type QueryResult = u64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "tickets.hostile.count".into()
    }

    fn apply(&mut self, more: u64, _: &dyn ApplyContext) {
        self.0 += more;
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}

struct OfGroup {
    guard: Group<Count>,
    member: Group<Count>,
}

impl Service for OfGroup {
    fn open(guard: &Network, member: &Network, rule: Jwt) -> (Self, Attack) {
        let join = |network: &Network| {
            network
                .groups()
                .with_key("hostile")
                .with_formation(Formation::Expect(2))
                .require_ticket(rule.clone())
                .with_state_machine(Count::default())
                .join()
        };
        let (guard, member) = (join(guard), join(member));
        let attack = Attack::Bond {
            group: *guard.id(),
            issuer: ISSUER,
        };
        (Self { guard, member }, attack)
    }

    async fn ready(&mut self) {
        self.member.when().online().await;
    }

    async fn once(&mut self) {
        self.member.execute(1).await.unwrap();
    }

    fn at_the_guard(&self) -> (usize, String) {
        let status = self.guard.status();
        (status.bonds_count, reasons(&status))
    }
}

struct OfCollection {
    guard: Map<u64, u64>,
    member: Map<u64, u64, false>,
}

impl Service for OfCollection {
    fn open(guard: &Network, member: &Network, rule: Jwt) -> (Self, Attack) {
        let config = || CollectionConfig::default().require_ticket(rule.clone());
        let guard = Map::<u64, u64>::writer_with_config(guard, "hostile", config());
        let member = Map::<u64, u64, false>::reader_with_config(member, "hostile", config());
        let attack = Attack::Bond {
            group: *guard.group_id(),
            issuer: ISSUER,
        };
        (Self { guard, member }, attack)
    }

    async fn ready(&mut self) {
        self.guard.when().online().await;
        self.member.when().online().await;
    }

    async fn once(&mut self) {
        let version = self.guard.insert(1, 1).await.unwrap();
        self.member.when().reaches(version).await;
    }

    fn at_the_guard(&self) -> (usize, String) {
        let status = self.guard.status().group;
        (status.bonds_count, reasons(&status))
    }
}

fn reasons(status: &groups::Status) -> String {
    let reasons: Vec<_> = status.refused.iter().map(|one| &*one.reason).collect();
    reasons.join("; ")
}

async fn node() -> Network {
    let builder = Network::builder(NETWORK).loopback();
    builder.build().await.unwrap()
}

/// The p99 of a member's uses under attack is at most twice the one without, each the median of windows by turns.
fn withstands<S: Service>() {
    let _alone = alone();
    let runtime = Runtime::new().unwrap();
    let issuer = Es256SigningKey::from_bytes(ISSUER);
    let rule = Jwt::with_key(issuer.verifying_key()).allow_issuer("issuer");
    let (mut service, attack, guard, _member) = runtime.block_on(async {
        let (guard, member) = (node().await, node().await);
        for node in [&guard, &member] {
            let builder = JwtTicketBuilder::new(issuer.clone()).issuer("issuer");
            let valid = builder.build(&node.local().id(), Expiration::in_1h());
            node.discovery().add_ticket(valid);
        }
        member.discovery().dial(guard.local().addr()).await;
        let (mut service, attack) = S::open(&guard, &member, rule);
        timeout(20 * SECOND, service.ready()).await.unwrap();
        (service, attack, guard, member)
    });
    let mut siege = Siege::prepare(&Plan {
        network: NETWORK.to_owned(),
        targets: vec![guard.local().addr()],
        attack,
        per_second: RATE,
    });
    let told = std::cell::RefCell::new(String::new());
    Windows::within_twice(&mut siege, ATTEMPTS, S::NOISE, |goes_on| {
        let mut took = Vec::new();
        runtime.block_on(async {
            while took.len() < USES || goes_on() {
                let begin = Instant::now();
                timeout(20 * SECOND, service.once()).await.unwrap();
                took.push(begin.elapsed());
                sleep(PACE).await;
            }
        });
        let (connected, reasons) = service.at_the_guard();
        assert_eq!(connected, 1);
        told.replace(reasons);
        p99(&mut took)
    });
    // What kept the last of them out is readable at the guard.
    let told = told.into_inner();
    assert!(told.contains("JWT: "), "{told}");
}

#[test]
fn ten_thousand_attempts_with_bad_tickets_slow_no_stream() {
    withstands::<OfStream>();
}

#[test]
fn ten_thousand_attempts_with_bad_tickets_slow_no_group() {
    withstands::<OfGroup>();
}

#[test]
fn ten_thousand_attempts_with_bad_tickets_slow_no_collection() {
    withstands::<OfCollection>();
}
