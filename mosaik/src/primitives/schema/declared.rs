//! Types whose name and version the user declared, with `#[derive(Schema)]`.

/// The declared name and version of a type: what `#[derive(Schema)]` registers.
///
/// Generated code writes `inventory::submit! { Declared { … } }`, so that code which knows a type
/// only by its name finds the declaration.
#[doc(hidden)]
#[derive(Debug)]
pub struct Declared {
    /// `core::any::type_name` of the type; generic arguments are ignored.
    pub type_name: fn() -> &'static str,
    /// The name to use instead, the same wherever the type lives.
    pub name: &'static str,
    /// Different versions do not understand each other.
    pub version: u32,
}

inventory::collect!(Declared);

impl Declared {
    /// The declaration of the type with this `type_name`.
    pub(super) fn of(type_name: &str) -> Option<&'static Self> {
        let path = without_arguments(type_name);
        inventory::iter::<Self>
            .into_iter()
            .find(|declared| without_arguments((declared.type_name)()) == path)
    }
}

fn without_arguments(type_name: &str) -> &str {
    type_name.split('<').next().unwrap_or(type_name)
}

impl core::fmt::Display for Declared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}@{}", self.name, self.version)
    }
}
