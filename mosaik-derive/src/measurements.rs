//! The value of `require_tdx`: which guest image a peer must run, checked as far as it shows in the
//! source text. It is short for a ticket validator.
//!
//! ```text
//! value    := "{" "own_image" "}" | "{" register "=" value ("," register "=" value)* "}"
//! register := "mrtd" | "rtmr0" | "rtmr1" | "rtmr2" | "rtmr3"
//! ```
//!
//! An image is identified by three registers together: MRTD is the firmware, RTMR1 the kernel that it
//! starts, RTMR2 the command line and the file system that the kernel starts. Each is written by what
//! the one before it measured, so that one without the others can be given any value.

use crate::report::{error_at, listed, nearest};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, Lit, Token};

/// A register, and what it is the measurement of.
const REGISTERS: [(&str, &str); 5] = [
    ("mrtd", "the firmware"),
    ("rtmr0", "the firmware's configuration"),
    ("rtmr1", "the kernel"),
    ("rtmr2", "the command line and the file system"),
    ("rtmr3", "what the program adds"),
];

/// Hex digits of a register.
const DIGITS: usize = 96;

/// Words that are written as if they were registers, and what to write instead.
const NOT_REGISTERS: [(&str, &str); 4] = [
    (
        "own_mrtd",
        "write `own_image` alone: MRTD, RTMR1 and RTMR2 as they are on this machine",
    ),
    (
        "own_rtmr1",
        "write `own_image` alone: MRTD, RTMR1 and RTMR2 as they are on this machine",
    ),
    (
        "own_rtmr2",
        "write `own_image` alone: MRTD, RTMR1 and RTMR2 as they are on this machine",
    ),
    (
        "image",
        "write `require_ticket: Tdx::from_image(…)` for the measurements of an image that is built here",
    ),
];

/// One line of the braces.
struct Entry {
    name: Ident,
    value: Option<Expr>,
}

