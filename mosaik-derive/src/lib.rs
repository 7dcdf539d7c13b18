//! The declaration macros of mosaik.
//!
//! Internal: `mosaik` wraps each macro so that generated code can name it as `$crate`, whatever the
//! user calls the dependency. Every such macro takes `<path of mosaik> ; <what the user wrote>`.

use proc_macro::TokenStream;

mod collection;
mod declaration;
mod emit;
mod id;
mod machine;
mod measurements;
mod owned;
mod report;
mod schema;
mod stream;

#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod stored;

/// `unique_id!` and `id!`: an id from a string literal, computed at compile time.
#[doc(hidden)]
#[proc_macro]
pub fn __unique_id_impl(input: TokenStream) -> TokenStream {
    id::unique_id(input.into()).into()
}

/// `stream!`: a named, typed stream.
#[doc(hidden)]
#[proc_macro]
pub fn __stream_impl(input: TokenStream) -> TokenStream {
    stream::stream(input.into()).into()
}

/// The keys of `stream!` as a table, for the documentation of the macro.
#[doc(hidden)]
#[proc_macro]
pub fn __stream_documentation(_: TokenStream) -> TokenStream {
    let table = stream::documentation();
    quote::quote!(#table).into()
}

/// `collection!`: a named, typed collection.
#[doc(hidden)]
#[proc_macro]
pub fn __collection_impl(input: TokenStream) -> TokenStream {
    collection::collection(input.into()).into()
}

/// The keys of `collection!` as a table, for the documentation of the macro.
#[doc(hidden)]
#[proc_macro]
pub fn __collection_documentation(_: TokenStream) -> TokenStream {
    let table = collection::documentation();
    quote::quote!(#table).into()
}

/// The registers that `require_tdx` knows, for the documentation of the macros.
#[doc(hidden)]
#[proc_macro]
pub fn __measurements_documentation(_: TokenStream) -> TokenStream {
    let list = measurements::documentation();
    quote::quote!(#list).into()
}

/// Replicates an `impl`: see `mosaik::state_machine`.
#[proc_macro_attribute]
pub fn state_machine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    machine::state_machine(arguments.into(), item.into()).into()
}

/// The options of `#[state_machine]` as a table, for its documentation.
#[doc(hidden)]
#[proc_macro]
pub fn __state_machine_documentation(_: TokenStream) -> TokenStream {
    let table = machine::documentation();
    quote::quote!(#table).into()
}

/// Gives a type a name and a version that do not depend on where it lives: see the trait of the
/// same name.
#[proc_macro_derive(Schema, attributes(schema))]
pub fn schema(input: TokenStream) -> TokenStream {
    schema::derive(input.into()).into()
}
