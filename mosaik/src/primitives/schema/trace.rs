//! Finding out the shape of a type by decoding samples of it and recording what it asks for.
//!
//! serde types do not describe themselves, but they ask: "a struct with these fields", "an enum with
//! these variants", "a `u32`". One run answers every question with a sample and records it. What one
//! run cannot show takes more: each variant of an enum takes a run, and so does a type that refuses
//! its sample (`NonZeroU8` refuses 0). After a refusal the next run changes the answer nearest to
//! it: another sample, no optional value, an empty list, another variant.
//!
//! Every choice depends on the type alone, so all processes find the same shape.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;

use super::declared::Declared;
use super::name::stable;
use super::wire::bounded_name;
use super::{Leaf, Node, Part, Shape};
use crate::primitives::limits::{SCHEMA_DEPTH_MAX, SCHEMA_NODES_MAX};

mod samples;
use samples::{ANYTHING, At, answers};

mod tree;
use tree::Builder;

/// Runs for one type: enough for an enum of 1,000 variants.
const RUNS_MAX: usize = 1024;

/// Places that a trace remembers. More than [`SCHEMA_NODES_MAX`], as a sample goes a little further
/// than what it shows.
const PLACES_MAX: usize = 4 * SCHEMA_NODES_MAX;

/// The shape of `T`.
pub(super) fn of<T: DeserializeOwned>() -> Node {
    let mut trace = Trace::default();
    let root = trace.place(None, core::any::type_name::<T>());
    for _ in 0..RUNS_MAX {
        trace.open.clear();
        trace.last = root;
        trace.deferred = false;
        let run = AssertUnwindSafe(|| T::deserialize(At::new(&mut trace, root)).is_ok());
        let again = match catch_unwind(run) {
            Ok(true) => trace.has_unseen_variants(root),
            Ok(false) if trace.deferred => true,
            Ok(false) => trace.choose_otherwise() && !trace.exhausted,
            // A type that panics on a sample shows what it asked for until then.
            Err(_) => false,
        };
        if !again {
            break;
        }
    }
    Builder::new(&trace).node(root, 0)
}

#[derive(Default)]
struct Trace {
    places: Vec<Place>,
    /// The types whose places this run is inside of, the outermost first.
    open: Vec<Open>,
    /// The place of the last question of this run.
    last: usize,
    /// How often this run met a type inside of itself.
    recursions: usize,
    /// Whether a variant was put off, so that its refusal means nothing.
    deferred: bool,
    /// Whether there are no places left, or a sample does not end.
    exhausted: bool,
}

/// One place where a type asked for something, by the way that leads to it.
struct Place {
    parent: Option<usize>,
    depth: usize,
    type_name: &'static str,
    declared: Option<&'static Declared>,
    asked: Asked,
    /// Which answer to give; what it means depends on the question.
    choice: usize,
    parts: Vec<usize>,
    /// For structs: how many fields were taken by a visitor that was content.
    taken: Option<usize>,
    /// For enums: what is known of each variant.
    variants: Vec<Seen>,
    /// For enums: the first variant that worked without meeting its own or an enclosing type again.
    ending: Option<usize>,
}

#[derive(Clone, Copy)]
struct Open {
    type_name: &'static str,
    place: usize,
    /// For enums: the variant that this run takes.
    variant: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    NotYet,
    /// Contains the enum again, so it needs a variant that ends: seen when one is known.
    Later,
    Whole,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Nothing,
    Leaf(Leaf),
    Anything,
    Option,
    List,
    Map,
    Tuple,
    Newtype,
    Struct(&'static [&'static str]),
    Enum(&'static [&'static str]),
    /// The same type as that of an enclosing place.
    Again(usize),
}

/// The first answer to "optional?" is yes, to "how many?" is one; the second is none.
const NONE: usize = 1;

/// The type's name is not known yet.
const UNNAMED: &str = "";

impl Place {
    /// Both the type that is wanted and the one that its visitor makes may be the declared one.
    fn learn(&mut self, type_name: &'static str) {
        if self.type_name == UNNAMED {
            self.type_name = type_name;
        }
        self.declared = self.declared.or_else(|| Declared::of(type_name));
    }
}

impl Trace {
    fn place(&mut self, parent: Option<usize>, type_name: &'static str) -> usize {
        self.places.push(Place {
            parent,
            depth: parent.map_or(0, |parent| self.places[parent].depth + 1),
            type_name,
            declared: Declared::of(type_name),
            asked: Asked::Nothing,
            choice: 0,
            parts: Vec::new(),
            taken: None,
            variants: Vec::new(),
            ending: None,
        });
        self.places.len() - 1
    }

