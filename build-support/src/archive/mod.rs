//! Reading what distributions publish, and writing what a kernel boots.
//!
//! Pure functions over bytes. What is read may come from a mirror or a damaged disk, so every reader is
//! bounded and returns an error where the input does not fit; none of them touches the file system, so no
//! path of an archive can lead anywhere.

mod ar;
mod cpio;
mod decompress;
mod elf;
mod tarball;

pub use ar::ar_member;
pub use cpio::{Initramfs, InitramfsError};
pub use decompress::{Format, decoder, read_bounded};
pub use elf::{Elf, ElfError, ModuleInfo};
pub use tarball::{TarEntry, TarKind, read_tar, write_tar};

use std::io;

/// Why an archive could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It does not follow its format.
    #[error("malformed {format} archive: {reason}")]
    Malformed {
        /// The format.
        format: &'static str,
        /// What does not hold.
        reason: &'static str,
    },
    /// The decoder refused it.
    #[error("{format} data cannot be read")]
    Decode {
        /// The format.
        format: &'static str,
        /// What the decoder said.
        source: io::Error,
    },
    /// More than anything that we unpack.
    #[error("the {format} archive holds more than {limit} {unit}")]
    TooLarge {
        /// The format.
        format: &'static str,
        /// The bound.
        limit: u64,
        /// Of what.
        unit: &'static str,
    },
    /// A member that must be there.
    #[error("the {format} archive holds no '{name}'")]
    Missing {
        /// The format.
        format: &'static str,
        /// Its name.
        name: String,
    },
    /// A path that leads out of the archive.
    #[error("the {format} archive holds the path '{path}'")]
    UnsafePath {
        /// The format.
        format: &'static str,
        /// The path.
        path: String,
    },
}

impl ArchiveError {
    /// Never: the same bytes fail again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: reading changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// `path` without `./`, leading and double slashes; `None` if it climbs out or is no text of ours.
fn clean_path(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part if part.contains(['\0', '\n']) => return None,
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests;
