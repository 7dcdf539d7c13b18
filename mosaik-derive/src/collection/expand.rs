//! From the model to Rust items. All work is in `mosaik::__private::collection`; what is generated
//! here only names it, so that it means the same in every edition, under every name of the dependency
//! and beside every name of the user's.

use super::keys::Mode;
use crate::declaration::{Id, Language as _, Model, items};
use crate::emit::{located, quiet};
use crate::id;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;

/// The items of a declaration. `root` is the path of mosaik.
pub(super) fn expand(root: &TokenStream, model: &Model<Mode>) -> TokenStream {
    let structure = items::structure(root, model);
    let (ty, alias) = items::declared_type(model);
    let definition = definition(root, model);
    let assertion = items::assertion(root, model);
    let unfinished = items::unfinished(root, model);
    let declared: Vec<Mode> = model.ends.iter().map(|end| end.side).collect();
    let implementations = Mode::BOTH
        .into_iter()
        .map(|mode| match declared.contains(&mode) {
            true => implementation(root, model, mode, &ty),
            false => inherent(root, model, mode, &ty),
        });
    quote! {
        #structure
        #alias
        #assertion
        #definition
        #(#implementations)*
        #unfinished
    }
}

/// The id and the settings, made anew whenever the collection is opened, as an inherent function:
/// what the user wrote is there once, and so are the compiler's words about it.
fn definition(root: &TokenStream, model: &Model<Mode>) -> TokenStream {
    let name = &model.name;
    let (generics, arguments, where_clause) = model.generics.split_for_impl();
    let cfgs = items::cfgs(model);
    let deprecated = items::deprecated(model);
    let id = id(root, model);
    let config = Ident::new("__mosaik_config", Span::mixed_site());
    // All sides take all keys.
    let calls = model.ends.first().map(|end| end.calls.as_slice());
    let calls = calls.unwrap_or_default().iter();
    let calls = calls.map(|call| items::set::<Mode>(root, call, &config));
    let told = model.replaced.iter().map(items::told);
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #deprecated
        impl #generics #name #arguments #where_clause {
            #[doc(hidden)]
            fn __mosaik_definition() -> (
                #root::__private::Digest,
                #root::__private::collection::CollectionConfig,
            ) {
                #(#told)*
                let #config = #root::__private::collection::config();
                #(#calls)*
                (#id, #config)
            }
        }
    }
}

/// The trait of one side.
fn implementation(
    root: &TokenStream,
    model: &Model<Mode>,
    mode: Mode,
    ty: &TokenStream,
) -> TokenStream {
    let Words {
        definition,
        associated,
        ..
    } = words(mode);
    let name = &model.name;
    let bounded = items::bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = items::cfgs(model);
    let deprecated = items::deprecated(model);
    // Whatever is wrong with the type is pointed out at the type.
    let handle = {
        let root = located(root, ty.span());
        let associated = Ident::new(&associated.to_string(), ty.span());
        quote_spanned! {ty.span()=>
            type #associated = <#ty as #root::__private::collection::CollectionFromDef>::#associated;
        }
    };
    let functions = functions(root, mode, ty, None);
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #deprecated
        impl #generics #root::__private::collection::#definition for #name #arguments #where_clause {
            #handle
            #functions
        }
    }
}

/// The side that is not declared, for the crate's own use.
fn inherent(root: &TokenStream, model: &Model<Mode>, mode: Mode, ty: &TokenStream) -> TokenStream {
    let name = &model.name;
    let bounded = items::bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = items::cfgs(model);
    let quiet = quiet(&[
        "dead_code",
        "deprecated",
        "private_interfaces",
        "unreachable_pub",
    ]);
    let crate_only = quote!(pub(crate));
    let functions = functions(root, mode, ty, Some(&crate_only));
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #quiet
        impl #generics #name #arguments #where_clause {
            #functions
        }
    }
}

/// `reader` and `online_reader`, or the same for writers.
fn functions(
    root: &TokenStream,
    mode: Mode,
    ty: &TokenStream,
    inherent: Option<&TokenStream>,
) -> TokenStream {
    let Words {
        associated,
        open,
        open_with_config,
        online,
        ..
    } = words(mode);
    let from_def = quote!(#root::__private::collection::CollectionFromDef);
    let handle = match inherent {
        Some(_) => quote!(<#ty as #from_def>::#associated),
        None => quote!(Self::#associated),
    };
    let docs = inherent.map(|_| {
        let doc = format!(" Opens the collection as a {}.", mode.name());
        let online = format!(
            " Opens the collection as a {}, and waits until it is online.",
            mode.name()
        );
        (quote!(#[doc = #doc]), quote!(#[doc = #online]))
    });
    let (doc, online_doc) = docs.unwrap_or_default();
    quote_spanned! {Span::mixed_site()=>
        #doc
        #inherent fn #open(__mosaik_network: &#root::__private::Network) -> #handle {
            let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
            <#ty as #from_def>::#open_with_config(__mosaik_network, __mosaik_id, __mosaik_config)
        }

        #online_doc
        #inherent fn #online(
            __mosaik_network: &#root::__private::Network,
        ) -> impl #root::__private::Future<Output = #handle>
        + #root::__private::Send
        + #root::__private::Sync
        + 'static {
            let (__mosaik_id, __mosaik_config) = Self::__mosaik_definition();
            #root::__private::collection::online(
                <#ty as #from_def>::#open_with_config(__mosaik_network, __mosaik_id, __mosaik_config),
            )
        }
    }
}

/// What the two sides call the same things.
struct Words {
    definition: Ident,
    associated: Ident,
    open: Ident,
    open_with_config: Ident,
    online: Ident,
}

fn words(mode: Mode) -> Words {
    let associated = match mode {
        Mode::Reader => format_ident!("Reader"),
        Mode::Writer => format_ident!("Writer"),
    };
    let open = format_ident!("{}", mode.name());
    Words {
        definition: format_ident!("Collection{associated}"),
        open_with_config: format_ident!("{open}_with_config"),
        online: format_ident!("online_{open}"),
        associated,
        open,
    }
}

fn id(root: &TokenStream, model: &Model<Mode>) -> TokenStream {
    match &model.id {
        Some(Id::Literal(literal)) => id::constant(root, &literal.value()),
        Some(Id::Expr(expr)) => {
            let root = located(root, expr.span());
            let id = quote_spanned!(expr.span()=> #root::__private::collection::id);
            quote!(#id(#expr))
        }
        // It is missing or faulty, which has been reported.
        None => id::constant(root, ""),
    }
}
