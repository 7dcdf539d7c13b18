//! The bytes of a schema: what is fingerprinted, and what travels.
//!
//! A node is its declaration if it has one, a tag and what the tag needs. Numbers are big-endian,
//! texts have their length before them, and nothing can be written in two ways.

use core::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Leaf, Node, Part, Schema, Shape};
use crate::primitives::Digest;
use crate::primitives::limits::{SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX};

/// Changes with this format, and with the way that types are traced.
const FORMAT: u8 = 1;

/// Longer names are replaced by [`bounded_name`].
const NAME_BYTES_MAX: usize = 256;

/// What is kept of a longer name, before its digest.
const NAME_BYTES_KEPT: usize = 128;

// Tags of leaves are the numbers of `Leaf`.
const OPTION: u8 = 32;
const LIST: u8 = 33;
const MAP: u8 = 34;
const ARRAY: u8 = 35;
const TUPLE: u8 = 36;
const STRUCT: u8 = 37;
const ENUM: u8 = 38;
const AGAIN: u8 = 39;
const OPAQUE: u8 = 40;
const UNKNOWN: u8 = 41;
const DECLARED: u8 = 42;

/// A schema that a peer will accept: one that is too large is reduced to its own digest.
pub(super) fn bounded(schema: Schema) -> Schema {
    let bytes = encode(&schema);
    if decode(&bytes).is_some() {
        return schema;
    }
    Schema {
        root: Node {
            shape: Shape::Opaque(format!("schema {}", Digest::hash(&bytes))),
            ..schema.root
        },
    }
}

/// The name, or for one that is too long its beginning and its digest.
pub(super) fn bounded_name(name: String) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name;
    }
    let kept = &name[..name.floor_char_boundary(NAME_BYTES_KEPT)];
    format!("{kept}… {}", Digest::from(name.as_str()))
}

pub(super) fn encode(schema: &Schema) -> Vec<u8> {
    let mut out = vec![FORMAT];
    write_node(&mut out, &schema.root);
    out
}

fn write_node(out: &mut Vec<u8>, node: &Node) {
    if let Some(declared) = &node.declared {
        out.push(DECLARED);
        write_text(out, declared);
    }
    match &node.shape {
        Shape::Leaf(leaf) => out.push(*leaf as u8),
        Shape::Option(inner) => write_nodes(out, OPTION, [&**inner]),
        Shape::List(item) => write_nodes(out, LIST, [&**item]),
        Shape::Map(pair) => write_nodes(out, MAP, [&pair.0, &pair.1]),
        Shape::Array(length, item) => {
            out.push(ARRAY);
            write_count(out, *length as usize);
            write_node(out, item);
        }
        Shape::Tuple(parts) => {
            out.push(TUPLE);
            write_count(out, parts.len());
            parts.iter().for_each(|part| write_node(out, part));
        }
        Shape::Struct(fields) => write_parts(out, STRUCT, fields),
        Shape::Enum(variants) => write_parts(out, ENUM, variants),
        Shape::Again(levels) => {
            out.push(AGAIN);
            write_count(out, *levels as usize);
        }
        Shape::Opaque(name) => {
            out.push(OPAQUE);
            write_text(out, name);
        }
        Shape::Unknown => out.push(UNKNOWN),
    }
}

fn write_nodes<const N: usize>(out: &mut Vec<u8>, tag: u8, nodes: [&Node; N]) {
    out.push(tag);
    nodes.into_iter().for_each(|node| write_node(out, node));
}

fn write_parts(out: &mut Vec<u8>, tag: u8, parts: &[Part]) {
    out.push(tag);
    write_count(out, parts.len());
    for part in parts {
        write_text(out, &part.name);
        write_node(out, &part.node);
    }
}

fn write_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    debug_assert!(
        text.len() <= NAME_BYTES_MAX,
        "names are bounded where they are made"
    );
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Reads a schema from anywhere: bounded in bytes, nodes and depth, and written only as we write.
fn decode(bytes: &[u8]) -> Option<Schema> {
    if bytes.len() > SCHEMA_BYTES_MAX {
        return None;
    }
    let rest = bytes.strip_prefix(&[FORMAT])?;
    let mut reader = Reader {
        rest,
        nodes_left: SCHEMA_NODES_MAX,
    };
    let root = reader.node(0)?;
    reader.rest.is_empty().then_some(Schema { root })
}

struct Reader<'a> {
    rest: &'a [u8],
    nodes_left: usize,
}

impl Reader<'_> {
    fn node(&mut self, depth: usize) -> Option<Node> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        if depth > SCHEMA_DEPTH_MAX {
            return None;
        }
        let mut tag = self.byte()?;
        let mut declared = None;
        if tag == DECLARED {
            declared = Some(self.text()?);
            tag = self.byte()?;
        }
        let shape = match tag {
            OPTION => Shape::Option(Box::new(self.node(depth + 1)?)),
            LIST => Shape::List(Box::new(self.node(depth + 1)?)),
            MAP => Shape::Map(Box::new((self.node(depth + 1)?, self.node(depth + 1)?))),
            ARRAY => Shape::Array(self.count()?, Box::new(self.node(depth + 1)?)),
            TUPLE => Shape::Tuple(self.many(|reader| reader.node(depth + 1))?),
            STRUCT => Shape::Struct(self.many(|reader| reader.part(depth + 1))?),
            ENUM => Shape::Enum(self.many(|reader| reader.part(depth + 1))?),
            AGAIN => Shape::Again(self.count()?),
            OPAQUE => Shape::Opaque(self.text()?),
            UNKNOWN => Shape::Unknown,
            leaf => Shape::Leaf(Leaf::ALL.get(usize::from(leaf).checked_sub(1)?)?.0),
        };
        Some(Node {
            name: None,
            declared,
            shape,
        })
    }

    fn part(&mut self, depth: usize) -> Option<Part> {
        Some(Part {
            name: self.text()?,
            node: self.node(depth)?,
        })
    }

    /// Grows with what is really there, not with what is announced.
    fn many<T>(&mut self, mut read: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.count()?).map(|_| read(self)).collect()
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn count(&mut self) -> Option<u32> {
        let (count, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u32::from_be_bytes(*count))
    }

    fn text(&mut self) -> Option<String> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (text, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        let text = core::str::from_utf8(text).ok()?;
        (length <= NAME_BYTES_MAX).then(|| text.to_owned())
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&encode(self))
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(SchemaVisitor)
    }
}

struct SchemaVisitor;

impl Visitor<'_> for SchemaVisitor {
    type Value = Schema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a schema of format {FORMAT} and at most {SCHEMA_BYTES_MAX} bytes"
        )
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Schema, E> {
        decode(bytes).ok_or_else(|| E::custom(format_args!("not {}", Expected(&self))))
    }
}

struct Expected<'a>(&'a SchemaVisitor);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}
