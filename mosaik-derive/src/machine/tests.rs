//! The compiler as a table of machines and what it says about them. How the messages look in front
//! of a user is in `ui-tests`.

use super::state_machine;
use crate::snapshots;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Item;

fn expand(arguments: &str, item: &str) -> (Vec<String>, syn::File) {
    let tokens = |text: &str| -> TokenStream { text.parse().expect("balanced tokens") };
    snapshots::mistakes_of(state_machine(tokens(arguments), tokens(item)))
}

/// The mistakes of a machine with one right command beside `method`.
fn mistakes_of(method: &str) -> Vec<String> {
    let item = format!("impl Bank {{ #[command] fn right(&mut self) {{}} {method} }}");
    let (mut mistakes, file) = expand("id = \"bank\"", &item);
    mistakes.sort();
    let text = file.to_token_stream().to_string();
    for expected in [
        "impl Bank {",
        "StateMachine for Bank",
        "trait BankGroup",
        "Right",
    ] {
        assert!(text.contains(expected), "{expected} is missing in\n{text}");
    }
    assert!(
        !text.contains("# [command]") && !text.contains("# [query]"),
        "{text}"
    );
    mistakes
}

#[test]
fn accepted() {
    for method in [
        "",
        "#[command] fn a(&mut self) {}",
        "#[command] fn a(&mut self, x: u8, y: Vec<String>) -> Result<u8, String> { Ok(x) }",
        "#[command] fn a(self: &mut Self, x: Self) -> Option<Self> { None }",
        "#[command] pub fn a(&mut self, mut x: u8, ctx: &dyn ApplyContext, y: [u8; 4]) {}",
        "#[command] fn a(&mut self, _: &dyn mosaik::groups::ApplyContext) {}",
        "#[command] fn a(&mut self, ctx: &(dyn ApplyContext + '_)) {}",
        "#[command] const fn a(&mut self, x: &'static str) {}",
        "#[command] fn r#type(&mut self, r#fn: u8) {}",
        "#[command] fn self_(&mut self) {}",
        "#[query] fn a(&self) -> u8 { 0 }",
        "#[query] fn a(self: &Self, who: fn(&str) -> u8) -> u8 { 0 }",
        "#[query] fn a(&self) -> u8 { let seen = HashSet::new(); 0 }",
        "#[query] fn a(&self) -> u8 { 0 } fn a_helper<'a>(&'a self, x: &str) -> &'a str { x }",
        "#[doc = \"\"] #[inline] #[must_use] #[cold] #[command] fn a(&mut self) {}",
        "pub fn at(now: Instant) -> Self { Self::from(Instant::now()) }",
        "pub fn age(&self) -> Duration { Instant::now() - self.start }",
        "const N: usize = 3;",
    ] {
        assert_eq!(mistakes_of(method), [""; 0], "{method}");
    }
}

