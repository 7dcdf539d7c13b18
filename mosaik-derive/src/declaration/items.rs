//! The items that every declaration becomes, whatever it declares.

use super::{Call, Language, Model};
use crate::emit::{is_cfg, located, phantom, quiet, quiet_name, unknown};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Generics, parse_quote_spanned};

/// The struct that has the declared name.
pub(crate) fn structure<L>(root: &TokenStream, model: &Model<L>) -> TokenStream {
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
    quote! {
        #(#attrs)*
        #quiet
        #vis struct #name #generics #field #where_clause;
    }
}

/// The declared type, or an alias that stands for an unknown one.
pub(crate) fn declared_type<L: Language>(model: &Model<L>) -> (TokenStream, Option<TokenStream>) {
    match &model.ty {
        Ok(ty) => (ty.to_token_stream(), None),
        Err(error) => {
            let alias = format_ident!("{}Of{}", L::TYPE, model.name);
            let item = unknown(&alias, error);
            (alias.to_token_stream(), Some(item))
        }
    }
}

/// Fails, once and at the user's type, if that is not of the kind asked for. Where the type depends on
/// parameters it is asked when what is declared is used.
pub(crate) fn assertion<L: Language>(root: &TokenStream, model: &Model<L>) -> Option<TokenStream> {
    let ty = model.ty.as_ref().ok()?;
    model.generics.params.is_empty().then(|| {
        let cfgs = cfgs(model);
        let place = ty.span();
        let root = located(root, place);
        let [module, asks] = [L::NOUN, L::ASKS].map(|word| Ident::new(word, place));
        let assert = quote_spanned!(place=> #root::__private::#module::#asks::<#ty>);
        quote!(#(#cfgs)* const _: () = #assert();)
    })
}

/// The generics of an implementation: those of the declaration, and that the type is of the kind asked
/// for, so that nothing inside fails if it is not. With a lifetime that it does not use, the compiler
/// asks for it where what is declared is used and not here, where [`assertion`] has the better message.
pub(crate) fn bounded<L: Language>(root: &TokenStream, model: &Model<L>) -> Generics {
    let mut generics = model.generics.clone();
    if let Ok(ty) = &model.ty {
        let place = ty.span();
        let root = located(root, place);
        let kind = L::KIND.iter().map(|step| Ident::new(step, place));
        generics
            .make_where_clause()
            .predicates
            .push(parse_quote_spanned!(place=> for<'__mosaik> #ty: #root::__private #(::#kind)*));
    }
    generics
}

/// The conditions of compilation, which hold for every item.
pub(crate) fn cfgs<L>(model: &Model<L>) -> Vec<&Attribute> {
    model.attrs.iter().filter(|attr| is_cfg(attr)).collect()
}

/// A declaration may be deprecated; its own items use it.
pub(crate) fn deprecated<L>(model: &Model<L>) -> Option<TokenStream> {
    let is_deprecated = |attr: &Attribute| attr.path().is_ident("deprecated");
    let found = model.attrs.iter().any(is_deprecated);
    found.then(|| quiet(&["deprecated"]))
}

/// One option of `variable`. The path ends in the user's own word, so that a pointer over the key shows
/// its documentation and completion offers its neighbours.
pub(crate) fn set<L: Language>(root: &TokenStream, call: &Call, variable: &Ident) -> TokenStream {
    let Call { key, value } = call;
    let root = located(root, key.span());
    let module = Ident::new(L::NOUN, key.span());
    let set = quote_spanned!(key.span()=> #root::__private::#module::keys::#key);
    quote_spanned!(Span::mixed_site()=> let #variable = #set(#variable, #value);)
}

/// A warning at a value that counts nowhere. Procedural macros cannot warn, but can use something
/// that is deprecated.
pub(crate) fn told(key: &Ident) -> TokenStream {
    let note = format!("`{key}` is set again below, so this value is not used");
    quote!({
        #[deprecated(note = #note)]
        fn #key() {}
        #key();
    })
}

/// Paths for completion at keys that are not there yet. Only rust-analyzer sees them: to the
/// compiler each would be one more mistake.
pub(crate) fn unfinished<L: Language>(root: &TokenStream, model: &Model<L>) -> Option<TokenStream> {
    let unfinished = &model.unfinished;
    let module = format_ident!("{}", L::NOUN);
    (!unfinished.is_empty()).then(|| {
        quote!(#root::__private::__complete! { #(#root::__private::#module::keys::#unfinished)* })
    })
}
