//! From tokens to a declaration, keeping as much as possible of a faulty one: a mistake is reported
//! and the parser goes on behind it. Knows the shape of a declaration, not what its keys mean.
//!
//! ```text
//! declaration := attr* vis? side? Ident generics? where? "=" Type [ "," [ id ] entry* ]
//! id          := LitStr [","] | Expr [","]
//! entry       := side? Ident ":" ( Expr | "{" measurements "}" ) [","]
//! side        := Ident                           // a side only if an identifier follows
//! ```

use super::{Language, Routing, Value};
use crate::report::{Report, error_at, nearest, text};
use proc_macro2::{Group, Ident, TokenTree};
use quote::ToTokens as _;
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, Expr, Generics, LitStr, Token, Type, Visibility, token};

/// What stands between the brackets of `stream!(…)` or `collection!(…)`.
pub(super) struct Declaration<L> {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    /// The only side, if just one is declared.
    pub(crate) side: Option<L>,
    pub(crate) name: Ident,
    pub(crate) generics: Generics,
    /// Its type, or why that is not known.
    pub(crate) ty: syn::Result<Type>,
    pub(crate) id: Option<Id>,
    pub(crate) entries: Vec<Entry<L>>,
}

/// The id, if one is written.
pub(crate) enum Id {
    Literal(LitStr),
    Expr(Box<Expr>),
}

/// One `side? key: value`.
pub(super) struct Entry<L> {
    pub(crate) side: Option<(L, Ident)>,
    pub(crate) key: Ident,
    /// Nothing if it is missing or faulty, which has been reported then. Measurements are verbatim.
    pub(crate) value: Option<Expr>,
}

/// Parses a declaration. `None` if there is nothing that could be declared.
pub(super) fn parse<L: Language>(
    input: ParseStream<'_>,
    report: &mut Report,
) -> Option<Declaration<L>> {
    let mut declaration = header(input, report)
        .map_err(|error| report.push(error))
        .ok()?;
    if !input.is_empty() {
        list(input, &mut declaration, report);
    }
    Some(declaration)
}

/// Everything up to and including the type and its comma.
fn header<L: Language>(input: ParseStream<'_>, report: &mut Report) -> syn::Result<Declaration<L>> {
    let attrs = input.call(Attribute::parse_outer)?;
    let mut vis: Visibility = input.parse()?;
    if starts_item(input) {
        let keyword = input.call(Ident::parse_any)?;
        report.at(
            &keyword,
            &format!("a {} is declared by its name alone", L::NOUN),
            &L::example("pub Name"),
        );
    }
    let side = side_of_declaration::<L>(input, report)?;
    if side.is_some() && input.peek(Token![pub]) {
        let late: Visibility = input.parse()?;
        report.at(
            &late,
            "the visibility stands before the side",
            &format!("write `pub {} Name = {}`", L::BOTH[0].name(), L::EXAMPLE),
        );
        vis = late;
    }
    let name = input.parse::<Ident>().map_err(|error| {
        let mistake = format!("a {} needs a name", L::NOUN);
        syn::Error::new(error.span(), text(&mistake, &L::example("pub Name")))
    })?;
    let mut generics: Generics = input.parse()?;
    if input.peek(Token![where]) {
        generics.where_clause = Some(input.parse()?);
    }
    let ty = ty::<L>(input, &name, report);
    Ok(Declaration {
        attrs,
        vis,
        side,
        name,
        generics,
        ty,
        id: None,
        entries: Vec::new(),
    })
}

fn starts_item(input: ParseStream<'_>) -> bool {
    input.peek(Token![struct])
        || input.peek(Token![type])
        || input.peek(Token![static])
        || input.peek(Token![const])
        || input.peek(Token![enum])
        || input.peek(Token![let])
}

fn side_of_declaration<L: Language>(
    input: ParseStream<'_>,
    report: &mut Report,
) -> syn::Result<Option<L>> {
    let Some((side, _)) = side_before_word(input)? else {
        no_side::<L>(input, report)?;
        return Ok(None);
    };
    if let Some((_, second)) = side_before_word::<L>(input)? {
        report.at(
            second,
            &format!("a {} has one side or both", L::NOUN),
            "name no side to declare both",
        );
        return Ok(None);
    }
    Ok(Some(side))
}

