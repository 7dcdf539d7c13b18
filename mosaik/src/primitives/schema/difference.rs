//! Where two schemas part.

use core::fmt;

use super::{Node, Part, Shape};

/// Longer descriptions are cut: a message is read by people.
const WORDS_CHARS_MAX: usize = 120;

/// The first place where two schemas differ, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The way to the place, from the type: `Order.lines[].price`.
    pub path: String,
    /// What is there on our side.
    pub ours: String,
    /// What is there on the other side.
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} here, {} there",
            self.path, self.ours, self.theirs
        )
    }
}

/// Goes through both trees, from the outside in and from the first field to the last.
pub(super) fn first(ours: &Node, theirs: &Node) -> Option<Difference> {
    let mut path = ours.name.clone().unwrap_or_else(|| "value".to_owned());
    compare(&mut path, ours, theirs)
}

fn compare(path: &mut String, ours: &Node, theirs: &Node) -> Option<Difference> {
    if ours.declared != theirs.declared {
        let words = |node: &Node| match &node.declared {
            Some(declared) => format!("declared as {declared}"),
            None => "not declared with a schema".to_owned(),
        };
        return Some(differ(path, words(ours), words(theirs)));
    }
    match (&ours.shape, &theirs.shape) {
        (Shape::Option(ours), Shape::Option(theirs)) => compare(path, ours, theirs),
        (Shape::List(ours), Shape::List(theirs)) => within(path, "[]", ours, theirs),
        (Shape::Array(length, ours), Shape::Array(other, theirs)) if length == other => {
            within(path, "[]", ours, theirs)
        }
        (Shape::Map(ours), Shape::Map(theirs)) => within(path, "[key]", &ours.0, &theirs.0)
            .or_else(|| within(path, "[]", &ours.1, &theirs.1)),
        (Shape::Tuple(ours), Shape::Tuple(theirs)) if ours.len() == theirs.len() => {
            let pairs = ours.iter().zip(theirs).enumerate();
            first_of(pairs, |(index, (ours, theirs))| {
                within(path, &format!(".{index}"), ours, theirs)
            })
        }
        (Shape::Struct(ours), Shape::Struct(theirs)) => compare_fields(path, ours, theirs),
        (Shape::Enum(ours), Shape::Enum(theirs)) => compare_variants(path, ours, theirs),
        (ours, theirs) if ours == theirs => None,
        (_, _) => Some(differ(path, words(ours), words(theirs))),
    }
}

/// Fields are told apart by their places.
fn compare_fields(path: &mut String, ours: &[Part], theirs: &[Part]) -> Option<Difference> {
    let place = |parts: &[Part], name: &str| parts.iter().position(|part| part.name == name);
    for index in 0..ours.len().max(theirs.len()) {
        let (our, their) = (ours.get(index), theirs.get(index));
        if let (Some(our), Some(their)) = (our, their)
            && our.name == their.name
        {
            let difference = within(path, &format!(".{}", our.name), &our.node, &their.node);
            if difference.is_some() {
                return difference;
            }
            continue;
        }
        let (name, our, their) = match (our, their) {
            (Some(our), _) if place(theirs, &our.name).is_none() => {
                (&our.name, words(&our.node), absent())
            }
            (_, Some(their)) if place(ours, &their.name).is_none() => {
                (&their.name, absent(), words(&their.node))
            }
            (Some(our), _) => {
                let there = place(theirs, &our.name).unwrap_or_default();
                (&our.name, nth_field(index), nth_field(there))
            }
            (None, Some(their)) => (&their.name, absent(), nth_field(index)),
            (None, None) => return None,
        };
        return Some(differ(&format!("{path}.{name}"), our, their));
    }
    None
}

/// Variants are told apart by their names; both lists are in the order of names.
fn compare_variants(path: &mut String, ours: &[Part], theirs: &[Part]) -> Option<Difference> {
    let of = |parts: &[Part], name: &str| parts.iter().position(|part| part.name == name);
    let ours_first = first_of(ours, |our| match of(theirs, &our.name) {
        Some(index) => within(
            path,
            &format!("::{}", our.name),
            &our.node,
            &theirs[index].node,
        ),
        None => Some(differ(
            &format!("{path}::{}", our.name),
            words(&our.node),
            absent(),
        )),
    });
    ours_first.or_else(|| {
        let extra = theirs
            .iter()
            .find(|their| of(ours, &their.name).is_none())?;
        let path = format!("{path}::{}", extra.name);
        Some(differ(&path, absent(), words(&extra.node)))
    })
}

fn first_of<T>(
    items: impl IntoIterator<Item = T>,
    find: impl FnMut(T) -> Option<Difference>,
) -> Option<Difference> {
    items.into_iter().find_map(find)
}

fn within(path: &mut String, step: &str, ours: &Node, theirs: &Node) -> Option<Difference> {
    let length = path.len();
    path.push_str(step);
    let difference = compare(path, ours, theirs);
    path.truncate(length);
    difference
}

fn differ(path: &str, ours: String, theirs: String) -> Difference {
    Difference {
        path: path.to_owned(),
        ours,
        theirs,
    }
}

fn words(node: &Node) -> String {
    let mut words = node.to_string();
    if let Some((end, _)) = words.char_indices().nth(WORDS_CHARS_MAX) {
        words.truncate(end);
        words.push('…');
    }
    words
}

fn absent() -> String {
    "absent".to_owned()
}

fn nth_field(index: usize) -> String {
    format!("field {}", index + 1)
}
