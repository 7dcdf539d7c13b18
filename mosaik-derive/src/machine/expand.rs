//! From a machine to Rust items. What they do is in `mosaik::__private::machine`; what is generated
//! here only names it.

use super::messages::{Messages, Variant, locals};
use super::options::{Id, Options};
use super::syntax::{Argument, Machine, Method, Role};
use crate::emit::{self, located, quiet};
use crate::id;
use crate::report::Report;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, GenericArgument, PathArguments, Type, Visibility};

/// The items of a machine, with what has been reported.
pub(super) fn expand(options: &Options, machine: &Machine, report: &Report) -> TokenStream {
    let item = &machine.item;
    let unfinished = unfinished(options);
    if machine.hopeless {
        let errors = report.to_compile_errors();
        return quote!(#errors #item #unfinished);
    }
    let names = Names::new(machine);
    // One mistake of a method stands for its types, the others stand alone.
    let broken = machine.methods.iter().any(|method| method.faulty);
    let (alias, errors) = match report.split_first() {
        Some((first, rest)) if broken => (Some(emit::unknown(&names.unknown, first)), rest),
        _ => (None, report.to_compile_errors()),
    };
    let root = &options.root;
    let bounds = bounds(root, machine);
    let messages = messages(root, machine, &names);
    let enums = messages.iter().map(|messages| messages.expand(root));
    let implementation = implementation(options, machine, &names, &bounds);
    let group = group(root, machine, &names, &bounds);
    let assertions = assertions(root, machine);
    let marks = marks(root, machine);
    quote! {
        #errors
        #item
        #(#enums)*
        #implementation
        #group
        #assertions
        #marks
        #alias
        #unfinished
    }
}

/// What is generated.
struct Names {
    command: Ident,
    query: Ident,
    answer: Ident,
    /// The trait with the methods of the group.
    group: Ident,
    /// The type of what is not known because of a mistake.
    unknown: Ident,
}

impl Names {
    fn new(machine: &Machine) -> Self {
        let name = &machine.name;
        Self {
            command: format_ident!("{name}Command"),
            query: format_ident!("{name}Query"),
            answer: format_ident!("{name}Answer"),
            group: format_ident!("{name}Group"),
            unknown: format_ident!("UnknownIn{name}"),
        }
    }

    fn of(&self, role: Role) -> &Ident {
        match role {
            Role::Command => &self.command,
            Role::Query => &self.query,
        }
    }
}

/// The methods that can be expanded as they are.
fn sound(machine: &Machine, role: Role) -> impl Iterator<Item = &Method> {
    machine
        .methods
        .iter()
        .filter(move |method| method.role == role && !method.faulty)
}

fn docs(method: &Method) -> Vec<&Attribute> {
    let attrs = method.function.attrs.iter();
    attrs.filter(|attr| attr.path().is_ident("doc")).collect()
}

fn messages<'m>(root: &TokenStream, machine: &'m Machine, names: &Names) -> [Messages<'m>; 3] {
    let name = &machine.name;
    let variant = |method: &'m Method, fields| Variant {
        name: &method.variant,
        wire: method
            .name()
            .to_string()
            .trim_start_matches("r#")
            .to_owned(),
        docs: docs(method),
        fields,
    };
    let asked = |method: &'m Method| {
        let fields = method.fields().map(|(name, ty)| (Some(name), ty));
        variant(method, fields.collect())
    };
    let bounds = |types: Vec<Travelling<'_>>| {
        let bounds = types.into_iter().map(|travelling| travelling.bound(root));
        quote!(where #(#bounds),*)
    };
    [
        Messages {
            name: names.command.clone(),
            doc: format!(" The commands of [`{name}`]: what changes it."),
            bounds: bounds(arguments(machine, Role::Command)),
            variants: sound(machine, Role::Command).map(asked).collect(),
        },
        Messages {
            name: names.query.clone(),
            doc: format!(" The queries of [`{name}`]: what can be asked of it."),
            bounds: bounds(arguments(machine, Role::Query)),
            variants: sound(machine, Role::Query).map(asked).collect(),
        },
        Messages {
            name: names.answer.clone(),
            doc: format!(" The answers to the queries of [`{name}`]."),
            bounds: bounds(answers(machine, Role::Query)),
            variants: sound(machine, Role::Query)
                .map(|method| variant(method, vec![(None, &method.output)]))
                .collect(),
        },
    ]
}

