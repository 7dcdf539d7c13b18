//! A schema: the tree, and what can be asked of it.

use core::fmt;

use serde::de::DeserializeOwned;

use super::{Difference, difference, stable_type_name, trace, wire};
use crate::primitives::Digest;

/// The shape of a type, found out by asking the type how it would be decoded.
///
/// The same type gives the same schema in every process. Where a type looks at the values (as an
/// email address does) and accepts none of the samples, the rest of it stays unknown, on both sides
/// alike. A recursive type refers back to itself.
///
/// Its serde form is one bounded byte string, so a schema may come from a peer.
#[derive(Clone)]
pub struct Schema {
    pub(super) root: Node,
}

/// One place of a schema.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The type's name on this side; for messages only.
    pub(super) name: Option<String>,
    /// Name and version from `#[derive(Schema)]`.
    pub(super) declared: Option<String>,
    pub(super) shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Leaf(Leaf),
    Option(Box<Node>),
    List(Box<Node>),
    Map(Box<(Node, Node)>),
    /// Many of one shape, a fixed number of times.
    Array(u32, Box<Node>),
    Tuple(Vec<Node>),
    /// Fields in their order.
    Struct(Vec<Part>),
    /// Variants by name.
    Enum(Vec<Part>),
    /// The same as this many levels up.
    Again(u32),
    /// An encoding of its own, by the name of its type.
    Opaque(String),
    /// Accepts values that we do not know.
    Unknown,
}

/// A named part: a field of a struct, or a variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    pub(super) node: Node,
}

/// A value without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Leaf {
    Unit = 1,
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    /// A variant that has a name and nothing else.
    Bare,
}

impl Leaf {
    pub(super) const ALL: [(Self, &'static str); 18] = [
        (Self::Unit, "()"),
        (Self::Bool, "bool"),
        (Self::I8, "i8"),
        (Self::I16, "i16"),
        (Self::I32, "i32"),
        (Self::I64, "i64"),
        (Self::I128, "i128"),
        (Self::U8, "u8"),
        (Self::U16, "u16"),
        (Self::U32, "u32"),
        (Self::U64, "u64"),
        (Self::U128, "u128"),
        (Self::F32, "f32"),
        (Self::F64, "f64"),
        (Self::Char, "char"),
        (Self::Text, "text"),
        (Self::Bytes, "bytes"),
        (Self::Bare, "no content"),
    ];
}

impl Schema {
    /// The schema of a serde type.
    ///
    /// Decodes samples of the type some times: about a microsecond for every field and variant.
    pub fn of<T: DeserializeOwned>() -> Self {
        let mut root = trace::of::<T>();
        root.name.get_or_insert_with(stable_type_name::<T>);
        wire::bounded(Self { root })
    }

    /// The schema of a type with an encoding of its own: only its name is known.
    pub fn opaque_of<T: ?Sized>() -> Self {
        let name = stable_type_name::<T>();
        Self {
            root: Node {
                shape: Shape::Opaque(wire::bounded_name(name.clone())),
                name: Some(name),
                declared: None,
            },
        }
    }

    /// Equal for schemas without a [difference](Schema::first_difference), and only for those.
    pub fn fingerprint(&self) -> Digest {
        Digest::hash(&wire::encode(self))
    }

    /// Where two schemas part first, from the outside in; `None` if they do not.
    pub fn first_difference(ours: &Self, theirs: &Self) -> Option<Difference> {
        difference::first(&ours.root, &theirs.root)
    }
}

/// Equal if they have no difference, whatever their types are called.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.root == other.root
    }
}

impl Eq for Schema {}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.declared == other.declared && self.shape == other.shape
    }
}

impl Eq for Node {}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The type in words, on one line.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.root, f)
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(declared) = &self.declared {
            write!(f, "{declared} ")?;
        }
        fmt::Display::fmt(&self.shape, f)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(leaf) => f.write_str(leaf.name()),
            Self::Option(inner) => write!(f, "optional {inner}"),
            Self::List(item) => write!(f, "list of {item}"),
            Self::Map(pair) => write!(f, "map of {} to {}", pair.0, pair.1),
            Self::Array(length, item) => write!(f, "{length} times {item}"),
            Self::Tuple(parts) => {
                f.write_str("(")?;
                separated(f, parts, |f, part| write!(f, "{part}"))?;
                f.write_str(")")
            }
            Self::Struct(fields) => {
                f.write_str("struct {")?;
                separated(f, fields, |f, field| {
                    write!(f, "{}: {}", field.name, field.node)
                })?;
                f.write_str("}")
            }
            Self::Enum(variants) => {
                f.write_str("enum {")?;
                separated(f, variants, |f, variant| match &variant.node.shape {
                    Self::Leaf(Leaf::Bare) => f.write_str(&variant.name),
                    content => write!(f, "{}: {content}", variant.name),
                })?;
                f.write_str("}")
            }
            Self::Again(levels) => write!(f, "the same as {levels} up"),
            Self::Opaque(name) => write!(f, "{name} with its own encoding"),
            Self::Unknown => f.write_str("something of its own rules"),
        }
    }
}

impl Leaf {
    pub(super) fn name(self) -> &'static str {
        Self::ALL[self as usize - 1].1
    }
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    each: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        each(f, item)?;
    }
    Ok(())
}
