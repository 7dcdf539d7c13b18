//! `Vec` against a `Vec`.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::VecChange;
use super::super::elements;
use super::super::structure::Structure as _;
use super::super::wire::{Wire, command};
use super::{Expected, Model};

#[derive(Default)]
pub(super) struct VecModel(Vec<u16>);

#[derive(Clone, Debug)]
pub(super) enum VecOperation {
    PushBack(u16),
    PushFront(u16),
    Insert(u64, u16),
    Extend(Vec<u16>),
    Remove(u64),
    PopBack,
    PopFront,
    Swap(u64, u64),
    Truncate(u64),
    Clear,
}

pub(super) fn vec_operations() -> impl Strategy<Value = Vec<VecOperation>> {
    use VecOperation as O;
    let (index, value) = (0..70u64, any::<u16>());
    let operation = prop_oneof![
        6 => value.prop_map(O::PushBack),
        3 => value.prop_map(O::PushFront),
        4 => (index.clone(), value).prop_map(|(index, value)| O::Insert(index, value)),
        2 => prop::collection::vec(value, 0..30).prop_map(O::Extend),
        3 => index.clone().prop_map(O::Remove),
        1 => Just(O::Remove(u64::MAX)),
        2 => Just(O::PopBack),
        2 => Just(O::PopFront),
        3 => (index.clone(), index.clone()).prop_map(|(i, j)| O::Swap(i, j)),
        1 => index.prop_map(O::Truncate),
        1 => Just(O::Clear),
    ];
    prop::collection::vec(operation, 0..60)
}

impl Model for VecModel {
    type Structure = elements::Elements<u16>;
    type Operation = VecOperation;
    type Content = Vec<u16>;

    fn command(operation: &VecOperation) -> Bytes {
        use elements::Operation as O;
        let wired = match operation {
            VecOperation::PushBack(value) => O::PushBack(Wire(value)),
            VecOperation::PushFront(value) => O::PushFront(Wire(value)),
            VecOperation::Insert(index, value) => O::Insert(*index, Wire(value)),
            VecOperation::Extend(values) => O::extend(values),
            VecOperation::Remove(index) => O::Remove(*index),
            VecOperation::PopBack => O::PopBack,
            VecOperation::PopFront => O::PopFront,
            VecOperation::Swap(i, j) => O::Swap(*i, *j),
            VecOperation::Truncate(len) => O::Truncate(*len),
            VecOperation::Clear => O::Clear,
        };
        command(&wired, true).unwrap()
    }

    fn step(&mut self, operation: &VecOperation) -> Expected {
        let len = self.0.len() as u64;
        match operation {
            VecOperation::PushBack(value) => self.0.push(*value),
            VecOperation::PushFront(value) => self.0.insert(0, *value),
            VecOperation::Insert(index, _) if *index > len => return Expected::Refused,
            VecOperation::Insert(index, value) => self.0.insert(*index as usize, *value),
            VecOperation::Extend(values) => self.0.extend(values),
            VecOperation::Remove(index) => {
                if *index < len {
                    self.0.remove(*index as usize);
                }
                return Expected::Found(*index < len);
            }
            VecOperation::PopBack => return Expected::Found(self.0.pop().is_some()),
            VecOperation::PopFront => {
                if len > 0 {
                    self.0.remove(0);
                }
                return Expected::Found(len > 0);
            }
            VecOperation::Swap(i, j) if *i < len && *j < len => {
                self.0.swap(*i as usize, *j as usize);
            }
            VecOperation::Swap(..) => {}
            VecOperation::Truncate(len) => self.0.truncate(*len as usize),
            VecOperation::Clear => self.0.clear(),
        }
        Expected::Done
    }

    fn verify(&self, structure: &elements::Elements<u16>) {
        assert!(structure.0.iter().eq(&self.0));
        assert_eq!(structure.count(), self.0.len());
    }

    fn mirror(content: &mut Vec<u16>, change: VecChange<u16>) {
        let range = change.range.start as usize..change.range.end as usize;
        content.splice(range, change.values);
    }

    fn content(&self) -> Vec<u16> {
        self.0.clone()
    }
}