/// A type of the user's, and what it must be to travel.
struct Travelling<'m> {
    ty: &'m Type,
    /// The trait in `__private::machine`; in small letters the function that asserts it.
    word: &'static str,
}

impl Travelling<'_> {
    /// That it can, so that nothing inside fails if it cannot: the assertion has the better message.
    /// With a lifetime that it does not use, the compiler asks for it where it is used.
    fn bound(&self, root: &TokenStream) -> TokenStream {
        let ty = self.ty;
        let (root, word) = (located(root, ty.span()), format_ident!("{}", self.word));
        quote_spanned!(ty.span()=> for<'__mosaik> #ty: #root::__private::machine::#word)
    }

    /// Fails, once and at the user's type, if it cannot.
    fn assertion(&self, root: &TokenStream) -> TokenStream {
        let ty = self.ty;
        let word = format_ident!("{}", self.word.to_lowercase());
        let root = located(root, ty.span());
        quote_spanned!(ty.span()=> #root::__private::machine::#word::<#ty>();)
    }
}

fn arguments(machine: &Machine, role: Role) -> Vec<Travelling<'_>> {
    let types = sound(machine, role).flat_map(|method| method.fields().map(|(_, ty)| ty));
    doubtful(types, "Argument")
}

fn answers(machine: &Machine, role: Role) -> Vec<Travelling<'_>> {
    let word = match role {
        Role::Command => "Returned",
        Role::Query => "Answer",
    };
    doubtful(sound(machine, role).map(|method| &method.output), word)
}

/// The state, and everything that goes in and out of it.
fn travelling(machine: &Machine) -> Vec<Travelling<'_>> {
    let mut types = vec![Travelling {
        ty: &machine.item.self_ty,
        word: "State",
    }];
    let asked = sound(machine, Role::Command).chain(sound(machine, Role::Query));
    let asked = asked.flat_map(|method| method.fields().map(|(_, ty)| ty));
    types.extend(doubtful(asked, "Argument"));
    types.extend(answers(machine, Role::Command));
    types.extend(answers(machine, Role::Query));
    types
}

/// The types that may turn out not to travel, each once.
fn doubtful<'m>(types: impl Iterator<Item = &'m Type>, word: &'static str) -> Vec<Travelling<'m>> {
    let mut seen = Vec::new();
    let new = |ty: &&Type| {
        let text = ty.to_token_stream().to_string();
        let new = !is_plain(ty) && !seen.contains(&text);
        seen.push(text);
        new
    };
    types
        .filter(new)
        .map(|ty| Travelling { ty, word })
        .collect()
}

/// Whether a type is one of the standard library's that always travels. A type of the user's with
/// such a name is only refused in other words.
fn is_plain(ty: &Type) -> bool {
    const PLAIN: &[&str] = &[
        "bool", "char", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128",
        "f32", "f64", "usize", "isize", "String",
    ];
    const OF_PLAIN: &[&str] = &["Option", "Vec", "Result", "BTreeMap", "BTreeSet"];
    match ty {
        Type::Tuple(tuple) => tuple.elems.iter().all(is_plain),
        Type::Path(path) if path.qself.is_none() => {
            let Some(only) = path
                .path
                .segments
                .first()
                .filter(|_| path.path.segments.len() == 1)
            else {
                return false;
            };
            let is_in = |names: &[&str]| names.iter().any(|name| only.ident == name);
            match &only.arguments {
                PathArguments::None => is_in(PLAIN),
                PathArguments::AngleBracketed(list) => is_in(OF_PLAIN)
                    && list.args.iter().all(
                        |argument| matches!(argument, GenericArgument::Type(ty) if is_plain(ty)),
                    ),
                PathArguments::Parenthesized(_) => false,
            }
        }
        _ => false,
    }
}

