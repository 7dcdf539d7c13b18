//! `stream!` as a small compiler: syntax, check, model, expand. One declaration in, its items out,
//! with every mistake of it reported at once and the rest expanded all the same.

mod check;
mod expand;
mod keys;
mod model;
mod syntax;

pub(crate) use keys::documentation;

use crate::report::{Report, split_root};
use model::Model;
use proc_macro2::TokenStream;
use syn::parse::Parser as _;

/// Expands `<path of mosaik> ; <declaration>`.
pub(crate) fn stream(input: TokenStream) -> TokenStream {
    let (root, input) = split_root(input);
    let mut report = Report::default();
    if input.is_empty() {
        report.at_span(
            proc_macro2::Span::call_site(),
            "a stream needs a name and the type of its datums",
            "write `stream!(pub Name = Type)`",
        );
    }
    let declaration = if input.is_empty() {
        None
    } else {
        let parse = |input: syn::parse::ParseStream<'_>| {
            let declaration = syntax::parse(input, &mut report);
            input.parse::<TokenStream>()?;
            Ok(declaration)
        };
        parse.parse2(input).unwrap_or_default()
    };
    let items = declaration.map(|mut declaration| {
        let accepted = check::check(&mut declaration, &mut report);
        expand::expand(&root, &Model::new(declaration, &accepted))
    });
    let mut output = report.to_compile_errors();
    output.extend(items);
    output
}

#[cfg(test)]
mod interface;
#[cfg(test)]
mod tests;
