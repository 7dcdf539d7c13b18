//! A directory in which the networks of one user on one host leave their addresses.
//!
//! One small file per node, `<dir>/<network id>/<peer id>`, replaced atomically, refreshed every
//! [`REFRESH`] and removed at the end. What a file says is a hint from anybody who can write there: it is
//! read up to [`CARD_BYTES_MAX`], checked for form, and proven only by the handshake that follows.

use std::{
    fs, io,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::primitives::{EndpointAddr, NetworkId, PeerId, decode, encode};

/// Overrides where the directory is, for containers and tests.
pub(crate) const RUNTIME_DIR_ENV: &str = "MOSAIK_RUNTIME_DIR";

/// How often a node renews its file, so that a dead one can be told by its age.
pub(super) const REFRESH: Duration = Duration::from_secs(30);

/// A file this old belongs to nobody: four refreshes were missed.
const STALE_AFTER: Duration = Duration::from_secs(120);

/// An id, eight addresses and two relay URLs take about 700 bytes.
const CARD_BYTES_MAX: u64 = 4096;

/// Files looked at in one pass; more nodes than this on one host find each other through peers.
const CARDS_PER_LOOK_MAX: usize = 1024;

const CARD_FORMAT: u16 = 1;

/// One network's folder in the rendezvous directory of this user.
#[derive(Debug)]
pub(super) struct Rendezvous {
    folder: PathBuf,
    host: Host,
}

impl Rendezvous {
    /// Opens, and creates if needed, the folder of `network` under `dir` (default: the user's).
    ///
    /// Fails when the directory cannot be created or could be written by another user.
    pub(super) fn open(dir: Option<&Path>, network: &NetworkId) -> io::Result<Self> {
        let root = dir.map_or_else(default_dir, Path::to_owned);
        create_private(&root)?;
        let folder = root.join(network.to_string());
        create_private(&folder)?;
        Ok(Self {
            folder,
            host: Host::here(),
        })
    }

    /// Writes or renews the file of the node at `addr`.
    pub(super) fn post(&self, addr: &EndpointAddr) -> io::Result<()> {
        let card = Card {
            format: CARD_FORMAT,
            process: std::process::id(),
            host: self.host.clone(),
            addr: addr.clone(),
        };
        let bytes = encode(&card).map_err(io::Error::other)?;
        let draft = self.folder.join(format!(".{}.{}", addr.id, card.process));
        let mut file = fs::File::create(&draft)?;
        file.write_all(&bytes)?;
        drop(file);
        fs::rename(&draft, self.folder.join(addr.id.to_string()))
    }

    /// Removes the file of `peer`.
    pub(super) fn withdraw(&self, peer: &PeerId) {
        // Missing is as good as removed, and a leftover ages out.
        let _ = fs::remove_file(self.folder.join(peer.to_string()));
    }

    /// The other nodes that have a fresh file here. Removes the files of dead processes.
    pub(super) fn look(&self, me: &PeerId, now: DateTime<Utc>) -> io::Result<Vec<EndpointAddr>> {
        let mut found = Vec::new();
        for file in fs::read_dir(&self.folder)?.take(CARDS_PER_LOOK_MAX) {
            let path = file?.path();
            match self.read(&path, now) {
                Verdict::Fresh(addr) if addr.id != *me => found.push(addr),
                Verdict::Stale => drop(fs::remove_file(&path)),
                Verdict::Fresh(_) | Verdict::NotForUs => {}
            }
        }
        Ok(found)
    }

    fn read(&self, path: &Path, now: DateTime<Utc>) -> Verdict {
        let Ok(age) = age_of(path, now) else {
            return Verdict::NotForUs;
        };
        if age > STALE_AFTER {
            return Verdict::Stale;
        }
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Ok(peer) = name.parse::<PeerId>() else {
            return Verdict::NotForUs;
        };
        let mut bytes = Vec::new();
        let Ok(file) = fs::File::open(path) else {
            return Verdict::NotForUs;
        };
        if file.take(CARD_BYTES_MAX).read_to_end(&mut bytes).is_err() {
            return Verdict::NotForUs;
        }
        let Ok(card) = decode::<Card>(&bytes) else {
            return Verdict::NotForUs;
        };
        if card.format != CARD_FORMAT || card.addr.id != peer {
            return Verdict::NotForUs;
        }
        if card.host.processes == self.host.processes && !process_lives(card.process) {
            return Verdict::Stale;
        }
        if card.host.network != self.host.network {
            return Verdict::NotForUs;
        }
        Verdict::Fresh(card.addr)
    }
}

enum Verdict {
    Fresh(EndpointAddr),
    Stale,
    NotForUs,
}

/// The content of a file. Its layout is shared by every version that meets on a host.
#[derive(Debug, Serialize, Deserialize)]
struct Card {
    format: u16,
    process: u32,
    host: Host,
    addr: EndpointAddr,
}

/// Which namespaces a process runs in: containers may share the directory without sharing a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Host {
    network: String,
    processes: String,
}

impl Host {
    fn here() -> Self {
        Self {
            network: namespace("net"),
            processes: namespace("pid"),
        }
    }
}

