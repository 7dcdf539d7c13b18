//! The functions behind the keys, in `mosaik/src/declare/stream/keys.rs`: one for each row of the
//! table. That file is written from the table and compared with it here, so that expansions,
//! completion, hover and the table cannot differ, and messages show signatures that can be read.
//! `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p mosaik-derive` writes it anew.

use super::keys::{KEYS, Key, Side};
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

/// The items of the module `keys`.
fn keys() -> TokenStream {
    let shared: Vec<&Key> = KEYS.iter().filter(|key| key.routing.is_shared()).collect();
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
    let functions = KEYS.iter().map(function);
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

fn function(key: &Key) -> TokenStream {
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
        super::keys::Routing::Only(side) => {
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

fn row(key: &Key) -> Row {
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
    let file = syn::parse2(keys()).expect("items");
    let current = format!("{head}{}", prettyplease::unparse(&file));
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../mosaik/src/declare/stream/keys.rs"
    );
    if std::env::var_os("MOSAIK_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(path, &current).expect("writable");
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        current == stored,
        "differs from the table; it should be:\n{current}"
    );
}
