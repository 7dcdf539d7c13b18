#![expect(dead_code, reason = "of these types only the shapes are looked at")]

use super::*;
use crate::primitives::limits::SCHEMA_BYTES_MAX;
use crate::primitives::{Datum, Digest, PeerEntry, decode, encode};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU8;

fn words<T: DeserializeOwned>() -> String {
    Schema::of::<T>().to_string()
}

fn difference<A: DeserializeOwned, B: DeserializeOwned>() -> String {
    let (a, b) = (Schema::of::<A>(), Schema::of::<B>());
    assert_ne!(a.fingerprint(), b.fingerprint());
    Schema::first_difference(&a, &b)
        .expect("a difference")
        .to_string()
}

mod v1 {
    use super::*;

    #[derive(Deserialize)]
    pub(super) enum Side {
        Buy,
        Sell,
    }

    #[derive(Deserialize)]
    pub(super) struct Order {
        _side: Side,
        _price: u64,
        _note: Option<String>,
    }
}

mod v2 {
    use super::*;

    #[derive(Deserialize)]
    pub(super) enum Side {
        Sell,
        Buy,
    }

    #[derive(Deserialize)]
    pub(super) struct Order {
        _side: Side,
        _price: i64,
        _note: Option<String>,
    }
}

#[derive(Deserialize)]
struct Price(u64);

#[derive(Deserialize)]
enum Event {
    _Unit,
    _One(u8),
    _Nested(Option<v1::Side>),
    _Two(u8, String),
    _Named { _at: i64, _who: Vec<v1::Order> },
}

#[test]
fn kinds_of_types() {
    assert_eq!(words::<()>(), "()");
    assert_eq!(words::<(u8, i128, char)>(), "(u8, i128, char)");
    assert_eq!(words::<[u16; 3]>(), "3 times u16");
    assert_eq!(words::<Vec<Option<f32>>>(), "list of optional f32");
    assert_eq!(words::<BTreeMap<String, bool>>(), "map of text to bool");
    assert_eq!(
        words::<HashMap<u8, [[u8; 4]; 2]>>(),
        "map of u8 to 2 times 4 times u8"
    );
    assert_eq!(words::<Price>(), "u64");
    assert_eq!(words::<Box<Price>>(), "u64");
    assert_eq!(words::<usize>(), "u64");
    assert_eq!(words::<bytes::Bytes>(), "bytes");
    assert_eq!(words::<Digest>(), "bytes");
    assert_eq!(
        words::<v1::Order>(),
        "struct {_side: enum {Buy, Sell}, _price: u64, _note: optional text}"
    );
    assert_eq!(
        words::<Event>(),
        "enum {_Named: struct {_at: i64, _who: list of struct {_side: enum {Buy, Sell}, \
         _price: u64, _note: optional text}}, _Nested: optional enum {Buy, Sell}, _One: u8, \
         _Two: (u8, text), _Unit}"
    );
}

#[test]
fn types_that_refuse_samples() {
    #[derive(Deserialize)]
    struct Careful {
        _id: NonZeroU8,
        _at: chrono::DateTime<chrono::Utc>,
        _from: std::net::SocketAddr,
        _version: semver::Version,
        _last: u8,
    }
    let words = words::<Careful>();
    assert!(
        words.starts_with("struct {_id: u8, _at: text, _from: enum {"),
        "{words}"
    );
    assert!(words.ends_with("_version: text, _last: u8}"), "{words}");
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Password(String);

impl TryFrom<String> for Password {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len() > 50 {
            Ok(Self(text))
        } else {
            Err("too short")
        }
    }
}

