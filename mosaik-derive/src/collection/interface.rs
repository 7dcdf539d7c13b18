//! The functions behind the keys, in `mosaik/src/declare/collection/keys.rs`: one for each row of the
//! table, as in `stream/interface.rs`.

use super::keys::Mode;
use crate::declaration::Language as _;
use crate::stored;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

fn keys() -> TokenStream {
    let functions = Mode::KEYS.iter().map(|key| {
        let (name, method) = (
            format_ident!("{}", key.name),
            format_ident!("{}", key.method),
        );
        let doc = format!(" {}", key.doc);
        let argument: TokenStream = key
            .argument
            .parse()
            .expect("invariant: a unit test parses every row");
        quote! {
            #[doc = #doc]
            #[inline]
            pub fn #name(config: CollectionConfig, value: #argument) -> CollectionConfig {
                config.#method(value)
            }
        }
    });
    quote! {
        use crate::collections::{CollectionConfig, SyncConfig};
        use crate::groups::{ConsensusConfig, Formation};
        use crate::tickets::TicketValidator;

        #(#functions)*
    }
}

#[test]
fn the_functions_are_those_of_the_table() {
    let head = "//! The functions behind the keys of `collection!`. Written from the table in\n\
                //! `mosaik-derive/src/collection/keys.rs`; a test there says how.\n\n";
    stored::assert_written("../mosaik/src/declare/collection/keys.rs", head, keys());
}
