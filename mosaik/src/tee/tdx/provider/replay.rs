//! A quote that was made before.

use std::{fs, path::PathBuf};

use super::{QuoteError, QuoteProvider};

/// Gives away the quote in a file, whatever it is asked to sign.
///
/// Its registers are as good as any for trying out a rule; a ticket cannot be made of it, unless the file was made for
/// exactly that ticket.
#[derive(Debug, Clone)]
pub struct ReplayFile {
    path: PathBuf,
}

impl ReplayFile {
    /// The quote in the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl QuoteProvider for ReplayFile {
    fn quote(&self, _: &[u8; 64]) -> Result<Vec<u8>, QuoteError> {
        fs::read(&self.path).map_err(|error| QuoteError::Io {
            path: self.path.display().to_string(),
            error: error.to_string(),
        })
    }

    fn is_available(&self) -> bool {
        self.path.is_file()
    }
}
