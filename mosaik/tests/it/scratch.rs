//! Directories that are gone when the test is over.

use std::path::{Path, PathBuf};

/// A path of its own under the system's folder for temporary files. Nothing is there at first.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(Self::unique()))
    }

    /// A name that no other test uses.
    pub(crate) fn unique() -> String {
        format!("mosaik-test-{}", mosaik::Digest::random())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
