//! `collection!`: one declaration in, its items out, with every mistake of it reported at once and
//! the rest expanded all the same.

mod expand;
mod keys;

use crate::declaration;
use keys::Mode;
use proc_macro2::TokenStream;

/// Expands `<path of mosaik> ; <declaration>`.
pub(crate) fn collection(input: TokenStream) -> TokenStream {
    declaration::compile::<Mode>(input, expand::expand)
}

/// The table of keys, for the documentation of the macro.
pub(crate) fn documentation() -> String {
    declaration::documentation::<Mode>()
}

#[cfg(test)]
mod interface;
#[cfg(test)]
mod tests;
