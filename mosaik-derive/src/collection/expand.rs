//! From the model to Rust items. All work is in `mosaik::__private::collection`; what is generated
//! here only names it, so that it means the same in every edition, under every name of the dependency
//! and beside every name of the user's.

use super::keys::Mode;
use crate::declaration::{Call, Id, Language as _, Model};
use crate::emit::{self, is_cfg, located, phantom, quiet, quiet_name};
use crate::id;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, parse_quote_spanned};

/// The items of a declaration. `root` is the path of mosaik.
pub(super) fn expand(root: &TokenStream, model: &Model<Mode>) -> TokenStream {
    let Model {
        attrs,
        vis,
        name,
        generics,
        ..
    } = model;
    let quiet = quiet_name(name);
    let where_clause = &generics.where_clause;
    let field = phantom(root, generics);
    let (ty, alias) = ty(model);
    let definition = definition(root, model);
    let assertion = assertion(root, model);
    let unfinished = unfinished(root, model);
    let declared: Vec<Mode> = model.ends.iter().map(|end| end.side).collect();
    let implementations = Mode::BOTH
        .into_iter()
        .map(|mode| match declared.contains(&mode) {
            true => implementation(root, model, mode, &ty),
            false => inherent(root, model, mode, &ty),
        });
    quote! {
        #(#attrs)*
        #quiet
        #vis struct #name #generics #field #where_clause;
        #alias
        #assertion
        #definition
        #(#implementations)*
        #unfinished
    }
}

/// The type, or an alias that stands for an unknown one.
fn ty(model: &Model<Mode>) -> (TokenStream, Option<TokenStream>) {
    match &model.ty {
        Ok(ty) => (ty.to_token_stream(), None),
        Err(error) => {
            let alias = format_ident!("CollectionOf{}", model.name);
            let item = emit::unknown(&alias, error);
            (alias.to_token_stream(), Some(item))
        }
    }
}

/// Fails, once and at the user's type, if that is no collection. Where the type depends on parameters
/// it is asked when the collection is used.
fn assertion(root: &TokenStream, model: &Model<Mode>) -> Option<TokenStream> {
    let ty = model.ty.as_ref().ok()?;
    model.generics.params.is_empty().then(|| {
        let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
        let root = located(root, ty.span());
        let assert = quote_spanned!(ty.span()=> #root::__private::collection::collection::<#ty>);
        quote!(#(#cfgs)* const _: () = #assert();)
    })
}

/// The id and the settings, made anew whenever the collection is opened, as an inherent function:
/// what the user wrote is there once, and so are the compiler's words about it.
fn definition(root: &TokenStream, model: &Model<Mode>) -> TokenStream {
    let name = &model.name;
    let (generics, arguments, where_clause) = model.generics.split_for_impl();
    let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
    let deprecated = deprecated(model);
    let id = id(root, model);
    // All sides take all keys.
    let calls = model.ends.first().map(|end| end.calls.as_slice());
    let calls = calls.unwrap_or_default().iter().map(|call| set(root, call));
    let told = model.replaced.iter().map(told);
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
                let __mosaik_config = #root::__private::collection::config();
                #(#calls)*
                (#id, __mosaik_config)
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
    let bounded = bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
    let deprecated = deprecated(model);
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
    let bounded = bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
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

/// The generics of an implementation: those of the declaration, and that the type is a collection, so
/// that nothing inside fails if it is not. With a lifetime that it does not use, the compiler asks for
/// it where the collection is used and not here, where `assertion` has the better message.
fn bounded(root: &TokenStream, model: &Model<Mode>) -> Generics {
    let mut generics = model.generics.clone();
    if let Ok(ty) = &model.ty {
        let root = located(root, ty.span());
        generics.make_where_clause().predicates.push(
            parse_quote_spanned!(ty.span()=> for<'__mosaik> #ty: #root::__private::collection::Collection),
        );
    }
    generics
}

fn deprecated(model: &Model<Mode>) -> Option<TokenStream> {
    model
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("deprecated"))
        .then(|| quiet(&["deprecated"]))
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

/// One option. The path ends in the user's own word, so that a pointer over the key shows its
/// documentation and completion offers its neighbours.
fn set(root: &TokenStream, call: &Call) -> TokenStream {
    let Call { key, value } = call;
    let root = located(root, key.span());
    let set = quote_spanned!(key.span()=> #root::__private::collection::keys::#key);
    quote_spanned!(Span::mixed_site()=> let __mosaik_config = #set(__mosaik_config, #value);)
}

/// A warning at a value that counts nowhere. Procedural macros cannot warn, but can use something
/// that is deprecated.
fn told(key: &Ident) -> TokenStream {
    let note = format!("`{key}` is set again below, so this value is not used");
    quote!({
        #[deprecated(note = #note)]
        fn #key() {}
        #key();
    })
}

/// Paths for completion at keys that are not there yet. Only rust-analyzer sees them: to the
/// compiler each would be one more mistake.
fn unfinished(root: &TokenStream, model: &Model<Mode>) -> Option<TokenStream> {
    let unfinished = &model.unfinished;
    (!unfinished.is_empty()).then(|| {
        quote!(#root::__private::__complete! { #(#root::__private::collection::keys::#unfinished)* })
    })
}