impl PartialEq for Password {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Password {}

impl PartialOrd for Password {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Password {
    fn cmp(&self, _: &Self) -> core::cmp::Ordering {
        core::cmp::Ordering::Equal
    }
}

#[test]
fn a_type_that_refuses_all_samples_hides_only_what_follows() {
    #[derive(Deserialize)]
    struct Login {
        _user: u32,
        _password: Password,
        _after: u8,
    }
    #[derive(Deserialize)]
    struct Session {
        _tokens: Vec<Password>,
        _backup: Option<Password>,
        _by_name: BTreeMap<Password, Password>,
        _kind: Kind,
        _after: u8,
    }
    #[derive(Deserialize)]
    enum Kind {
        _Password(Password),
        _Guest(u16),
    }
    assert_eq!(
        words::<Login>(),
        "struct {_user: u32, _password: text, _after: something of its own rules}"
    );
    assert_eq!(
        words::<Session>(),
        "struct {_tokens: list of text, _backup: optional text, _by_name: map of text to \
         something of its own rules, _kind: enum {_Guest: u16, _Password: text}, _after: u8}"
    );
}

#[test]
fn types_that_take_anything() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        _Number(u64),
        _Text(String),
    }
    #[derive(Deserialize)]
    struct Flat {
        _id: u8,
        #[serde(flatten)]
        _rest: BTreeMap<String, u8>,
    }
    assert_eq!(
        words::<(u8, Untagged, u8)>(),
        "(u8, something of its own rules, u8)"
    );
    assert!(words::<Flat>().starts_with("map of text to"));
}

#[test]
fn aliases_and_defaults() {
    #[derive(Deserialize)]
    struct Renamed {
        #[serde(alias = "old", alias = "older")]
        _new: u8,
        #[serde(skip)]
        _cache: u64,
        #[serde(default, rename = "plain")]
        _other: String,
    }
    let words = words::<Renamed>();
    assert!(
        words.ends_with(": u8, 2: text}") || words == "struct {_new: u8, plain: text}",
        "{words}"
    );
    let first = Schema::of::<Renamed>();
    assert_eq!(first, Schema::of::<Renamed>());
}

mod recursive {
    use super::*;

    #[derive(Deserialize)]
    pub(super) struct Node {
        _value: u8,
        _next: Option<Box<Node>>,
        _after: u16,
    }

    #[derive(Deserialize)]
    pub(super) enum Expr {
        _Add(Box<Expr>, Box<Expr>),
        _Many(Vec<Expr>),
        _Neg { _of: Box<Expr>, _note: String },
        _Literal(i64),
    }

    #[derive(Deserialize)]
    pub(super) struct Tree(Vec<Tree>);

    #[derive(Deserialize)]
    pub(super) struct Even {
        _odd: Option<Box<Odd>>,
    }

    #[derive(Deserialize)]
    pub(super) struct Odd {
        _even: BTreeMap<u8, Even>,
        _side: v1::Side,
    }
}

#[test]
fn recursive_types() {
    assert_eq!(
        words::<recursive::Node>(),
        "struct {_value: u8, _next: optional the same as 2 up, _after: u16}"
    );
    assert_eq!(
        words::<recursive::Expr>(),
        "enum {_Add: 2 times the same as 2 up, _Literal: i64, \
         _Many: list of the same as 2 up, \
         _Neg: struct {_of: the same as 2 up, _note: text}}"
    );
    assert_eq!(words::<recursive::Tree>(), "list of the same as 1 up");
    assert_eq!(
        words::<recursive::Even>(),
        "struct {_odd: optional struct {_even: map of u8 to the same as 4 up, \
         _side: enum {Buy, Sell}}}"
    );
}

#[test]
fn recursion_that_could_explode() {
    #[derive(Deserialize)]
    enum Ast {
        _A(Box<Ast>, Box<Ast>),
        _B(Box<Ast>, Box<Ast>),
        _C(Box<Ast>, Box<Ast>),
        _D(Box<Ast>, Box<Ast>),
        _E(Box<Ast>, Box<Ast>),
        _F(Box<Ast>, Box<Ast>),
        _G(Box<Ast>, Box<Ast>),
        _H(Box<Ast>, Box<Ast>),
        _I(Box<Ast>, Box<Ast>),
        _J(Box<Ast>, Box<Ast>),
        _K(Box<Ast>, Box<Ast>),
        _L(Box<Ast>, Box<Ast>),
        _M(Box<Ast>, Box<Ast>),
        _N(Box<Ast>, Box<Ast>),
        _Stop(Result<u8, Stop>),
    }
    #[derive(Deserialize)]
    enum Stop {
        _Again(Box<Ast>),
        _Now,
    }
    // Only lists end this one.
    #[derive(Deserialize)]
    enum Endless {
        _A(Vec<Endless>),
        _B(Box<Endless>),
    }
    let pair = "2 times the same as 2 up, ";
    assert_eq!(words::<Ast>().matches(pair).count(), 14);
    assert!(
        words::<Ast>()
            .ends_with("_Stop: enum {Err: enum {_Again: the same as 3 up, _Now}, Ok: u8}}")
    );
    assert_eq!(
        words::<Endless>(),
        "enum {_A: list of the same as 2 up, _B: the same as 1 up}"
    );
}