    /// The place of part `index`, which may be new.
    fn part(&mut self, of: usize, index: usize, type_name: &'static str) -> usize {
        while self.places[of].parts.len() <= index {
            let part = self.place(Some(of), UNNAMED);
            self.places[of].parts.push(part);
        }
        let part = self.places[of].parts[index];
        self.places[part].learn(type_name);
        part
    }

    /// Whether another run would show more, below `place`.
    fn has_unseen_variants(&self, place: usize) -> bool {
        let Place {
            asked,
            choice,
            parts,
            variants,
            ..
        } = &self.places[place];
        match asked {
            Asked::Option | Asked::List | Asked::Map if *choice == NONE => false,
            Asked::Again(_) => false,
            Asked::Enum(_) => variants
                .iter()
                .any(|seen| matches!(seen, Seen::NotYet | Seen::Later)),
            _ => {
                let mut parts = parts.clone();
                parts.dedup();
                parts.into_iter().any(|part| self.has_unseen_variants(part))
            }
        }
    }

    /// After a refusal: changes the nearest answer that can be changed, from the last outwards.
    fn choose_otherwise(&mut self) -> bool {
        let mut place = Some(self.last);
        while let Some(index) = place {
            let Place {
                asked,
                choice,
                variants,
                parent,
                ..
            } = &mut self.places[index];
            let answers = match asked {
                Asked::Leaf(leaf) => answers(*leaf),
                Asked::Anything => ANYTHING.len(),
                Asked::Option | Asked::List | Asked::Map => 2,
                Asked::Enum(_) => {
                    if let Some(taken) = variants.get_mut(*choice) {
                        *taken = Seen::Refused;
                    }
                    if variants.iter().any(|seen| *seen != Seen::Refused) {
                        return true;
                    }
                    0
                }
                _ => 0,
            };
            if *choice + 1 < answers {
                *choice += 1;
                return true;
            }
            // It was not this answer that was refused: back to the simplest.
            if matches!(asked, Asked::Leaf(_) | Asked::Anything) {
                *choice = 0;
            }
            place = *parent;
        }
        false
    }

    /// Which variant this run takes: one not seen yet, or else one that works.
    fn take_variant(&mut self, place: usize) -> Option<usize> {
        let variants = &self.places[place].variants;
        let with = |wanted| variants.iter().position(|seen| *seen == wanted);
        let variant = with(Seen::NotYet)
            .or_else(|| with(Seen::Later))
            .or_else(|| with(Seen::Whole))?;
        self.places[place].choice = variant;
        Some(variant)
    }

    /// A variant with which a recursive enum ends. Puts the enclosing one off if none is known.
    fn take_ending_variant(&mut self, place: usize, type_name: &str) -> Option<usize> {
        let outer = self
            .open
            .iter()
            .find(|open| open.type_name == type_name && open.place != place)
            .copied();
        let ending = outer.and_then(|outer| self.places[outer.place].ending);
        if let (None, Some(outer)) = (ending, outer) {
            let taken = self.places[outer.place].variants.get_mut(outer.variant);
            if let Some(seen @ Seen::NotYet) = taken {
                *seen = Seen::Later;
                self.deferred = true;
                return None;
            }
        }
        let usable = |variant: &usize| self.places[place].variants[*variant] != Seen::Refused;
        // Without a known ending: each level takes another variant, so this ends, too.
        let other = |variant: &usize| {
            let mut open = self.open.iter().filter(|open| open.type_name == type_name);
            open.all(|open| open.variant != *variant)
        };
        let count = self.places[place].variants.len();
        let variant = ending
            .filter(usable)
            .or_else(|| (0..count).filter(usable).find(other))?;
        self.places[place].choice = variant;
        Some(variant)
    }

    /// The variant worked, having met enclosing types again or not.
    fn finish_variant(&mut self, place: usize, variant: usize, is_recursive: bool) {
        let content = self.places[place].parts.get(variant).copied();
        let is_whole = content.is_none_or(|content| !self.has_unseen_variants(content));
        let place = &mut self.places[place];
        if !is_recursive {
            place.ending.get_or_insert(variant);
        }
        if is_whole {
            place.variants[variant] = Seen::Whole;
        }
    }
}
