//! Arguments that are one value or many.

/// Which of the two readings an argument has; only for type inference.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Variant<const U: usize = 0> {}

/// One `T` or many: `with_tags("a")` and `with_tags(["a", "b"])` are one method.
///
/// A type may take only one of the two readings, or calls with it become ambiguous: a collection
/// must not be `Into<T>`, and `T` must not be an iterator.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither one `{T}` nor a collection of them",
    note = "pass a value that converts into `{T}`, or an array, `Vec` or iterator of such values"
)]
pub trait IntoIterOrSingle<T, V> {
    /// The values, converted.
    fn iterator(self) -> impl Iterator<Item = T>;
}

#[diagnostic::do_not_recommend]
impl<T, U: Into<T>> IntoIterOrSingle<T, Variant<0>> for U {
    fn iterator(self) -> impl Iterator<Item = T> {
        core::iter::once(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, U: Into<T>, I: IntoIterator<Item = U>> IntoIterOrSingle<T, Variant<1>> for I {
    fn iterator(self) -> impl Iterator<Item = T> {
        self.into_iter().map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{EndpointAddr, PeerId, SecretKey, Tag};

    fn tags<V>(tags: impl IntoIterOrSingle<Tag, V>) -> Vec<Tag> {
        tags.iterator().collect()
    }

    fn addresses<V>(addresses: impl IntoIterOrSingle<EndpointAddr, V>) -> usize {
        addresses.iterator().count()
    }

    #[test]
    fn every_form_that_must_compile() {
        let tag = Tag::from("a");
        assert_eq!(tags("a"), [tag]);
        assert_eq!(tags(["a", "b"]).len(), 2);
        assert_eq!(tags(vec!["a"]), [tag]);
        assert_eq!(tags(Tag::from("a")), [tag]);
        assert_eq!(tags(vec![tag]), [tag]);
        assert_eq!(tags(Some("a")), [tag]);
        assert!(tags([tag].into_iter().filter(|_| false)).is_empty());

        let id: PeerId = SecretKey::from_bytes(&[1; 32]).public();
        let address = EndpointAddr::new(id);
        assert_eq!(addresses(id), 1);
        assert_eq!(addresses(vec![id]), 1);
        assert_eq!(addresses(address.clone()), 1);
        assert_eq!(addresses(vec![address]), 1);
        assert_eq!(addresses([id, id]), 2);
    }
}
