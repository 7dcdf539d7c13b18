//! Each file of the directory, whole and damaged.

use super::*;
use crate::{network::DataDirError, runtime::Rng};

/// A directory that is gone when the test is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let unique = format!("mosaik-{name}-{}", NetworkId::random());
        Self(std::env::temp_dir().join(unique))
    }

    fn open(&self) -> DataDir {
        DataDir::open(&self.0).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32])
}

fn network(name: &str) -> NetworkId {
    NetworkId::from(name)
}

fn never() -> SecretKey {
    panic!("no key may be made here")
}

#[test]
fn a_made_key_is_kept() {
    let scratch = Scratch::new("kept");
    let first = scratch.open().claim(network("a"), None, || key(1)).unwrap();
    let second = scratch.open().claim(network("a"), None, never).unwrap();
    assert_eq!(first.to_bytes(), second.to_bytes());

    let text = fs::read_to_string(scratch.0.join("key")).unwrap();
    assert_eq!(text, format!("{}\n", "01".repeat(32)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(scratch.0.join("key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_given_key_is_not_written() {
    let scratch = Scratch::new("given");
    scratch
        .open()
        .claim(network("a"), Some(key(1)), never)
        .unwrap();
    assert!(!scratch.0.join("key").exists());

    let dir = scratch.open();
    dir.claim(network("a"), Some(key(1)), never).unwrap();
    let error = dir.claim(network("a"), Some(key(2)), never).unwrap_err();
    assert!(matches!(error, DataDirError::OtherKey { .. }), "{error}");
    let error = dir.claim(network("a"), None, never).unwrap_err();
    assert!(matches!(error, DataDirError::MissingKey { .. }), "{error}");
}

#[test]
fn another_network_is_refused() {
    let scratch = Scratch::new("network");
    let dir = scratch.open();
    dir.claim(network("a"), None, || key(1)).unwrap();
    let error = dir.claim(network("b"), None, never).unwrap_err();
    match &error {
        DataDirError::OtherNetwork {
            path,
            expected,
            found,
        } => {
            assert_eq!(
                (path, *expected, *found),
                (&scratch.0, network("b"), network("a"))
            );
        }
        other => panic!("{other}"),
    }
    assert!(error.is_definite() && !error.is_retryable());
}

#[test]
fn one_process_at_a_time() {
    let scratch = Scratch::new("lock");
    let dir = scratch.open();
    let error = DataDir::open(&scratch.0).unwrap_err();
    assert!(error.is_retryable());
    match error {
        DataDirError::InUse { path, process } => {
            assert_eq!(
                (path, process),
                (scratch.0.clone(), Some(std::process::id()))
            );
        }
        other => panic!("{other}"),
    }
    drop(dir);
    scratch.open();
}

#[test]
fn a_damaged_key_is_an_error_and_stays() {
    let scratch = Scratch::new("damaged");
    let dir = scratch.open();
    let path = scratch.0.join("key");
    for damaged in [
        "",
        "short",
        &"0".repeat(63),
        &"g".repeat(64),
        &"0".repeat(1000),
    ] {
        dir.write_new("key", damaged).unwrap();
        let error = dir.claim(network("a"), None, never).unwrap_err();
        assert!(
            matches!(error, DataDirError::MalformedKey { .. }),
            "{damaged:?}: {error}"
        );
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
    fs::write(&path, [0xff; 64]).unwrap();
    let error = dir.claim(network("a"), None, never).unwrap_err();
    assert!(
        matches!(error, DataDirError::MalformedKey { .. }),
        "{error}"
    );
}

#[test]
fn an_unreadable_key_is_an_error() {
    let scratch = Scratch::new("unreadable");
    let dir = scratch.open();
    fs::create_dir(scratch.0.join("key")).unwrap();
    let error = dir.claim(network("a"), None, never).unwrap_err();
    assert!(
        matches!(error, DataDirError::UnreadableKey { .. }),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new("open");
    let dir = scratch.open();
    dir.claim(network("a"), None, || key(1)).unwrap();
    fs::set_permissions(scratch.0.join("key"), fs::Permissions::from_mode(0o644)).unwrap();
    let error = dir.claim(network("a"), None, never).unwrap_err();
    assert!(
        matches!(error, DataDirError::KeyPermissions { mode: 0o644, .. }),
        "{error}"
    );
}

#[test]
fn a_damaged_identity_is_an_error() {
    let scratch = Scratch::new("identity");
    let dir = scratch.open();
    let good = Identity {
        network_id: network("a"),
        peer: key(1).public(),
    };
    assert_eq!(Identity::parse(&good.render()), Some(good));
    for damaged in ["", "mosaik data directory 2\n", &good.render()[..100]] {
        dir.write_new("identity", damaged).unwrap();
        let error = dir.claim(network("a"), None, never).unwrap_err();
        assert!(
            matches!(error, DataDirError::MalformedIdentity { .. }),
            "{damaged:?}: {error}"
        );
    }
}

#[test]
fn a_file_in_place_of_the_directory() {
    let scratch = Scratch::new("file");
    fs::write(&scratch.0, "x").unwrap();
    let error = DataDir::open(&scratch.0).unwrap_err();
    assert!(matches!(error, DataDirError::Unusable { .. }), "{error}");
    fs::remove_file(&scratch.0).unwrap();
}

#[test]
fn peers_are_kept() {
    let scratch = Scratch::new("peers");
    let dir = scratch.open();
    assert_eq!(dir.peers(), vec![]);
    let peers = [
        EndpointAddr::new(key(1).public()),
        EndpointAddr::new(key(2).public())
            .with_ip_addr("10.0.0.1:7000".parse().unwrap())
            .with_ip_addr("[fe80::1]:7000".parse().unwrap())
            .with_relay_url("https://relay.example".parse().unwrap()),
    ];
    dir.save_peers(&peers).unwrap();
    assert_eq!(dir.peers(), peers);
    dir.save_peers(&peers[..1]).unwrap();
    assert_eq!(dir.peers(), peers[..1]);
}

#[test]
fn damaged_peers_are_left_out() {
    let good = EndpointAddr::new(key(2).public()).with_ip_addr("10.0.0.1:7000".parse().unwrap());
    let line = render_peers(std::slice::from_ref(&good));
    let text = format!(
        "\nnonsense\n{}\n{} not-an-address:x\n",
        line.trim(),
        "0".repeat(63)
    );
    assert_eq!(parse_peers(&text), vec![good]);
}

#[test]
fn peers_are_bounded() {
    let mut rng = Rng::seeded(1);
    let peers: Vec<_> = (0..PEERS_MAX + 10)
        .map(|_| {
            let mut bytes = [0; 32];
            rng.fill(&mut bytes);
            EndpointAddr::new(SecretKey::from_bytes(&bytes).public())
        })
        .collect();
    assert_eq!(parse_peers(&render_peers(&peers)), peers[..PEERS_MAX]);
}
