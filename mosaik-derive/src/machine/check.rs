//! What a command and a query cannot be. Reports every mistake, and marks the methods that cannot be
//! expanded as they are written.

use super::determinism;
use super::reserved;
use super::syntax::{Argument, Machine, Method, Role, is_context, names_context};
use crate::emit::is_cfg;
use crate::owned;
use crate::report::{Report, error_at};
use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident};
use syn::{
    FnArg, GenericArgument, GenericParam, ImplItem, Pat, PatType, PathArguments, Receiver,
    ReturnType, Signature, Type, Visibility,
};

/// More would need a struct: serde writes tuples of up to this many.
const ARGUMENTS_MAX: usize = 16;

pub(super) fn check(machine: &mut Machine, report: &mut Report) {
    if machine.hopeless {
        return;
    }
    generics(machine, report);
    if machine
        .methods
        .iter()
        .all(|method| method.role != Role::Command)
    {
        let help = "mark a method that changes the state: `#[command] fn deposit(&mut self, amount: u64) { … }`";
        report.at(
            &machine.item.self_ty,
            "a state machine needs a command",
            help,
        );
    }
    for method in &mut machine.methods {
        check_method(method, &machine.name, report);
    }
    variants(machine, report);
    helpers(machine, report);
}

fn generics(machine: &mut Machine, report: &mut Report) {
    let item = &machine.item;
    let lifetime = |argument: &GenericArgument| matches!(argument, GenericArgument::Lifetime(_));
    let borrows = match &*item.self_ty {
        Type::Path(path) => path
            .path
            .segments
            .iter()
            .any(|segment| match &segment.arguments {
                PathArguments::AngleBracketed(list) => list.args.iter().any(lifetime),
                _ => false,
            }),
        _ => false,
    };
    let has_lifetime = |param: &GenericParam| matches!(param, GenericParam::Lifetime(_));
    if borrows || item.generics.params.iter().any(has_lifetime) {
        let help =
            "remove the lifetime, and let the state own its data: it is copied to other members";
        report.at(&item.self_ty, "the state of a machine cannot borrow", help);
        machine.hopeless = true;
    } else if !item.generics.params.is_empty() {
        let help = format!(
            "write it for the type that you replicate: `impl {0}<u64> {{ … }}`; what all of them share can stay in an \
             `impl<T> {0}<T>` beside it",
            machine.name
        );
        report.at(
            &item.generics,
            "a state machine is one type, this impl is of many",
            &help,
        );
        machine.hopeless = true;
    }
}

fn check_method(method: &mut Method, machine: &syn::Ident, report: &mut Report) {
    let sig = &method.function.sig;
    let role = method.role;
    let before = report.len();
    modifiers(role, sig, report);
    type_parameters(role, sig, report);
    receiver(role, sig, report);
    arguments(method, report);
    output(role, sig, report);
    let faulty = report.len() > before;
    if reserved::NAMES.iter().any(|name| sig.ident == name) {
        let name = &sig.ident;
        let mistake = format!("`{name}` is a method of `Group` already");
        let other = format!("{}_{name}", machine.to_string().to_lowercase());
        let help = format!("choose another name, such as `{other}`");
        report.at(name, &mistake, &help);
    }
    for attr in method.function.attrs.iter().filter(|attr| is_cfg(attr)) {
        let mistake = format!(
            "a {} cannot depend on `#[cfg]`: a member that lacks it could not take part",
            role.name()
        );
        report.at(
            attr,
            &mistake,
            "put the `#[cfg]` inside the body, or remove it",
        );
    }
    if role == Role::Command {
        let mut tokens = TokenStream::new();
        sig.inputs.to_tokens(&mut tokens);
        sig.output.to_tokens(&mut tokens);
        method.function.block.to_tokens(&mut tokens);
        differences(tokens, report);
    }
    method.faulty = faulty;
    let mut taken = Vec::new();
    for argument in &mut method.arguments {
        // The compiler says that the names are equal.
        if let Argument::Field { name, .. } = argument {
            while taken.contains(name) {
                *name = format_ident!("{name}_again");
            }
            taken.push(name.clone());
        }
    }
}

