//! Type names that do not depend on where a type lives.

use super::declared::Declared;

/// The name of `T` without the paths of its parts: `Vec<Order>` for `Vec<my_crate::model::Order>`.
///
/// A part declared with `#[derive(Schema)]` appears as its declared name and version. Types with
/// one name in two modules share it; their schemas tell them apart.
pub fn stable_type_name<T: ?Sized>() -> String {
    stable(core::any::type_name::<T>())
}

/// Replaces every path by its last part, or by what is declared for it.
pub(super) fn stable(type_name: &str) -> String {
    let mut stable = String::with_capacity(type_name.len());
    let mut rest = type_name;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| !is_path_char(c)).unwrap_or(rest.len());
        // A colon alone does not begin a path, but the last part of one never begins with a colon.
        if end == 0 {
            stable.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (path, after) = rest.split_at(end);
        match Declared::of(path) {
            Some(declared) => stable.push_str(&declared.to_string()),
            None => stable.push_str(path.rsplit("::").next().unwrap_or(path)),
        }
        rest = after;
    }
    stable
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '#' | '{' | '}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    struct Local<T>(core::marker::PhantomData<T>);
    struct Renamed;

    inventory::submit! {
        Declared {
            type_name: core::any::type_name::<Renamed>,
            name: "orders.renamed",
            version: 3,
        }
    }

    #[test]
    fn paths_are_removed() {
        let table = [
            ("u8", "u8"),
            ("alloc::string::String", "String"),
            ("alloc::vec::Vec<a::b::Order>", "Vec<Order>"),
            ("(a::B, c::D<e::F, [g::H; 4]>)", "(B, D<F, [H; 4]>)"),
            ("&[a::B]", "&[B]"),
            ("dyn a::B<c::D> + core::marker::Send", "dyn B<D> + Send"),
            ("fn(a::B) -> c::D", "fn(B) -> D"),
            ("a::function::{{closure}}", "{{closure}}"),
            ("<a::B as c::D>::E", "<B as D>E"),
            ("()", "()"),
            ("größe::Maß", "Maß"),
        ];
        for (path, expected) in table {
            assert_eq!(stable(path), expected);
        }
    }

    #[test]
    fn of_types() {
        assert_eq!(stable_type_name::<str>(), "str");
        assert_eq!(
            stable_type_name::<BTreeMap<u8, Option<Local<Local<u8>>>>>(),
            "BTreeMap<u8, Option<Local<Local<u8>>>>"
        );
    }

    #[test]
    fn declared_names_replace_paths() {
        assert_eq!(stable_type_name::<Renamed>(), "orders.renamed@3");
        assert_eq!(
            stable_type_name::<Vec<Local<Renamed>>>(),
            "Vec<Local<orders.renamed@3>>"
        );
    }
}
