//! Names, signatures and conversions of replicated state machines, as programs written for them use them.

use std::{
    error::Error,
    fmt::{Debug, Display},
    num::NonZero,
    time::Duration,
};

use mosaik::{
    groups::{
        ApplyContext, Bond, Bonds, Command, CommandError, ConsensusConfig, Cursor, CursorWatcher,
        GroupBuilder, GroupConfig, Groups, InMemoryLogStore, Index, IndexOrRange, IndexRange,
        LeadershipPreference, LogReplaySync, NoOp, Query, QueryError, QueryResult, QueryResultAt,
        StateMachine, StateMachineMessage, StateSync, Storage, Term, When,
    },
    primitives::{Encoded, Pretty},
    tickets::{Hs256, Jwt, TicketValidator},
    *,
};
use serde::{Deserialize, Serialize};

use super::{is_background_work, is_error, is_thread_safe};

#[derive(Default)]
struct Counter {
    value: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Change {
    Add(i64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Value;

impl StateMachine for Counter {
    type Command = Change;
    type Query = Value;
    type QueryResult = i64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        unique_id!("public_api.counter")
    }

    fn apply(&mut self, command: Change, ctx: &dyn ApplyContext) {
        let (_, _, _): (Cursor, Cursor, Term) =
            (ctx.committed(), ctx.log_position(), ctx.current_term());
        let (_, _): (&GroupId, &NetworkId) = (ctx.group_id(), ctx.network_id());
        let Change::Add(by) = command;
        self.value += by;
    }

    fn query(&self, _: Value) -> i64 {
        self.value
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
            .with_batch_size(NonZero::new(1_000).unwrap())
            .with_fetch_timeout(Duration::from_secs(5))
    }

    fn leadership_preference(&self) -> LeadershipPreference {
        LeadershipPreference::reluctant()
    }
}

/// A machine whose messages have an encoding of their own and are neither `Debug` nor known to serde.
struct Tape;

#[derive(Clone)]
struct Mark;

impl Datum for Mark {
    type EncodeError = std::io::Error;
    type DecodeError = std::io::Error;

    fn derived_stream_id() -> StreamId {
        unique_id!("public_api.mark")
    }

    fn encode(&self) -> Result<Bytes, Self::EncodeError> {
        Ok(Bytes::from_static(b"."))
    }

    fn decode(_: &[u8]) -> Result<Self, Self::DecodeError> {
        Ok(Self)
    }
}

impl StateMachine for Tape {
    type Command = Mark;
    type Query = Mark;
    type QueryResult = Mark;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "public_api.tape".into()
    }

    fn apply(&mut self, _: Mark, _: &dyn ApplyContext) {}

    fn apply_batch(&mut self, commands: impl IntoIterator<Item = Mark>, ctx: &dyn ApplyContext) {
        for command in commands {
            self.apply(command, ctx);
        }
    }

    fn query(&self, query: Mark) -> Mark {
        query
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}

#[test]
fn types_have_their_traits() {
    is_thread_safe::<Group<Counter>>();
    is_thread_safe::<Group<Tape>>();
    is_error::<CommandError<Counter>>();
    is_error::<CommandError<Tape>>();
    is_error::<QueryError<Tape>>();
    is_error::<groups::Error>();
    is_error::<groups::ConfigBuilderError>();
    is_error::<groups::ConsensusConfigBuilderError>();

    fn is_copy<T: Copy + Debug + Display + Eq + std::hash::Hash>() {}
    is_copy::<Index>();
    is_copy::<Term>();
    is_copy::<Cursor>();
    is_copy::<GroupKey>();
    fn is_shown<T: Debug + Clone>() {}
    is_shown::<When>();
    is_shown::<groups::Config>();
    is_shown::<Bonds<Counter2>>();
    is_shown::<Bond<Counter2>>();
    fn is_display<T: Display>() {}
    is_display::<Group<Counter>>();
    is_display::<Bond<Counter>>();
    fn is_clone<T: Clone>() {}
    is_clone::<Bonds<Tape>>();
    is_clone::<Bond<Tape>>();
    fn is_message<T: Command + Query + QueryResult>() {}
    is_message::<Mark>();
    is_message::<u64>();
    fn is_serde_message<T: StateMachineMessage>() {}
    is_serde_message::<u64>();
    fn is_default<T: Default + Debug>() {}
    is_default::<NoOp>();
    is_default::<LogReplaySync<Tape>>();
    is_default::<ConsensusConfig>();
    is_default::<InMemoryLogStore<Mark>>();
    fn is_storage<T: Storage<Mark>>() {}
    is_storage::<InMemoryLogStore<Mark>>();
    fn is_sync<T: StateSync<Machine = Tape>>() {}
    is_sync::<LogReplaySync<Tape>>();
    fn is_setting<T>()
    where
        T: Debug + Clone + std::hash::Hash + Eq + Serialize + serde::de::DeserializeOwned,
    {
    }
    is_setting::<ConsensusConfig>();
    let _: Encoded<Mark> = Encoded(Mark);
}

/// [`Counter`] that can be shown.
#[derive(Debug)]
struct Counter2;

impl StateMachine for Counter2 {
    type Command = u64;
    type Query = ();
    type QueryResult = ();
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        Digest::from("public_api.counter2")
    }

    fn apply(&mut self, _: u64, _: &dyn ApplyContext) {}

    fn query(&self, (): ()) {}

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}

#[test]
fn keys() {
    const SECRET: Digest = unique_id!("secret");
    const KEY: GroupKey = GroupKey::new(SECRET);
    assert_eq!(KEY, GroupKey::from_secret("secret"));
    assert_eq!(KEY, GroupKey::from(SECRET));
    assert_eq!(KEY, GroupKey::from(&SECRET));
    assert_eq!(KEY, GroupKey::from("secret"));
    assert_eq!(KEY.secret(), &SECRET);
    assert_ne!(GroupKey::random(), GroupKey::random());
    let hex = format!("{SECRET:?}");
    let shown = format!("{}****{}", &hex[..2], &hex[62..]);
    assert_eq!(KEY.to_string(), shown);
    assert!(!format!("{KEY:?}").contains(&hex));

    let validator = Jwt::with_key(Hs256::new([7; 32])).allow_issuer("example.com");
    assert_eq!(
        GroupKey::from(&validator),
        GroupKey::from(validator.signature())
    );
    let shared: &dyn TicketValidator = &validator;
    assert_eq!(GroupKey::from(shared), GroupKey::from(&validator));
}

#[test]
fn indices_compare_and_add_with_plain_numbers() {
    let five = Index(5);
    assert_eq!(five, 5);
    assert_eq!(five, 5_u64);
    assert_eq!(&five, 5);
    assert_eq!(five, &5_u32);
    assert!(five > 4 && five < 6_u64 && five > -1);
    assert!(five != -5);
    assert_eq!(five + 2_usize, 7);
    assert_eq!(five + 2_u64 - 1_u8, 6);
    assert_eq!(five - 9_u64, 0);
    assert_eq!(five + Index(1), Index::from(6_i32));
    assert_eq!(Index::from(-3_i64), Index::zero());
    assert_eq!(Index::from(&3_u16).next(), 4);
    assert_eq!(Index::one().prev(), Index::default());
    assert_eq!(Index::zero().prev(), 0);
    assert!(Index::zero().is_zero());
    assert_eq!(five.distance(&Index(8)), 3);
    assert_eq!(five.as_usize(), 5);
    assert_eq!(usize::from(five), 5);
    assert_eq!(usize::from(&five), 5);
    assert_eq!(u64::from(five), 5);
    assert_eq!(five.to_string(), "5");
    const TERM: Term = Term(3).next();
    assert_eq!(TERM, 4);

    let range = IndexRange::new(3.into(), 5.into());
    assert_eq!(range.end(), 5);
    assert_eq!(*range.start(), 3);
    assert_eq!(format!("{}", Pretty(&range)), "[3..5]");

    let at = Cursor::new(Term(2), five);
    assert_eq!(at.term(), 2);
    assert_eq!(at.index(), 5);
    assert_eq!(at, five);
    assert_eq!(five, at);
    assert_eq!(at, Term(2));
    assert!(at > Index(4) && Index(6) > at && at < Term(3));
    assert!(Cursor::new(Term(1), Index(9)).is_behind(&at));
    assert!(Cursor::zero().is_zero() && Cursor::default() == Cursor::zero());
    assert_eq!(format!("{at} {at:?}"), "(t:2,i:5) Cursor(t:2,i:5)");
    let (term, index): (Term, Index) = at.into();
    assert_eq!(Cursor::from((term, index)), Cursor(term, index));

    fn reached(_: impl IndexOrRange) {}
    reached(5);
    reached(5_u64);
    reached(5_usize);
    let borrowed = &5_u32;
    reached(borrowed);
    reached(five);
    reached(range);
}

#[test]
fn settings() {
    let defaults = ConsensusConfig::default();
    assert_eq!(ConsensusConfig::builder().build().unwrap(), defaults);
    let ConsensusConfig {
        heartbeat_interval,
        heartbeat_jitter,
        max_missed_heartbeats,
        election_timeout,
        election_timeout_jitter,
        bootstrap_delay,
        forward_timeout,
        query_timeout,
        ..
    } = defaults;
    let config: ConsensusConfig = ConsensusConfig::builder()
        .with_heartbeat_interval(heartbeat_interval)
        .with_heartbeat_jitter(heartbeat_jitter)
        .with_max_missed_heartbeats(max_missed_heartbeats)
        .with_election_timeout(election_timeout)
        .with_election_timeout_jitter(election_timeout_jitter)
        .with_bootstrap_delay(bootstrap_delay)
        .with_forward_timeout(forward_timeout)
        .with_query_timeout(query_timeout)
        .build()
        .unwrap();
    assert_eq!(config, ConsensusConfig::default());
    let builder = groups::Config::builder().with_handshake_timeout(Duration::from_secs(3));
    assert_eq!(
        builder.clone().build().unwrap().handshake_timeout,
        Duration::from_secs(3)
    );
    let _ = Network::builder("public_api").with_groups(builder);
}

/// Everything that a program calls on a group, on one that is alone.
#[tokio::test]
async fn a_group_as_programs_use_it() -> Result<(), Box<dyn Error + Send + Sync>> {
    let network = Network::builder(NetworkId::random())
        .loopback()
        .build()
        .await?;
    let groups: &Groups = network.groups();
    // Settings and rules may come before the machine and after it.
    let builder: GroupBuilder<'_, InMemoryLogStore<Change>, Counter> = groups
        .with_key("public_api")
        .with_consensus_config(ConsensusConfig::default())
        .with_state_machine(Counter::default());
    let group: Group<Counter> = builder
        .with_log_storage(InMemoryLogStore::default())
        .with_consensus_config(ConsensusConfig::default())
        .join();
    let when: &When = group.when();
    is_background_work(when.online()).await;
    let me = network.local().id();
    assert_eq!(is_background_work(when.leader_elected()).await, me);
    is_background_work(when.leader_is(me)).await;
    is_background_work(when.is_leader()).await;
    drop(is_background_work(when.is_follower()));
    drop(is_background_work(when.offline()));
    drop(is_background_work(when.leader_changed()));
    assert!(group.is_leader());
    assert_eq!(group.leader(), Some(me));
    assert_eq!(group.committed(), 0);

    let index: Index = is_background_work(group.execute(Change::Add(1))).await?;
    assert_eq!(index, 1);
    let range: IndexRange =
        is_background_work(group.execute_many([Change::Add(2), Change::Add(4)])).await?;
    assert_eq!((*range.start(), *range.end()), (Index(2), Index(3)));
    let fed: Index = is_background_work(group.feed(Change::Add(8))).await?;
    let fed_many: IndexRange = is_background_work(group.feed_many(vec![Change::Add(16)])).await?;
    let committed: CursorWatcher<Index> = when.committed();
    let log: CursorWatcher<Cursor> = when.log();
    assert!(is_background_work(committed.reaches(fed)).await >= 4);
    is_background_work(committed.reaches(fed_many)).await;
    is_background_work(log.reaches(5)).await;
    drop(is_background_work(committed.advanced()));
    drop(is_background_work(committed.reverted()));
    drop(is_background_work(committed.changed()));
    assert!(group.log_position() >= Index(5));

    for consistency in [Weak, Strong, Consistency::Weak] {
        let answer: QueryResultAt<Counter> =
            is_background_work(group.query(Value, consistency)).await?;
        assert_eq!(answer, 31);
        assert_eq!(*answer, 31);
        assert_eq!(answer.result(), &31);
        assert_eq!(answer.state_position(), 5);
        assert_eq!(answer.at_position, 5);
        assert_eq!(format!("{answer}"), "31");
        assert!(!format!("{answer:?}").is_empty());
        let value: i64 = answer.into();
        assert_eq!(value, 31);
    }
    let refused = group.execute_many([]).await;
    assert!(matches!(refused, Err(CommandError::NoCommands)));

    let config: &GroupConfig = group.config();
    assert_eq!(config.consensus(), &ConsensusConfig::default());
    assert_eq!(config.group_id(), group.id());
    assert_eq!(config.key(), &GroupKey::from("public_api"));
    assert!(config.auth().is_empty());
    assert!(
        group
            .to_string()
            .contains(&format!("{}", primitives::Short(group.id())))
    );

    let bonds: Bonds<Counter> = group.bonds();
    assert!(bonds.is_empty());
    assert_eq!((bonds.len(), bonds.iter().count()), (0, 0));
    assert!(!bonds.contains_peer(&me) && bonds.get(&me).is_none());

    let alone: Group<NoOp> = groups.with_key(GroupKey::random()).join();
    alone.when().online().await;
    alone.execute(()).await?;
    Ok(())
}

/// What programs do with a bond, on two nodes.
#[tokio::test]
async fn a_bond_as_programs_use_it() -> Result<(), Box<dyn Error + Send + Sync>> {
    let network_id = NetworkId::random();
    let [first, second] = futures::future::try_join_all(
        [(); 2].map(|()| Network::builder(network_id).loopback().build()),
    )
    .await?
    .try_into()
    .ok()
    .unwrap();
    let key = GroupKey::random();
    let [here, there] = [&first, &second].map(|network| {
        network
            .groups()
            .with_key(key)
            .with_state_machine(Counter::default())
            .join()
    });
    here.when().online().await;
    there.when().online().await;
    let peer = second.local().id();
    let bonds = here.bonds();
    while !bonds.contains_peer(&peer) {
        bonds.changed().await;
    }
    let bond: Bond<Counter> = bonds.get(&peer).unwrap();
    assert_eq!(*bond.peer().id(), peer);
    let _: &Digest = &bond.id();
    let _: groups::BondId = bond.id();
    assert!(!bond.is_terminated());
    let ended = is_background_work(bond.terminated());
    drop(there);
    ended.await;
    assert!(bond.is_terminated());
    // The one that stays can go on: the other has left in good order.
    here.execute(Change::Add(1)).await?;
    Ok(())
}
