//! Names that a command or a query cannot have: a `Group` has a method of that name already, and the
//! compiler would call that one without a word.

/// The methods of `Group`, and those that every value has.
pub(super) const NAMES: &[&str] = &[
    "bonds",
    "committed",
    "config",
    "drop",
    "events",
    "execute",
    "execute_many",
    "execute_many_with_responses",
    "execute_with_response",
    "feed",
    "feed_many",
    "id",
    "into",
    "is_leader",
    "leader",
    "log_position",
    "look",
    "query",
    "refusals",
    "status",
    "to_string",
    "try_into",
    "when",
];

#[cfg(test)]
mod tests {
    use super::NAMES;
    use std::path::Path;
    use syn::{ImplItem, Item, Type, Visibility};

    /// The public methods of `Group`, wherever under `groups` they are written.
    fn methods(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                methods(&path, found);
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a text file");
            if !text.contains("Group<M>") {
                continue;
            }
            for item in syn::parse_file(&text).expect("a source file").items {
                let Item::Impl(item) = item else { continue };
                let of_group = matches!(&*item.self_ty, Type::Path(path)
                    if path.path.segments.last().is_some_and(|last| last.ident == "Group"));
                if !of_group || item.trait_.is_some() {
                    continue;
                }
                found.extend(item.items.iter().filter_map(|member| match member {
                    ImplItem::Fn(method) if matches!(method.vis, Visibility::Public(_)) => {
                        Some(method.sig.ident.to_string())
                    }
                    _ => None,
                }));
            }
        }
    }

    #[test]
    fn every_method_of_a_group_is_reserved() {
        let mut found = Vec::new();
        let groups = Path::new(env!("CARGO_MANIFEST_DIR")).join("../mosaik/src/groups");
        methods(&groups, &mut found);
        assert!(found.len() > 10, "{found:?}");
        for name in found {
            assert!(NAMES.contains(&&*name), "`{name}` is missing");
        }
        assert!(NAMES.is_sorted());
    }
}
