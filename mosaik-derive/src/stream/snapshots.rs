//! Expansions, as stored text: a change of what users' crates compile shows in a diff.
//! `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p mosaik-derive` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

/// A case is a file `<name>.rs`: the declaration in `//` lines, then its expansion.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/stream");
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.sort();
    cases
}

fn expansion(declaration: &str) -> String {
    let input = format!("::mosaik; {declaration}")
        .parse()
        .expect("balanced tokens");
    let file = syn::parse2(super::stream(input)).expect("the expansion is a list of items");
    prettyplease::unparse(&file)
}

#[test]
fn expansions_are_as_stored() {
    let update = std::env::var_os("MOSAIK_UPDATE_SNAPSHOTS").is_some();
    let cases = cases();
    assert!(cases.len() >= 10, "{} cases", cases.len());
    let mut changed = Vec::new();
    for case in cases {
        let stored = fs::read_to_string(&case).expect("a text file");
        let head: Vec<&str> = stored
            .lines()
            .take_while(|line| line.starts_with("//"))
            .collect();
        let declaration = head
            .iter()
            .map(|line| line.trim_start_matches('/'))
            .collect::<Vec<_>>()
            .join("\n");
        let current = format!("{}\n\n{}", head.join("\n"), expansion(&declaration));
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
