//! What every macro here shares: all mistakes of one declaration in one place, each with a line that
//! says what to write; the nearest known word to a wrong one; and the split of the input into the
//! path of mosaik and the user's tokens.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

/// All mistakes found in one declaration. They are reported together.
#[derive(Default)]
pub(crate) struct Report {
    errors: Vec<syn::Error>,
}

impl Report {
    /// Adds a mistake at `tokens`, and what to write instead.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, mistake: &str, help: &str) {
        self.push(error_at(tokens, mistake, help));
    }

    /// Adds a mistake at `span`, and what to write instead.
    pub(crate) fn at_span(&mut self, span: Span, mistake: &str, help: &str) {
        self.push(syn::Error::new(span, text(mistake, help)));
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    /// How many mistakes there are so far.
    pub(crate) fn len(&self) -> usize {
        self.errors.len()
    }

    /// The first mistake, and one `compile_error!` for each of the others.
    pub(crate) fn split_first(&self) -> Option<(&syn::Error, TokenStream)> {
        let (first, rest) = self.errors.split_first()?;
        Some((
            first,
            rest.iter().map(syn::Error::to_compile_error).collect(),
        ))
    }

    /// One `compile_error!` a mistake, or nothing.
    pub(crate) fn to_compile_errors(&self) -> TokenStream {
        self.errors
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}

/// A mistake at `tokens`, and what to write instead.
pub(crate) fn error_at(tokens: impl ToTokens, mistake: &str, help: &str) -> syn::Error {
    syn::Error::new_spanned(tokens, text(mistake, help))
}

/// The text of a message: the mistake, then what to write instead.
pub(crate) fn text(mistake: &str, help: &str) -> String {
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

/// The word of `known` that `wrong` was probably meant to be.
pub(crate) fn nearest<'k>(
    wrong: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let tolerance = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|word| (edits(wrong, word), word))
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let width = to.len() + 1;
    let mut table = vec![0; (from.len() + 1) * width];
    for row in 0..=from.len() {
        for column in 0..width {
            let at = |up: usize, left: usize| table[(row - up) * width + column - left];
            let value = if row == 0 || column == 0 {
                row + column
            } else {
                let differs = usize::from(from[row - 1] != to[column - 1]);
                let mut best = (at(1, 0) + 1).min(at(0, 1) + 1).min(at(1, 1) + differs);
                let swapped = row > 1
                    && column > 1
                    && from[row - 1] == to[column - 2]
                    && from[row - 2] == to[column - 1];
                if swapped {
                    best = best.min(at(2, 2) + 1);
                }
                best
            };
            table[row * width + column] = value;
        }
    }
    table[table.len() - 1]
}

/// `` `a`, `b` and `c` ``.
pub(crate) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quote::quote;

    #[test]
    fn nearest_finds_slips_and_nothing_else() {
        let known = ["require", "require_ticket", "buffer_size", "criteria"];
        for (wrong, expected) in [
            ("requires", Some("require")),
            ("reqiure", Some("require")),
            ("require_tickets", Some("require_ticket")),
            ("buffersize", Some("buffer_size")),
            ("criterion", Some("criteria")),
            ("colour", None),
            ("x", None),
        ] {
            assert_eq!(nearest(wrong, known), expected, "{wrong}");
        }
    }

    #[test]
    fn edits_count_a_swap_once() {
        for (from, to, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(from, to), expected, "{from} -> {to}");
        }
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(listed(["a"]), "`a`");
        assert_eq!(listed(["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn the_root_ends_at_the_first_semicolon() {
        let (root, rest) = split_root(quote!(::mosaik; X = [u8; 4]));
        assert_eq!(root.to_string(), ":: mosaik");
        assert_eq!(rest.to_string(), quote!(X = [u8; 4]).to_string());
    }
}
