//! The initial RAM disk: a "newc" cpio archive, the same bytes for the same contents.
//!
//! Format: `Documentation/driver-api/early-userspace/buffer-format.rst` of Linux. Dates and owners are
//! zero, inode numbers count up, entries stand in the order of their paths, so that every
//! directory precedes what it holds.

use std::collections::BTreeMap;
use std::io::Write as _;

use super::{TarEntry, TarKind, clean_path};

/// What the kernel unpacks into its first root file system.
#[derive(Debug, Clone, Default)]
pub struct Initramfs {
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    File { mode: u32, contents: Vec<u8> },
    Directory { mode: u32 },
    Symlink { target: String },
    CharacterDevice { mode: u32, major: u32, minor: u32 },
}

/// Why something cannot be put into an initial RAM disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InitramfsError {
    /// The path climbs out of the root, or is the root itself.
    #[error("'{path}' is no path of a file in the guest")]
    Path {
        /// The path.
        path: String,
    },
    /// A file stands where a directory is needed, or the other way round.
    #[error("'{path}' is both a file and a directory in the guest")]
    Conflict {
        /// The path.
        path: String,
    },
    /// A hard link to something that is not there.
    #[error("'{path}' links to '{target}', which is not in the archive")]
    DanglingLink {
        /// The link.
        path: String,
        /// What it names.
        target: String,
    },
    /// The format counts in 32 bits.
    #[error("'{path}' has {bytes} bytes: more than an initial ram disk can hold")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: usize,
    },
}

impl InitramfsError {
    /// Never: the same contents fail again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: nothing was written.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl Initramfs {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, in place of one that is there; makes the directories above it.
    ///
    /// # Errors
    /// When the path is no path of a file, or a directory is there.
    pub fn file(
        &mut self,
        path: &str,
        mode: u32,
        contents: impl Into<Vec<u8>>,
    ) -> Result<(), InitramfsError> {
        let contents = contents.into();
        if u32::try_from(contents.len()).is_err() {
            return Err(InitramfsError::TooLarge {
                path: path.to_owned(),
                bytes: contents.len(),
            });
        }
        self.insert(
            path,
            Node::File {
                mode: mode & 0o7777,
                contents,
            },
        )
    }

