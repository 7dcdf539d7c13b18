//! placeholder
use super::{Difference, stable_type_name};
use crate::primitives::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The shape of a type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema(String);

impl Schema {
    /// Of a serde type.
    pub fn of<T: DeserializeOwned>() -> Self {
        Self::opaque_of::<T>()
    }
    /// Of a type with an encoding of its own.
    pub fn opaque_of<T: ?Sized>() -> Self {
        Self(stable_type_name::<T>())
    }
    /// Equal for equal shapes.
    pub fn fingerprint(&self) -> Digest {
        Digest::from(self.0.as_str())
    }
    /// Where they part.
    pub fn first_difference(ours: &Self, theirs: &Self) -> Option<Difference> {
        (ours != theirs).then(|| Difference {
            path: ours.0.clone(),
            ours: ours.0.clone(),
            theirs: theirs.0.clone(),
        })
    }
}
