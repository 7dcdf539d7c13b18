//! What stands between the brackets of `#[state_machine(…)]`: the table of options, and their parser.

use crate::report::{Report, listed, nearest};
use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Lit, LitStr, Path, Token, token};

/// One row of the table.
struct Row {
    name: &'static str,
    /// The value in words, with its article.
    words: &'static str,
    /// As a user could write it.
    example: &'static str,
    doc: &'static str,
}

const ROWS: [Row; 2] = [
    Row {
        name: "id",
        words: "a text",
        example: "id = \"bank.v1\"",
        doc: "The machine's identity: groups of machines with different ids do not meet. Default: the name of the type.",
    },
    Row {
        name: "crate",
        words: "a path",
        example: "crate = mosaik",
        doc: "Where this crate is, if it goes by another name than `mosaik`.",
    },
];

/// Words that are written as if they were options, and the option that is meant.
const MEANT: [(&str, &str); 4] = [
    ("name", "id"),
    ("signature", "id"),
    ("version", "id"),
    ("root", "crate"),
];

/// What the attribute says; defaults stand in for what is wrong.
pub(super) struct Options {
    /// The path of mosaik.
    pub(super) root: TokenStream,
    pub(super) id: Option<(Ident, Id)>,
    /// Words at the place of an option that are none.
    pub(super) unfinished: Vec<Ident>,
}

/// What names the machine.
pub(super) enum Id {
    Literal(LitStr),
    Expr(Box<Expr>),
}

pub(super) fn parse(arguments: TokenStream, report: &mut Report) -> Options {
    let mut options = Options {
        root: quote!(::mosaik),
        id: None,
        unfinished: Vec::new(),
    };
    let parse = |input: ParseStream<'_>| {
        let mut seen: Vec<String> = Vec::new();
        while !input.is_empty() {
            pair(input, &mut options, &mut seen, report);
        }
        Ok(())
    };
    // Whatever cannot be read has been reported and skipped.
    let _ = parse.parse2(arguments);
    options
}

fn pair(
    input: ParseStream<'_>,
    options: &mut Options,
    seen: &mut Vec<String>,
    report: &mut Report,
) {
    let help = "write `#[state_machine(id = \"bank.v1\")]`";
    if input.peek(LitStr) {
        report.at(next(input), "the id is an option with a name", help);
        return skip(input);
    }
    let Ok(key) = input.call(Ident::parse_any) else {
        report.at(next(input), "expected `option = value`", help);
        return skip(input);
    };
    let Some(row) = ROWS.iter().find(|row| key == row.name) else {
        unknown(&key, report);
        options.unfinished.push(key);
        return skip(input);
    };
    let word = key.to_string();
    if seen.contains(&word) {
        let mistake = format!("`{word}` is set twice");
        report.at(&key, &mistake, "remove one of the two");
    }
    seen.push(word);
    let Some(value) = value(input, &key, row, report) else {
        options.unfinished.push(key);
        return skip(input);
    };
    skip(input);
    if row.name == "id" {
        options.id = id(&value, row, report).map(|id| (key, id));
    } else if let Ok(path) = syn::parse2::<Path>(value.to_token_stream()) {
        options.root = path.to_token_stream();
    } else {
        wrong_kind(&value, row, report);
    }
}

/// What follows the option: `= value`.
fn value(input: ParseStream<'_>, key: &Ident, row: &Row, report: &mut Report) -> Option<Expr> {
    let help = format!("write `{}`", row.example);
    if input.peek(Token![=]) {
        input.parse::<Token![=]>().ok()?;
    } else if input.peek(Token![:]) {
        let colon = input.parse::<Token![:]>().ok()?;
        let mistake = "an option and its value are separated by `=`";
        report.at(colon, mistake, &help);
    } else if input.peek(token::Paren) {
        let group: Group = input.parse().ok()?;
        let mistake = "an option and its value are separated by `=`";
        report.at(group, mistake, &help);
        return None;
    }
    if input.is_empty() || input.peek(Token![,]) {
        report.at(key, &format!("`{key}` needs {}", row.words), &help);
        return None;
    }
    // `crate` begins a path, but is none alone.
    if input.peek(Token![crate])
        && (input.peek2(Token![,]) || input.cursor().token_stream().into_iter().count() == 1)
    {
        let here = input.call(Ident::parse_any).ok()?;
        return Some(Expr::Verbatim(here.into_token_stream()));
    }
    match input.parse::<Expr>() {
        Ok(value) => Some(value),
        Err(_) => {
            let token = next(input);
            report.at(token, &format!("`{key}` needs {}", row.words), &help);
            None
        }
    }
}

fn id(value: &Expr, row: &Row, report: &mut Report) -> Option<Id> {
    match ungroup(value) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(text) if text.value().is_empty() => {
                let help = format!("write `{}`", row.example);
                report.at(text, "the id is empty", &help);
                None
            }
            Lit::Str(text) if text.suffix().is_empty() => Some(Id::Literal(text.clone())),
            _ => {
                wrong_kind(value, row, report);
                None
            }
        },
        Expr::Closure(_) => {
            wrong_kind(value, row, report);
            None
        }
        other => Some(Id::Expr(Box::new(other.clone()))),
    }
}

fn ungroup(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungroup(&group.expr),
        other => other,
    }
}

fn wrong_kind(value: &Expr, row: &Row, report: &mut Report) {
    let mistake = format!("`{}` takes {}", row.name, row.words);
    report.at(value, &mistake, &format!("write `{}`", row.example));
}

fn unknown(key: &Ident, report: &mut Report) {
    let names = || ROWS.iter().map(|row| row.name);
    let word = key.to_string();
    let known = format!("a state machine has the options {}", listed(names()));
    let meant = MEANT.iter().find(|(wrong, _)| *wrong == word);
    let meant = meant
        .map(|(_, name)| *name)
        .or_else(|| nearest(&word, names()));
    let example = |name| {
        ROWS.iter()
            .find(|row| row.name == name)
            .map(|row| row.example)
    };
    let help = match meant.and_then(example) {
        Some(example) => format!("did you mean `{example}`?\n{known}"),
        None => known,
    };
    report.at(key, &format!("unknown option `{word}`"), &help);
}

fn next(input: ParseStream<'_>) -> Option<TokenTree> {
    input.cursor().token_stream().into_iter().next()
}

/// Goes on behind the next comma.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() {
        if input.peek(Token![,]) {
            // The peek makes it infallible.
            let _ = input.parse::<Token![,]>();
            return;
        }
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// The table as the documentation of the macro shows it.
pub(crate) fn documentation() -> String {
    let mut doc = String::from("| option | value | meaning |\n|---|---|---|\n");
    for Row {
        name,
        words,
        example,
        doc: meaning,
    } in &ROWS
    {
        doc += &format!("| `{name}` | {words}: `{example}` | {meaning} |\n");
    }
    doc
}
