//! Expansions, as stored text: a change of what users' crates compile shows in a diff.
//! `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p mosaik-derive` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

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
fn machines_expand_as_stored() {
    check("machine", 6);
}

#[test]
fn schemas_expand_as_stored() {
    check("schema", 3);
}
