//! Declarations as Rust items.

/// An id computed at compile time from a string literal.
///
/// 64 hex digits (of any case) are the 32 bytes themselves; any other text is hashed with SHA-256.
/// The same text gives the same id as `UniqueId::from(text)` does at run time.
#[macro_export]
macro_rules! unique_id {
    ($($name:tt)*) => { $crate::__private::__unique_id_impl!($crate; $($name)*) };
}

/// Short for [`unique_id!`](crate::unique_id).
#[macro_export]
macro_rules! id {
    ($($name:tt)*) => { $crate::__private::__unique_id_impl!($crate; $($name)*) };
}