/// A word before the name that is no side.
fn no_side<L: Language>(input: ParseStream<'_>, report: &mut Report) -> syn::Result<()> {
    let named = input.peek(syn::Ident)
        && input.peek2(syn::Ident)
        && (input.peek3(Token![=]) || input.peek3(Token![<]));
    if named {
        let word: Ident = input.parse()?;
        let [first, second] = L::BOTH.map(L::name);
        let help = match nearest(&word.to_string(), [first, second]) {
            Some(side) => format!("did you mean `{side}`?"),
            None => format!(
                "write `{first}` or `{second}` to declare one side, or nothing to declare both"
            ),
        };
        report.at(
            &word,
            &format!("expected `{first}` or `{second}`, found `{word}`"),
            &help,
        );
    }
    Ok(())
}

/// A side, if a word follows it.
fn side_before_word<L: Language>(input: ParseStream<'_>) -> syn::Result<Option<(L, Ident)>> {
    if !(input.peek(syn::Ident) && (input.peek2(syn::Ident::peek_any))) {
        return Ok(None);
    }
    let ahead: Ident = input.fork().parse()?;
    match L::named(&ahead.to_string()) {
        Some(side) => Ok(Some((side, input.parse()?))),
        None => Ok(None),
    }
}

/// `= Type ,`. What is wrong around the type is reported; what is wrong with the type itself is the
/// result, because it stands in for the type.
fn ty<L: Language>(input: ParseStream<'_>, name: &Ident, report: &mut Report) -> syn::Result<Type> {
    let example = || L::example(&name.to_string());
    if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
    } else if input.peek(Token![:]) {
        let colon: Token![:] = input.parse()?;
        report.at(
            colon,
            &format!("a {} and its type are separated by `=`", L::NOUN),
            &example(),
        );
    } else if !input.is_empty() && !input.peek(Token![,]) {
        let token = next_token(input);
        skip_entry::<L>(input);
        return Err(error_at(
            token,
            &format!("expected `=` after the {}'s name", L::NOUN),
            &example(),
        ));
    }
    if input.is_empty() || input.peek(Token![,]) {
        skip_comma(input);
        return Err(error_at(
            name,
            &format!("a {} needs {}", L::NOUN, L::OF),
            &example(),
        ));
    }
    let ty: Type = input.parse().inspect_err(|_| skip_entry::<L>(input))?;
    if input.peek(Token![where]) {
        let token = next_token(input);
        skip_entry::<L>(input);
        let help = format!("write `{name}<T> where … = {}`", L::EXAMPLE);
        return Err(error_at(
            token,
            "the `where` clause stands before the `=`",
            &help,
        ));
    }
    if input.peek(Token![,]) {
        input.parse::<Token![,]>()?;
    } else if !input.is_empty() {
        let help = "separate the id and the first key by commas: `Type, \"id\", key: value`";
        report.at(next_token(input), "expected `,` after the type", help);
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
        }
    }
    Ok(ty)
}

fn next_token(input: ParseStream<'_>) -> Option<TokenTree> {
    input.cursor().token_stream().into_iter().next()
}

/// The id and the entries, in whatever order they are written.
fn list<L: Language>(
    input: ParseStream<'_>,
    declaration: &mut Declaration<L>,
    report: &mut Report,
) {
    if !starts_entry::<L>(input) {
        declaration.id = id::<L>(input, report);
    }
    while !input.is_empty() {
        if let Some(entry) = entry(input, declaration.id.is_some(), report) {
            declaration.entries.push(entry);
        }
    }
}

fn id<L: Language>(input: ParseStream<'_>, report: &mut Report) -> Option<Id> {
    let parsed = input.parse::<Expr>();
    let id = match parsed {
        Ok(Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(literal),
            attrs,
        })) if attrs.is_empty() => Some(Id::Literal(literal)),
        Ok(expr) => Some(Id::Expr(Box::new(expr))),
        Err(error) => {
            report.push(error);
            skip_entry::<L>(input);
            return None;
        }
    };
    skip_comma(input);
    id
}

fn entry<L: Language>(
    input: ParseStream<'_>,
    has_id: bool,
    report: &mut Report,
) -> Option<Entry<L>> {
    let side = side_of_entry(input, report);
    let Ok(key) = input.call(Ident::parse_any) else {
        not_an_entry::<L>(input, has_id, report);
        return None;
    };
    let value = value::<L>(input, &key, report);
    Some(Entry { side, key, value })
}

fn side_of_entry<L: Language>(input: ParseStream<'_>, report: &mut Report) -> Option<(L, Ident)> {
    if let Ok(Some(side)) = side_before_word(input) {
        return Some(side);
    }
    if input.peek(syn::Ident) && input.peek2(syn::Ident::peek_any) && input.peek3(Token![:]) {
        let word: Ident = input.parse().ok()?;
        report.at(
            &word,
            &format!("`{word}` is not a side of a {}", L::NOUN),
            &match L::KEYS.iter().all(|key| key.routing == Routing::Whole) {
                true => "remove it, or write a `,` if an entry ends here".to_owned(),
                false => {
                    let [first, second] = L::BOTH.map(L::name);
                    format!("write `{first}` or `{second}`, or a `,` if an entry ends here")
                }
            },
        );
    }
    None
}

