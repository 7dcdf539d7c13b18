//! The files that images are made of: pinned by hash, fetched once, kept in a shared cache.
//!
//! A [`Lock`] names every source with its size and SHA-256; a [`Store`] gives the bytes of one, from the
//! cache, a mirror or the network, and only if they are the ones that the lock names. It does not
//! know what the sources are for.

mod fetch;
mod lock;
mod store;

pub use fetch::{Fetch, FetchError, Http};
pub use lock::{Lock, Source};
pub use store::{Mirror, Store};

use std::io;
use std::path::PathBuf;

/// Why a source could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The bytes are not those of the lock file. Nothing was kept of them.
    #[error(
        "'{file}' from {place} is not the file that is locked: expected sha-256 {expected}, got {got} \
         ({bytes} bytes)"
    )]
    Hash {
        /// The file's name.
        file: String,
        /// Where it came from.
        place: String,
        /// The hash in the lock file.
        expected: String,
        /// The hash of what came.
        got: String,
        /// How many bytes came.
        bytes: u64,
    },
    /// Nobody has it.
    #[error("'{file}' could not be fetched: {}", attempts.join("; "))]
    Unavailable {
        /// The file's name.
        file: String,
        /// Each place asked, with its answer.
        attempts: Vec<String>,
    },
    /// It is not in the cache, and the network must not be used.
    #[error(
        "'{file}' is not in {}, and this build is offline: run it online once, or put the file from \
         {url} into that folder or into the one that TDX_IMAGE_MIRROR names",
        cache.display()
    )]
    Offline {
        /// The file's name.
        file: String,
        /// Where it would be.
        cache: PathBuf,
        /// Where it can be had.
        url: String,
    },
    /// No entry of that name in any lock file.
    #[error(
        "no source '{name}' is locked: add it to tdx-image.lock beside Cargo.toml, with `name`, `file`, \
         `bytes`, `sha256`, `license` and `urls`{}",
        hint.as_ref().map(|url| format!("; it is published at {url}")).unwrap_or_default()
    )]
    NotLocked {
        /// The name asked for.
        name: String,
        /// Where such a file is published, if known.
        hint: Option<String>,
    },
    /// The lock file cannot be read.
    #[error("{} is no lock file: {reason}", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk.
    #[error("{} could not be {action}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl SourceError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// Always: a source is in the cache as a whole or not at all.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
