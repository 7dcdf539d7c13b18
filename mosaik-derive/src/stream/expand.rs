//! From the model to Rust items. All work is in `mosaik::__private::stream`; what is generated here
//! only names it, so that it means the same in every edition, under every name of the dependency and
//! beside every name of the user's.

use super::keys::Side;
use crate::declaration::{Call, End, Id, Language as _, Model};
use crate::emit::{self, is_cfg, located, phantom, quiet, quiet_name};
use crate::id;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Generics, parse_quote_spanned};

/// The items of a declaration. `root` is the path of mosaik.
pub(crate) fn expand(root: &TokenStream, model: &Model<Side>) -> TokenStream {
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
    let (datum, alias) = datum(model);
    let ends = model
        .ends
        .iter()
        .map(|end| implementation(root, model, end, &datum));
    let assertion = assertion(root, model);
    let unfinished = unfinished(root, model);
    quote! {
        #(#attrs)*
        #quiet
        #vis struct #name #generics #field #where_clause;
        #alias
        #assertion
        #(#ends)*
        #unfinished
    }
}

/// The datum's type, or an alias that stands for an unknown one.
fn datum(model: &Model<Side>) -> (TokenStream, Option<TokenStream>) {
    match &model.ty {
        Ok(datum) => (datum.to_token_stream(), None),
        Err(error) => {
            let alias = format_ident!("DatumOf{}", model.name);
            let item = emit::unknown(&alias, error);
            (alias.to_token_stream(), Some(item))
        }
    }
}

/// Fails, once and at the user's type, if that is not a datum. Where the type depends on parameters
/// it is asked when the stream is used.
fn assertion(root: &TokenStream, model: &Model<Side>) -> Option<TokenStream> {
    let datum = model.ty.as_ref().ok()?;
    model.generics.params.is_empty().then(|| {
        let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
        let root = located(root, datum.span());
        let assert = quote_spanned!(datum.span()=> #root::__private::stream::datum::<#datum>);
        quote!(#(#cfgs)* const _: () = #assert();)
    })
}

fn implementation(
    root: &TokenStream,
    model: &Model<Side>,
    end: &End<Side>,
    datum: &TokenStream,
) -> TokenStream {
    let Words {
        definition,
        associated,
        handle,
        open,
        build,
        online,
    } = words(end.side);
    let name = &model.name;
    let bounded = bounded(root, model);
    let (generics, arguments, where_clause) = bounded.split_for_impl();
    let cfgs = model.attrs.iter().filter(|attr| is_cfg(attr));
    let deprecated = model
        .attrs
        .iter()
        .any(|attr| attr.path().is_ident("deprecated"))
        .then(|| quiet(&["deprecated"]));
    // Whatever is wrong with the type is pointed out at the type.
    let handle_type = {
        let root = located(root, datum.span());
        let [associated, handle] =
            [&associated, &handle].map(|word| Ident::new(&word.to_string(), datum.span()));
        quote_spanned!(datum.span()=> type #associated = #root::__private::#handle<#datum>;)
    };
    let id = id(root, model);
    let calls = end.calls.iter().map(|call| set(root, call));
    // Said once: where there are two sides, the other one would only repeat it.
    let told = (model.ends.first().map(|first| first.side) == Some(end.side))
        .then(|| model.replaced.iter().map(told).collect::<TokenStream>());
    // Local names resolve where the macro is defined: neither the user's expressions can see them
    // nor can the user's items capture them.
    quote_spanned! {Span::mixed_site()=>
        #(#cfgs)*
        #deprecated
        impl #generics #root::__private::#definition for #name #arguments #where_clause {
            #handle_type

            fn #open(__mosaik_network: &#root::__private::Network) -> Self::#associated {
                #told
                let __mosaik_builder = #root::__private::stream::#open::<#datum>(__mosaik_network);
                #id
                #(#calls)*
                #root::__private::stream::#build(__mosaik_builder)
            }

            fn #online(
                __mosaik_network: &#root::__private::Network,
            ) -> impl #root::__private::Future<Output = Self::#associated>
            + #root::__private::Send
            + #root::__private::Sync
            + 'static {
                #root::__private::stream::#online(
                    <Self as #root::__private::#definition>::#open(__mosaik_network),
                )
            }
        }
    }
}

/// The generics of an implementation: those of the declaration, and that the datum is one, so that
/// nothing inside fails if it is not. With a lifetime that it does not use, the compiler asks for it
/// where the stream is used and not here, where `assertion` has the better message.
fn bounded(root: &TokenStream, model: &Model<Side>) -> Generics {
    let mut generics = model.generics.clone();
    if let Ok(datum) = &model.ty {
        let root = located(root, datum.span());
        generics.make_where_clause().predicates.push(
            parse_quote_spanned!(datum.span()=> for<'__mosaik> #datum: #root::__private::Datum),
        );
    }
    generics
}

/// What the two sides call the same things.
struct Words {
    definition: Ident,
    associated: Ident,
    handle: Ident,
    open: Ident,
    build: Ident,
    online: Ident,
}

fn words(side: Side) -> Words {
    let handle = match side {
        Side::Producer => format_ident!("Producer"),
        Side::Consumer => format_ident!("Consumer"),
    };
    let open = format_ident!("{}", side.name());
    Words {
        definition: format_ident!("Stream{handle}"),
        associated: handle.clone(),
        build: format_ident!("build_{open}"),
        online: format_ident!("online_{open}"),
        handle,
        open,
    }
}

fn id(root: &TokenStream, model: &Model<Side>) -> Option<TokenStream> {
    let id = match model.id.as_ref()? {
        Id::Literal(literal) => id::constant(root, &literal.value()),
        Id::Expr(expr) => expr.to_token_stream(),
    };
    let root = located(root, id.span());
    let set = quote_spanned!(id.span()=> #root::__private::stream::with_id);
    Some(quote_spanned!(Span::mixed_site()=> let __mosaik_builder = #set(__mosaik_builder, #id);))
}

/// One option. The path ends in the user's own word, so that a pointer over the key shows its
/// documentation and completion offers its neighbours.
fn set(root: &TokenStream, call: &Call) -> TokenStream {
    let Call { key, value } = call;
    let root = located(root, key.span());
    let set = quote_spanned!(key.span()=> #root::__private::stream::keys::#key);
    quote_spanned!(Span::mixed_site()=> let __mosaik_builder = #set(__mosaik_builder, #value);)
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
fn unfinished(root: &TokenStream, model: &Model<Side>) -> Option<TokenStream> {
    let unfinished = &model.unfinished;
    (!unfinished.is_empty()).then(|| {
        quote!(#root::__private::__complete! { #(#root::__private::stream::keys::#unfinished)* })
    })
}
