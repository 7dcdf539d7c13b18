//! `stream!`: one declaration in, its items out, with every mistake of it reported at once and the
//! rest expanded all the same.

mod expand;
mod keys;

use crate::declaration;
use keys::Side;
use proc_macro2::TokenStream;

/// Expands `<path of mosaik> ; <declaration>`.
pub(crate) fn stream(input: TokenStream) -> TokenStream {
    declaration::compile::<Side>(input, expand::expand)
}

/// The table of keys, for the documentation of the macro.
pub(crate) fn documentation() -> String {
    declaration::documentation::<Side>()
}

#[cfg(test)]
mod interface;
#[cfg(test)]
mod tests;
