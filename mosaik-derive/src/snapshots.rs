//! Expansions in tests: what they say, and what they are, as stored text: a change of what users' crates compile shows in a diff.
//! `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p mosaik-derive` writes them anew.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::fs;
use std::path::{Path, PathBuf};
use syn::{Item, ItemMacro};

/// The first lines of the errors in an expansion, and the expansion, which is a list of items whatever
/// it says.
pub(crate) fn mistakes_of(expansion: TokenStream) -> (Vec<String>, syn::File) {
    let file: syn::File = syn::parse2(expansion.clone())
        .unwrap_or_else(|error| panic!("not a list of items: {error}\n{expansion}"));
    let mistakes = file.items.iter().filter_map(mistake).collect();
    (mistakes, file)
}

/// A `compile_error!` as an item, or as the length of the array that stands for what is unknown.
fn mistake(item: &Item) -> Option<String> {
    let mac = match item {
        Item::Macro(ItemMacro { mac, .. }) => mac,
        Item::Type(alias) => match &*alias.ty {
            syn::Type::Array(syn::TypeArray {
                len: syn::Expr::Macro(length),
                ..
            }) => &length.mac,
            _ => return None,
        },
        _ => return None,
    };
    let name = mac.path.segments.last().expect("a path").ident.to_string();
    (name == "compile_error").then(|| {
        let text: syn::LitStr = mac.parse_body().expect("a text");
        text.value().lines().next().unwrap_or_default().to_owned()
    })
}

/// Every declaration that lacks a token of `whole`, has one twice, or has two in the wrong order.
pub(crate) fn damaged(whole: TokenStream) -> Vec<TokenStream> {
    let tokens: Vec<TokenTree> = whole.into_iter().collect();
    let start = 1 + tokens
        .iter()
        .position(|token| token.to_string() == ";")
        .expect("the root ends");
    let mut all = Vec::new();
    for index in start..tokens.len() {
        let mut shorter = tokens.clone();
        shorter.remove(index);
        let mut longer = tokens.clone();
        longer.insert(index, tokens[index].clone());
        let mut swapped = tokens.clone();
        swapped.swap(index, (index + 1).min(tokens.len() - 1));
        let cut = tokens[..index].to_vec();
        let mut emptied = tokens.clone();
        if let TokenTree::Group(group) = &tokens[index] {
            emptied[index] = Group::new(group.delimiter(), TokenStream::new()).into();
        }
        let mut wrapped = tokens.clone();
        wrapped[index] = Group::new(Delimiter::None, tokens[index].clone().into()).into();
        let damaged = [shorter, longer, swapped, cut, emptied, wrapped];
        all.extend(damaged.map(|tokens| tokens.into_iter().collect::<TokenStream>()));
    }
    all
}

/// A case is a file `<name>.rs`: what the user writes in `//` lines, then its expansion.
fn cases(macro_name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(macro_name);
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    cases
}

fn expansion(macro_name: &str, input: &str) -> String {
    let tokens = |text: &str| text.parse().expect("balanced tokens");
    let items = match macro_name {
        "machine" => {
            // What stands behind the first line is the item.
            let (arguments, item) = input.split_once('\n').expect("two lines");
            crate::machine::state_machine(tokens(arguments), tokens(item))
        }
        "stream" => crate::stream::stream(tokens(&format!("::mosaik; {input}"))),
        "collection" => crate::collection::collection(tokens(&format!("::mosaik; {input}"))),
        "schema" => crate::schema::derive(tokens(input)),
        other => panic!("no macro `{other}`"),
    };
    prettyplease::unparse(&syn::parse2(items).expect("the expansion is a list of items"))
}

fn check(macro_name: &str, at_least: usize) {
    let update = std::env::var_os("MOSAIK_UPDATE_SNAPSHOTS").is_some();
    let cases = cases(macro_name);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let mut changed = Vec::new();
    for case in cases {
        let stored = fs::read_to_string(&case).expect("a text file");
        let head: Vec<&str> = stored
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        let input: Vec<&str> = head
            .iter()
            .map(|line| line.trim_start_matches('/'))
            .collect();
        let expansion = expansion(macro_name, &input.join("\n"));
        let current = format!("{}\n\n{expansion}", head.join("\n"));
        if current != stored {
            if update {
                fs::write(&case, &current).expect("writable");
            } else {
                changed.push(format!("{}\n{current}", case.display()));
            }
        }
    }
    assert!(
        changed.is_empty(),
        "changed expansions:\n{}",
        changed.join("\n")
    );
}

#[test]
fn streams_expand_as_stored() {
    check("stream", 12);
}

#[test]
fn collections_expand_as_stored() {
    check("collection", 8);
}

#[test]
fn machines_expand_as_stored() {
    check("machine", 6);
}

#[test]
fn schemas_expand_as_stored() {
    check("schema", 3);
}
