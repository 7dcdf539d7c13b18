//! Only the locked bytes come out, wherever they come from.

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::*;

/// A folder of this test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("build-support-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A network of two addresses that counts what it is asked.
#[derive(Default)]
struct Network {
    asked: RefCell<Vec<String>>,
}

impl Fetch for Network {
    fn open(&self, url: &str) -> Result<Box<dyn Read + '_>, FetchError> {
        self.asked.borrow_mut().push(url.to_owned());
        match url {
            "http://good/kernel" => Ok(Box::new(&b"kernel"[..])),
            "http://bad/kernel" => Ok(Box::new(&b"colonel"[..])),
            _ => Err(FetchError {
                reason: "the server answers 404".to_owned(),
                retryable: false,
            }),
        }
    }
}

fn locked(urls: &[&str]) -> Source {
    Source {
        name: "kernel".to_owned(),
        file: "kernel".to_owned(),
        bytes: 6,
        sha256: sha256(b"kernel"),
        license: "MIT".to_owned(),
        urls: urls.iter().map(|&url| url.to_owned()).collect(),
        era: None,
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn a_source_is_fetched_once() {
    let folder = Folder::new("once");
    let network = Network::default();
    let store = Store::new(folder.0.clone(), None, Some(&network), &|_| {});
    let source = locked(&["http://gone/kernel", "http://good/kernel"]);
    for _ in 0..2 {
        assert_eq!(store.obtain(&source).unwrap(), b"kernel");
    }
    assert_eq!(
        *network.asked.borrow(),
        ["http://gone/kernel", "http://good/kernel"]
    );

    // The cache is enough for a build without a network.
    let offline = Store::new(folder.0.clone(), None, None, &|_| {});
    assert_eq!(offline.obtain(&source).unwrap(), b"kernel");

    // A damaged cache is not.
    let cached = fs::read_dir(&folder.0)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with("-kernel"))
        .unwrap();
    fs::write(&cached, b"kernal").unwrap();
    assert!(matches!(
        offline.obtain(&source),
        Err(SourceError::Offline { .. })
    ));
    assert_eq!(store.obtain(&source).unwrap(), b"kernel");
    assert_eq!(fs::read(&cached).unwrap(), b"kernel");
}

#[test]
fn other_bytes_stop_the_build_and_are_not_kept() {
    let folder = Folder::new("hash");
    let network = Network::default();
    let store = Store::new(folder.0.clone(), None, Some(&network), &|_| {});
    let source = locked(&["http://bad/kernel", "http://good/kernel"]);
    let error = store.obtain(&source).unwrap_err();
    // Seven bytes of the wrong file: reading stops at one byte too many.
    assert_eq!(
        error.to_string(),
        format!(
            "'kernel' from http://bad/kernel is not the file that is locked: expected sha-256 {}, got \
             {} (7 bytes)",
            source.sha256,
            sha256(b"colonel")
        )
    );
    assert!(!error.is_retryable());
    let kept = fs::read_dir(&folder.0).unwrap().filter(|entry| {
        !entry
            .as_ref()
            .unwrap()
            .file_name()
            .to_string_lossy()
            .ends_with(".lock")
    });
    assert_eq!(kept.count(), 0);
}

#[test]
fn a_mirror_is_asked_first() {
    let (folder, mirror) = (Folder::new("mirrored"), Folder::new("mirror"));
    fs::write(mirror.0.join("kernel"), b"kernel").unwrap();
    let mirror = Mirror::parse(mirror.0.to_str().unwrap());
    let store = Store::new(folder.0.clone(), Some(mirror), None, &|_| {});
    assert_eq!(store.obtain(&locked(&[])).unwrap(), b"kernel");

    let folder = Folder::new("mirrored-url");
    let network = Network::default();
    let mirror = Mirror::parse("http://good/");
    assert_eq!(mirror, Mirror::Url("http://good".to_owned()));
    let store = Store::new(folder.0.clone(), Some(mirror), Some(&network), &|_| {});
    assert_eq!(
        store.obtain(&locked(&["http://bad/kernel"])).unwrap(),
        b"kernel"
    );
}

#[test]
fn what_is_missing_is_named() {
    let folder = Folder::new("missing");
    let network = Network::default();
    let store = Store::new(folder.0.clone(), None, Some(&network), &|_| {});
    let error = store
        .obtain(&locked(&["http://a/kernel", "http://b/kernel"]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "'kernel' could not be fetched: http://a/kernel: the server answers 404; \
         http://b/kernel: the server answers 404"
    );
    let offline = Store::new(folder.0.clone(), None, None, &|_| {});
    let error = offline
        .obtain(&locked(&["http://a/kernel"]))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("'kernel' is not in") && error.contains("http://a/kernel"),
        "{error}"
    );
}

#[test]
fn the_embedded_lock_file_is_one() {
    let lock = Lock::embedded();
    assert!(lock.sources().count() >= 2);
    for source in lock.sources() {
        assert!(!source.urls.is_empty(), "{}", source.name);
        assert!(!source.license.is_empty(), "{}", source.name);
    }
    let error = lock
        .source("nothing", Some("http://here".to_owned()))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("no source 'nothing' is locked: add it to tdx-image.lock"),
        "{error}"
    );
    assert!(
        error.ends_with("; it is published at http://here"),
        "{error}"
    );
}

#[test]
fn what_is_no_lock_file() {
    let entry = |key: &str, value: &str| {
        let mut entry =
            String::from("version = 1\n[[source]]\nname = \"n\"\nlicense = \"MIT\"\nurls = []\n");
        for (name, default) in [
            ("file", "\"f\"".to_owned()),
            ("bytes", "1".to_owned()),
            ("sha256", format!("\"{}\"", "0".repeat(64))),
        ] {
            let value = if name == key { value } else { &default };
            entry.push_str(&format!("{name} = {value}\n"));
        }
        entry
    };
    let path = Path::new("tdx-image.lock");
    assert!(Lock::parse(&entry("", ""), path).is_ok());
    for (text, message) in [
        ("version = 2".to_owned(), "version 2 is not 1"),
        (
            entry("file", "\"../f\""),
            "source 'n': `file` is no file name",
        ),
        (
            entry("sha256", "\"00\""),
            "source 'n': `sha256` is not 64 lower-case hexadecimal digits",
        ),
        (
            entry("bytes", "0"),
            "source 'n': `bytes` is zero or more than a GiB",
        ),
        (
            format!(
                "{}{}",
                entry("", ""),
                entry("", "").trim_start_matches("version = 1\n")
            ),
            "source 'n' stands there twice",
        ),
    ] {
        let error = Lock::parse(&text, path).unwrap_err().to_string();
        assert_eq!(error, format!("tdx-image.lock is no lock file: {message}"));
    }
    let theirs = entry("file", "\"g\"");
    let lock = Lock::parse(&entry("", ""), path).unwrap();
    let lock = lock.overridden_by(Lock::parse(&theirs, path).unwrap());
    assert_eq!(lock.source("n", None).unwrap().file, "g");
}