fn modifiers(role: Role, sig: &Signature, report: &mut Report) {
    let name = role.name();
    if let Some(asyncness) = &sig.asyncness {
        let (mistake, help) = match role {
            Role::Command => (
                "a command is applied at once, so it cannot be `async`",
                "wait before the command, and pass what was waited for as an argument",
            ),
            Role::Query => (
                "a query is answered at once, so it cannot be `async`",
                "remove `async`, and wait before or after the query",
            ),
        };
        report.at(asyncness, mistake, help);
    }
    if let Some(unsafety) = &sig.unsafety {
        let mistake =
            format!("a {name} cannot be `unsafe`: other members may call it with anything");
        report.at(
            unsafety,
            &mistake,
            "check the arguments in the body, and remove `unsafe`",
        );
    }
    if let Some(abi) = &sig.abi {
        let mistake = format!("a {name} is called by Rust only");
        report.at(abi, &mistake, "remove `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        let mistake = format!("a {name} has a fixed number of arguments");
        report.at(variadic, &mistake, "take a `Vec` instead");
    }
}

fn type_parameters(role: Role, sig: &Signature, report: &mut Report) {
    let name = role.name();
    let param = sig.generics.params.iter();
    let lifetime = param
        .clone()
        .find(|param| matches!(param, GenericParam::Lifetime(_)));
    let of_type = param
        .clone()
        .find(|param| !matches!(param, GenericParam::Lifetime(_)));
    if let Some(of_type) = of_type {
        let word = match of_type {
            GenericParam::Type(param) => param.ident.to_string(),
            GenericParam::Const(param) => param.ident.to_string(),
            GenericParam::Lifetime(_) => String::new(),
        };
        let mistake = format!("a {name} has one form, so that every member reads it alike");
        let help =
            format!("replace `{word}` by one type, or by an enum of the types that you need");
        report.at(&sig.generics, &mistake, &help);
    } else if let Some(lifetime) = lifetime {
        let mistake = format!("a {name} owns its arguments: they come from other members");
        report.at(
            lifetime,
            &mistake,
            "remove the lifetime, and use owned types",
        );
    }
    if let Some(clause) = &sig.generics.where_clause {
        let mistake = format!("a {name} has no `where` clause");
        report.at(clause, &mistake, "remove it");
    }
}

fn receiver(role: Role, sig: &Signature, report: &mut Report) {
    let Some(FnArg::Receiver(receiver)) = sig.inputs.first() else {
        let (mistake, help) = match role {
            Role::Command => (
                "a command changes the state, so it takes `&mut self`",
                "write `&mut self` as the first argument; a function without `self` needs no `#[command]`",
            ),
            Role::Query => (
                "a query reads the state, so it takes `&self`",
                "write `&self` as the first argument; a function without `self` needs no `#[query]`",
            ),
        };
        return report.at(&sig.ident, mistake, help);
    };
    match (role, borrow(receiver)) {
        (Role::Command, Some(true)) | (Role::Query, Some(false)) => {}
        (Role::Command, Some(false)) => report.at(
            receiver,
            "a command changes the state, so it takes `&mut self`",
            "write `&mut self`, or mark a method that only reads with `#[query]`",
        ),
        (Role::Query, Some(true)) => report.at(
            receiver,
            "a query only reads: a change made here would be missing on every other member",
            "write `&self`, or mark a method that changes the state with `#[command]`",
        ),
        (Role::Command, None) => report.at(
            receiver,
            "a command borrows the state, it cannot take it",
            "write `&mut self`; to replace the state, write `*self = …` in the body",
        ),
        (Role::Query, None) => report.at(
            receiver,
            "a query borrows the state, it cannot take it",
            "write `&self`",
        ),
    }
}

/// Whether a receiver is a mutable borrow, if it is a borrow at all.
fn borrow(receiver: &Receiver) -> Option<bool> {
    if receiver.colon_token.is_none() {
        return receiver
            .reference
            .is_some()
            .then_some(receiver.mutability.is_some());
    }
    match &*receiver.ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Path(path) if path.path.is_ident("Self") => Some(reference.mutability.is_some()),
            _ => None,
        },
        _ => None,
    }
}

fn arguments(method: &Method, report: &mut Report) {
    let role = method.role;
    let mut context = false;
    for input in &method.function.sig.inputs {
        let FnArg::Typed(typed) = input else { continue };
        if let Some(attr) = typed.attrs.iter().find(|attr| is_cfg(attr)) {
            let mistake =
                "an argument cannot depend on `#[cfg]`: a member that lacks it could not take part";
            report.at(attr, mistake, "remove it");
        }
        if names_context(&typed.ty) || is_context(&typed.ty) {
            if let Err(error) = check_context(role, typed, context) {
                report.push(error);
            }
            context = true;
            continue;
        }
        if let Err(error) = pattern(role, &typed.pat) {
            report.push(error);
        }
        if let Err(error) = owned::check(&typed.ty, &words(role)) {
            report.push(error);
        }
    }
    if method.fields().count() > ARGUMENTS_MAX {
        let mistake = format!(
            "a {} has up to {ARGUMENTS_MAX} arguments, this one has {}",
            role.name(),
            method.fields().count()
        );
        report.at(method.name(), &mistake, "put some of them into a struct");
    }
}