/// What all of it must be.
fn bounds(root: &TokenStream, machine: &Machine) -> TokenStream {
    let bounds = travelling(machine);
    let bounds = bounds.iter().map(|travelling| travelling.bound(root));
    quote!(where #(#bounds),*)
}

fn assertions(root: &TokenStream, machine: &Machine) -> TokenStream {
    let calls = travelling(machine);
    let calls = calls.iter().map(|travelling| travelling.assertion(root));
    quote!(const _: () = { #(#calls)* };)
}

fn implementation(
    options: &Options,
    machine: &Machine,
    names: &Names,
    bounds: &TokenStream,
) -> TokenStream {
    let root = &options.root;
    let me = &machine.item.self_ty;
    let Names {
        command,
        query,
        answer,
        ..
    } = names;
    let signature = signature(options);
    let applied = sound(machine, Role::Command).map(|method| {
        let (pattern, call) = call(machine, method);
        quote_spanned!(Span::mixed_site()=> #command::#pattern => #root::__private::machine::respond(&#call),)
    });
    let answered = sound(machine, Role::Query).map(|method| {
        let (pattern, call) = call(machine, method);
        let variant = &method.variant;
        quote_spanned!(Span::mixed_site()=> #query::#pattern => #answer::#variant(#call),)
    });
    let quiet = quiet(&["deprecated"]);
    quote_spanned! {Span::mixed_site()=>
        #[automatically_derived]
        #quiet
        impl #root::__private::StateMachine for #me #bounds {
            type Command = #command;
            type Query = #query;
            type QueryResult = #answer;
            type StateSync = #root::__private::SnapshotSync<Self>;

            fn signature(&self) -> #root::__private::Digest {
                #signature
            }

            fn apply(
                &mut self,
                __mosaik_command: #command,
                __mosaik_ctx: &dyn #root::__private::ApplyContext,
            ) {
                #root::__private::StateMachine::apply_with_response(self, __mosaik_command, __mosaik_ctx);
            }

            fn apply_with_response(
                &mut self,
                __mosaik_command: #command,
                __mosaik_ctx: &dyn #root::__private::ApplyContext,
            ) -> #root::__private::Bytes {
                match __mosaik_command { #(#applied)* }
            }

            fn query(&self, __mosaik_query: #query) -> #answer {
                match __mosaik_query { #(#answered)* }
            }

            fn state_sync(&self) -> #root::__private::SnapshotSync<Self> {
                #root::__private::machine::sync()
            }
        }

        #[automatically_derived]
        impl #root::__private::SnapshotMachine for #me #bounds {
            type Checkpoint = #root::__private::machine::Snapshot;

            fn checkpoint(&self) -> #root::__private::machine::Snapshot {
                #root::__private::machine::checkpoint(self)
            }

            fn restore(
                &mut self,
                __mosaik_chunks: &mut dyn #root::__private::Iterator<Item = #root::__private::Bytes>,
            ) -> #root::__private::Result<(), #root::__private::RestoreError> {
                #root::__private::machine::restore(self, __mosaik_chunks)
            }
        }
    }
}

