//! What every builder of settings refuses with.

/// Declares `ConfigBuilderError`, a type of its own for each layer, so that [`network::Error`](crate::network::Error) tells from
/// the type alone whose settings were refused.
macro_rules! config_builder_error {
    () => {
        /// Why settings were refused.
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum ConfigBuilderError {
            /// A setting without a default was not given; there is none of those today.
            #[error("`{0}` must be initialized")]
            UninitializedField(&'static str),
            /// A setting is out of range, or makes no sense beside another; the text names it and the range.
            #[error("{0}")]
            ValidationError(String),
        }

        impl ConfigBuilderError {
            /// Whether the same settings may be accepted later: never.
            pub const fn is_retryable(&self) -> bool {
                false
            }

            /// Whether it is certain that nothing was built: always.
            pub const fn is_definite(&self) -> bool {
                true
            }
        }

        impl From<String> for ConfigBuilderError {
            fn from(text: String) -> Self {
                Self::ValidationError(text)
            }
        }
    };
}

pub(crate) use config_builder_error;
