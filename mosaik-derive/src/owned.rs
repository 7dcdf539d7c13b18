//! Types whose values go to other processes: none of them borrows.

use crate::report::error_at;
use quote::ToTokens as _;
use syn::Type;
use syn::visit::{self, Visit};

/// What is said about a type that cannot be sent.
pub(crate) struct Words {
    /// "a datum owns its data"
    pub(crate) owns: &'static str,
    /// "a stream states the type of its datums"
    pub(crate) stated: &'static str,
    /// "a datum has one concrete type"
    pub(crate) concrete: &'static str,
    /// What to write instead of several types.
    pub(crate) concrete_help: &'static str,
}

/// Refuses types that can never be sent. The rest is left to a trait.
pub(crate) fn check(ty: &Type, words: &Words) -> syn::Result<()> {
    let refuse = |mistake: &str, help: &str| Err(error_at(ty, mistake, help));
    let shown = |ty: &Type| ty.to_token_stream().to_string().replace(' ', "");
    match ty {
        Type::Paren(inner) => return check(&inner.elem, words),
        Type::Group(inner) => return check(&inner.elem, words),
        Type::Infer(_) => return refuse(words.stated, "write the type"),
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            return refuse(words.concrete, words.concrete_help);
        }
        Type::Slice(slice) => {
            let help = format!("write `Vec<{}>`", shown(&slice.elem));
            return refuse(words.owns, &help);
        }
        Type::Path(path) if path.path.is_ident("str") => {
            return refuse(words.owns, "write `String`");
        }
        Type::Reference(reference) if !is_static(reference.lifetime.as_ref()) => {
            let help = match &*reference.elem {
                Type::Slice(slice) => format!("write `Vec<{}>`", shown(&slice.elem)),
                Type::Path(path) if path.path.is_ident("str") => "write `String`".to_owned(),
                owned => format!("write `{}`", shown(owned)),
            };
            return refuse(words.owns, &help);
        }
        _ => {}
    }
    let mut search = Search { words, found: None };
    search.visit_type(ty);
    search.found.map_or(Ok(()), Err)
}

fn is_static(lifetime: Option<&syn::Lifetime>) -> bool {
    lifetime.is_some_and(|lifetime| lifetime.ident == "static")
}

/// Finds a reference inside a type. Functions have their own lifetimes and are left alone.
struct Search<'w> {
    words: &'w Words,
    found: Option<syn::Error>,
}

impl<'ast> Visit<'ast> for Search<'_> {
    fn visit_type_reference(&mut self, reference: &'ast syn::TypeReference) {
        if is_static(reference.lifetime.as_ref()) {
            visit::visit_type_reference(self, reference);
        } else if self.found.is_none() {
            self.found = Some(error_at(
                reference,
                self.words.owns,
                "use the owned form: `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`",
            ));
        }
    }

    fn visit_type_bare_fn(&mut self, _: &'ast syn::TypeBareFn) {}
}
