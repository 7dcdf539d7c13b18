//! The shape of a type: what two ends compare before they exchange values of it.
//!
//! Compared is what decides whether values are understood: the order and names of fields, the names
//! of variants, the kinds of values, and what is declared with `#[derive(Schema)]`. The names of
//! types are not: two programs may each have their own `struct` for one datum.

mod declared;
#[doc(hidden)]
pub use declared::Declared;

mod difference;
pub use difference::Difference;

mod name;
pub use name::stable_type_name;

mod shape;
pub use shape::Schema;
use shape::{Leaf, Node, Part, Shape};

mod trace;

mod wire;

#[cfg(test)]
mod tests;
