//! `Cell` and `Once` against an `Option`.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::CellChange;
use super::super::slot;
use super::super::wire::{Wire, command};
use super::{Expected, Model, bytes_of};

/// The model of `Cell`, or with `ONCE` of `Once`.
#[derive(Default)]
pub(super) struct SlotModel<const ONCE: bool>(Option<u16>);

#[derive(Clone, Debug)]
pub(super) enum SlotOperation {
    Write(u16),
    Exchange(Option<u16>, Option<u16>),
    Clear,
}

pub(super) fn slot_operations() -> impl Strategy<Value = Vec<SlotOperation>> {
    let value = || 0..3u16;
    let operation = prop_oneof![
        value().prop_map(SlotOperation::Write),
        (prop::option::of(value()), prop::option::of(value()))
            .prop_map(|(expected, new)| SlotOperation::Exchange(expected, new)),
        Just(SlotOperation::Clear),
    ];
    prop::collection::vec(operation, 0..20)
}

impl<const ONCE: bool> Model for SlotModel<ONCE> {
    type Structure = slot::Slot<u16, ONCE>;
    type Operation = SlotOperation;
    type Content = Option<u16>;

    fn command(operation: &SlotOperation) -> Bytes {
        use slot::Operation as O;
        let wired = match operation {
            SlotOperation::Write(value) => O::Write(Wire(value)),
            SlotOperation::Exchange(expected, new) => O::Exchange {
                expected: bytes_of(*expected),
                new: new.as_ref().map(Wire),
            },
            SlotOperation::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &SlotOperation) -> Expected {
        let before = self.0;
        let is_final = ONCE && before.is_some();
        let (told, new) = match operation {
            SlotOperation::Write(value) => (Expected::Found(before.is_some()), Some(*value)),
            SlotOperation::Clear => (Expected::Found(before.is_some()), None),
            SlotOperation::Exchange(expected, new) => {
                let exchanged = !is_final && *expected == before;
                let new = if exchanged { *new } else { before };
                (Expected::Exchanged(exchanged), new)
            }
        };
        if !is_final {
            self.0 = new;
        }
        told
    }

    fn verify(&self, structure: &slot::Slot<u16, ONCE>) {
        assert_eq!(structure.0, self.0);
    }

    fn mirror(content: &mut Option<u16>, change: CellChange<u16>) {
        assert_eq!(*content, change.old);
        *content = change.new;
    }

    fn content(&self) -> Option<u16> {
        self.0
    }
}