fn not_an_entry<L: Language>(input: ParseStream<'_>, has_id: bool, report: &mut Report) {
    let token = next_token(input);
    if input.peek(LitStr) {
        let (noun, ty) = (L::NOUN, L::EXAMPLE);
        let (mistake, help) = if has_id {
            (
                format!("a {noun} has one id"),
                "remove one of the two".to_owned(),
            )
        } else {
            (
                "the id stands before the keys".to_owned(),
                format!("write `{noun}!(Name = {ty}, \"id\", key: value)`"),
            )
        };
        report.at(token, &mistake, &help);
    } else {
        report.at(
            token,
            "expected a key and its value",
            "write `key: value`, separated by commas",
        );
    }
    skip_entry::<L>(input);
}

/// What follows the key: `: value ,`.
fn value<L: Language>(input: ParseStream<'_>, key: &Ident, report: &mut Report) -> Option<Expr> {
    let Some(known) = L::key(&key.to_string()) else {
        // That it is unknown is the mistake, and the next phase says so.
        skip_unknown::<L>(input);
        return None;
    };
    let help = format!("write `{key}: {}`", known.example);
    let missing = |report: &mut Report| {
        report.at(key, &format!("`{key}` needs {}", known.words), &help);
        skip_entry::<L>(input);
        None
    };
    if input.peek(Token![:]) && !input.peek(Token![::]) {
        input.parse::<Token![:]>().ok()?;
    } else if input.peek(Token![=]) {
        let equals = input.parse::<Token![=]>().ok()?;
        report.at(equals, "a key and its value are separated by `:`", &help);
    } else if input.peek(token::Paren) {
        let group: Group = input.parse().ok()?;
        report.at(group, "a key and its value are separated by `:`", &help);
        skip_entry::<L>(input);
        return None;
    } else {
        return missing(report);
    }
    if input.is_empty() || input.peek(Token![,]) {
        return missing(report);
    }
    if known.value == Value::Measurements && input.peek(token::Brace) {
        let group: Group = input.parse().ok()?;
        skip_comma(input);
        return Some(Expr::Verbatim(group.into_token_stream()));
    }
    match input.parse::<Expr>() {
        Ok(value) => {
            skip_comma(input);
            Some(value)
        }
        Err(error) => {
            let text = text(&error.to_string(), &help);
            report.push(syn::Error::new(error.span(), text));
            skip_entry::<L>(input);
            None
        }
    }
}

/// Whether `key:` or `side key` comes next, which tells an entry from an id.
fn starts_entry<L: Language>(input: ParseStream<'_>) -> bool {
    let key = |input: ParseStream<'_>| {
        input.peek(syn::Ident::peek_any) && input.peek2(Token![:]) && !input.peek2(Token![::])
    };
    let misspelt = input.peek(syn::Ident)
        && input.peek2(Token![=])
        && !input.peek2(Token![==])
        && input
            .fork()
            .parse::<Ident>()
            .is_ok_and(|word| L::key(&word.to_string()).is_some());
    let word_word_colon =
        input.peek(syn::Ident) && input.peek2(syn::Ident) && input.peek3(Token![:]);
    let side = input.peek2(syn::Ident)
        && input
            .fork()
            .parse::<Ident>()
            .is_ok_and(|word| L::named(&word.to_string()).is_some());
    key(input) || misspelt || word_word_colon || side
}

/// Goes on behind the value of a key that means nothing.
fn skip_unknown<L: Language>(input: ParseStream<'_>) {
    let separated = input.peek(Token![:]) && !input.peek(Token![::]) || input.peek(Token![=]);
    if separated && input.parse::<TokenTree>().is_ok() && input.parse::<Expr>().is_ok() {
        skip_comma(input);
    } else {
        skip_entry::<L>(input);
    }
}

/// Goes on at the next entry, or at the end.
fn skip_entry<L: Language>(input: ParseStream<'_>) {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            skip_comma(input);
            if starts_entry::<L>(input) || input.peek(LitStr) {
                return;
            }
        } else if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

fn skip_comma(input: ParseStream<'_>) {
    if input.peek(Token![,]) {
        // The peek makes it infallible.
        let _ = input.parse::<Token![,]>();
    }
}
