//! `#[state_machine]` as a small compiler: options, syntax, check, expand. An inherent impl in; out
//! come the impl, its commands and queries as enums, the implementation of the trait and the methods
//! of the group. Every mistake is reported at once, and the rest is expanded all the same.

mod check;
mod determinism;
mod expand;
mod messages;
mod options;
mod reserved;
mod syntax;

pub(crate) use options::documentation;

use crate::report::Report;
use proc_macro2::TokenStream;

/// Expands `#[state_machine(arguments)]` on `item`.
pub(crate) fn state_machine(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut report = Report::default();
    let options = options::parse(arguments, &mut report);
    match syntax::parse(item.clone(), &mut report) {
        Some(mut machine) => {
            check::check(&mut machine, &mut report);
            expand::expand(&options, &machine, &report)
        }
        None => {
            let mut output = report.to_compile_errors();
            output.extend(item);
            output
        }
    }
}

#[cfg(test)]
mod tests;
