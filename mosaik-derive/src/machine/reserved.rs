//! Names that a command or a query cannot have: a `Group` has a method of that name already, and the
//! compiler would call that one without a word.

/// The methods of `Group`, and those that every value has.
pub(super) const NAMES: &[&str] = &[
    "bonds",
    "committed",
    "config",
    "drop",
    "events",
    "execute",
    "execute_many",
    "execute_with_response",
    "feed",
    "feed_many",
    "id",
    "into",
    "is_leader",
    "leader",
    "log_position",
    "query",
    "status",
    "to_string",
    "try_into",
    "when",
];
