//! Replicated state machines: members of a group apply the same commands in the same order.
//!
//! Pure rules decide, and know neither time nor tasks: who a replica is (`identity`), positions in the history
//! (`cursor`).

mod cursor;
pub use cursor::{Cursor, Index, IndexOrRange, IndexRange, Term};

pub(crate) mod identity;
pub use identity::{Formation, FormationError};
