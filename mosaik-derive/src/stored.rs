//! Files of `mosaik` that are written from the tables here, and compared with them.

use proc_macro2::TokenStream;
use std::path::Path;

/// Compares a file with the items that it should have. `MOSAIK_UPDATE_SNAPSHOTS=1 cargo test -p
/// mosaik-derive` writes it anew.
pub(crate) fn assert_written(file: &str, head: &str, items: TokenStream) {
    let items = syn::parse2(items).expect("items");
    let current = format!("{head}{}", prettyplease::unparse(&items));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("MOSAIK_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &current).expect("writable");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        current == stored,
        "differs from the table; it should be:\n{current}"
    );
}
