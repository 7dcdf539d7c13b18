//! What a well-formed declaration may not say. Reports every mistake and returns what is left.

use super::keys::Misplaced;
use super::syntax::{Declaration, Entry, Id};
use super::{Key, Language, Routing, Value};
use crate::measurements;
use crate::report::{Report, error_at, listed, nearest};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, ExprClosure, GenericParam, Lit};

/// An entry that means something: which sides take it, and what its method is called with.
pub(super) struct Accepted<L: 'static> {
    pub(crate) key: &'static Key<L>,
    /// The key as the user wrote it.
    pub(crate) written: Ident,
    pub(crate) sides: Vec<L>,
    pub(crate) value: TokenStream,
}

/// Checks the declaration. Faulty parts are replaced or left out, so that the rest still expands.
pub(super) fn check<L: Language>(
    root: &TokenStream,
    declaration: &mut Declaration<L>,
    report: &mut Report,
) -> Vec<Accepted<L>> {
    lifetimes(declaration);
    if let Ok(ty) = &declaration.ty
        && let Err(error) = L::check_type(ty)
    {
        declaration.ty = Err(error);
    }
    match &declaration.id {
        Some(Id::Expr(expr)) => {
            if let Err(error) = id::<L>(expr) {
                report.push(error);
                declaration.id = None;
            }
        }
        None if L::NEEDS_ID && declaration.ty.is_ok() => report.at(
            &declaration.name,
            &format!(
                "a {} needs an id, by which its members find each other",
                L::NOUN
            ),
            &L::example(&declaration.name.to_string()),
        ),
        _ => {}
    }
    let accepted = declaration
        .entries
        .iter()
        .filter_map(|entry| accept(root, entry, declaration.side, report))
        .collect::<Vec<_>>();
    exclusive(&accepted, report);
    accepted
}

fn lifetimes<L: Language>(declaration: &mut Declaration<L>) {
    let lifetime = declaration
        .generics
        .params
        .iter()
        .find_map(|param| match param {
            GenericParam::Lifetime(param) => Some(&param.lifetime),
            _ => None,
        });
    if let Some(lifetime) = lifetime {
        let (mistake, help) = L::BORROWS;
        declaration.ty = Err(error_at(lifetime, mistake, help));
    }
}

/// Refuses id expressions that can never be an id. The rest is left to the type.
fn id<L: Language>(expr: &Expr) -> syn::Result<()> {
    match literal(expr) {
        Some(Lit::Str(text)) if text.suffix().is_empty() => Ok(()),
        Some(other) => {
            let written = other.to_token_stream().to_string();
            let quoted = written.trim_matches(['\'', 'b', 'c', '"']);
            Err(error_at(
                expr,
                &format!(
                    "a {}'s id is a text, or an expression that gives a `{}`",
                    L::NOUN,
                    L::ID
                ),
                &format!("write it in double quotes: `{quoted:?}`"),
            ))
        }
        None => Ok(()),
    }
}

fn accept<L: Language>(
    root: &TokenStream,
    entry: &Entry<L>,
    only: Option<L>,
    report: &mut Report,
) -> Option<Accepted<L>> {
    let Entry {
        side,
        key: written,
        value,
    } = entry;
    let Some(key) = L::key(&written.to_string()) else {
        unknown::<L>(written, report);
        return None;
    };
    let prefix = side.as_ref().map(|(side, _)| *side);
    let sides = sides(key, prefix, only)
        .map_err(|(mistake, help)| match side {
            Some((_, side)) => report.at(spanning(side, written), &mistake, &help),
            None => report.at(written, &mistake, &help),
        })
        .ok()?;
    let value = value.clone()?;
    let value = match key.value {
        Value::Measurements => measurements::validator(root, key.example, &value),
        _ => fits(key, &value).map(|()| value.into_token_stream()),
    };
    match value {
        Ok(value) => Some(Accepted {
            key,
            written: written.clone(),
            sides,
            value,
        }),
        Err(errors) => {
            errors.into_iter().for_each(|error| report.push(error));
            None
        }
    }
}

fn spanning(first: &Ident, last: &Ident) -> TokenStream {
    [first, last]
        .into_iter()
        .cloned()
        .map(TokenTree::from)
        .collect()
}

fn unknown<L: Language>(written: &Ident, report: &mut Report) {
    let word = written.to_string();
    let mistake = format!("unknown key `{word}`");
    if let Some((_, help)) = L::NOT_KEYS.iter().find(|(not, _)| *not == word) {
        return report.at(written, &mistake, help);
    }
    let method = L::KEYS
        .iter()
        .find(|key| key.method == word)
        .map(|key| key.name);
    let meant = method.or_else(|| nearest(&word, L::KEYS.iter().map(|key| key.name)));
    let known = format!(
        "a {} has the keys {}",
        L::NOUN,
        listed(L::KEYS.iter().map(|key| key.name))
    );
    match meant {
        Some(meant) => report.at(
            written,
            &mistake,
            &format!("did you mean `{meant}`?\n{known}"),
        ),
        None => report.at(written, &mistake, &known),
    }
}