#[test]
fn many_variants_and_many_fields() {
    macro_rules! wide {
        ($($variant:ident)*) => {
            #[derive(Deserialize)]
            enum Wide { $($variant(v1::Order),)* }
            const COUNT: usize = [$(stringify!($variant)),*].len();
        };
    }
    wide!(A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
          Aa Bb Cc Dd Ee Ff Gg Hh Ii Jj Kk Ll Mm Nn Oo Pp Qq Rr Ss Tt Uu Vv Ww Xx Yy Zz);
    let words = words::<Wide>();
    assert_eq!(words.matches("enum {Buy, Sell}").count(), COUNT);
}

#[test]
fn differences_are_named() {
    #[derive(Deserialize)]
    struct Short {
        _side: v1::Side,
        _price: u64,
    }
    #[derive(Deserialize)]
    struct Swapped {
        _price: u64,
        _side: v1::Side,
        _note: Option<String>,
    }
    #[derive(Deserialize)]
    enum Sides {
        _Buy,
        _Sell,
        _Hold(u8),
    }
    #[derive(Deserialize)]
    enum FewerSides {
        _Buy,
        _Sell,
    }
    #[derive(Deserialize)]
    struct Book {
        _lines: Vec<v1::Order>,
    }
    #[derive(Deserialize)]
    struct OtherBook {
        _lines: Vec<v2::Order>,
    }
    let table = [
        (
            difference::<v1::Order, v2::Order>(),
            "Order._price: u64 here, i64 there",
        ),
        (
            difference::<Book, OtherBook>(),
            "Book._lines[]._price: u64 here, i64 there",
        ),
        (
            difference::<v1::Order, Short>(),
            "Order._note: optional text here, absent there",
        ),
        (
            difference::<Short, v1::Order>(),
            "Short._note: absent here, optional text there",
        ),
        (
            difference::<v1::Order, Swapped>(),
            "Order._side: field 1 here, field 2 there",
        ),
        (
            difference::<Sides, FewerSides>(),
            "Sides::_Hold: u8 here, absent there",
        ),
        (
            difference::<FewerSides, Sides>(),
            "FewerSides::_Hold: absent here, u8 there",
        ),
        (
            difference::<(u8, u16), (u8, u32)>(),
            "(u8, u16).1: u16 here, u32 there",
        ),
        (
            difference::<BTreeMap<u8, String>, BTreeMap<u16, String>>(),
            "BTreeMap<u8, String>[key]: u8 here, u16 there",
        ),
        (
            difference::<[u8; 4], [u8; 5]>(),
            "[u8; 4]: 4 times u8 here, 5 times u8 there",
        ),
        (
            difference::<Option<u8>, u8>(),
            "Option<u8>: optional u8 here, u8 there",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}

#[test]
fn what_the_wire_does_not_show_does_not_count() {
    #[derive(Deserialize)]
    struct Another {
        _side: v2::Side,
        _price: Price,
        _note: Option<Box<str>>,
    }
    let (one, other) = (Schema::of::<v1::Order>(), Schema::of::<Another>());
    assert_eq!(one, other);
    assert_eq!(one.fingerprint(), other.fingerprint());
    assert_eq!(Schema::first_difference(&one, &other), None);
    assert_eq!(Schema::of::<[u8; 2]>(), Schema::of::<(u8, u8)>());
}

#[derive(Deserialize)]
struct Declared1 {
    _price: u64,
}

#[derive(Deserialize)]
struct Declared2 {
    _price: u64,
}

inventory::submit! {
    Declared { type_name: core::any::type_name::<Declared1>, name: "price", version: 1 }
}

inventory::submit! {
    Declared { type_name: core::any::type_name::<Declared2>, name: "price", version: 2 }
}

#[test]
fn declarations_count() {
    assert_eq!(
        difference::<Declared1, Declared2>(),
        "price@1: declared as price@1 here, declared as price@2 there"
    );
    assert_eq!(
        difference::<Vec<Option<Declared1>>, Vec<Option<Box<Declared2>>>>(),
        "Vec<Option<price@1>>[]: declared as price@1 here, declared as price@2 there"
    );
    #[derive(Deserialize)]
    struct Plain {
        _price: u64,
    }
    assert_eq!(
        difference::<(u8, Plain), (u8, Declared1)>(),
        "(u8, Plain).1: not declared with a schema here, declared as price@1 there"
    );
}

#[test]
fn own_encodings_are_known_by_name() {
    struct Own;
    struct Foreign;
    let (own, foreign) = (Schema::opaque_of::<Own>(), Schema::opaque_of::<Foreign>());
    assert_eq!(
        Schema::first_difference(&own, &foreign)
            .unwrap()
            .to_string(),
        "Own: Own with its own encoding here, Foreign with its own encoding there"
    );
    assert_eq!(own, Schema::opaque_of::<Own>());
    assert_eq!(u8::schema(), Schema::of::<u8>());
}

#[test]
fn golden_fingerprint() {
    let schema = Schema::of::<(u8, v1::Order)>();
    let mut expected = vec![1, 36, 0, 0, 0, 2, 8, 37, 0, 0, 0, 3];
    for (name, bytes) in [
        (
            "_side",
            &[
                38, 0, 0, 0, 2, 0, 3, b'B', b'u', b'y', 18, 0, 4, b'S', b'e', b'l', b'l', 18,
            ][..],
        ),
        ("_price", &[11]),
        ("_note", &[32, 16]),
    ] {
        expected.extend([0, name.len() as u8]);
        expected.extend(name.as_bytes());
        expected.extend(bytes);
    }
    assert_eq!(wire::encode(&schema), expected);
    assert_eq!(schema.fingerprint(), Digest::hash(&expected));
    assert_eq!(decode::<Schema>(&encode(&schema).unwrap()).unwrap(), schema);
}

#[test]
fn every_leaf_has_its_number() {
    for (index, (leaf, _)) in Leaf::ALL.into_iter().enumerate() {
        assert_eq!(leaf as usize, index + 1);
    }
}

#[test]
fn survives_the_wire() {
    fn check<T: DeserializeOwned>() {
        let schema = Schema::of::<T>();
        let received: Schema = decode(&encode(&schema).unwrap()).unwrap();
        assert_eq!(received, schema);
        assert_eq!(received.fingerprint(), schema.fingerprint());
        assert_eq!(Schema::first_difference(&schema, &received), None);
    }
    check::<Event>();
    check::<recursive::Expr>();
    check::<recursive::Even>();
    check::<PeerEntry>();
    check::<Declared1>();
    check::<Password>();
}

#[test]
fn oversized_schemas_are_their_digest() {
    type Pair<T> = (T, Box<T>, u8);
    type Deep = Pair<Pair<Pair<Pair<Pair<Pair<Pair<Pair<Pair<Pair<Pair<u8>>>>>>>>>>>;
    let schema = Schema::of::<Deep>();
    assert!(wire::encode(&schema).len() <= SCHEMA_BYTES_MAX);
    assert_eq!(schema.fingerprint(), Schema::of::<Deep>().fingerprint());
    decode::<Schema>(&encode(&schema).unwrap()).unwrap();

    let node = Node {
        name: None,
        declared: None,
        shape: Shape::Tuple(vec![unit(); 3000]),
    };
    let bounded = wire::bounded(Schema { root: node });
    assert!(bounded.to_string().starts_with("schema "), "{bounded}");
    decode::<Schema>(&encode(&bounded).unwrap()).unwrap();
}

fn unit() -> Node {
    Node {
        name: None,
        declared: None,
        shape: Shape::Leaf(Leaf::Unit),
    }
}

#[test]
fn hostile_schemas_are_refused() {
    let received =
        |bytes: &[u8]| decode::<Schema>(&encode(&bytes::Bytes::copy_from_slice(bytes)).unwrap());
    let deep: Vec<u8> = core::iter::once(1)
        .chain(core::iter::repeat_n(33, 10_000))
        .collect();
    let many = [&[1, 36, 0xff, 0xff, 0xff, 0xff][..], &[1; 40_000]].concat();
    let table: [&[u8]; 10] = [
        &[],
        &[1],
        &[2, 1],                          // another format
        &[1, 0],                          // no such tag
        &[1, 19],                         // no such leaf
        &[1, 1, 1],                       // something after it
        &[1, 36, 0xff, 0xff, 0xff, 0xff], // 4 G parts
        &[1, 40, 0xff, 0xff, b'a'],       // a longer name
        &deep,
        &many,
    ];
    for bytes in table {
        assert!(
            received(bytes).is_err(),
            "{:?}",
            &bytes[..bytes.len().min(8)]
        );
    }
    assert!(received(&[1, 1]).is_ok());
}

fn node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        (0..Leaf::ALL.len()).prop_map(|index| Shape::Leaf(Leaf::ALL[index].0)),
        (0u32..4).prop_map(Shape::Again),
        "[a-z]{1,3}".prop_map(Shape::Opaque),
        Just(Shape::Unknown),
    ];
    let shape = leaf.prop_recursive(4, 24, 4, |inner| {
        let node = || {
            (prop::option::of("[a-b]@1"), inner.clone()).prop_map(|(declared, shape)| Node {
                name: None,
                declared,
                shape,
            })
        };
        let parts = || {
            prop::collection::btree_map("[a-d]", node(), 0..4).prop_map(|parts| {
                parts
                    .into_iter()
                    .map(|(name, node)| Part { name, node })
                    .collect::<Vec<_>>()
            })
        };
        prop_oneof![
            node().prop_map(|node| Shape::Option(Box::new(node))),
            node().prop_map(|node| Shape::List(Box::new(node))),
            (node(), node()).prop_map(|pair| Shape::Map(Box::new(pair))),
            (0u32..3, node()).prop_map(|(length, node)| Shape::Array(length, Box::new(node))),
            prop::collection::vec(node(), 0..4).prop_map(Shape::Tuple),
            parts().prop_map(Shape::Struct),
            parts().prop_map(Shape::Enum),
        ]
    });
    shape.prop_map(|shape| Node {
        name: None,
        declared: None,
        shape,
    })
}

proptest! {
    #[test]
    fn equal_fingerprint_means_no_difference(a in node(), b in node()) {
        let (a, b) = (Schema { root: a }, Schema { root: b });
        let equal = a.fingerprint() == b.fingerprint();
        prop_assert_eq!(Schema::first_difference(&a, &b).is_none(), equal);
        prop_assert_eq!(Schema::first_difference(&b, &a).is_none(), equal);
        prop_assert_eq!(a == b, equal);
        prop_assert_eq!(Schema::first_difference(&a, &a.clone()), None);
        let received: Schema = decode(&encode(&a).unwrap()).unwrap();
        prop_assert_eq!(&received, &a);
        prop_assert_eq!(received.fingerprint(), a.fingerprint());
    }

    #[test]
    fn arbitrary_bytes_are_no_panic(bytes: Vec<u8>) {
        let bytes = bytes::Bytes::from([&[1][..], &bytes].concat());
        if let Ok(schema) = decode::<Schema>(&encode(&bytes).unwrap()) {
            prop_assert_eq!(wire::encode(&schema), bytes.to_vec());
        }
    }
}
