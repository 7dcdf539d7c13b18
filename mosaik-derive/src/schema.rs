//! `#[derive(Schema)]`: gives a type a name and a version that do not depend on where it lives.

use crate::report::{Report, listed, nearest};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Expr, Lit, Path, Token};

/// The keys of `#[schema(…)]` and a value for each.
const KEYS: [(&str, &str); 3] = [
    ("name", "name = \"my-app.name\""),
    ("version", "version = 1"),
    ("crate", "crate = mosaik"),
];

const EXAMPLE: &str = "write `#[schema(name = \"my-app.name\", version = 1)]`";

/// Letters of a name beside letters and digits. `<`, `>`, `@` and blanks would be ambiguous inside the
/// names of types that contain this one.
const PUNCTUATION: [char; 5] = ['.', '-', '_', ':', '/'];

/// In the handshake of every stream.
const NAME_BYTES_MAX: usize = 128;

/// Expands `#[derive(Schema)]`.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let mut report = Report::default();
    match syn::parse2::<DeriveInput>(input) {
        Ok(input) => {
            let declared = declared(&input, &mut report);
            let mut output = report.to_compile_errors();
            output.extend(expand(&input, &declared));
            output
        }
        Err(error) => error.to_compile_error(),
    }
}

/// What the attribute says; defaults stand in for what is wrong.
struct Declared {
    root: TokenStream,
    name: String,
    version: u32,
    /// Whether it can be registered: nothing was wrong.
    whole: bool,
}

fn expand(input: &DeriveInput, declared: &Declared) -> TokenStream {
    let DeriveInput {
        ident, generics, ..
    } = input;
    let (parameters, arguments, where_clause) = generics.split_for_impl();
    let Declared {
        root,
        name,
        version,
        whole,
    } = declared;
    let registration = whole.then(|| {
        quote! {
            #root::__private::inventory::submit! {
                #root::__private::Declared {
                    type_name: ::core::any::type_name::<#ident>,
                    name: #name,
                    version: #version,
                }
            }
        }
    });
    quote! {
        impl #parameters #root::__private::Schema for #ident #arguments #where_clause {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
        }
        #registration
    }
}

fn declared(input: &DeriveInput, report: &mut Report) -> Declared {
    let mut declared = Declared {
        root: quote!(::mosaik),
        name: String::new(),
        version: 1,
        whole: false,
    };
    let found = report.len();
    refuse_shape(input, report);
    let before = report.len();
    let pairs = pairs(&input.attrs, report);
    let readable = report.len() == before;
    for (index, Pair { key, value }) in pairs.iter().enumerate() {
        if pairs[..index].iter().any(|earlier| earlier.key == *key) {
            report.at(
                key,
                &format!("`{key}` is set twice"),
                "remove one of the two",
            );
        }
        match key.to_string().as_str() {
            "name" => name(value, &mut declared, report),
            "version" => version(value, &mut declared, report),
            "crate" => match syn::parse2::<Path>(value.to_token_stream()) {
                Ok(path) => declared.root = path.to_token_stream(),
                Err(_) => report.at(value, "`crate` takes a path", "write `crate = mosaik`"),
            },
            _ => unknown(key, report),
        }
    }
    let meant = |pair: &Pair| meant(&pair.key).is_some_and(|(key, _)| key == "name");
    if readable && !pairs.iter().any(meant) {
        report.at(&input.ident, "a schema needs a name", EXAMPLE);
    }
    declared.whole = report.len() == found;
    declared
}

fn refuse_shape(input: &DeriveInput, report: &mut Report) {
    if !input.generics.params.is_empty() {
        report.at(
            &input.generics,
            "a schema names one type, this one has parameters",
            "derive it for the types that are its arguments: their names appear in its own",
        );
    }
    let fields: Vec<&syn::Field> = match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| &variant.fields)
            .collect(),
        Data::Union(data) => {
            let help = "a union says nothing about what it holds; use an enum";
            report.at(data.union_token, "a union has no schema", help);
            Vec::new()
        }
    };
    let variants = match &input.data {
        Data::Enum(data) => data
            .variants
            .iter()
            .flat_map(|variant| &variant.attrs)
            .collect(),
        _ => Vec::new(),
    };
    let inner = fields
        .into_iter()
        .flat_map(|field| &field.attrs)
        .chain(variants);
    for attr in inner.filter(|attr| is_schema(attr)) {
        report.at(
            attr,
            "`#[schema]` belongs to the type, not to a part of it",
            EXAMPLE,
        );
    }
}

