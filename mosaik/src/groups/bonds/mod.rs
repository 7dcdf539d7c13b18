//! The authenticated sessions between the members of a group.
//!
//! There is one bond for each pair of members of one group. Both of its ends have proved that they know the group's key, on
//! this very connection, and each has judged the other's tickets.

mod handle;
pub use handle::{Bond, BondId, Bonds};

mod table;
pub(in crate::groups) use table::Table;
