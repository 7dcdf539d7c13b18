//! A node's directory: its key, what it belongs to, and the peers it last knew.
//!
//! | file | holds | written |
//! |---|---|---|
//! | `lock` | the id of the process that has the directory open | on every start |
//! | `identity` | network and peer that the directory belongs to | once |
//! | `key` | the secret key, 64 hex digits, mode 0600 | once, and only if the node made the key itself |
//! | `bootstrap-peers` | the last good peers, one a line | now and then, best effort |
//!
//! Nothing that exists is ever replaced but `bootstrap-peers`: a file that cannot be read or makes no
//! sense is an error that names it.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::DataDirError;
use crate::primitives::{EndpointAddr, NetworkId, PeerId, SecretKey, TransportAddr};

/// An open data directory. No other process has it open as long as this value lives.
#[derive(Debug)]
pub(super) struct DataDir {
    path: PathBuf,
    /// The operating system lets go of the lock when the file is closed, also after a crash.
    _lock: File,
}

impl DataDir {
    /// Opens the directory for this process alone, and makes it if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, DataDirError> {
        create_private_dir(path).map_err(unusable(path))?;
        let lock_path = path.join(LOCK);
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(unusable(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let owner = lock.take(LOCK_BYTES_MAX).read_to_string(&mut text).ok();
                let process = owner.and_then(|_| text.trim().parse().ok());
                return Err(DataDirError::InUse {
                    path: path.to_owned(),
                    process,
                });
            }
            Err(TryLockError::Error(reason)) => {
                return Err(DataDirError::Unusable {
                    path: lock_path,
                    reason,
                });
            }
        }
        // Only tells a person who holds the lock; the lock itself is the operating system's.
        let named = lock
            .set_len(0)
            .and_then(|()| writeln!(lock, "{}", std::process::id()));
        named.map_err(unusable(&lock_path))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Checks that the directory belongs to this network and key, and returns the node's key.
    ///
    /// Without a given key the stored one is used, or `generate` makes one that is stored. A given
    /// key is never written: whoever gave it keeps it.
    pub(super) fn claim(
        &self,
        network_id: NetworkId,
        given: Option<SecretKey>,
        generate: impl FnOnce() -> SecretKey,
    ) -> Result<SecretKey, DataDirError> {
        let identity = self.read_identity()?;
        if let Some(identity) = &identity
            && identity.network_id != network_id
        {
            return Err(DataDirError::OtherNetwork {
                path: self.path.clone(),
                expected: network_id,
                found: identity.network_id,
            });
        }

        let stored = self.read_key()?;
        let key = match (given, stored, &identity) {
            (Some(given), _, _) => given,
            (None, Some(stored), _) => stored,
            (None, None, Some(identity)) => {
                return Err(DataDirError::MissingKey {
                    path: self.path.join(KEY),
                    peer: identity.peer,
                });
            }
            (None, None, None) => {
                let key = generate();
                self.write_new(KEY, &format!("{}\n", hex(&key.to_bytes())))?;
                key
            }
        };

        let peer = key.public();
        match identity {
            Some(identity) if identity.peer != peer => Err(DataDirError::OtherKey {
                path: self.path.clone(),
                expected: peer,
                found: identity.peer,
            }),
            Some(_) => Ok(key),
            None => {
                self.write_new(IDENTITY, &Identity { network_id, peer }.render())?;
                Ok(key)
            }
        }
    }

    /// The peers of the last run. Best effort: what cannot be read is left out.
    pub(super) fn peers(&self) -> Vec<EndpointAddr> {
        match read_text(&self.path.join(PEERS), PEERS_BYTES_MAX) {
            Ok(text) => parse_peers(&text),
            Err(_) => Vec::new(),
        }
    }

    /// Remembers peers for the next run; those past [`PEERS_MAX`] are left out.
    pub(super) fn save_peers(&self, peers: &[EndpointAddr]) -> io::Result<()> {
        self.replace(PEERS, &render_peers(peers))
    }

