//! What a checked declaration means: for each side that exists, the calls on its builder in order.

use super::Language;
use super::check::Accepted;
use super::syntax::{Declaration, Id};
use proc_macro2::{Ident, TokenStream};
use syn::{Attribute, Expr, Generics, Type, Visibility};

pub(crate) struct Model<L> {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    /// Its type, or why that is not known.
    pub(crate) ty: syn::Result<Type>,
    pub(crate) id: Option<Id>,
    /// The sides that the declaration has, in order.
    pub(crate) ends: Vec<End<L>>,
    /// Keys whose value a later one replaces everywhere.
    pub(crate) replaced: Vec<Ident>,
    /// Words at the place of a key that are no whole entry.
    pub(crate) unfinished: Vec<Ident>,
}

/// One side and what is set on its builder.
pub(crate) struct End<L> {
    pub(crate) side: L,
    pub(crate) calls: Vec<Call>,
}

pub(crate) struct Call {
    /// The key as the user wrote it.
    pub(crate) key: Ident,
    pub(crate) value: TokenStream,
}

impl<L: Language> Model<L> {
    pub(super) fn new(declaration: Declaration<L>, accepted: Vec<Accepted<L>>) -> Self {
        let accepted = accepted.as_slice();
        let Declaration {
            attrs,
            vis,
            side,
            name,
            generics,
            ty,
            id,
            entries,
        } = declaration;
        let ends = L::BOTH
            .into_iter()
            .filter(|end| side.is_none_or(|only| only == *end))
            .map(|side| End {
                side,
                calls: calls(accepted, side),
            })
            .collect();
        let unfinished = entries
            .into_iter()
            .filter(|entry| entry.value.is_none() || L::key(&entry.key.to_string()).is_none())
            .map(|entry| entry.key)
            .chain(id.as_ref().and_then(key_to_be).cloned())
            // Keywords cannot end a path.
            .filter(|key| syn::parse_str::<Ident>(&key.to_string()).is_ok())
            .collect();
        let replaced = replaced(accepted);
        Self {
            attrs,
            vis,
            name,
            generics,
            ty,
            id,
            ends,
            replaced,
            unfinished,
        }
    }
}

/// A lone word right after the type is an id. In small letters it may be a key that is being typed.
fn key_to_be(id: &Id) -> Option<&Ident> {
    let Id::Expr(expr) = id else { return None };
    let Expr::Path(path) = &**expr else {
        return None;
    };
    let word = path.path.get_ident()?;
    word.to_string()
        .starts_with(char::is_lowercase)
        .then_some(word)
}

fn calls<L: Language>(accepted: &[Accepted<L>], side: L) -> Vec<Call> {
    accepted
        .iter()
        .filter(|entry| entry.sides.contains(&side))
        .map(|entry| Call {
            key: entry.written.clone(),
            value: entry.value.clone(),
        })
        .collect()
}

/// The last of several values counts, side by side; an earlier one that counts nowhere is told.
fn replaced<L: Language>(accepted: &[Accepted<L>]) -> Vec<Ident> {
    let later_sets = |index: usize, side: &L| {
        let name = accepted[index].key.name;
        accepted[index + 1..]
            .iter()
            .any(|entry| entry.key.name == name && entry.sides.contains(side))
    };
    accepted
        .iter()
        .enumerate()
        .filter(|(index, entry)| {
            !entry.key.repeatable && entry.sides.iter().all(|side| later_sets(*index, side))
        })
        .map(|(_, entry)| entry.written.clone())
        .collect()
}
