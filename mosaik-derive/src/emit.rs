//! What the expansions of all macros here do alike.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{Attribute, GenericParam, Generics, Ident};

/// An attribute that keeps lints quiet in generated code, and only the ones named.
///
/// The user's words decide whether a lint fires there. An expectation that is not met says nothing
/// when it comes out of a macro of another crate, so that it serves for both cases.
pub(crate) fn quiet(lints: &[&str]) -> TokenStream {
    let lints = lints
        .iter()
        .map(|lint| syn::parse_str::<syn::Path>(lint).expect("invariant: a lint is a path"));
    quote!(#[expect(#(#lints,)* reason = "the declaration decides whether this fires")])
}

/// A declared item may be named like a function.
pub(crate) fn quiet_name(name: &Ident) -> Option<TokenStream> {
    let name = name.to_string();
    let camel = name.starts_with(char::is_uppercase) && !name.contains('_');
    (!camel).then(|| quiet(&["non_camel_case_types"]))
}

/// The field of a declared struct: type parameters have to be used by it; it holds no value of them.
pub(crate) fn phantom(root: &TokenStream, generics: &Generics) -> Option<TokenStream> {
    let used: Vec<TokenStream> = generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.to_token_stream()),
            // Only in a declaration that has been refused.
            GenericParam::Lifetime(param) => {
                let lifetime = &param.lifetime;
                Some(quote!(& #lifetime ()))
            }
            GenericParam::Const(_) => None,
        })
        .collect();
    match used.as_slice() {
        [] => None,
        [one] => Some(quote!((#root::__private::PhantomData<fn() -> #one>))),
        several => Some(quote!((#root::__private::PhantomData<fn() -> (#(#several),*)>))),
    }
}

pub(crate) fn is_cfg(attr: &Attribute) -> bool {
    attr.path().is_ident("cfg")
}

/// The same path as seen at another place, so that the compiler points there.
pub(crate) fn located(path: &TokenStream, place: Span) -> TokenStream {
    path.clone()
        .into_iter()
        .map(|mut token: TokenTree| {
            token.set_span(token.span().located_at(place));
            token
        })
        .collect()
}

/// The type alias that stands for what a mistake leaves unknown: an array whose length is the
/// mistake. The compiler lets a type with an error inside stand for any type, so that its uses do not
/// fail too.
pub(crate) fn unknown(alias: &Ident, error: &syn::Error) -> TokenStream {
    let first = error.clone().into_iter().next();
    let error = first.unwrap_or_else(|| error.clone()).to_compile_error();
    let quiet = quiet_name(alias);
    quote!(#[doc(hidden)] #quiet type #alias = [(); #error];)
}
