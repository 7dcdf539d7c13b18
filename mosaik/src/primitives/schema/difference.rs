//! Where two schemas part.

use core::fmt;

/// The first place where two schemas differ, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The way to the place, from the type: `Order.lines[].price`.
    pub path: String,
    /// What is there on our side.
    pub ours: String,
    /// What is there on the other side.
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} here, {} there",
            self.path, self.ours, self.theirs
        )
    }
}