#[test]
fn refused() {
    let owns = "a command owns its arguments: they travel to other members";
    let one_name = "an argument of a command is one name";
    let mutable = "a command changes the state, so it takes `&mut self`";
    let reads = "a query reads the state, so it takes `&self`";
    for (method, expected) in [
        (
            "#[command] async fn a(&mut self) {}",
            &["a command is applied at once, so it cannot be `async`"][..],
        ),
        (
            "#[query] async fn a(&self) -> u8 { 0 }",
            &["a query is answered at once, so it cannot be `async`"],
        ),
        (
            "#[command] unsafe fn a(&mut self) {}",
            &["a command cannot be `unsafe`: other members may call it with anything"],
        ),
        (
            "#[command] extern \"C\" fn a(&mut self) {}",
            &["a command is called by Rust only"],
        ),
        (
            "#[command] fn a<T>(&mut self, x: T) {}",
            &["a command has one form, so that every member reads it alike"],
        ),
        (
            "#[query] fn a<const N: usize>(&self) -> [u8; N] { [0; N] }",
            &["a query has one form, so that every member reads it alike"],
        ),
        (
            "#[command] fn a<'a>(&'a mut self) {}",
            &["a command owns its arguments: they come from other members"],
        ),
        (
            "#[command] fn a(&mut self) where Self: Clone {}",
            &["a command has no `where` clause"],
        ),
        ("#[command] fn a() {}", &[mutable]),
        ("#[command] fn a(&self) {}", &[mutable]),
        ("#[query] fn a() -> u8 { 0 }", &[reads]),
        (
            "#[query] fn a(&mut self) -> u8 { 0 }",
            &["a query only reads: a change made here would be missing on every other member"],
        ),
        (
            "#[command] fn a(self) {}",
            &["a command borrows the state, it cannot take it"],
        ),
        (
            "#[command] fn a(self: Box<Self>) {}",
            &["a command borrows the state, it cannot take it"],
        ),
        (
            "#[query] fn a(mut self) -> u8 { 0 }",
            &["a query borrows the state, it cannot take it"],
        ),
        ("#[command] fn a(&mut self, x: &str) {}", &[owns]),
        ("#[command] fn a(&mut self, x: &[u8]) {}", &[owns]),
        ("#[command] fn a(&mut self, x: Option<&u8>) {}", &[owns]),
        (
            "#[query] fn a(&self, x: &u8) -> u8 { 0 }",
            &["a query owns its arguments"],
        ),
        (
            "#[command] fn a(&mut self, x: impl Into<String>) {}",
            &["an argument of a command has one concrete type"],
        ),
        (
            "#[command] fn a(&mut self, x: _) {}",
            &["a command states the types of its arguments"],
        ),
        (
            "#[command] fn a(&mut self, (x, y): (u8, u8)) {}",
            &[one_name],
        ),
        ("#[command] fn a(&mut self, ref x: u8) {}", &[one_name]),
        (
            "#[command] fn a(&mut self, _: u8) {}",
            &["an argument of a command needs a name"],
        ),
        (
            "#[command] fn a(&mut self) -> &str { \"\" }",
            &[
                "a command returns a value of its own: it goes to the caller, who may wait elsewhere",
            ],
        ),
        (
            "#[query] fn a(&self) -> Option<&u8> { None }",
            &["a query returns a value of its own: the state goes on changing"],
        ),
        (
            "#[query] fn a(&self) -> impl Iterator<Item = u8> { [].into_iter() }",
            &["what a query returns has one concrete type"],
        ),
        ("#[query] fn a(&self) {}", &["a query returns its answer"]),
        (
            "#[query] fn a(&self, ctx: &dyn ApplyContext) -> u8 { 0 }",
            &["a query has no context: it has no place in the log"],
        ),
        (
            "#[command] fn a(&mut self, a: &dyn ApplyContext, b: &dyn ApplyContext) {}",
            &["a command has one context"],
        ),
        (
            "#[command] fn a(&mut self, ctx: &mut dyn ApplyContext) {}",
            &["the context is a shared reference"],
        ),
        (
            "#[command] fn a(&mut self, ctx: impl ApplyContext) {}",
            &["the context is a shared reference"],
        ),
        (
            "#[command] fn a(&mut self, ctx: &ApplyContext) {}",
            &["the context is a shared reference"],
        ),
        (
            "#[command] #[query] fn a(&mut self) {}",
            &["a method is a command or a query"],
        ),
        (
            "#[command] #[command] fn a(&mut self) {}",
            &["`#[command]` is written twice"],
        ),
        (
            "#[command(fast)] fn a(&mut self) {}",
            &["`#[command]` takes nothing"],
        ),
        (
            "#[comand] fn a(&mut self) {}",
            &["unknown attribute `#[comand]`"],
        ),
        ("#[command] const N: u8 = 3;", &["a command is a method"]),
        (
            "#[command] fn status(&mut self) {}",
            &["`status` is a method of `Group` already"],
        ),
        (
            "#[command] fn right(&mut self, x: u8) {}",
            &["there are two methods `right`"],
        ),
        (
            "#[command] fn right_(&mut self) {}",
            &["`right` and `right_` are both `Right` in the enum of commands"],
        ),
        (
            "#[cfg(unix)] #[command] fn a(&mut self) {}",
            &["a command cannot depend on `#[cfg]`: a member that lacks it could not take part"],
        ),
        (
            "#[command] fn a(&mut self, #[cfg(unix)] x: u8) {}",
            &["an argument cannot depend on `#[cfg]`: a member that lacks it could not take part"],
        ),
        (
            "#[command] fn a(&mut self) { self.at = Instant::now(); }",
            &["`Instant::now` is the time of one member: the state would differ between members"],
        ),
        (
            "#[command] fn a(&mut self) { self.at = rand::random(); }",
            &["`rand` is chance of one member: the state would differ between members"],
        ),
        (
            "#[command] fn a(&mut self, all: HashMap<u8, u8>) {}",
            &[
                "`HashMap` has another order on every member: the state would differ between members",
            ],
        ),
        (
            "fn roll(&self) -> u8 { rand::random() }",
            &["`rand` is chance of one member: the state would differ between members"],
        ),
        (
            "#[command] fn a(&mut self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, \
             l: u8, m: u8, n: u8, o: u8, p: u8, q: u8) {}",
            &["a command has up to 16 arguments, this one has 17"],
        ),
        (
            "#[command] async fn a(&self, x: &str) {}",
            &[
                "a command changes the state, so it takes `&mut self`",
                "a command is applied at once, so it cannot be `async`",
                owns,
            ],
        ),
    ] {
        assert_eq!(mistakes_of(method), expected, "{method}");
    }
}