/// The name of this process's namespace of a kind; empty where the system has none.
fn namespace(kind: &str) -> String {
    let link = fs::read_link(Path::new("/proc/self/ns").join(kind));
    link.map(|path| path.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Whether a process of our own namespace is there. True where that cannot be told.
fn process_lives(process: u32) -> bool {
    let table = Path::new("/proc");
    !table.join("self").exists() || table.join(process.to_string()).exists()
}

fn age_of(path: &Path, now: DateTime<Utc>) -> io::Result<Duration> {
    let modified = DateTime::<Utc>::from(fs::symlink_metadata(path)?.modified()?);
    Ok((now - modified).to_std().unwrap_or_default())
}

/// Where the user's directory is: the environment's, else the session's, else one in the temporary folder.
fn default_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os(RUNTIME_DIR_ENV).filter(|dir| !dir.is_empty()) {
        return dir.into();
    }
    match std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => Path::new(&dir).join("mosaik"),
        None => std::env::temp_dir().join(format!("mosaik-{}", user_name())),
    }
}

#[cfg(unix)]
fn user_name() -> String {
    user_id().map_or_else(|| "user".to_owned(), |id| id.to_string())
}

#[cfg(not(unix))]
fn user_name() -> String {
    std::env::var("USERNAME").unwrap_or_else(|_| "user".to_owned())
}

#[cfg(unix)]
fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").ok().map(|process| process.uid())
}

/// Creates a directory that only its owner may enter, and refuses one that somebody else prepared.
#[cfg(unix)]
fn create_private(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};

    match fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
    {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(dir)?;
    let owned = user_id().is_none_or(|id| id == found.uid());
    if !found.is_dir() || !owned {
        let text = format!("{} is not a directory of this user", dir.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_private(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{Digest, SecretKey};

    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            Self(std::env::temp_dir().join(format!("mosaik-test-{}", Digest::random())))
        }

        fn open(&self) -> Rendezvous {
            Rendezvous::open(Some(&self.0), &NetworkId::from("rendezvous")).unwrap()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn addr(seed: u8) -> EndpointAddr {
        let id = SecretKey::from_bytes(&[seed; 32]).public();
        EndpointAddr::from(id).with_ip_addr(([127, 0, 0, 1], 4000 + u16::from(seed)).into())
    }

    fn soon() -> DateTime<Utc> {
        crate::runtime::Clock::system().utc()
    }

    #[test]
    fn nodes_see_each_other_until_they_withdraw() {
        let folder = Folder::new();
        let (one, two) = (folder.open(), folder.open());
        one.post(&addr(1)).unwrap();
        two.post(&addr(2)).unwrap();
        assert_eq!(one.look(&addr(1).id, soon()).unwrap(), [addr(2)]);
        assert_eq!(two.look(&addr(2).id, soon()).unwrap(), [addr(1)]);
        one.withdraw(&addr(1).id);
        assert_eq!(two.look(&addr(2).id, soon()).unwrap(), []);
        // Nothing but the other node's file is left: no drafts.
        assert_eq!(fs::read_dir(&one.folder).unwrap().count(), 1);
    }

    #[test]
    fn old_files_and_those_of_dead_processes_are_removed() {
        let folder = Folder::new();
        let place = folder.open();
        place.post(&addr(1)).unwrap();
        let later = soon() + chrono::Duration::seconds(121);
        assert_eq!(place.look(&addr(9).id, later).unwrap(), []);
        assert!(!place.folder.join(addr(1).id.to_string()).exists());

        let card = Card {
            format: CARD_FORMAT,
            process: u32::MAX, // above every system's largest process id
            host: Host::here(),
            addr: addr(2),
        };
        let path = place.folder.join(addr(2).id.to_string());
        fs::write(&path, encode(&card).unwrap()).unwrap();
        assert_eq!(place.look(&addr(9).id, soon()).unwrap(), []);
        assert_eq!(path.exists(), !Path::new("/proc/self").exists());
    }

    #[test]
    fn what_others_write_is_a_hint_at_most() {
        let folder = Folder::new();
        let place = folder.open();
        let card = |host: Host, addr: EndpointAddr| {
            let process = std::process::id();
            encode(&Card {
                format: CARD_FORMAT,
                process,
                host,
                addr,
            })
            .unwrap()
        };
        let write = |name: &str, bytes: &[u8]| fs::write(place.folder.join(name), bytes).unwrap();
        write(&addr(1).id.to_string(), b"not a card");
        write(&addr(2).id.to_string(), &vec![0xdd; 1 << 20]);
        write(&addr(3).id.to_string(), &card(Host::here(), addr(4)));
        write("README", &card(Host::here(), addr(5)));
        let elsewhere = Host {
            network: "net:[1]".into(),
            ..Host::here()
        };
        write(&addr(6).id.to_string(), &card(elsewhere, addr(6)));
        assert_eq!(place.look(&addr(9).id, soon()).unwrap(), []);
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let place = folder.open();
        for dir in [&folder.0, &place.folder] {
            assert_eq!(
                fs::metadata(dir).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
        let elsewhere = Folder::new();
        std::os::unix::fs::symlink(&folder.0, &elsewhere.0).unwrap();
        assert!(create_private(&elsewhere.0).is_err());
        fs::remove_file(&elsewhere.0).unwrap();
    }
}