fn is_schema(attr: &Attribute) -> bool {
    attr.path().is_ident("schema")
}

struct Pair {
    key: Ident,
    value: Expr,
}

fn pairs(attrs: &[Attribute], report: &mut Report) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for attr in attrs.iter().filter(|attr| is_schema(attr)) {
        let Ok(list) = attr.meta.require_list() else {
            report.at(attr, "`#[schema]` needs a name", EXAMPLE);
            continue;
        };
        let parser = Punctuated::<Pair, Token![,]>::parse_terminated;
        match parser.parse2(list.tokens.clone()) {
            Ok(parsed) => pairs.extend(parsed),
            Err(error) => report.push(error),
        }
    }
    pairs
}

impl syn::parse::Parse for Pair {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let fail = |span| {
            let text = crate::report::text("expected `key = value`", EXAMPLE);
            syn::Error::new(span, text)
        };
        let key = input
            .call(Ident::parse_any)
            .map_err(|error| fail(error.span()))?;
        if !input.peek(Token![=]) {
            return Err(fail(key.span()));
        }
        input.parse::<Token![=]>()?;
        if input.is_empty() || input.peek(Token![,]) {
            return Err(fail(key.span()));
        }
        Ok(Self {
            key,
            value: input.parse()?,
        })
    }
}

fn name(value: &Expr, declared: &mut Declared, report: &mut Report) {
    let Some(Lit::Str(literal)) = literal(value) else {
        return report.at(
            value,
            "`name` takes a text",
            "write `name = \"my-app.name\"`",
        );
    };
    let name = literal.value();
    let odd = |c: &char| !(c.is_alphanumeric() || PUNCTUATION.contains(c));
    if name.is_empty() {
        report.at(value, "the name is empty", "write `name = \"my-app.name\"`");
    } else if let Some(odd) = name.chars().find(odd) {
        let help = "a name has letters, digits and `.`, `-`, `_`, `:`, `/`";
        report.at(value, &format!("a name cannot have {odd:?} in it"), help);
    } else if name.len() > NAME_BYTES_MAX {
        let mistake = format!(
            "the name has {} bytes, the limit is {NAME_BYTES_MAX}",
            name.len()
        );
        report.at(value, &mistake, "shorten it");
    } else {
        declared.name = name;
    }
}

fn version(value: &Expr, declared: &mut Declared, report: &mut Report) {
    let refuse =
        |report: &mut Report, mistake: &str| report.at(value, mistake, "write `version = 1`");
    let Some(Lit::Int(literal)) = literal(value) else {
        return refuse(report, "`version` takes a number");
    };
    match literal.base10_parse::<u32>() {
        Ok(0) => refuse(report, "versions count from 1"),
        Ok(version) if matches!(literal.suffix(), "" | "u32") => declared.version = version,
        Ok(_) => refuse(report, "`version` is a `u32`"),
        Err(_) => refuse(report, "`version` is a number up to 4294967295"),
    }
}

fn literal(value: &Expr) -> Option<&Lit> {
    match value {
        Expr::Lit(lit) => Some(&lit.lit),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// The row of the key that is written, or that is nearest to it.
fn meant(key: &Ident) -> Option<(&'static str, &'static str)> {
    let near = nearest(&key.to_string(), KEYS.iter().map(|(name, _)| *name))?;
    KEYS.into_iter().find(|(name, _)| *name == near)
}

fn unknown(key: &Ident, report: &mut Report) {
    let known = format!(
        "a schema has the keys {}",
        listed(KEYS.iter().map(|(name, _)| *name))
    );
    let help = match meant(key) {
        Some((_, example)) => format!("did you mean `{example}`?\n{known}"),
        None => known,
    };
    report.at(key, &format!("unknown key `{key}`"), &help);
}
