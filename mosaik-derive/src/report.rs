//! What every macro here shares: a mistake with a second line that says what to write, and the
//! split of the input into the path of mosaik and the user's tokens.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

/// A mistake at `tokens`, and what to write instead.
pub(crate) fn error_at(tokens: impl ToTokens, mistake: &str, help: &str) -> syn::Error {
    syn::Error::new_spanned(tokens, text(mistake, help))
}

fn text(mistake: &str, help: &str) -> String {
    if help.is_empty() {
        mistake.to_owned()
    } else {
        format!("{mistake}\nhelp: {help}")
    }
}

/// Splits `<path of mosaik> ; <user's tokens>`. The path is whatever stands before the first `;`,
/// because `$crate` is not a path to anybody but the compiler.
pub(crate) fn split_root(input: TokenStream) -> (TokenStream, TokenStream) {
    let mut rest = input.into_iter();
    let root = rest
        .by_ref()
        .take_while(|token| !matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';'))
        .collect();
    (root, rest.collect())
}
