//! What `stream!` and `collection!` have in common: a name, a type, an id and keys, in the phases
//! syntax, check and model. A macro brings its words and its table of keys, and expands the model.

mod check;
pub(crate) mod items;
mod keys;
mod model;
mod syntax;

pub(crate) use keys::{Key, Routing, Value, documentation};
#[cfg(test)]
pub(crate) use keys::{Misplaced, assert_consistent};
pub(crate) use model::{Call, End, Model};
pub(crate) use syntax::Id;

use crate::report::{Report, split_root};
use proc_macro2::TokenStream;
use syn::Type;
use syn::parse::Parser as _;

/// The words of one macro. Its values are the two sides of what it declares.
pub(crate) trait Language: Copy + PartialEq + std::fmt::Debug + 'static {
    /// Both sides, in the order of expansion.
    const BOTH: [Self; 2];
    /// What is declared. The macro has the same name, and so has the module of what its expansion uses.
    const NOUN: &'static str;
    /// What the type is to it: "the type of its datums".
    const OF: &'static str;
    /// A type that a user could write.
    const EXAMPLE: &'static str;
    /// The type of its id.
    const ID: &'static str;
    /// The trait of the type, in the crate's private part; the function there that asks for it, and what to call a type
    /// that is unknown.
    const KIND: &'static [&'static str];
    const ASKS: &'static str;
    const TYPE: &'static str;
    /// Whether nothing else can tell it from others.
    const NEEDS_ID: bool;
    /// Why it has no lifetimes, and what to write instead.
    const BORROWS: (&'static str, &'static str);
    /// What can stand in its list.
    const KEYS: &'static [Key<Self>];
    /// Words that are written as if they were keys, and what to write instead.
    const NOT_KEYS: &'static [(&'static str, &'static str)];
    /// Keys that decide the same thing, so that only one of them may be written.
    const EXCLUSIVE: &'static [[&'static str; 2]];

    /// The word for a side.
    fn name(self) -> &'static str;

    /// Refuses types that can never be right. The rest is left to a trait.
    fn check_type(ty: &Type) -> syn::Result<()>;

    /// The side with a name.
    fn named(word: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|side| side.name() == word)
    }

    /// The other side.
    fn other(self) -> Self {
        let [first, second] = Self::BOTH;
        if self == first { second } else { first }
    }

    /// The row for a key.
    fn key(name: &str) -> Option<&'static Key<Self>> {
        Self::KEYS.iter().find(|key| key.name == name)
    }

    /// A whole declaration, as a message shows it.
    fn example(name: &str) -> String {
        let (noun, ty) = (Self::NOUN, Self::EXAMPLE);
        let id = if Self::NEEDS_ID {
            ", \"my-app.name\""
        } else {
            ""
        };
        format!("write `{noun}!({name} = {ty}{id})`")
    }
}

/// Compiles `<path of mosaik> ; <declaration>`: its mistakes, and the items of what is left of it.
pub(crate) fn compile<L: Language>(
    input: TokenStream,
    expand: impl FnOnce(&TokenStream, &Model<L>) -> TokenStream,
) -> TokenStream {
    let (root, input) = split_root(input);
    let mut report = Report::default();
    let declaration = if input.is_empty() {
        report.at_span(
            proc_macro2::Span::call_site(),
            &format!("a {} needs a name and {}", L::NOUN, L::OF),
            &L::example("pub Name"),
        );
        None
    } else {
        let parse = |input: syn::parse::ParseStream<'_>| {
            let declaration = syntax::parse::<L>(input, &mut report);
            input.parse::<TokenStream>()?;
            Ok(declaration)
        };
        parse.parse2(input).unwrap_or_default()
    };
    let items = declaration.map(|mut declaration| {
        let accepted = check::check(&root, &mut declaration, &mut report);
        expand(&root, &Model::new(declaration, accepted))
    });
    let mut output = report.to_compile_errors();
    output.extend(items);
    output
}