/// The validator that `value` stands for.
///
/// # Errors
/// All mistakes of the value, as one.
pub(crate) fn validator(
    root: &TokenStream,
    example: &str,
    value: &Expr,
) -> syn::Result<TokenStream> {
    let help = format!("write `require_tdx: {example}`");
    let Some(braces) = braces(value) else {
        let help = format!("{help}; for a validator of your own write `require_ticket: …`");
        let mistake = "`require_tdx` takes measurements in braces";
        return Err(error_at(value, mistake, &help));
    };
    let mut errors = Errors(None);
    let entries = entries(braces.stream(), &mut errors);
    if let Some(own) = entries.iter().find(|entry| entry.name == "own_image") {
        if let Some(value) = &own.value {
            errors.add(error_at(
                value,
                "`own_image` has no value",
                "write `{ own_image }`",
            ));
        }
        if let Some(other) = entries.iter().find(|entry| entry.name != "own_image") {
            let mistake = format!("`own_image` requires `{}` already", other.name);
            let mistake = match other.name.to_string().as_str() {
                "mrtd" | "rtmr1" | "rtmr2" => mistake,
                _ => "`own_image` stands alone".to_owned(),
            };
            let help = "write `{ own_image }`, or the registers without it";
            errors.add(error_at(&other.name, &mistake, help));
        }
        errors.check()?;
        let root = crate::emit::located(root, own.name.span());
        let word = &own.name;
        return Ok(quote_spanned!(Span::mixed_site()=> #root::__private::__tdx!(#word)));
    }
    let mut methods = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entries[..index]
            .iter()
            .any(|earlier| earlier.name == entry.name)
        {
            let mistake = format!("`{}` is required twice", entry.name);
            let help = "a register has one value: remove one of the two, or declare a validator that allows variants";
            errors.add(error_at(&entry.name, &mistake, help));
        } else if let Some(method) = register(entry, &mut errors) {
            methods.push(method);
        }
    }
    if errors.0.is_none() {
        anchored(&braces, &entries, &mut errors);
    }
    errors.check()?;
    Ok(quote_spanned!(Span::mixed_site()=> #root::__private::__tdx!(#(#methods),*)))
}

/// All mistakes so far.
struct Errors(Option<syn::Error>);

impl Errors {
    fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn check(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

fn braces(value: &Expr) -> Option<Group> {
    let tokens = match value {
        Expr::Group(group) => return braces(&group.expr),
        other => other.to_token_stream(),
    };
    let mut tokens = tokens.into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::Brace => {
            Some(group)
        }
        _ => None,
    }
}

fn entries(tokens: TokenStream, errors: &mut Errors) -> Vec<Entry> {
    let mut entries = Vec::new();
    let parse = |input: ParseStream<'_>| {
        while !input.is_empty() {
            match entry(input) {
                Ok(entry) => entries.push(entry),
                Err(error) => {
                    errors.add(error);
                    while !input.is_empty() && !input.peek(Token![,]) {
                        input.parse::<TokenTree>()?;
                    }
                }
            }
            if input.peek(Token![,]) {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    };
    // Whatever cannot be read has been reported and skipped.
    let _ = parse.parse2(tokens);
    entries
}

fn entry(input: ParseStream<'_>) -> syn::Result<Entry> {
    let help = format!("write `mrtd = \"…\"`, with {DIGITS} hex digits");
    let token = input.cursor().token_stream().into_iter().next();
    let name = input
        .call(Ident::parse_any)
        .map_err(|_| error_at(token, "expected a register and its value", &help))?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Entry { name, value: None });
    }
    if input.peek(Token![:]) {
        let colon: Token![:] = input.parse()?;
        let mistake = "a register and its value are separated by `=`";
        return Err(error_at(colon, mistake, &help));
    }
    input
        .parse::<Token![=]>()
        .map_err(|_| error_at(&name, "expected a register and its value", &help))?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Entry { name, value: None });
    }
    Ok(Entry {
        name,
        value: Some(input.parse()?),
    })
}

/// `require_<register> = value`, for the macro that knows the validator.
fn register(entry: &Entry, errors: &mut Errors) -> Option<TokenStream> {
    let word = entry.name.to_string();
    let known = || REGISTERS.iter().map(|(name, _)| *name);
    if !known().any(|name| name == word) {
        let all = format!("there are `own_image` and {}", listed(known()));
        let not = NOT_REGISTERS.iter().find(|(not, _)| *not == word);
        let help = match (not, nearest(&word, known().chain(["own_image"]))) {
            (Some((_, help)), _) => (*help).to_owned(),
            (None, Some(meant)) => format!("did you mean `{meant}`?\n{all}"),
            (None, None) => all,
        };
        let mistake = format!("unknown register `{word}`");
        errors.add(error_at(&entry.name, &mistake, &help));
        return None;
    }
    let Some(value) = &entry.value else {
        let help = format!("write `{word} = \"…\"`, with {DIGITS} hex digits");
        errors.add(error_at(
            &entry.name,
            &format!("`{word}` needs its value"),
            &help,
        ));
        return None;
    };
    let method = format_ident!("require_{word}", span = entry.name.span());
    match bytes(&word, value) {
        Ok(Some(bytes)) => Some(quote!(#method = [#(#bytes),*])),
        Ok(None) => Some(quote!(#method = #value)),
        Err(error) => {
            errors.add(error);
            None
        }
    }
}

/// The bytes of a literal; nothing for an expression, which has a type to be checked.
fn bytes(word: &str, value: &Expr) -> syn::Result<Option<Vec<u8>>> {
    let refuse = |mistake: String, help: &str| Err(error_at(value, &mistake, help));
    let literal = match value {
        Expr::Lit(lit) => &lit.lit,
        Expr::Group(group) => return bytes(word, &group.expr),
        _ => return Ok(None),
    };
    let Lit::Str(text) = literal else {
        let help =
            format!("write {DIGITS} hex digits in double quotes, or a constant `Measurement`");
        return refuse(format!("`{word}` takes {DIGITS} hex digits"), &help);
    };
    let text = text.value();
    if let Some(odd) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        let help = "write the digits alone, without `0x`, blanks or other signs";
        return refuse(format!("{odd:?} is no hex digit"), help);
    }
    if text.len() != DIGITS {
        let help = "a register is the SHA-384 of what was measured: 48 bytes";
        let count = text.len();
        return refuse(
            format!("`{word}` has {DIGITS} hex digits, this text has {count}"),
            help,
        );
    }
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    let bytes: Vec<u8> = digits
        .chunks_exact(2)
        .map(|pair| pair[0] * 16 + pair[1])
        .collect();
    if bytes.iter().all(|byte| *byte == 0) && word != "rtmr3" {
        let help = "take the value from a guest that measures its boot: with direct boot by some hosts the initial file \
                    system is measured nowhere, and such a guest cannot be identified";
        return refuse(
            format!("`{word}` is 0 where nothing was measured: it identifies nothing"),
            help,
        );
    }
    Ok(Some(bytes))
}

/// Refuses what identifies no image.
fn anchored(braces: &Group, entries: &[Entry], errors: &mut Errors) {
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let (mistake, help) = match (has("mrtd"), has("rtmr1"), has("rtmr2")) {
        (true, true, true) => return,
        (false, false, false) if !has("rtmr0") && !has("rtmr3") => (
            "no measurement is required, so any guest would pass",
            "write `{ own_image }`, or `{ mrtd = \"…\", rtmr1 = \"…\", rtmr2 = \"…\" }`",
        ),
        (false, ..) => (
            "this anchors nothing without `mrtd`: the firmware writes the other registers, and a firmware of somebody's \
             own writes what it likes",
            "add `mrtd`",
        ),
        (true, false, false) => (
            "`mrtd` alone anchors nothing: it is the firmware, which starts any kernel and any program",
            "add `rtmr1` (the kernel) and `rtmr2` (the command line and the file system)",
        ),
        (true, false, true) => (
            "`rtmr2` anchors nothing without `rtmr1`: the kernel writes it, and a kernel of somebody's own writes what it \
             likes",
            "add `rtmr1`",
        ),
        (true, true, false) => (
            "this anchors no program without `rtmr2`: the same kernel starts any other, by its command line and file \
             system",
            "add `rtmr2`",
        ),
    };
    let names: TokenStream = entries
        .iter()
        .map(|entry| entry.name.to_token_stream())
        .collect();
    match entries {
        [] => errors.add(error_at(braces, mistake, help)),
        [only] => errors.add(error_at(&only.name, mistake, help)),
        _ => errors.add(error_at(names, mistake, help)),
    }
}

/// The registers as the documentation of the macros shows them.
pub(crate) fn documentation() -> String {
    let rows = REGISTERS.map(|(name, of)| format!("`{name}` ({of})"));
    rows.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(value: &str) -> Vec<String> {
        let group: Group = syn::parse_str(value).expect("a group");
        let value = Expr::Verbatim(group.into_token_stream());
        match validator(&quote!(::mosaik), "{ own_image }", &value) {
            Ok(_) => Vec::new(),
            Err(error) => error
                .into_iter()
                .map(|error| {
                    error
                        .to_string()
                        .lines()
                        .next()
                        .unwrap_or_default()
                        .to_owned()
                })
                .collect(),
        }
    }

    #[test]
    fn accepted() {
        let hex = "1f".repeat(48);
        for value in [
            "{ own_image }".to_owned(),
            "{ own_image, }".to_owned(),
            format!("{{ mrtd = \"{hex}\", rtmr1 = \"{hex}\", rtmr2 = \"{hex}\" }}"),
            format!(
                "{{ rtmr3 = \"{}\", rtmr2 = \"{hex}\", rtmr1 = R1, mrtd = a::MRTD, rtmr0 = x() }}",
                "0".repeat(96)
            ),
        ] {
            assert_eq!(mistakes(&value), [""; 0], "{value}");
        }
    }

    #[test]
    fn refused() {
        let hex = format!("\"{}\"", "1F".repeat(48));
        let zero = format!("\"{}\"", "0".repeat(96));
        for (value, expected) in [
            (
                "{}",
                &["no measurement is required, so any guest would pass"][..],
            ),
            ("{ own_image = true }", &["`own_image` has no value"]),
            (
                "{ own_image, mrtd = HEX }",
                &["`own_image` requires `mrtd` already"],
            ),
            ("{ own_image, rtmr0 = HEX }", &["`own_image` stands alone"]),
            (
                "{ mrtd = HEX }",
                &[
                    "`mrtd` alone anchors nothing: it is the firmware, which starts any kernel and any program",
                ],
            ),
            (
                "{ mrtd = HEX, rtmr2 = HEX }",
                &[
                    "`rtmr2` anchors nothing without `rtmr1`: the kernel writes it, and a kernel of somebody's own writes \
                     what it likes",
                ],
            ),
            (
                "{ mrtd = HEX, rtmr1 = HEX }",
                &[
                    "this anchors no program without `rtmr2`: the same kernel starts any other, by its command line and \
                     file system",
                ],
            ),
            (
                "{ rtmr1 = HEX, rtmr2 = HEX }",
                &[
                    "this anchors nothing without `mrtd`: the firmware writes the other registers, and a firmware of \
                     somebody's own writes what it likes",
                ],
            ),
            ("{ mrtd }", &["`mrtd` needs its value"]),
            ("{ mrtd = }", &["`mrtd` needs its value"]),
            (
                "{ mrtd = \"91eb\" }",
                &["`mrtd` has 96 hex digits, this text has 4"],
            ),
            ("{ mrtd = \"0x91\" }", &["'x' is no hex digit"]),
            ("{ mrtd = 3 }", &["`mrtd` takes 96 hex digits"]),
            (
                "{ mrtd = ZERO }",
                &["`mrtd` is 0 where nothing was measured: it identifies nothing"],
            ),
            (
                "{ mrtd: HEX }",
                &["a register and its value are separated by `=`"],
            ),
            ("{ mrtd = HEX, mrtd = HEX }", &["`mrtd` is required twice"]),
            ("{ rtmr4 = HEX }", &["unknown register `rtmr4`"]),
            (
                "{ mrdt = HEX, rtmr1 = \"\" }",
                &[
                    "unknown register `mrdt`",
                    "`rtmr1` has 96 hex digits, this text has 0",
                ],
            ),
            ("{ own_mrtd }", &["unknown register `own_mrtd`"]),
            ("{ \"91eb\" }", &["expected a register and its value"]),
            (
                "[own_image]",
                &["`require_tdx` takes measurements in braces"],
            ),
        ] {
            let written = value.replace("HEX", &hex).replace("ZERO", &zero);
            assert_eq!(mistakes(&written), expected, "{value}");
        }
    }
}
