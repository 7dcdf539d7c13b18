//! Declarations as Rust items.
