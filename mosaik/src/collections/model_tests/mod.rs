//! Every structure against a plain one of std: the same operations, in random order, with snapshots in between.
//!
//! A run keeps two replicas, which end their runs at different commands and of which one is replaced by its snapshot now
//! and then, and a mirror that is built from change events alone.

mod keyed_model;
mod queue_model;
mod row_model;
mod slot_model;

use core::fmt::Debug;

use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use proptest::prelude::*;

use self::keyed_model::{KeyedModel, map_operations};
use self::queue_model::{QueueModel, queue_operations};
use self::row_model::{VecModel, vec_operations};
use self::slot_model::{SlotModel, slot_operations};
use super::config::SyncConfig;
use super::history::{Changes, Event};
use super::machine::Machine;
use super::structure::{Reply, Structure};
use super::wire::{Wire, command, expectation};
use super::{elements, keyed, ranking, slot};
use crate::groups::{Checkpoint as _, SnapshotMachine as _, StateMachine as _};

/// A structure, its model and how they go together.
trait Model: Sized + Default {
    type Structure: Structure;
    type Operation: Debug + Clone;
    /// What the mirror holds.
    type Content: Default + PartialEq + Debug;

    fn command(operation: &Self::Operation) -> Bytes;
    fn step(&mut self, operation: &Self::Operation) -> Expected;
    fn verify(&self, structure: &Self::Structure);
    fn mirror(content: &mut Self::Content, change: <Self::Structure as Structure>::Change);
    fn content(&self) -> Self::Content;
}

/// What the writer should be told.
#[derive(Debug, PartialEq)]
enum Expected {
    Done,
    Refused,
    Found(bool),
    Exchanged(bool),
}

fn machine<S: Structure>() -> Machine<S> {
    let sync = SyncConfig::default().with_fetch_batch_size(3);
    Machine::new("store".into(), true, sync, 100_000)
}

fn copy<S: Structure>(machine: &Machine<S>) -> Machine<S> {
    let mut checkpoint = machine.checkpoint();
    let mut copy = self::machine();
    copy.restore(&mut core::iter::from_fn(|| checkpoint.next_chunk()))
        .unwrap();
    copy
}

fn run<M: Model>(operations: &[M::Operation]) {
    let mut model = M::default();
    let (mut one, mut other) = (machine::<M::Structure>(), machine::<M::Structure>());
    let mut changes = Changes::follow(&one.shared().history, None);
    one.end_of_run();
    let mut content = M::Content::default();
    for (position, operation) in operations.iter().enumerate() {
        let version = (position as u64 + 1).into();
        let command = M::command(operation);
        let reply = one.apply_command(version, &command);
        assert_eq!(reply, other.apply_command(version, &command));
        assert_eq!(told(&reply), model.step(operation), "{operation:?}");
        one.end_of_run();
        if position % 3 == 0 {
            other.end_of_run();
        }
        if position % 7 == 0 {
            other = copy(&one);
        }
        model.verify(one.shared().latest().state());
        while let Some(Some(event)) = changes.next().now_or_never() {
            let Event::Changed {
                version: at,
                change,
            } = event
            else {
                panic!("nothing is lost here");
            };
            assert_eq!(*at, version);
            M::mirror(&mut content, change);
        }
        assert_eq!(content, model.content(), "after {operation:?}");
    }
    other.end_of_run();
    let (one, other) = (one.shared().latest(), other.shared().latest());
    assert_eq!(one.state_digest(), other.state_digest());
}

fn told(reply: &Reply) -> Expected {
    match reply {
        Reply::Done | Reply::Verified(..) => Expected::Done,
        Reply::Refused(_) => Expected::Refused,
        Reply::Found(value) => Expected::Found(value.is_some()),
        Reply::Exchange { exchanged, .. } => Expected::Exchanged(*exchanged),
    }
}

fn bytes_of(value: Option<u16>) -> Option<Bytes> {
    expectation(value.as_ref()).unwrap()
}