    /// Adds a directory.
    ///
    /// # Errors
    /// When the path is no path of a directory, or a file is there.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<(), InitramfsError> {
        self.insert(
            path,
            Node::Directory {
                mode: mode & 0o7777,
            },
        )
    }

    /// Adds a symbolic link.
    ///
    /// # Errors
    /// When the path is no path of a file, or a directory is there.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), InitramfsError> {
        self.insert(
            path,
            Node::Symlink {
                target: target.to_owned(),
            },
        )
    }

    /// Adds a character device.
    ///
    /// # Errors
    /// When the path is no path of a file, or a directory is there.
    pub fn character_device(
        &mut self,
        path: &str,
        mode: u32,
        (major, minor): (u32, u32),
    ) -> Result<(), InitramfsError> {
        self.insert(
            path,
            Node::CharacterDevice {
                mode: mode & 0o7777,
                major,
                minor,
            },
        )
    }

    /// Adds the members of an archive; a hard link becomes a copy.
    ///
    /// # Errors
    /// When a member's path does not fit, or a link names nothing.
    pub fn extend(&mut self, entries: Vec<TarEntry>) -> Result<(), InitramfsError> {
        for TarEntry { path, mode, kind } in entries {
            match kind {
                TarKind::File(contents) => self.file(&path, mode, contents)?,
                TarKind::Directory => self.directory(&path, mode)?,
                TarKind::Symlink(target) => self.symlink(&path, &target)?,
                TarKind::Link(target) => match self.nodes.get(&target).cloned() {
                    Some(node @ Node::File { .. }) => self.insert(&path, node)?,
                    _ => return Err(InitramfsError::DanglingLink { path, target }),
                },
            }
        }
        Ok(())
    }

    /// Whether something stands at `path`.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        clean_path(path).is_some_and(|path| self.nodes.contains_key(&path))
    }

    fn insert(&mut self, path: &str, node: Node) -> Result<(), InitramfsError> {
        let path = match clean_path(path) {
            Some(clean) if !clean.is_empty() => clean,
            _ => {
                return Err(InitramfsError::Path {
                    path: path.to_owned(),
                });
            }
        };
        for (at, _) in path.match_indices('/') {
            let parent = &path[..at];
            match self.nodes.get(parent) {
                // A merged /usr: what a link leads to is another entry's matter.
                Some(Node::Directory { .. } | Node::Symlink { .. }) => {}
                Some(_) => {
                    return Err(InitramfsError::Conflict {
                        path: parent.to_owned(),
                    });
                }
                None => {
                    self.nodes
                        .insert(parent.to_owned(), Node::Directory { mode: 0o755 });
                }
            }
        }
        let is_directory = matches!(node, Node::Directory { .. });
        match self.nodes.get(&path) {
            Some(Node::Directory { .. }) if !is_directory => Err(InitramfsError::Conflict { path }),
            Some(Node::File { .. } | Node::CharacterDevice { .. }) if is_directory => {
                Err(InitramfsError::Conflict { path })
            }
            _ => {
                self.nodes.insert(path, node);
                Ok(())
            }
        }
    }

    /// The archive, uncompressed.
    #[must_use]
    pub fn to_cpio(&self) -> Vec<u8> {
        const DIRECTORY: u32 = 0o040_000;
        const FILE: u32 = 0o100_000;
        const SYMLINK: u32 = 0o120_000;
        const CHARACTER_DEVICE: u32 = 0o020_000;
        const BLOCK_BYTES: usize = 512;

        let mut archive = Vec::new();
        let mut inode = 0;
        for (path, node) in &self.nodes {
            inode += 1;
            let (mode, links, contents, device): (_, _, &[u8], _) = match node {
                Node::File { mode, contents } => (FILE | mode, 1, contents, (0, 0)),
                Node::Directory { mode } => (DIRECTORY | mode, 2, &[], (0, 0)),
                Node::Symlink { target } => (SYMLINK | 0o777, 1, target.as_bytes(), (0, 0)),
                Node::CharacterDevice { mode, major, minor } => {
                    (CHARACTER_DEVICE | mode, 1, &[], (*major, *minor))
                }
            };
            append(&mut archive, path, inode, mode, links, contents, device);
        }
        append(&mut archive, "TRAILER!!!", 0, 0, 1, &[], (0, 0));
        archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
        archive
    }

    /// The archive, compressed: no date, no name, one fixed level.
    #[must_use]
    pub fn to_gzip(&self) -> Vec<u8> {
        const LEVEL: u32 = 6;
        const UNKNOWN_SYSTEM: u8 = 255;
        let mut encoder = flate2::GzBuilder::new()
            .mtime(0)
            .operating_system(UNKNOWN_SYSTEM)
            .write(Vec::new(), flate2::Compression::new(LEVEL));
        encoder
            .write_all(&self.to_cpio())
            .and_then(|()| encoder.finish())
            .expect("invariant: writing to memory does not fail")
    }
}

fn append(
    archive: &mut Vec<u8>,
    path: &str,
    inode: u32,
    mode: u32,
    links: u32,
    contents: &[u8],
    (major, minor): (u32, u32),
) {
    const ALIGNMENT: usize = 4;
    let bytes = u32::try_from(contents.len()).expect("invariant: checked when it was added");
    let name_bytes = u32::try_from(path.len() + 1).expect("invariant: a path is short");
    archive.extend(b"070701");
    for field in [
        inode, mode, 0, 0, links, 0, bytes, 0, 0, major, minor, name_bytes, 0,
    ] {
        archive.extend(format!("{field:08x}").into_bytes());
    }
    archive.extend(path.as_bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(ALIGNMENT), 0);
    archive.extend(contents);
    archive.resize(archive.len().next_multiple_of(ALIGNMENT), 0);
}
