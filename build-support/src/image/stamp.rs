//! Whether an image is up to date: its inputs hash to the same key as when it was made.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// What was made of which inputs.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Stamp {
    key: String,
    /// Name and size of each file made.
    files: Vec<(String, u64)>,
}

/// Collects everything that decides an image's bytes.
pub(super) struct Key(Sha256);

/// A new number makes every older image stale.
const VERSION: u32 = 1;

impl Key {
    pub(super) fn new() -> Self {
        Self(Sha256::new()).with("version", VERSION.to_string().as_bytes())
    }

    /// Adds a named part; lengths keep neighbours apart.
    pub(super) fn with(mut self, name: &str, value: &[u8]) -> Self {
        for part in [name.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl Stamp {
    pub(super) fn new(key: String, folder: &Path, files: &[&Path]) -> Self {
        let size = |path: &Path| {
            fs::metadata(path)
                .map(|file| file.len())
                .unwrap_or_default()
        };
        let name = |path: &Path| {
            path.strip_prefix(folder)
                .unwrap_or(path)
                .to_string_lossy()
                .into_owned()
        };
        Self {
            key,
            files: files.iter().map(|path| (name(path), size(path))).collect(),
        }
    }

    /// Whether `folder` holds what was made of `key`, as it was made.
    pub(super) fn is_fresh(path: &Path, key: &str, folder: &Path) -> bool {
        let stamp = fs::read(path)
            .ok()
            .and_then(|text| serde_json::from_slice::<Self>(&text).ok());
        stamp.is_some_and(|stamp| {
            stamp.key == key
                && stamp.files.iter().all(|(name, bytes)| {
                    fs::metadata(folder.join(name)).is_ok_and(|file| file.len() == *bytes)
                })
        })
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: plain values are json")
    }
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