/// The pattern of a message, and the call of its method.
fn call(machine: &Machine, method: &Method) -> (TokenStream, TokenStream) {
    let me = &machine.item.self_ty;
    let locals = locals(method.fields().count());
    let variant = Variant {
        name: &method.variant,
        wire: String::new(),
        docs: Vec::new(),
        fields: method.fields().map(|(name, ty)| (Some(name), ty)).collect(),
    };
    let mut fields = locals.iter();
    let arguments = method.arguments.iter().map(|argument| match argument {
        Argument::Field { .. } => fields.next().to_token_stream(),
        Argument::Context => quote_spanned!(Span::mixed_site()=> __mosaik_ctx),
    });
    let name = method.name();
    let call = quote_spanned!(Span::mixed_site()=> <#me>::#name(self, #(#arguments),*));
    (variant.pattern(&locals), call)
}

fn signature(options: &Options) -> TokenStream {
    let root = &options.root;
    match &options.id {
        Some((key, value)) => {
            // The path ends in the user's own word, for the pointer over it.
            let located = located(root, key.span());
            let named = quote_spanned!(key.span()=> #located::__private::machine::keys::#key);
            let value = match value {
                Id::Literal(literal) => id::constant(root, &literal.value()),
                Id::Expr(expr) => expr.to_token_stream(),
            };
            quote!(#named(#value))
        }
        None => quote!(#root::__private::machine::identity::<Self>()),
    }
}

/// The methods of the group: a trait beside the machine, because `Group` is not the user's type.
fn group(
    root: &TokenStream,
    machine: &Machine,
    names: &Names,
    bounds: &TokenStream,
) -> TokenStream {
    let (me, name) = (&machine.item.self_ty, &machine.name);
    let Names { group, unknown, .. } = names;
    let vis = widest(machine);
    let doc = format!(
        " The commands and queries of [`{name}`] as methods of its group.\n\n Bring it into scope to call them: \
         `use …::{group};`."
    );
    let signatures: Vec<TokenStream> = machine
        .methods
        .iter()
        .map(|method| signature_of(root, me, method, unknown))
        .collect();
    let described = machine
        .methods
        .iter()
        .zip(&signatures)
        .map(|(method, signature)| {
            let mut docs = docs(method);
            let attrs = method.function.attrs.iter();
            docs.extend(attrs.filter(|attr| attr.path().is_ident("deprecated")));
            quote!(#(#docs)* #signature;)
        });
    let bodies = machine
        .methods
        .iter()
        .zip(&signatures)
        .map(|(method, signature)| {
            let body = body(root, method, names);
            quote!(#signature { #body })
        });
    let quiet = quiet(&[
        "private_interfaces",
        "private_bounds",
        "unreachable_pub",
        "unreachable_patterns",
        "missing_docs",
        "dead_code",
    ]);
    quote_spanned! {Span::mixed_site()=>
        #[doc = #doc]
        #quiet
        #vis trait #group #bounds {
            #(#described)*
        }

        #[automatically_derived]
        impl #group for #root::__private::Group<#me> #bounds {
            #(#bodies)*
        }
    }
}

/// The head of a method of the group.
fn signature_of(root: &TokenStream, me: &Type, method: &Method, unknown: &Ident) -> TokenStream {
    let name = method.name();
    let arguments = method.fields().map(|(name, ty)| match method.faulty {
        false => quote!(#name: #ty),
        true => quote!(#name: #unknown),
    });
    let output = &method.output;
    let output = match (method.faulty, method.role) {
        (true, _) => unknown.to_token_stream(),
        (false, Role::Command) => quote!(#root::__private::machine::Executing<#me, #output>),
        (false, Role::Query) => quote!(#root::__private::machine::Asking<'_, #me, #output>),
    };
    quote_spanned!(Span::mixed_site()=> fn #name(&self, #(#arguments),*) -> #output)
}

fn body(root: &TokenStream, method: &Method, names: &Names) -> TokenStream {
    if method.faulty {
        return quote!(loop {});
    }
    let (message, answer) = (names.of(method.role), &names.answer);
    let variant = &method.variant;
    let fields = method.fields().map(|(name, _)| name);
    let fields = match method.fields().next() {
        Some(_) => quote!({ #(#fields),* }),
        None => TokenStream::new(),
    };
    match method.role {
        Role::Command => quote_spanned! {Span::mixed_site()=>
            #root::__private::machine::execute(self, #message::#variant #fields)
        },
        Role::Query => quote_spanned! {Span::mixed_site()=>
            #root::__private::machine::ask(self, #message::#variant #fields, |__mosaik_answer| match __mosaik_answer {
                #answer::#variant(__mosaik_taken) => #root::__private::Some(__mosaik_taken),
                _ => #root::__private::None,
            })
        },
    }
}

/// The visibility of the methods: that of the one that is seen from furthest.
fn widest(machine: &Machine) -> TokenStream {
    let reach = |vis: &Visibility| match vis {
        Visibility::Public(_) => 3,
        Visibility::Restricted(vis) if vis.path.is_ident("crate") => 2,
        Visibility::Restricted(_) => 1,
        Visibility::Inherited => 0,
    };
    let all = machine.methods.iter().map(Method::vis);
    all.max_by_key(|vis| reach(vis)).to_token_stream()
}

/// The marks as paths, so that a pointer over one shows what it means.
fn marks(root: &TokenStream, machine: &Machine) -> TokenStream {
    let marks = machine
        .methods
        .iter()
        .filter(|method| *method.mark.to_string() == *method.role.name())
        .map(|method| {
            let mark = &method.mark;
            let root = located(root, mark.span());
            quote_spanned!(mark.span()=> let _ = #root::__private::machine::keys::#mark;)
        });
    quote!(const _: () = { #(#marks)* };)
}

/// Paths for completion at options that are not there yet. Only rust-analyzer sees them: to the
/// compiler each would be one more mistake.
fn unfinished(options: &Options) -> Option<TokenStream> {
    let root = &options.root;
    let words: Vec<&Ident> = options
        .unfinished
        .iter()
        .filter(|word| syn::parse_str::<Ident>(&word.to_string()).is_ok())
        .collect();
    (!words.is_empty()).then(
        || quote!(#root::__private::__complete! { #(#root::__private::machine::keys::#words)* }),
    )
}
