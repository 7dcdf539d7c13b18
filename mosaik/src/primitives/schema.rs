//! The shape of a type: what two ends compare before they exchange values of it.

mod declared;
#[doc(hidden)]
pub use declared::Declared;

mod difference;
pub use difference::Difference;

mod name;
pub use name::stable_type_name;

mod shape;
pub use shape::Schema;
