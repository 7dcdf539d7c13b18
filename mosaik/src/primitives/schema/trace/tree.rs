//! From the places of a trace to the tree of a schema.

use super::{
    Asked, Node, Part, Place, SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX, Shape, Trace, UNNAMED,
    bounded_name, stable,
};

/// Turns the places into the tree.
pub(super) struct Builder<'t> {
    trace: &'t Trace,
    /// The places above, and their levels.
    above: Vec<(usize, usize)>,
    nodes_left: usize,
}

impl<'t> Builder<'t> {
    pub(super) fn new(trace: &'t Trace) -> Self {
        Self {
            trace,
            above: Vec::new(),
            nodes_left: SCHEMA_NODES_MAX / 2,
        }
    }

    pub(super) fn node(&mut self, index: usize, level: usize) -> Node {
        let trace = self.trace;
        let place = &trace.places[index];
        let declared = place
            .declared
            .map(|declared| bounded_name(declared.to_string()));
        if self.nodes_left == 0 || level >= SCHEMA_DEPTH_MAX {
            return Node {
                name: None,
                declared,
                shape: Shape::Unknown,
            };
        }
        if let (Asked::Newtype, Some(inner)) = (place.asked, place.parts.first()) {
            return self.newtype(index, *inner, declared, level);
        }
        self.nodes_left -= 1;
        self.above.push((index, level));
        let shape = self.shape(place, level + 1);
        self.above.pop();
        let name = match (&declared, place.type_name) {
            (Some(declared), _) => Some(declared.clone()),
            (None, UNNAMED) => None,
            (None, type_name) => Some(stable(type_name)),
        };
        Node {
            name,
            declared,
            shape,
        }
    }

    /// A newtype is written like what is in it.
    fn newtype(
        &mut self,
        index: usize,
        inner: usize,
        declared: Option<String>,
        level: usize,
    ) -> Node {
        self.above.push((index, level));
        let mut node = self.node(inner, level);
        self.above.pop();
        node.declared = match (declared, node.declared) {
            (Some(outer), Some(inner)) => Some(bounded_name(format!("{outer} of {inner}"))),
            (outer, inner) => outer.or(inner),
        };
        node.name =
            Some(stable(self.trace.places[index].type_name)).filter(|name| !name.is_empty());
        node
    }

    fn shape(&mut self, place: &Place, level: usize) -> Shape {
        let part = |builder: &mut Self, index: usize| match place.parts.get(index) {
            Some(part) => builder.node(*part, level),
            None => unknown(),
        };
        match place.asked {
            Asked::Nothing | Asked::Anything | Asked::Newtype => Shape::Unknown,
            Asked::Leaf(leaf) => Shape::Leaf(leaf),
            Asked::Option => Shape::Option(Box::new(part(self, 0))),
            Asked::List => Shape::List(Box::new(part(self, 0))),
            Asked::Map => Shape::Map(Box::new((part(self, 0), part(self, 1)))),
            Asked::Tuple => match &place.parts[..] {
                [first, rest @ ..] if !rest.is_empty() && rest.iter().all(|part| part == first) => {
                    let length = u32::try_from(place.parts.len()).unwrap_or(u32::MAX);
                    Shape::Array(length, Box::new(part(self, 0)))
                }
                parts => Shape::Tuple(parts.iter().map(|part| self.node(*part, level)).collect()),
            },
            Asked::Struct(names) => Shape::Struct(match place.taken {
                // Names that serde lists twice, as aliases: nobody knows which is whose.
                Some(taken) if taken < names.len() => {
                    let numbers: Vec<_> = (1..=taken).map(|number| number.to_string()).collect();
                    self.parts(&numbers, level, &place.parts)
                }
                _ => self.parts(names, level, &place.parts),
            }),
            Asked::Enum(names) => {
                let mut variants = self.parts(names, level, &place.parts);
                // Written by name, so their order means nothing.
                variants.sort_by(|a, b| a.name.cmp(&b.name));
                Shape::Enum(variants)
            }
            Asked::Again(outer) => {
                let above = self.above.iter().find(|(index, _)| *index == outer);
                match above {
                    Some((_, outer_level)) => {
                        Shape::Again(u32::try_from(level - 1 - outer_level).unwrap_or(u32::MAX))
                    }
                    None => Shape::Unknown,
                }
            }
        }
    }

    fn parts<N: AsRef<str>>(&mut self, names: &[N], level: usize, parts: &[usize]) -> Vec<Part> {
        let part = |(index, name): (usize, &N)| Part {
            name: bounded_name(name.as_ref().to_owned()),
            node: parts
                .get(index)
                .map_or_else(unknown, |part| self.node(*part, level)),
        };
        names.iter().enumerate().map(part).collect()
    }
}

fn unknown() -> Node {
    Node {
        name: None,
        declared: None,
        shape: Shape::Unknown,
    }
}
