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

/// The plain case of a macro, stored whole: what the others are compared with.
const PLAIN: &str = "simple.rs";

/// A case is a file: what the user writes in `//` lines, then its expansion. In a file `<name>.rs` that is
/// the whole; in `<name>.diff`, which shows one thing, what differs from the plain case.
fn cases(macro_name: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = fs::read_dir(folder(macro_name))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    cases
}

fn folder(macro_name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("snapshots")
        .join(macro_name)
}

/// The lines of a stored case that say what the user writes.
fn input(stored: &str) -> Vec<&str> {
    stored
        .lines()
        .take_while(|line| line.starts_with("//"))
        .collect()
}

fn expansion(macro_name: &str, stored: &str) -> String {
    let input: Vec<&str> = input(stored)
        .iter()
        .map(|line| line.trim_start_matches('/'))
        .collect();
    let input = input.join("\n");
    let tokens = |text: &str| text.parse().expect("balanced tokens");
    let items = match macro_name {
        "machine" => {
            // What stands behind the first line is the item.
            let (arguments, item) = input.split_once('\n').expect("two lines");
            crate::machine::state_machine(tokens(arguments), tokens(item))
        }
        "stream" => crate::stream::stream(tokens(&format!("::mosaik; {input}"))),
        "collection" => crate::collection::collection(tokens(&format!("::mosaik; {input}"))),
        "schema" => crate::schema::derive(tokens(&input)),
        other => panic!("no macro `{other}`"),
    };
    prettyplease::unparse(&syn::parse2(items).expect("the expansion is a list of items"))
}

/// The lines to leave out and to put in, under the item of the plain case that they stand in.
fn difference(plain: &str, other: &str) -> String {
    let (plain, other): (Vec<&str>, Vec<&str>) = (plain.lines().collect(), other.lines().collect());
    // How many lines the rests have in common, from each pair of places on.
    let mut common = vec![vec![0usize; other.len() + 1]; plain.len() + 1];
    for old in (0..plain.len()).rev() {
        for new in (0..other.len()).rev() {
            common[old][new] = if plain[old] == other[new] {
                common[old + 1][new + 1] + 1
            } else {
                common[old + 1][new].max(common[old][new + 1])
            };
        }
    }
    let begins_item =
        |line: &&str| line.starts_with(|first: char| first.is_alphanumeric()) && *line != "where";
    let (mut old, mut new) = (0, 0);
    let mut text = String::new();
    while old < plain.len() || new < other.len() {
        if plain.get(old) == other.get(new) {
            (old, new) = (old + 1, new + 1);
            continue;
        }
        let item = plain[..old].iter().rfind(|line| begins_item(line));
        text += &format!("@@ {}\n", item.unwrap_or(&"the beginning"));
        let (old_first, new_first) = (old, new);
        while plain.get(old) != other.get(new) {
            if new == other.len()
                || old < plain.len() && common[old + 1][new] >= common[old][new + 1]
            {
                old += 1;
            } else {
                new += 1;
            }
        }
        // What is left out can be read in the plain case.
        let left_out = &plain[old_first..old];
        let shown = if left_out.len() > LEFT_OUT_MAX {
            1
        } else {
            left_out.len()
        };
        for line in &left_out[..shown] {
            text += &format!("-{line}\n");
        }
        if shown < left_out.len() {
            text += &format!("- and {} lines more\n", left_out.len() - shown);
        }
        for line in &other[new_first..new] {
            text += &format!("+{line}\n");
        }
    }
    text
}

/// Lines left out in one place that are shown.
const LEFT_OUT_MAX: usize = 4;

fn check(macro_name: &str, at_least: usize) {
    let update = std::env::var_os("MOSAIK_UPDATE_SNAPSHOTS").is_some();
    let cases = cases(macro_name);
    assert!(cases.len() >= at_least, "{} cases", cases.len());
    let read = |case: &Path| fs::read_to_string(case).expect("a text file");
    let plain = expansion(macro_name, &read(&folder(macro_name).join(PLAIN)));
    let mut changed = Vec::new();
    for case in cases {
        let stored = read(&case);
        let whole = expansion(macro_name, &stored);
        let shown = match case.extension().is_some_and(|ending| ending == "diff") {
            true => difference(&plain, &whole),
            false => whole,
        };
        let current = format!("{}\n\n{shown}", input(&stored).join("\n"));
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
    check("collection", 10);
}

#[test]
fn machines_expand_as_stored() {
    check("machine", 6);
}

#[test]
fn schemas_expand_as_stored() {
    check("schema", 3);
}

/// A crate that is known under another name changes the paths, and nothing else.
#[test]
fn a_renamed_crate_changes_the_paths_only() {
    let stored = fs::read_to_string(folder("machine").join(PLAIN)).expect("a text file");
    let (first, item) = stored.split_once('\n').expect("two lines");
    let renamed = expansion("machine", &format!("{first}, crate = mesh\n{item}"));
    // As if each path was as long as before: what is laid out anew is not what changes.
    let squeezed = |text: &str| text.replace([' ', '\n', ','], "");
    let plain = squeezed(&expansion("machine", &stored)).replace("::mosaik::", "mesh::");
    assert!(squeezed(&renamed) == plain, "{renamed}");
}

#[test]
fn a_difference_names_the_item_and_the_lines() {
    let plain = "fn a() {\n    1\n}\nfn b() {\n    2\n}\n";
    assert_eq!(difference(plain, plain), "");
    let other = "fn a() {\n    1\n}\nfn b() {\n    3\n}\nfn c() {}\n";
    assert_eq!(
        difference(plain, other),
        "@@ fn b() {\n-    2\n+    3\n@@ fn b() {\n+fn c() {}\n"
    );
}
