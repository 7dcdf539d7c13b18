//! The form of the tables of keys. The parser, the checker, the documentation of the macros and the
//! functions behind completion all read them: a new key is a new row, and a method of the same meaning.

use super::Language;

/// Which sides a key goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Routing<S> {
    /// A rule about the peer. A prefix names who must satisfy it, so the other side checks it;
    /// without a prefix both sides check each other.
    Requirement,
    /// An option that both sides have. A prefix picks one.
    Both,
    /// An option of one side.
    Only(S),
    /// A property of the whole, the same for all who take part. There is no prefix.
    Whole,
}

/// Why a prefix cannot stand before a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Misplaced<S> {
    /// Only this side has it.
    OptionOf(S),
    /// It is not of a side.
    OfTheWhole,
}

impl<S: Language> Routing<S> {
    /// The sides that take the key when it is written with `prefix`.
    pub(crate) fn sides(self, prefix: Option<S>) -> Result<Vec<S>, Misplaced<S>> {
        match (self, prefix) {
            (Self::Requirement | Self::Both | Self::Whole, None) => Ok(S::BOTH.to_vec()),
            (Self::Requirement, Some(named)) => Ok(vec![named.other()]),
            (Self::Both, Some(named)) => Ok(vec![named]),
            (Self::Only(side), None) => Ok(vec![side]),
            (Self::Only(side), Some(named)) if side == named => Ok(vec![side]),
            (Self::Only(side), Some(_)) => Err(Misplaced::OptionOf(side)),
            (Self::Whole, Some(_)) => Err(Misplaced::OfTheWhole),
        }
    }

    /// Whether more than one side has the key.
    #[cfg(test)]
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Self::Only(_))
    }

    fn words(self) -> &'static str {
        match self {
            Self::Requirement => "who must satisfy it",
            Self::Both => "both",
            Self::Only(side) => side.name(),
            Self::Whole => "",
        }
    }
}

/// What kind of value a key takes, as far as it shows in the source text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// A function of one argument.
    Function,
    /// A number, at least one.
    Count {
        /// What to write instead of 0.
        instead_of_zero: &'static str,
    },
    /// `true` or `false`.
    Flag,
    /// Anything that is not a literal or a closure.
    Object,
    /// What a guest image measures to, in braces.
    Measurements,
}

/// One row of a table.
#[derive(Debug)]
pub(crate) struct Key<S> {
    pub(crate) name: &'static str,
    pub(crate) routing: Routing<S>,
    /// All of them count, in order. Otherwise the last one does.
    pub(crate) repeatable: bool,
    pub(crate) value: Value,
    /// The value in words, with its article.
    pub(crate) words: &'static str,
    /// A value that a user could write.
    pub(crate) example: &'static str,
    /// The builder's method.
    pub(crate) method: &'static str,
    /// The type of the method's argument.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the functions behind the keys")
    )]
    pub(crate) argument: &'static str,
    /// The parameters of the method, other than the datum `D`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for the functions behind the keys")
    )]
    pub(crate) parameters: &'static str,
    /// One line for completion and for the documentation.
    pub(crate) doc: &'static str,
}

/// The table as the documentation of the macro shows it.
pub(crate) fn documentation<L: Language>() -> String {
    let sided = L::KEYS.iter().any(|key| key.routing != Routing::Whole);
    let mut doc = match sided {
        true => String::from("| key | side | value | meaning |\n|---|---|---|---|\n"),
        false => String::from("| key | value | meaning |\n|---|---|---|\n"),
    };
    for key in L::KEYS {
        let Key {
            name,
            example,
            words,
            doc: meaning,
            ..
        } = key;
        let example = example.replace('|', "\\|");
        let side = match sided {
            true => format!("{} | ", key.routing.words()),
            false => String::new(),
        };
        doc += &format!("| `{name}` | {side}{words}: `{example}` | {meaning} |\n");
    }
    doc
}

/// What holds for every table.
#[cfg(test)]
pub(crate) fn assert_consistent<L: Language>() {
    for (index, row) in L::KEYS.iter().enumerate() {
        let name = row.name;
        assert!(
            L::KEYS[..index].iter().all(|earlier| earlier.name != name),
            "{name}"
        );
        assert!(syn::parse_str::<syn::Ident>(name).is_ok(), "{name}");
        assert!(
            syn::parse_str::<syn::Type>(row.argument).is_ok(),
            "{}",
            row.argument
        );
        let example = syn::parse_str::<syn::Expr>(row.example);
        assert!(
            example.is_ok() || row.value == Value::Measurements,
            "{}",
            row.example
        );
        assert!(row.doc.ends_with('.') && row.doc.len() <= 90, "{}", row.doc);
        assert!(L::named(name).is_none());
        assert!(documentation::<L>().contains(row.doc));
    }
    for (word, _) in L::NOT_KEYS {
        assert!(L::key(word).is_none(), "{word}");
    }
    for name in L::EXCLUSIVE.iter().flatten() {
        assert!(L::key(name).is_some(), "{name}");
    }
}
