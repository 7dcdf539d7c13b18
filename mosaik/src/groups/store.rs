//! Where the log of a group is kept.

use core::{fmt, marker::PhantomData};

use sealed::Sealed;

use super::Command;

pub(in crate::groups) mod sealed {
    /// Implemented here only.
    pub trait Sealed {}
}

/// Where the log of a group is kept: today in memory, by [`InMemoryLogStore`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot keep the log of a group",
    note = "use `mosaik::groups::InMemoryLogStore`"
)]
pub trait Storage<C: Command>: Sealed + Send + 'static {}

/// Keeps the log in memory: a member that is restarted comes back as a new one, and gets the state from the others.
pub struct InMemoryLogStore<C: Command>(PhantomData<fn() -> C>);

impl<C: Command> Default for InMemoryLogStore<C> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<C: Command> fmt::Debug for InMemoryLogStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InMemoryLogStore")
    }
}

impl<C: Command> Sealed for InMemoryLogStore<C> {}

impl<C: Command> Storage<C> for InMemoryLogStore<C> {}
