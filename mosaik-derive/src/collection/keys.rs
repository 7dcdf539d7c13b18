//! The table of everything that can stand in the list of a `collection!` declaration.

use crate::declaration::{Key, Language, Routing, Value};
use crate::owned;
use crate::report::error_at;
use syn::Type;

/// One of the two ways to take part in a collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    Reader,
    Writer,
}

impl Language for Mode {
    const BOTH: [Self; 2] = [Self::Reader, Self::Writer];
    const NOUN: &'static str = "collection";
    const OF: &'static str = "its type";
    const EXAMPLE: &'static str = "Map<String, u64>";
    const ID: &'static str = "StoreId";
    const KIND: &'static [&'static str] = &["collection", "Collection"];
    const ASKS: &'static str = "collection";
    const TYPE: &'static str = "Collection";
    const NEEDS_ID: bool = true;
    const BORROWS: (&'static str, &'static str) = (
        "a collection cannot borrow: what is in it travels to other processes",
        "remove the lifetime and declare the collection over types that own their data",
    );
    const KEYS: &'static [Key<Self>] = KEYS;
    const NOT_KEYS: &'static [(&'static str, &'static str)] = NOT_KEYS;
    const EXCLUSIVE: &'static [[&'static str; 2]] = &[];

    fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
        }
    }

    fn check_type(ty: &Type) -> syn::Result<()> {
        owned::check(ty, &ITEMS)?;
        replicated(ty)
    }
}

/// What is said about a type that cannot be a collection.
const ITEMS: owned::Words = owned::Words {
    owns: "a collection owns what is in it",
    stated: "a collection states its type",
    concrete: "a collection has one concrete type",
    concrete_help: "write one of `mosaik::collections`, such as `Map<String, u64>`",
};

/// Collections of one process, and what to write instead.
const LOCAL: [(&str, &str); 8] = [
    ("HashMap", "Map"),
    ("BTreeMap", "OrderedMap"),
    ("HashSet", "Set"),
    ("BTreeSet", "Set"),
    ("VecDeque", "Vec"),
    ("BinaryHeap", "PriorityQueue"),
    ("OnceCell", "Once"),
    ("OnceLock", "Once"),
];

/// Refuses types that are certainly no collection. The rest is left to the trait.
fn replicated(ty: &Type) -> syn::Result<()> {
    const HELP: &str = "write one of `mosaik::collections`, such as `Map<String, u64>`";
    match ty {
        Type::Paren(inner) => replicated(&inner.elem),
        Type::Group(inner) => replicated(&inner.elem),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else {
                return Ok(());
            };
            let name = last.ident.to_string();
            let first = path.path.segments.first();
            let of_std = first.is_some_and(|first| first.ident == "std" || first.ident == "alloc");
            let local = LOCAL.iter().find(|(local, _)| *local == name);
            match (local, of_std) {
                (Some((_, instead)), _) => {
                    let mistake = format!("a `{name}` is in one process only");
                    let help = format!("write `mosaik::collections::{instead}<…>`");
                    Err(error_at(ty, &mistake, &help))
                }
                (None, true) => {
                    let mistake = "a collection of the standard library is in one process only";
                    Err(error_at(ty, mistake, HELP))
                }
                (None, false) => Ok(()),
            }
        }
        Type::Macro(_) => Ok(()),
        _ => Err(error_at(
            ty,
            "a collection has a type of `mosaik::collections`",
            HELP,
        )),
    }
}

const KEYS: &[Key<Mode>] = &[
    Key {
        name: "require_ticket",
        routing: Routing::Whole,
        repeatable: true,
        value: Value::Object,
        words: "a ticket validator",
        example: "Jwt::with_key(KEY)",
        method: "require_ticket",
        argument: "impl TicketValidator",
        parameters: "",
        doc: "The ticket that every member must hold. Repeat it to ask for several.",
    },
    Key {
        name: "require_tdx",
        routing: Routing::Whole,
        repeatable: true,
        value: Value::Measurements,
        words: "measurements in braces",
        example: "{ own_image }",
        method: "require_ticket",
        argument: "impl TicketValidator",
        parameters: "",
        doc: "The guest image that every member must run, proven by Intel TDX. See below.",
    },
    Key {
        name: "sync",
        routing: Routing::Whole,
        repeatable: false,
        value: Value::Object,
        words: "a `SyncConfig`",
        example: "SyncConfig::default()",
        method: "with_sync",
        argument: "SyncConfig",
        parameters: "",
        doc: "How snapshots travel to new members. All members need the same.",
    },
    Key {
        name: "consensus",
        routing: Routing::Whole,
        repeatable: false,
        value: Value::Object,
        words: "a `ConsensusConfig`",
        example: "ConsensusConfig::default()",
        method: "with_consensus",
        argument: "ConsensusConfig",
        parameters: "",
        doc: "How fast members notice, elect and give up. All members need the same.",
    },
    Key {
        name: "formation",
        routing: Routing::Whole,
        repeatable: false,
        value: Value::Object,
        words: "a `Formation`",
        example: "Formation::Expect(3)",
        method: "with_formation",
        argument: "Formation",
        parameters: "",
        doc: "Which writers found the history. Default: whoever is there first.",
    },
    Key {
        name: "history",
        routing: Routing::Whole,
        repeatable: false,
        value: Value::Count {
            instead_of_zero: "the smallest is 1",
        },
        words: "a number of changes",
        example: "1024",
        method: "with_history",
        argument: "usize",
        parameters: "",
        doc: "How many changes a node keeps for those who follow them. Default: 4096.",
    },
];

const NOT_KEYS: &[(&str, &str)] = &[
    (
        "id",
        "the id follows the type: `collection!(Name = Map<String, u64>, \"my-app.name\")`",
    ),
    (
        "store_id",
        "the id follows the type: `collection!(Name = Map<String, u64>, \"my-app.name\")`",
    ),
    (
        "name",
        "the id follows the type: `collection!(Name = Map<String, u64>, \"my-app.name\")`",
    ),
    (
        "require",
        "who may take part in a collection is decided by tickets: `require_ticket: …`",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declaration::{Misplaced, assert_consistent};

    #[test]
    fn the_table_is_consistent() {
        assert_consistent::<Mode>();
    }

    #[test]
    fn keys_are_of_the_whole() {
        for key in KEYS {
            assert_eq!(key.routing.sides(None), Ok(Mode::BOTH.to_vec()));
            let prefixed = key.routing.sides(Some(Mode::Reader));
            assert_eq!(prefixed, Err(Misplaced::OfTheWhole));
        }
    }
}
