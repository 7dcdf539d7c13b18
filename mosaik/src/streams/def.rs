//! A stream's type and id, named once and used on both ends.

use {
    crate::primitives::{Datum, StreamId},
    std::{
        fmt,
        hash::{Hash, Hasher},
        marker::PhantomData,
    },
};

/// The definition of a stream: the type of its datums, and its id if that is not derived from the type.
pub struct StreamDef<T: Datum> {
    /// The id; derived from the type if `None`.
    pub stream_id: Option<StreamId>,
    datum: PhantomData<fn() -> T>,
}

impl<T: Datum> StreamDef<T> {
    /// The datum's own stream.
    pub const fn new() -> Self {
        Self {
            stream_id: None,
            datum: PhantomData,
        }
    }

    /// A stream with an id of its own.
    #[must_use]
    pub const fn with_stream_id(stream_id: StreamId) -> Self {
        Self {
            stream_id: Some(stream_id),
            datum: PhantomData,
        }
    }
}

impl<T: Datum> Copy for StreamDef<T> {}

impl<T: Datum> Clone for StreamDef<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Datum> Default for StreamDef<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Datum + fmt::Debug> fmt::Debug for StreamDef<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamDef")
            .field("stream_id", &self.stream_id)
            .finish()
    }
}

impl<T: Datum + PartialEq> PartialEq for StreamDef<T> {
    fn eq(&self, other: &Self) -> bool {
        self.stream_id == other.stream_id
    }
}

impl<T: Datum + Eq> Eq for StreamDef<T> {}

impl<T: Datum + Hash> Hash for StreamDef<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stream_id.hash(state);
    }
}
