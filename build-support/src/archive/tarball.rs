//! Tar archives: the members that are wanted, in the order in which they stand.

use std::io::{self, Read};

use super::{ArchiveError, clean_path};

const FORMAT: &str = "tar";
/// A distribution's base system has some thousands, a kernel's modules too.
const ENTRY_COUNT_MAX: usize = 200_000;
/// A base system, or the modules of a kernel, uncompressed.
const TOTAL_BYTES_MAX: u64 = 2 << 30;

/// One member of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarEntry {
    /// Its path, without a leading slash.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// What it is.
    pub kind: TarKind,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TarKind {
    /// A file's contents.
    File(Vec<u8>),
    /// A directory.
    Directory,
    /// A symbolic link's target.
    Symlink(String),
    /// The path of another member with the same contents.
    Link(String),
}

/// Reads the members whose path `wanted` accepts. Devices and other special files are left out.
///
/// # Errors
/// When the archive is malformed, leads out of itself, or exceeds the bounds of this module.
pub fn read_tar(
    archive: impl Read,
    mut wanted: impl FnMut(&str) -> bool,
) -> Result<Vec<TarEntry>, ArchiveError> {
    let decode = |source| ArchiveError::Decode {
        format: FORMAT,
        source,
    };
    let too_large = |limit, unit| ArchiveError::TooLarge {
        format: FORMAT,
        limit,
        unit,
    };
    let mut archive = tar::Archive::new(archive.take(2 * TOTAL_BYTES_MAX));
    let mut total_bytes = 0;
    let mut found = Vec::new();
    for (index, entry) in archive.entries().map_err(decode)?.enumerate() {
        if index >= ENTRY_COUNT_MAX {
            return Err(too_large(ENTRY_COUNT_MAX as u64, "members"));
        }
        let mut entry = entry.map_err(decode)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let clean = clean_path(&path).ok_or_else(|| ArchiveError::UnsafePath {
            format: FORMAT,
            path: path.clone(),
        })?;
        if clean.is_empty() || !wanted(&clean) {
            continue;
        }
        let link = |entry: &tar::Entry<'_, _>| {
            entry
                .link_name_bytes()
                .map(|name| String::from_utf8_lossy(&name).into_owned())
                .ok_or(ArchiveError::Malformed {
                    format: FORMAT,
                    reason: "a link to nowhere",
                })
        };
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => TarKind::Directory,
            tar::EntryType::Symlink => TarKind::Symlink(link(&entry)?),
            tar::EntryType::Link => {
                let target = link(&entry)?;
                TarKind::Link(clean_path(&target).ok_or(ArchiveError::UnsafePath {
                    format: FORMAT,
                    path: target,
                })?)
            }
            kind if kind.is_file() => {
                total_bytes += entry.size();
                if total_bytes > TOTAL_BYTES_MAX {
                    return Err(too_large(TOTAL_BYTES_MAX, "bytes"));
                }
                let size = entry.size();
                let mut contents = Vec::new();
                entry.read_to_end(&mut contents).map_err(decode)?;
                if contents.len() as u64 != size {
                    return Err(decode(io::ErrorKind::UnexpectedEof.into()));
                }
                TarKind::File(contents)
            }
            _ => continue,
        };
        let mode = entry.header().mode().map_err(decode)? & 0o7777;
        found.push(TarEntry {
            path: clean,
            mode,
            kind,
        });
    }
    Ok(found)
}

/// An archive of plain files: no dates, no owners, in the order given.
///
/// # Errors
/// When a name does not fit the format.
pub fn write_tar(files: &[(&str, u32, &[u8])]) -> Result<Vec<u8>, ArchiveError> {
    let decode = |source| ArchiveError::Decode {
        format: FORMAT,
        source,
    };
    let mut builder = tar::Builder::new(Vec::new());
    for (path, mode, contents) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(*mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        builder
            .append_data(&mut header, path, *contents)
            .map_err(decode)?;
    }
    builder.into_inner().map_err(decode)
}