/// The sides that take `key`, or a mistake and what to write instead.
fn sides<L: Language>(
    key: &Key<L>,
    prefix: Option<L>,
    only: Option<L>,
) -> Result<Vec<L>, (String, String)> {
    let name = key.name;
    let wanted = key.routing.sides(prefix).map_err(|misplaced| match misplaced {
        Misplaced::OptionOf(owner) => {
            let owner = owner.name();
            (
                format!("`{name}` is an option of the {owner}"),
                format!("write `{owner} {name}: …`, or just `{name}: …`"),
            )
        }
        Misplaced::OfTheWhole => {
            let (noun, named) = (L::NOUN, prefix.map_or("", L::name));
            (
                format!(
                    "`{name}` cannot be for {named}s only: it is part of what the {noun} is, and all of its members \
                     check each other"
                ),
                format!("write `{name}: …`, for readers and writers alike"),
            )
        }
    })?;
    // What the whole is does not depend on which side of it is declared.
    let Some(only) = only.filter(|_| key.routing != Routing::Whole) else {
        return Ok(wanted);
    };
    if wanted.contains(&only) {
        return Ok(vec![only]);
    }
    let (missing, only) = (only.other().name(), only.name());
    Err(match (key.routing, prefix.map(L::name)) {
        (Routing::Requirement, Some(named)) => (
            format!(
                "nobody would check `{named} {name}`: it says what a {named} must satisfy, the \
                 {missing} side checks that, and this declaration has no {missing}"
            ),
            format!(
                "to check {missing}s write `{missing} {name}: …`; to check {named}s put this line \
                 where the {missing} is declared, or declare both sides"
            ),
        ),
        _ => (
            format!("`{name}` is set on the {missing} side here, and this declaration has none"),
            format!("remove it, or remove `{only}` before the name to declare both sides"),
        ),
    })
}

/// Checks a value as far as it is visible in the source text.
fn fits<L: Language>(key: &Key<L>, value: &Expr) -> syn::Result<()> {
    let Key {
        name,
        words,
        example,
        ..
    } = key;
    let refuse = |mistake: String| {
        Err(error_at(
            value,
            &mistake,
            &format!("write `{name}: {example}`"),
        ))
    };
    let wrong_kind = || refuse(format!("`{name}` takes {words}"));
    match (key.value, closure(value), literal(value)) {
        (Value::Function, Some(closure), _) => {
            if closure.asyncness.is_some() {
                return refuse(format!(
                    "`{name}` is answered at once, so it cannot be `async`"
                ));
            }
            match closure.inputs.len() {
                1 => Ok(()),
                count => refuse(format!(
                    "`{name}` takes a function of 1 argument, this one has {count}"
                )),
            }
        }
        (_, Some(_), _) | (Value::Function | Value::Object, _, Some(_)) => wrong_kind(),
        (Value::Flag, _, Some(literal)) if !matches!(literal, Lit::Bool(_)) => wrong_kind(),
        (Value::Count { instead_of_zero }, _, Some(literal)) => match literal {
            Lit::Int(_) if is_negative(value) => wrong_kind(),
            Lit::Int(number) if number.base10_digits() == "0" => {
                let mistake = format!("`{name}` cannot be 0");
                Err(error_at(value, &mistake, instead_of_zero))
            }
            Lit::Int(number) if matches!(number.suffix(), "" | "usize") => Ok(()),
            Lit::Int(number) => {
                let help = format!("write `{}`", number.base10_digits());
                Err(error_at(value, &format!("`{name}` is a `usize`"), &help))
            }
            _ => wrong_kind(),
        },
        _ => Ok(()),
    }
}

/// The literal that an expression is, also inside brackets or behind a minus.
fn literal(expr: &Expr) -> Option<&Lit> {
    match expr {
        Expr::Lit(lit) => Some(&lit.lit),
        Expr::Paren(inner) => literal(&inner.expr),
        Expr::Group(inner) => literal(&inner.expr),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => literal(&unary.expr),
        _ => None,
    }
}

fn is_negative(expr: &Expr) -> bool {
    match expr {
        Expr::Unary(_) => true,
        Expr::Paren(inner) => is_negative(&inner.expr),
        Expr::Group(inner) => is_negative(&inner.expr),
        _ => false,
    }
}

fn closure(expr: &Expr) -> Option<&ExprClosure> {
    match expr {
        Expr::Closure(closure) => Some(closure),
        Expr::Paren(inner) => closure(&inner.expr),
        Expr::Group(inner) => closure(&inner.expr),
        _ => None,
    }
}

/// Refuses two keys that decide the same thing.
fn exclusive<L: Language>(accepted: &[Accepted<L>], report: &mut Report) {
    for [kept, other] in L::EXCLUSIVE {
        let position = |name: &str| accepted.iter().position(|entry| entry.key.name == name);
        if let (Some(first), Some(second)) = (position(kept), position(other)) {
            let later = &accepted[first.max(second)].written;
            report.at_span(
                later.span(),
                &format!("`{kept}` and `{other}` decide the same thing"),
                &format!("keep `{kept}`"),
            );
        }
    }
}
