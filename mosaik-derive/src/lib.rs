//! The declaration macros of mosaik.
//!
//! Internal: `mosaik` wraps each macro so that generated code can name it as `$crate`, whatever the
//! user calls the dependency. Every macro takes `<path of mosaik> ; <what the user wrote>`.

use proc_macro::TokenStream;

mod id;
mod report;

/// `unique_id!` and `id!`: an id from a string literal, computed at compile time.
#[doc(hidden)]
#[proc_macro]
pub fn __unique_id_impl(input: TokenStream) -> TokenStream {
    id::unique_id(input.into()).into()
}
