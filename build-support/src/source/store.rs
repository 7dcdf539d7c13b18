//! The cache of sources, shared by all packages of a user.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::{Fetch, Source, SourceError};

/// Where sources are kept, and how those that are missing are had.
pub struct Store<'a> {
    folder: PathBuf,
    mirror: Option<Mirror>,
    /// `None` when the network must not be used.
    network: Option<&'a dyn Fetch>,
    progress: &'a dyn Fn(&str),
}

/// Another place for all sources, asked first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mirror {
    /// A folder with the files in it.
    Folder(PathBuf),
    /// An address, to which `/` and the file's name are added.
    Url(String),
}

impl Mirror {
    /// Reads what `TDX_IMAGE_MIRROR` holds.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            Self::Url(text.trim_end_matches('/').to_owned())
        } else {
            Self::Folder(PathBuf::from(text))
        }
    }
}

/// Attempts at one address before the next is asked.
const ATTEMPT_COUNT: u32 = 3;
const PAUSE: Duration = Duration::from_secs(2);

impl<'a> Store<'a> {
    /// A store in `folder`, which is made when it is needed.
    #[must_use]
    pub fn new(
        folder: PathBuf,
        mirror: Option<Mirror>,
        network: Option<&'a dyn Fetch>,
        progress: &'a dyn Fn(&str),
    ) -> Self {
        Self {
            folder,
            mirror,
            network,
            progress,
        }
    }

    /// The bytes of `source`: exactly those whose hash the lock names.
    ///
    /// What the cache holds is checked each time; a damaged file there is fetched again. Two builds
    /// that want the same source fetch it once.
    ///
    /// # Errors
    /// When it cannot be had, or when what comes is something else.
    pub fn obtain(&self, source: &Source) -> Result<Vec<u8>, SourceError> {
        let io = |action, path: &Path| {
            let path = path.to_owned();
            move |source| SourceError::Io {
                action,
                path,
                source,
            }
        };
        fs::create_dir_all(&self.folder).map_err(io("created", &self.folder))?;
        // The hash is in the name: two lock files may name different files alike.
        let path = self
            .folder
            .join(format!("{}-{}", &source.sha256[..16], source.file));
        let lock_path = self.folder.join(format!(".{}.lock", source.file));
        let lock = File::create(&lock_path).map_err(io("created", &lock_path))?;
        lock.lock().map_err(io("locked", &lock_path))?;

        match fs::read(&path) {
            Ok(bytes) if digest(&bytes) == source.sha256 => return Ok(bytes),
            Ok(_) => (self.progress)(&format!("{} is damaged in the cache", source.file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io("read", &path)(error)),
        }
        let bytes = self.fetch(source)?;
        let partial = self
            .folder
            .join(format!(".{}.{}", source.file, std::process::id()));
        File::create(&partial)
            .and_then(|mut file| file.write_all(&bytes))
            .and_then(|()| fs::rename(&partial, &path))
            .map_err(io("written", &path))?;
        Ok(bytes)
    }

    fn fetch(&self, source: &Source) -> Result<Vec<u8>, SourceError> {
        if let Some(Mirror::Folder(folder)) = &self.mirror {
            let path = folder.join(&source.file);
            match File::open(&path) {
                Ok(file) => {
                    let place = path.display().to_string();
                    let bytes = read(file, source).map_err(|error| SourceError::Io {
                        action: "read",
                        path: path.clone(),
                        source: error,
                    })?;
                    return check(bytes, source, place);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(SourceError::Io {
                        action: "opened",
                        path,
                        source: error,
                    });
                }
            }
        }
        let Some(network) = self.network else {
            return Err(SourceError::Offline {
                file: source.file.clone(),
                cache: self.folder.clone(),
                url: source.urls.first().cloned().unwrap_or_default(),
            });
        };
        let mirrored = match &self.mirror {
            Some(Mirror::Url(url)) => Some(format!("{url}/{}", source.file)),
            _ => None,
        };
        let mut attempts = Vec::new();
        for url in mirrored.iter().chain(&source.urls) {
            let mebibytes = source.bytes.div_ceil(1 << 20);
            (self.progress)(&format!(
                "fetching {} ({mebibytes} MiB) from {url}",
                source.file
            ));
            match fetch_from(network, url, source) {
                Ok(bytes) => return check(bytes, source, url.clone()),
                Err(reason) => attempts.push(format!("{url}: {reason}")),
            }
        }
        Err(SourceError::Unavailable {
            file: source.file.clone(),
            attempts,
        })
    }
}

fn fetch_from(network: &dyn Fetch, url: &str, source: &Source) -> Result<Vec<u8>, String> {
    let mut reason = String::new();
    for attempt in 1..=ATTEMPT_COUNT {
        match network.open(url) {
            Ok(body) => match read(body, source) {
                Ok(bytes) => return Ok(bytes),
                Err(error) => reason = error.to_string(),
            },
            Err(error) => {
                reason = error.reason;
                if !error.retryable {
                    return Err(reason);
                }
            }
        }
        if attempt < ATTEMPT_COUNT {
            #[expect(
                clippy::disallowed_methods,
                reason = "a build script has no other work"
            )]
            std::thread::sleep(PAUSE);
        }
    }
    Err(reason)
}

/// At most one byte more than the lock names: enough to see that it is another file.
fn read(body: impl Read, source: &Source) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.take(source.bytes + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check(bytes: Vec<u8>, source: &Source, place: String) -> Result<Vec<u8>, SourceError> {
    let got = digest(&bytes);
    if got == source.sha256 {
        return Ok(bytes);
    }
    Err(SourceError::Hash {
        file: source.file.clone(),
        place,
        expected: source.sha256.clone(),
        got,
        bytes: bytes.len() as u64,
    })
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
