//! Room for one value: the data of `Cell` and `Once`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Value;
use super::structure::{Effects, Items, Reply, Structure};
use super::wire::{Held, Wire, command, expectation, fingerprint};
use crate::primitives::Datum;
use crate::primitives::encoding::EncodeError;

/// What can be asked of room for one value. `T` is written ([`Wire`]) or read ([`Held`]).
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
pub enum Operation<T> {
    /// Sets the value.
    Write(T),
    /// Sets the value or takes it away, if it is the expected one.
    Exchange {
        /// The bytes of the value that must be there, or none.
        expected: Option<Bytes>,
        /// The value that takes its place, or none.
        new: Option<T>,
    },
    /// Takes the value away.
    Clear,
}

/// What happened to a `Cell` or `Once`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellChange<T> {
    /// The value before, if there was one.
    pub old: Option<T>,
    /// The value now, if there is one.
    pub new: Option<T>,
}

/// Room for one value. With `ONCE` it is filled once and never changes again.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Slot<T, const ONCE: bool>(pub(super) Option<T>);

// Derived, it would want values that have a default.
impl<T, const ONCE: bool> Default for Slot<T, ONCE> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Value, const ONCE: bool> Slot<T, ONCE> {
    fn current(&self) -> Option<Bytes> {
        self.0.as_ref().and_then(fingerprint)
    }

    fn replace(&mut self, new: Option<T>, effects: &mut Effects<CellChange<T>>) -> Reply {
        let reply = effects.answer(|| Reply::Found(self.current()));
        let is_final = ONCE && self.0.is_some();
        if !is_final && (self.0.is_some() || new.is_some()) {
            let old = core::mem::replace(&mut self.0, new);
            effects.record(|| CellChange {
                old,
                new: self.0.clone(),
            });
        }
        reply
    }

    fn exchange(
        &mut self,
        expected: Option<Bytes>,
        new: Option<T>,
        effects: &mut Effects<CellChange<T>>,
    ) -> Reply {
        let current = self.current();
        let is_final = ONCE && self.0.is_some();
        // A value that has no encoding is not "no value".
        let exchanged = !is_final && self.0.is_some() == current.is_some() && current == expected;
        if exchanged {
            self.replace(new, effects);
        }
        effects.answer(|| Reply::Exchange {
            exchanged,
            current: current.filter(|_| !exchanged),
        })
    }
}

/// The command of an exchange.
pub(super) fn exchange<T: Datum>(
    expected: Option<&T>,
    new: Option<&T>,
    answers: bool,
) -> Result<Bytes, EncodeError> {
    let operation = Operation::Exchange {
        expected: expectation(expected)?,
        new: new.map(Wire),
    };
    command(&operation, answers)
}

/// Makes handles of `Cell` and `Once`, with the reads and writes that both have.
macro_rules! slot {
    ($name:ident, $once:literal, $doc:literal) => {
        $crate::collections::handle::handle! { [T: Value] $name [T] = Slot<T, $once> }

        $crate::collections::handle::mutators! { [T: Value] $name [T] {
            #[doc = $doc]
            fn write(&self, value: T) -> (Version, T) {
                let command = command(&Operation::Write(Wire(&value)), false);
                self.0.write(value, command)
            }

            #[doc = $doc]
            fn set(&self, value: T) -> (Version, T) {
                self.write(value)
            }
        }}

        impl<T: Value> Batch<Slot<T, $once>> {
            #[doc = $doc]
            pub fn set(&mut self, value: T) -> &mut Self {
                self.add(&Operation::Write(Wire(&value)))
            }
        }

        $crate::collections::handle::reads! { [T: Value] $name [T] = Slot<T, $once> {
            /// The value.
            fn read() -> Option<T> |state| { state.0.clone() }

            /// The value.
            fn get() -> Option<T> |state| { state.0.clone() }

            /// Whether there is no value.
            fn is_empty() -> bool |state| { state.0.is_none() }

            /// Whether there is no value.
            fn is_none() -> bool |state| { state.0.is_none() }

            /// Whether there is a value.
            fn is_some() -> bool |state| { state.0.is_some() }
        }}
    };
}
pub(super) use slot;

impl<T: Value, const ONCE: bool> Structure for Slot<T, ONCE> {
    type Types = T;
    const KIND: &'static str = if ONCE { "once" } else { "cell" };

    type Operation = Operation<Held<T>>;
    type Change = CellChange<T>;
    type Item = Held<T>;

    fn apply(&mut self, operation: Self::Operation, effects: &mut Effects<Self::Change>) -> Reply {
        match operation {
            Operation::Write(value) => self.replace(Some(value.0), effects),
            Operation::Exchange { expected, new } => {
                self.exchange(expected, new.map(|new| new.0), effects)
            }
            Operation::Clear => self.replace(None, effects),
        }
    }

    fn count(&self) -> usize {
        usize::from(self.0.is_some())
    }

    fn items(&self) -> Items<Self::Item> {
        Box::new(self.0.clone().map(Held).into_iter())
    }

    fn load(&mut self, item: Self::Item) {
        self.0 = Some(item.0);
    }
}
