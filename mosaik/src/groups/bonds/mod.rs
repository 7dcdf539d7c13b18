//! The authenticated sessions between the members of a group.
//!
//! There is one bond for each pair of members of one group. Both of its ends have proved that they know the group's key, on
//! this very connection, and each has judged the other's tickets. `roster` decides whom to dial when, `node` makes and
//! judges bonds, `run` is what a bond does, `way` how it writes, `bulk` what it does beside, and `member` is what it knows
//! of the member behind it.
//!
//! *Invariant:* a bond does not know what it carries.

mod handle;
pub use handle::{Bond, BondId, Bonds};

mod member;
pub(in crate::groups) use member::Member;

mod node;
pub(in crate::groups) use node::{Bonding, group_of};

mod table;
pub(in crate::groups) use table::Table;

mod tied;
pub(in crate::groups) use tied::{CallError, Tied};

mod outbox;
pub(in crate::groups) use outbox::Lane;

mod bulk;
mod codes;
mod roster;
mod run;
mod way;
mod wire;
