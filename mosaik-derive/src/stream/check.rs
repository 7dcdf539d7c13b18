//! What a well-formed declaration may not say. Reports every mistake and returns what is left.

use super::keys::{self, EXCLUSIVE, KEYS, Key, NOT_KEYS, Routing, Side, Value};
use super::syntax::{Declaration, Entry, Id};
use crate::owned;
use crate::report::{Report, error_at, listed, nearest};
use proc_macro2::{Ident, TokenTree};
use quote::ToTokens as _;
use syn::{Expr, ExprClosure, GenericParam, Lit};

/// An entry that means something: which builders its key's method is called on, with what.
pub(crate) struct Accepted {
    pub(crate) key: &'static Key,
    /// The key as the user wrote it.
    pub(crate) written: Ident,
    pub(crate) builders: Vec<Side>,
    pub(crate) value: Expr,
}

/// Checks the declaration. Faulty parts are replaced or left out, so that the rest still expands.
pub(crate) fn check(declaration: &mut Declaration, report: &mut Report) -> Vec<Accepted> {
    lifetimes(declaration);
    if let Ok(ty) = &declaration.datum
        && let Err(error) = owned::check(ty, &DATUM)
    {
        declaration.datum = Err(error);
    }
    if let Some(Id::Expr(expr)) = &declaration.id
        && let Err(error) = id(expr)
    {
        report.push(error);
        declaration.id = None;
    }
    let accepted = declaration
        .entries
        .iter()
        .filter_map(|entry| accept(entry, declaration.side, report))
        .collect::<Vec<_>>();
    exclusive(&accepted, report);
    accepted
}

fn lifetimes(declaration: &mut Declaration) {
    let lifetime = declaration
        .generics
        .params
        .iter()
        .find_map(|param| match param {
            GenericParam::Lifetime(param) => Some(&param.lifetime),
            _ => None,
        });
    if let Some(lifetime) = lifetime {
        declaration.datum = Err(error_at(
            lifetime,
            "a stream cannot borrow: its datums travel to other processes",
            "remove the lifetime and declare the stream over a type that owns its data",
        ));
    }
}

/// What is said about a type that cannot be a datum.
const DATUM: owned::Words = owned::Words {
    owns: "a datum owns its data",
    stated: "a stream states the type of its datums",
    concrete: "a datum has one concrete type",
    concrete_help: "declare an enum of the types that flow, or a stream for each",
};

/// Refuses id expressions that can never be an id. The rest is left to the type.
fn id(expr: &Expr) -> syn::Result<()> {
    match literal(expr) {
        Some(Lit::Str(text)) if text.suffix().is_empty() => Ok(()),
        Some(other) => {
            let written = other.to_token_stream().to_string();
            let quoted = written.trim_matches(['\'', 'b', 'c', '"']);
            Err(error_at(
                expr,
                "a stream's id is a text, or an expression that gives a `StreamId`",
                &format!("write it in double quotes: `{quoted:?}`"),
            ))
        }
        None => Ok(()),
    }
}

fn accept(entry: &Entry, only: Option<Side>, report: &mut Report) -> Option<Accepted> {
    let Entry {
        side,
        key: written,
        value,
    } = entry;
    let Some(key) = keys::key(&written.to_string()) else {
        unknown(written, report);
        return None;
    };
    let prefix = side.as_ref().map(|(side, _)| *side);
    let builders = builders(key, prefix, only)
        .map_err(|(mistake, help)| match side {
            Some((_, side)) => report.at(spanning(side, written), &mistake, &help),
            None => report.at(written, &mistake, &help),
        })
        .ok()?;
    let value = value.clone()?;
    if let Err(error) = fits(key, &value) {
        report.push(error);
        return None;
    }
    Some(Accepted {
        key,
        written: written.clone(),
        builders,
        value,
    })
}

fn spanning(first: &Ident, last: &Ident) -> proc_macro2::TokenStream {
    [first, last]
        .into_iter()
        .cloned()
        .map(TokenTree::from)
        .collect()
}

fn unknown(written: &Ident, report: &mut Report) {
    let word = written.to_string();
    let mistake = format!("unknown key `{word}`");
    if let Some((_, help)) = NOT_KEYS.iter().find(|(not, _)| *not == word) {
        return report.at(written, &mistake, help);
    }
    let method = KEYS
        .iter()
        .find(|key| key.method == word)
        .map(|key| key.name);
    let meant = method.or_else(|| nearest(&word, KEYS.iter().map(|key| key.name)));
    let known = format!(
        "a stream has the keys {}",
        listed(KEYS.iter().map(|key| key.name))
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

/// The builders that take `key`, or a mistake and what to write instead.
fn builders(
    key: &Key,
    prefix: Option<Side>,
    only: Option<Side>,
) -> Result<Vec<Side>, (String, String)> {
    let name = key.name;
    let wanted = key.routing.builders(prefix).map_err(|owner| {
        (
            format!("`{name}` is an option of the {owner}"),
            format!("write `{owner} {name}: …`, or just `{name}: …`"),
        )
    })?;
    let Some(only) = only else { return Ok(wanted) };
    if wanted.contains(&only) {
        return Ok(vec![only]);
    }
    let missing = only.other();
    Err(match (key.routing, prefix) {
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
fn fits(key: &Key, value: &Expr) -> syn::Result<()> {
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
        (Value::Count, _, Some(literal)) => match literal {
            Lit::Int(_) if is_negative(value) => wrong_kind(),
            Lit::Int(number) if number.base10_digits() == "0" => {
                let help = match *name {
                    "max_consumers" => "leave the key out to serve any number of consumers",
                    "history" => "leave the key out to keep no past datums",
                    _ => "the smallest is 1",
                };
                Err(error_at(value, &format!("`{name}` cannot be 0"), help))
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
fn exclusive(accepted: &[Accepted], report: &mut Report) {
    for [kept, other] in EXCLUSIVE {
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