fn value_of(bytes: Option<&Bytes>) -> Option<u16> {
    use crate::Datum as _;
    bytes.map(|bytes| u16::decode(bytes).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn map(operations in map_operations()) {
        run::<KeyedModel<keyed::Hashed<u8, u16>>>(&operations);
    }

    #[test]
    fn ordered_map(operations in map_operations()) {
        run::<KeyedModel<keyed::Sorted<u8, u16>>>(&operations);
    }

    #[test]
    fn vec(operations in vec_operations()) {
        run::<VecModel>(&operations);
    }

    #[test]
    fn cell(operations in slot_operations()) {
        run::<SlotModel<false>>(&operations);
    }

    #[test]
    fn once(operations in slot_operations()) {
        run::<SlotModel<true>>(&operations);
    }

    #[test]
    fn bounded_queue(operations in queue_operations()) {
        run::<QueueModel>(&operations);
    }

    /// Bytes of a stranger change every replica in the same way, or none, and panic nowhere.
    #[test]
    fn any_bytes_are_applied(commands in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
        fn apply<S: Structure>(commands: &[Vec<u8>]) {
            let (mut one, mut other) = (machine::<S>(), machine::<S>());
            for (position, bytes) in commands.iter().enumerate() {
                let framed: Vec<u8> = [1, position as u8 % 3].iter().chain(bytes).copied().collect();
                for bytes in [bytes, &framed] {
                    let version = (position as u64 + 1).into();
                    assert_eq!(one.apply_command(version, bytes), other.apply_command(version, bytes));
                }
            }
            one.end_of_run();
            other.end_of_run();
            assert_eq!(one.shared().latest().state_digest(), other.shared().latest().state_digest());
        }
        apply::<keyed::Keyed<keyed::Hashed<u8, u8>>>(&commands);
        apply::<keyed::Keyed<keyed::Members<u8>>>(&commands);
        apply::<elements::Elements<u8>>(&commands);
        apply::<slot::Slot<u8, true>>(&commands);
        apply::<ranking::Ranking<u8, u8, u8, 2>>(&commands);
    }
}

/// Adds to a batch until it is refused: then nothing of it counts, and nobody hears of it.
#[test]
fn a_batch_takes_effect_whole_or_not_at_all() {
    let mut machine = machine::<elements::Elements<u16>>();
    let mut changes = Changes::follow(&machine.shared().history, None);
    machine.end_of_run();
    let encode = |operation: &elements::Operation<Wire<'_, u16>>| {
        crate::primitives::encode(operation).unwrap()
    };
    let push = encode(&elements::Operation::PushBack(Wire(&7)));
    let beyond = encode(&elements::Operation::Insert(9, Wire(&8)));
    let whole = super::wire::together(&[push.clone(), push.clone()]).unwrap();
    let broken = super::wire::together(&[push, beyond]).unwrap();
    assert_eq!(machine.apply_command(1.into(), &whole), Reply::Done);
    let refused = machine.apply_command(2.into(), &broken);
    assert_eq!(told(&refused), Expected::Refused);
    machine.end_of_run();
    let latest = machine.shared().latest();
    assert_eq!(latest.iter().collect::<Vec<_>>(), [7, 7]);
    assert_eq!(*latest.version(), 2);
    let versions = core::iter::from_fn(|| changes.next().now_or_never().flatten())
        .map(|event| *event.version())
        .collect::<Vec<_>>();
    assert_eq!(versions, [1, 1]);
}

/// Two keys, of which each replica got the earlier in another way, are evicted in the same order.
#[test]
fn a_snapshot_keeps_the_order_among_equals() {
    let mut one = machine::<ranking::Ranking<u8, u8, u8, 2>>();
    let insert = |priority: u8, key: u8| {
        let operation = ranking::Operation::Insert(Wire(&priority), Wire(&key), Wire(&0u8));
        command(&operation, false).unwrap()
    };
    one.apply_command(1.into(), &insert(5, 1));
    one.apply_command(2.into(), &insert(5, 2));
    let mut other = copy(&one);
    for machine in [&mut one, &mut other] {
        machine.apply_command(3.into(), &insert(5, 3));
        machine.apply_command(4.into(), &insert(6, 4));
        machine.end_of_run();
        let latest = machine.shared().latest();
        let keys: Vec<u8> = latest.iter_desc().map(|(_, key, _)| key).collect();
        assert_eq!(keys, [4, 1], "of equals, the latest goes first");
    }
}
