//! The member behind a handle: everything that does not depend on the type of the machine.

mod core;
pub(in crate::groups) use core::{Applied, Core, Failure};