    fn read_identity(&self) -> Result<Option<Identity>, DataDirError> {
        let path = self.path.join(IDENTITY);
        match read_text(&path, IDENTITY_BYTES_MAX) {
            Ok(text) => match Identity::parse(&text) {
                Some(identity) => Ok(Some(identity)),
                None => Err(DataDirError::MalformedIdentity { path }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(reason) => Err(DataDirError::Unusable { path, reason }),
        }
    }

    fn read_key(&self) -> Result<Option<SecretKey>, DataDirError> {
        let path = self.path.join(KEY);
        let text = match read_text(&path, KEY_BYTES_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(DataDirError::MalformedKey { path });
            }
            Err(reason) => return Err(DataDirError::UnreadableKey { path, reason }),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = match fs::metadata(&path) {
                Ok(metadata) => metadata.permissions().mode() & 0o777,
                Err(reason) => return Err(DataDirError::UnreadableKey { path, reason }),
            };
            if mode & 0o077 != 0 {
                return Err(DataDirError::KeyPermissions { path, mode });
            }
        }
        match parse_hex_32(text.trim()) {
            Some(bytes) => Ok(Some(SecretKey::from_bytes(&bytes))),
            None => Err(DataDirError::MalformedKey { path }),
        }
    }

    /// Writes a file that is not there yet, whole or not at all.
    fn write_new(&self, name: &'static str, text: &str) -> Result<(), DataDirError> {
        self.replace(name, text)
            .map_err(unusable(&self.path.join(name)))
    }

    /// Writes beside the file, then renames: a crash leaves the old file or the new one.
    fn replace(&self, name: &'static str, text: &str) -> io::Result<()> {
        let beside = self.path.join(format!("{name}.new"));
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, self.path.join(name))?;
        // The name is durable only once the directory is; not every system can open one.
        match File::open(&self.path) {
            Ok(dir) => dir.sync_all(),
            Err(_) => Ok(()),
        }
    }
}

/// What a directory belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    network_id: NetworkId,
    peer: PeerId,
}

impl Identity {
    fn render(&self) -> String {
        let Self { network_id, peer } = self;
        let network = hex(network_id.as_bytes());
        format!(
            "{IDENTITY_HEADER}\nnetwork {network}\npeer {}\n",
            hex(peer.as_bytes())
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != IDENTITY_HEADER {
            return None;
        }
        let network = parse_hex_32(lines.next()?.strip_prefix("network ")?)?;
        let peer = parse_hex_32(lines.next()?.strip_prefix("peer ")?)?;
        Some(Self {
            network_id: NetworkId::from_bytes(network),
            peer: PeerId::from_bytes(&peer).ok()?,
        })
    }
}

/// One peer a line: its id, then its addresses.
fn render_peers(peers: &[EndpointAddr]) -> String {
    let mut text = String::new();
    for peer in peers.iter().take(PEERS_MAX) {
        text.push_str(&hex(peer.id.as_bytes()));
        let ips = peer.ip_addrs().map(|ip| ip.to_string());
        let relays = peer.relay_urls().map(|url| url.to_string());
        for address in ips.chain(relays).take(ADDRESSES_PER_PEER_MAX) {
            text.push(' ');
            text.push_str(&address);
        }
        text.push('\n');
    }
    text
}

/// Lines and addresses that make no sense are left out.
fn parse_peers(text: &str) -> Vec<EndpointAddr> {
    let parse_line = |line: &str| {
        let mut words = line.split_whitespace();
        let id = PeerId::from_bytes(&parse_hex_32(words.next()?)?).ok()?;
        let addresses = words.take(ADDRESSES_PER_PEER_MAX).filter_map(|word| {
            if let Ok(socket) = word.parse() {
                Some(TransportAddr::Ip(socket))
            } else {
                word.parse().ok().map(TransportAddr::Relay)
            }
        });
        Some(EndpointAddr::from_parts(id, addresses))
    };
    text.lines()
        .filter_map(parse_line)
        .take(PEERS_MAX)
        .collect()
}

fn hex(bytes: &[u8; 32]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("invariant: a string takes what is written to it");
            text
        })
}

fn parse_hex_32(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::try_from(nibble(pair[0])? << 4 | nibble(pair[1])?).ok()?;
    }
    Some(bytes)
}

/// A file's text, of which there may be at most `bytes_max`.
fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?
        .take(bytes_max + 1)
        .read_to_string(&mut text)?;
    match u64::try_from(read) {
        Ok(read) if read <= bytes_max => Ok(text),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "larger than expected",
        )),
    }
}

/// Only this user may list a directory that we make; one that exists keeps its mode.
fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn unusable(path: &Path) -> impl FnOnce(io::Error) -> DataDirError + use<> {
    let path = path.to_owned();
    move |reason| DataDirError::Unusable { path, reason }
}

const LOCK: &str = "lock";
const IDENTITY: &str = "identity";
const KEY: &str = "key";
const PEERS: &str = "bootstrap-peers";

const IDENTITY_HEADER: &str = "mosaik data directory 1";

/// As many as discovery dials at start: enough to reach a network some of whose nodes have moved.
const PEERS_MAX: usize = 16;

/// Interfaces times address families, with room; a relay or two.
const ADDRESSES_PER_PEER_MAX: usize = 16;

/// [`PEERS_MAX`] lines with the longest addresses, with room.
const PEERS_BYTES_MAX: u64 = 256 * 1024;

/// A process id.
const LOCK_BYTES_MAX: u64 = 64;

/// 64 digits and a line end, with room for spaces: more than that is another kind of file.
const KEY_BYTES_MAX: u64 = 256;

/// Three short lines.
const IDENTITY_BYTES_MAX: u64 = 1024;

#[cfg(test)]
mod tests;
