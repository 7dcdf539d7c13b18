//! From an impl to a machine: which methods are commands and queries, and what their signatures say.
//! Knows what is written, not what may be written.

use crate::report::{Report, nearest};
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, format_ident};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Pat, ReturnType, Type, TypeParamBound,
    Visibility,
};

/// An impl that is to be a machine.
pub(super) struct Machine {
    /// As the user wrote it, without the marks.
    pub(super) item: ItemImpl,
    /// The last word of the type's path.
    pub(super) name: Ident,
    pub(super) methods: Vec<Method>,
    /// Whether nothing but the impl can be expanded, which has been reported.
    pub(super) hopeless: bool,
}

/// What a method is to the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Role {
    Command,
    Query,
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Query => "query",
        }
    }
}

/// A command or a query.
pub(super) struct Method {
    pub(super) role: Role,
    /// The word in `#[command]` or `#[query]`.
    pub(super) mark: Ident,
    /// Without the mark.
    pub(super) function: ImplItemFn,
    pub(super) arguments: Vec<Argument>,
    /// What it returns, with the machine's type for `Self`.
    pub(super) output: Type,
    /// The name of its variant.
    pub(super) variant: Ident,
    /// Whether its variant and its method can only be guessed, which has been reported.
    pub(super) faulty: bool,
}

impl Method {
    pub(super) fn name(&self) -> &Ident {
        &self.function.sig.ident
    }

    pub(super) fn vis(&self) -> &Visibility {
        &self.function.vis
    }

    /// The arguments that travel: all but the context.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&Ident, &Type)> {
        self.arguments.iter().filter_map(|argument| match argument {
            Argument::Field { name, ty } => Some((name, &**ty)),
            Argument::Context => None,
        })
    }
}

pub(super) enum Argument {
    Field {
        name: Ident,
        ty: Box<Type>,
    },
    /// `&dyn ApplyContext`.
    Context,
}

/// `None` if it is no inherent impl of a type with a name.
pub(super) fn parse(item: TokenStream, report: &mut Report) -> Option<Machine> {
    let mut item = match syn::parse2::<Item>(item) {
        Ok(Item::Impl(item)) => item,
        Ok(other) => {
            let help = "put it on the `impl` with the machine's methods: `#[state_machine] impl Bank { … }`";
            let mistake = "`#[state_machine]` belongs on an `impl`";
            report.at(head(&other), mistake, help);
            return None;
        }
        Err(error) => {
            report.push(error);
            return None;
        }
    };
    if let Some((_, path, _)) = &item.trait_ {
        let help = "put it on the `impl` with the machine's own methods: it implements `StateMachine` for the type";
        report.at(
            path,
            "`#[state_machine]` belongs on an impl without a trait",
            help,
        );
        // The rest would not be understood either.
        strip(&mut item);
        return Some(hopeless(item, format_ident!("Machine")));
    }
    let Some(name) = type_name(&item.self_ty) else {
        let help = "write `impl Bank { … }`, with the name of a struct or an enum of this crate";
        report.at(&item.self_ty, "a state machine is a type with a name", help);
        strip(&mut item);
        return Some(hopeless(item, format_ident!("Machine")));
    };
    let mut methods = Vec::new();
    let mut kept = Vec::new();
    let me = (*item.self_ty).clone();
    for mut member in std::mem::take(&mut item.items) {
        let Some((role, mark)) = role(&mut member, report) else {
            kept.push(member);
            continue;
        };
        let ImplItem::Fn(function) = member else {
            let mistake = format!("a {} is a method", role.name());
            report.at(&mark, &mistake, &format!("remove `#[{mark}]`"));
            kept.push(member);
            continue;
        };
        let method = method(role, mark, function, &me);
        if let Some(first) = methods.iter().find(|m: &&Method| m.name() == method.name()) {
            let mistake = format!("there are two methods `{}`", first.name());
            report.at(method.name(), &mistake, "give one of them another name");
            continue;
        }
        kept.push(ImplItem::Fn(method.function.clone()));
        methods.push(method);
    }
    item.items = kept;
    Some(Machine {
        item,
        name,
        methods,
        hopeless: false,
    })
}

fn hopeless(item: ItemImpl, name: Ident) -> Machine {
    Machine {
        item,
        name,
        methods: Vec::new(),
        hopeless: true,
    }
}

/// Removes the marks, which nothing else understands.
fn strip(item: &mut ItemImpl) {
    let mut unheard = Report::default();
    for member in &mut item.items {
        role(member, &mut unheard);
    }
}

/// The first words of an item.
fn head(item: &Item) -> TokenStream {
    let mut shown = TokenStream::new();
    for token in item.to_token_stream() {
        let ends = matches!(token, proc_macro2::TokenTree::Ident(_));
        if !matches!(&token, proc_macro2::TokenTree::Punct(punct) if punct.as_char() == '#')
            && !matches!(token, proc_macro2::TokenTree::Group(_))
        {
            shown.extend([token]);
        }
        if ends {
            break;
        }
    }
    shown
}

