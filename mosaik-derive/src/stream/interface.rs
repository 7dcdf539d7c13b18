//! The functions behind the keys, in `mosaik/src/declare/stream/keys.rs`: one for each row of the
//! table. That file is written from the table and compared with it here, so that expansions,
//! completion, hover and the table cannot differ, and messages show signatures that can be read.
//! `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p mosaik-derive` writes it anew.

use super::keys::Side;
use crate::declaration::{Key, Language as _, Routing};
use crate::stored;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The items of the module `keys`.
fn keys() -> TokenStream {
    let shared: Vec<&Key<Side>> = Side::KEYS
        .iter()
        .filter(|key| key.routing.is_shared())
        .collect();
    let signatures = shared.iter().map(|key| {
        let Row { name, argument, .. } = row(key);
        let doc = format!(" {}", key.doc);
        quote!(#[doc = #doc] fn #name(self, value: #argument) -> Self;)
    });
    let implementations = Side::BOTH.into_iter().map(|side| {
        let builder = builder(side);
        let methods = shared.iter().map(|key| {
            let Row { name, argument, method, .. } = row(key);
            quote!(fn #name(self, value: #argument) -> Self { #builder::<'_, D>::#method(self, value) })
        });
        quote!(impl<D: Datum> Shared for #builder<'_, D> { #(#methods)* })
    });
    let functions = Side::KEYS.iter().map(function);
    quote! {
        use crate::discovery::PeerEntry;
        use crate::primitives::Datum;
        use crate::streams::backoff::backoff::Backoff;
        use crate::streams::status::ChannelConditions;
        use crate::streams::{BackPressure, Criteria, Filter, IndexKey, consumer, producer};
        use crate::tickets::TicketValidator;

        /// The options that both builders have.
        pub trait Shared: Sized { #(#signatures)* }
        #(#implementations)*
        #(#functions)*
    }
}

fn function(key: &Key<Side>) -> TokenStream {
    let Row {
        name,
        argument,
        method,
    } = row(key);
    let doc = format!(" {}", key.doc);
    let own: TokenStream = key
        .parameters
        .parse()
        .expect("invariant: a unit test parses every row");
    let (parameters, builder, call) = match key.routing {
        Routing::Only(side) => {
            let path = builder(side);
            (
                quote!('s, D: Datum, #own),
                quote!(#path<'s, D>),
                quote!(builder.#method(value)),
            )
        }
        _ => (
            quote!(B: Shared),
            quote!(B),
            quote!(Shared::#name(builder, value)),
        ),
    };
    quote! {
        #[doc = #doc]
        #[inline]
        pub fn #name<#parameters>(builder: #builder, value: #argument) -> #builder { #call }
    }
}

struct Row {
    name: Ident,
    method: Ident,
    argument: TokenStream,
}

fn row(key: &Key<Side>) -> Row {
    Row {
        name: format_ident!("{}", key.name),
        method: format_ident!("{}", key.method),
        argument: key
            .argument
            .parse()
            .expect("invariant: a unit test parses every row"),
    }
}

fn builder(side: Side) -> TokenStream {
    let module = format_ident!("{}", side.name());
    quote!(#module::Builder)
}

#[test]
fn the_functions_are_those_of_the_table() {
    let head = "//! The functions behind the keys of `stream!`. Written from the table in\n\
                //! `mosaik-derive/src/stream/keys.rs`; a test there says how.\n\n";
    stored::assert_written("../mosaik/src/declare/stream/keys.rs", head, keys());
}
