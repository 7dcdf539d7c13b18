//! Typed publish/subscribe that finds its own ends.