fn type_name(ty: &Type) -> Option<Ident> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|last| last.ident.clone())
        }
        Type::Group(inner) => type_name(&inner.elem),
        Type::Paren(inner) => type_name(&inner.elem),
        _ => None,
    }
}

/// Takes the marks off a member. The first one counts.
fn role(member: &mut ImplItem, report: &mut Report) -> Option<(Role, Ident)> {
    let attrs = match member {
        ImplItem::Fn(item) => &mut item.attrs,
        ImplItem::Const(item) => &mut item.attrs,
        ImplItem::Type(item) => &mut item.attrs,
        _ => return None,
    };
    let mut marks: Vec<(Role, Ident)> = Vec::new();
    attrs.retain(|attr| match mark(attr, report) {
        Some(mark) => {
            marks.push(mark);
            false
        }
        None => true,
    });
    if let [(first, _), .., (last, again)] = &*marks {
        if first == last {
            let mistake = format!("`#[{again}]` is written twice");
            report.at(again, &mistake, "remove one of the two");
        } else {
            let help = "a command changes the state on every member, a query reads it here: remove one of the two";
            report.at(again, "a method is a command or a query", help);
        }
    }
    marks.into_iter().next()
}

fn mark(attr: &Attribute, report: &mut Report) -> Option<(Role, Ident)> {
    let word = attr.path().get_ident()?;
    let written = word.to_string();
    let role = match nearest(&written, ["command", "query"])? {
        "command" => Role::Command,
        _ => Role::Query,
    };
    if written != role.name() {
        let help = format!("did you mean `#[{}]`?", role.name());
        let mistake = format!("unknown attribute `#[{written}]`");
        report.at(word, &mistake, &help);
    } else if attr.meta.require_path_only().is_err() {
        let mistake = format!("`#[{written}]` takes nothing");
        report.at(attr, &mistake, &format!("write `#[{written}]`"));
    }
    Some((role, word.clone()))
}

fn method(role: Role, mark: Ident, function: ImplItemFn, me: &Type) -> Method {
    let mut arguments: Vec<Argument> = Vec::new();
    for input in &function.sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        if is_context(&typed.ty) {
            arguments.push(Argument::Context);
            continue;
        }
        // A name that is no name has been reported when this one is looked at.
        let name = match &*typed.pat {
            Pat::Ident(pat) => pat.ident.clone(),
            _ => format_ident!("argument_{}", arguments.len()),
        };
        let mut ty = (*typed.ty).clone();
        Outside(me).visit_type_mut(&mut ty);
        arguments.push(Argument::Field {
            name,
            ty: Box::new(ty),
        });
    }
    let output = match &function.sig.output {
        ReturnType::Default => syn::parse_quote!(()),
        ReturnType::Type(_, ty) => {
            let mut ty = (**ty).clone();
            Outside(me).visit_type_mut(&mut ty);
            ty
        }
    };
    let variant = camel_case(&function.sig.ident);
    Method {
        role,
        mark,
        function,
        arguments,
        output,
        variant,
        faulty: false,
    }
}

/// Whether an argument is the context: a reference to something with this name.
pub(super) fn is_context(ty: &Type) -> bool {
    let Type::Reference(reference) = ty else {
        return false;
    };
    names_context(&reference.elem)
}

/// Whether a type is the context itself, in whatever form.
pub(super) fn names_context(ty: &Type) -> bool {
    let last = |path: &syn::Path| {
        let last = path.segments.last();
        last.is_some_and(|last| last.ident == "ApplyContext")
    };
    let bound = |bound: &TypeParamBound| match bound {
        TypeParamBound::Trait(bound) => last(&bound.path),
        _ => false,
    };
    match ty {
        Type::TraitObject(object) => object.bounds.iter().any(bound),
        Type::ImplTrait(any) => any.bounds.iter().any(bound),
        Type::Path(path) => last(&path.path),
        Type::Paren(inner) => names_context(&inner.elem),
        Type::Group(inner) => names_context(&inner.elem),
        _ => false,
    }
}

/// The name of the variant for a method: `transfer_all` is `TransferAll`.
fn camel_case(name: &Ident) -> Ident {
    let written = name.to_string();
    let mut camel = String::new();
    for word in written.trim_start_matches("r#").split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        camel.extend(letters);
    }
    if camel.is_empty() || camel == "Self" {
        camel.push('_');
    }
    // A leading digit was behind a `_`.
    if camel.starts_with(|c: char| c.is_ascii_digit()) {
        camel.insert(0, '_');
    }
    format_ident!("{camel}", span = name.span())
}

/// A type as it is written outside of the impl: with the machine's type for `Self`.
struct Outside<'m>(&'m Type);

impl VisitMut for Outside<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::Path(path) if path.qself.is_none() && path.path.is_ident("Self") => {
                *ty = self.0.clone();
            }
            _ => visit_mut::visit_type_mut(self, ty),
        }
    }
}