#[test]
fn refused_as_a_whole() {
    let inherent = "`#[state_machine]` belongs on an impl without a trait";
    for (item, expected) in [
        ("impl Bank {}", "a state machine needs a command"),
        (
            "impl Bank { #[query] fn a(&self) -> u8 { 0 } }",
            "a state machine needs a command",
        ),
        ("struct Bank;", "`#[state_machine]` belongs on an `impl`"),
        (
            "pub fn bank() {}",
            "`#[state_machine]` belongs on an `impl`",
        ),
        ("impl Clone for Bank {}", inherent),
        (
            "impl StateMachine for Bank { #[command] fn a(&mut self) {} }",
            inherent,
        ),
        (
            "impl<T> Bank<T> { #[command] fn a(&mut self, x: T) {} }",
            "a state machine is one type, this impl is of many",
        ),
        (
            "impl Bank<'_> { #[command] fn a(&mut self) {} }",
            "the state of a machine cannot borrow",
        ),
        (
            "impl (u8, u8) { #[command] fn a(&mut self) {} }",
            "a state machine is a type with a name",
        ),
    ] {
        assert_eq!(expand("", item).0, [expected], "{item}");
    }
}

#[test]
fn options() {
    let item = "impl Bank { #[command] fn a(&mut self) {} }";
    for (arguments, expected) in [
        ("", &[][..]),
        ("id = \"a\"", &[]),
        ("id = ID,", &[]),
        ("crate = mesh, id = ids::BANK", &[]),
        ("crate = crate", &[]),
        ("id", &["`id` needs a text"]),
        ("id =", &["`id` needs a text"]),
        ("id = , crate = mesh", &["`id` needs a text"]),
        ("id = \"\"", &["the id is empty"]),
        ("id = 3", &["`id` takes a text"]),
        ("id = b\"a\"", &["`id` takes a text"]),
        (
            "id: \"a\"",
            &["an option and its value are separated by `=`"],
        ),
        (
            "id(\"a\")",
            &["an option and its value are separated by `=`"],
        ),
        ("\"a\"", &["the id is an option with a name"]),
        ("id = \"a\", id = \"b\"", &["`id` is set twice"]),
        ("crate = \"mesh\"", &["`crate` takes a path"]),
        ("colour = 3", &["unknown option `colour`"]),
        (
            "idd = \"a\", = 3",
            &["unknown option `idd`", "expected `option = value`"],
        ),
    ] {
        assert_eq!(expand(arguments, item).0, expected, "{arguments}");
    }
    let (_, file) = expand("idd = \"a\"", item);
    assert!(file.to_token_stream().to_string().contains("__complete"));
}

/// Every machine that lacks a token, or has two in the wrong order: the compiler never panics, and
/// whatever of it is an item stays one.
#[test]
fn damaged_machines_expand_too() {
    let whole: TokenStream =
        "#[a] impl Bank { /** d */ #[command] pub fn a(&mut self, x: Option<u8>, \
        ctx: &dyn ApplyContext) -> Self { x } #[query] fn b(&self) -> u8 { 0 } const N: u8 = 3; }"
            .parse()
            .expect("balanced tokens");
    let tokens: Vec<TokenTree> = whole.into_iter().collect();
    let mut variants = Vec::new();
    for index in 0..tokens.len() {
        let mut shorter = tokens.clone();
        shorter.remove(index);
        let mut swapped = tokens.clone();
        swapped.swap(index, (index + 1).min(tokens.len() - 1));
        variants.extend([shorter, swapped]);
    }
    if let Some(TokenTree::Group(body)) = tokens.last() {
        let inner: Vec<TokenTree> = body.stream().into_iter().collect();
        for index in 0..inner.len() {
            let mut shorter = inner.clone();
            shorter.remove(index);
            let mut doubled = inner.clone();
            doubled.insert(index, inner[index].clone());
            for inner in [shorter, doubled] {
                let mut damaged = tokens.clone();
                damaged.pop();
                let stream = inner.into_iter().collect();
                damaged.push(proc_macro2::Group::new(body.delimiter(), stream).into());
                variants.push(damaged);
            }
        }
    }
    for damaged in variants {
        let damaged: TokenStream = damaged.into_iter().collect();
        let is_item = syn::parse2::<Item>(damaged.clone()).is_ok();
        let output = state_machine(TokenStream::new(), damaged);
        if is_item {
            syn::parse2::<syn::File>(output).expect("a list of items");
        }
    }
}
