//! Ids from string literals, at compile time. The same rule as `Digest::from` at run time; both are
//! tested against `id-cases.txt`.

use crate::report::{error_at, split_root};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use sha2::{Digest as _, Sha256};
use syn::parse::{ParseStream, Parser};
use syn::{Expr, ExprLit, Lit, LitStr};

/// Expands `unique_id!("…")` to a constant expression.
pub(crate) fn unique_id(input: TokenStream) -> TokenStream {
    let (root, input) = split_root(input);
    match parse.parse2(input) {
        Ok(literal) => constant(&root, &literal.value()),
        Err(error) => {
            // The value keeps the item around it whole, so that its uses do not fail too.
            let error = error.to_compile_error();
            quote!({ #error #root::__private::Digest::from_bytes([0u8; 32]) })
        }
    }
}

/// The constant expression for the id that `text` names.
pub(crate) fn constant(root: &TokenStream, text: &str) -> TokenStream {
    let bytes = digest(text);
    quote!(#root::__private::Digest::from_bytes([#(#bytes),*]))
}

/// 64 hex digits of any case are the bytes themselves, any other text is SHA-256 of its UTF-8 bytes.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    decode_hex(text).unwrap_or_else(|| Sha256::digest(text.as_bytes()).into())
}

fn decode_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = (
            char::from(pair[0]).to_digit(16)?,
            char::from(pair[1]).to_digit(16)?,
        );
        *byte = (high * 16 + low) as u8;
    }
    Some(bytes)
}

fn parse(input: ParseStream<'_>) -> syn::Result<LitStr> {
    if input.is_empty() {
        return Err(syn::Error::new(
            Span::call_site(),
            "an id needs a name\nhelp: write `unique_id!(\"my-app.v1\")`, or 64 hex digits in quotes",
        ));
    }
    let name = input.parse::<Expr>().map_err(|_| {
        syn::Error::new(
            input.span(),
            "an id takes one string literal\nhelp: write `unique_id!(\"my-app.v1\")`",
        )
    })?;
    if input.peek(syn::Token![,]) {
        input.parse::<syn::Token![,]>()?;
    }
    if !input.is_empty() {
        let rest: TokenStream = input.parse()?;
        return Err(error_at(
            rest,
            "an id takes one string literal",
            "put everything that tells this id from others into one text: `unique_id!(\"orders.eu\")`",
        ));
    }
    literal(ungroup(name))
}

fn literal(name: Expr) -> syn::Result<LitStr> {
    let Expr::Lit(ExprLit { lit, .. }) = name else {
        return Err(error_at(
            name,
            "an id is computed at compile time, so it takes a string literal",
            "for a text that is known only at run time write `UniqueId::from(text)`",
        ));
    };
    match lit {
        Lit::Str(text) if text.suffix().is_empty() => Ok(text),
        Lit::Str(text) => Err(error_at(
            &text,
            &format!("a string literal has no suffix, found `{}`", text.suffix()),
            "remove it",
        )),
        Lit::ByteStr(bytes) => Err(error_at(
            bytes,
            "an id is named by text, not by bytes",
            "write a plain string literal; for 32 bytes of your own write `UniqueId::from_bytes(…)`",
        )),
        other => {
            let written = quote!(#other).to_string();
            let quoted = written.trim_matches(['\'', 'b', 'c', '"']).to_owned();
            Err(error_at(
                other,
                "an id is named by text",
                &format!("write it in double quotes: `unique_id!({quoted:?})`"),
            ))
        }
    }
}

/// Sees through the invisible group that a `macro_rules!` argument arrives in.
fn ungroup(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungroup(*group.expr),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> impl Iterator<Item = (&'static str, &'static str)> {
        include_str!("../id-cases.txt")
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.split_once(' ').expect("a digest, a space, a text"))
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn every_case_of_the_shared_table() {
        assert!(cases().count() >= 25);
        for (expected, text) in cases() {
            assert_eq!(hex(&digest(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn expands_to_a_constant() {
        let expanded = unique_id(quote!(::mosaik; "mosaik")).to_string();
        let start = ":: mosaik :: __private :: Digest :: from_bytes ([60u8 , 38u8 ";
        assert!(expanded.starts_with(start), "{expanded}");
    }

    #[test]
    fn a_mistake_still_yields_a_value() {
        for wrong in [
            quote!(),
            quote!(NAME),
            quote!(42),
            quote!(b"x"),
            quote!("a", "b"),
            quote!("a"x),
        ] {
            let expanded = unique_id(quote!(::mosaik; #wrong)).to_string();
            assert_eq!(expanded.matches("compile_error").count(), 1, "{expanded}");
            assert!(expanded.contains("from_bytes"), "{expanded}");
        }
    }
}