fn words(role: Role) -> owned::Words {
    match role {
        Role::Command => owned::Words {
            owns: "a command owns its arguments: they travel to other members",
            stated: "a command states the types of its arguments",
            concrete: "an argument of a command has one concrete type",
            concrete_help: "write the type, or an enum of the types that you need",
        },
        Role::Query => owned::Words {
            owns: "a query owns its arguments",
            stated: "a query states the types of its arguments",
            concrete: "an argument of a query has one concrete type",
            concrete_help: "write the type, or an enum of the types that you need",
        },
    }
}

fn check_context(role: Role, typed: &PatType, again: bool) -> syn::Result<()> {
    let refuse = |mistake: &str, help: &str| Err(error_at(typed, mistake, help));
    let by_shared_dyn = match &*typed.ty {
        Type::Reference(reference) => {
            let object =
                matches!(&*reference.elem, Type::TraitObject(object) if object.dyn_token.is_some());
            let group = matches!(&*reference.elem, Type::Paren(_) | Type::Group(_));
            (object || group) && reference.mutability.is_none()
        }
        _ => false,
    };
    if role == Role::Query {
        return refuse(
            "a query has no context: it has no place in the log",
            "remove it; the index of an answer is in `bank.balance(…).with_index().await`",
        );
    }
    if again {
        return refuse("a command has one context", "remove one of the two");
    }
    if !by_shared_dyn {
        return refuse(
            "the context is a shared reference",
            "write `ctx: &dyn ApplyContext`",
        );
    }
    Ok(())
}

fn pattern(role: Role, pat: &Pat) -> syn::Result<()> {
    let name = role.name();
    match pat {
        Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => Ok(()),
        Pat::Ident(ident) => Err(error_at(
            pat,
            &format!("an argument of a {name} is one name"),
            &format!("write `{}`", ident.ident),
        )),
        Pat::Wild(_) => Err(error_at(
            pat,
            &format!("an argument of a {name} needs a name"),
            "callers see it: write the name, and `let _ = name;` in the body if it is not used",
        )),
        _ => Err(error_at(
            pat,
            &format!("an argument of a {name} is one name"),
            "give it a name, and take it apart in the body",
        )),
    }
}

fn output(role: Role, sig: &Signature, report: &mut Report) {
    let ReturnType::Type(_, ty) = &sig.output else {
        if role == Role::Query {
            let help = "write what it answers, as in `fn balance(&self) -> u64`";
            report.at(&sig.ident, "a query returns its answer", help);
        }
        return;
    };
    let words = match role {
        Role::Command => owned::Words {
            owns: "a command returns a value of its own: it goes to the caller, who may wait elsewhere",
            stated: "a command states what it returns",
            concrete: "what a command returns has one concrete type",
            concrete_help: "write the type; for an iterator write `Vec<T>`",
        },
        Role::Query => owned::Words {
            owns: "a query returns a value of its own: the state goes on changing",
            stated: "a query states what it returns",
            concrete: "what a query returns has one concrete type",
            concrete_help: "write the type; for an iterator write `Vec<T>`",
        },
    };
    if let Err(error) = owned::check(ty, &words) {
        report.push(error);
    }
}

/// Two methods whose names differ in nothing but underscores and capitals.
fn variants(machine: &mut Machine, report: &mut Report) {
    for later in 1..machine.methods.len() {
        let (before, rest) = machine.methods.split_at_mut(later);
        let method = &mut rest[0];
        let twin = before
            .iter()
            .find(|other| other.role == method.role && other.variant == method.variant);
        if let Some(twin) = twin {
            let mistake = format!(
                "`{}` and `{}` are both `{}` in the enum of {}",
                twin.name(),
                method.name(),
                method.variant,
                match method.role {
                    Role::Command => "commands",
                    Role::Query => "queries",
                }
            );
            report.at(method.name(), &mistake, "give one of them another name");
            method.variant = format_ident!("{}Again{later}", method.variant);
        }
    }
}

/// Methods that commands call are searched for what differs between members, too.
fn helpers(machine: &Machine, report: &mut Report) {
    for member in &machine.item.items {
        let ImplItem::Fn(function) = member else {
            continue;
        };
        let marked = machine
            .methods
            .iter()
            .any(|method| *method.name() == function.sig.ident);
        let of_state = function.sig.receiver().is_some();
        let public = matches!(function.vis, Visibility::Public(_));
        if !marked && of_state && !public {
            differences(function.block.to_token_stream(), report);
        }
    }
}

fn differences(tokens: TokenStream, report: &mut Report) {
    for finding in determinism::findings(tokens) {
        report.at(finding.tokens, &finding.mistake, finding.help);
    }
}
