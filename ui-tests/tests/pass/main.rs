//! Every form that the macros accept. A module a form; what it checks at run time are ids.
#![deny(warnings)]
#![expect(
    dead_code,
    unreachable_pub,
    reason = "most declarations only have to compile"
)]

mod attributes;
mod brackets;
mod collections;
mod commas;
mod every_key;
mod generics;
mod hand_written_datum;
mod id_expressions;
mod ids;
mod in_function;
mod machine;
mod macro_rules;
mod named;
mod names_of_the_user;
mod no_prelude;
mod one_side;
mod online;
mod prefixes;
mod repeated;
mod schema;
mod simple;
mod values;
mod words;

/// A datum for all of them.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Trade {
    price: u64,
}
