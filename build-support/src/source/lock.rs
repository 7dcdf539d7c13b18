//! The lock file: which bytes an image may be made of.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::SourceError;
use crate::measure::FirmwareEra;

/// The sources that are pinned, by name.
#[derive(Debug, Clone, Default)]
pub struct Lock {
    sources: BTreeMap<String, Source>,
}

/// One file that is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What the builder calls it.
    pub name: String,
    /// The file's name in the cache and in a mirror.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Its licence, an SPDX expression.
    pub license: String,
    /// Where it is published; the first that answers is taken.
    pub urls: Vec<String>,
    /// For firmware: the generation of edk2.
    #[serde(default, deserialize_with = "era")]
    pub era: Option<FirmwareEra>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    source: Vec<Source>,
}

const VERSION: u32 = 1;
/// Larger than any base system or kernel package.
const SOURCE_BYTES_MAX: u64 = 1 << 30;

impl Lock {
    /// The sources that this version of the builder knows.
    #[must_use]
    pub fn embedded() -> Self {
        let text = include_str!("../../tdx-image.lock");
        Self::parse(text, Path::new("tdx-image.lock"))
            .expect("invariant: the embedded lock file is tested")
    }

    /// Reads a lock file's text; `path` is for messages.
    ///
    /// # Errors
    /// When it does not follow the format.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SourceError> {
        let error = |reason: String| SourceError::Lock {
            path: path.to_owned(),
            reason,
        };
        let file: File = toml::from_str(text).map_err(|reason| error(reason.to_string()))?;
        if file.version != VERSION {
            return Err(error(format!("version {} is not {VERSION}", file.version)));
        }
        let mut sources = BTreeMap::new();
        for source in file.source {
            source
                .check()
                .map_err(|reason| error(format!("source '{}': {reason}", source.name)))?;
            if let Some(twice) = sources.insert(source.name.clone(), source) {
                return Err(error(format!("source '{}' stands there twice", twice.name)));
            }
        }
        Ok(Self { sources })
    }

    /// These sources and `other`'s, whose entries win.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        self.sources.extend(other.sources);
        self
    }

    /// The source of that name; `hint` is where such a file is published.
    ///
    /// # Errors
    /// When there is none.
    pub fn source(&self, name: &str, hint: Option<String>) -> Result<&Source, SourceError> {
        self.sources
            .get(name)
            .ok_or_else(|| SourceError::NotLocked {
                name: name.to_owned(),
                hint,
            })
    }

    /// All of them.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }
}

impl Source {
    fn check(&self) -> Result<(), &'static str> {
        let is_name = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'/')
        };
        if !is_name(&self.file) {
            return Err("`file` is no file name");
        }
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if self.sha256.len() != 64 || !self.sha256.bytes().all(is_digit) {
            return Err("`sha256` is not 64 lower-case hexadecimal digits");
        }
        if self.bytes == 0 || self.bytes > SOURCE_BYTES_MAX {
            return Err("`bytes` is zero or more than a GiB");
        }
        Ok(())
    }
}

fn era<'de, D: serde::Deserializer<'de>>(input: D) -> Result<Option<FirmwareEra>, D::Error> {
    match String::deserialize(input)?.as_str() {
        "before-2024-08" => Ok(Some(FirmwareEra::Before202408)),
        "before-2025-05" => Ok(Some(FirmwareEra::Before202505)),
        "since-2025-05" => Ok(Some(FirmwareEra::Since202505)),
        other => Err(serde::de::Error::unknown_variant(
            other,
            &["before-2024-08", "before-2025-05", "since-2025-05"],
        )),
    }
}
