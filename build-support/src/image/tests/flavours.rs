//! Images with a distribution's files beside the program, from archives of the right shape.

use std::io::Write as _;

use super::*;
use crate::archive::write_tar;
use crate::image::builder::{Alpine, Ubuntu};

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&write_tar(files).unwrap()).unwrap();
    packed.finish().unwrap()
}

/// What a kernel would unpack: path and contents.
fn unpacked(output: &BuilderOutput) -> BTreeMap<String, String> {
    const HEADER_BYTES: usize = 110;
    let packed = fs::read(&output.initramfs_path).unwrap();
    let disk = read_bounded(packed.as_slice().into(), 64 << 20).unwrap();
    let mut files = BTreeMap::new();
    let mut at = 0;
    loop {
        let header = std::str::from_utf8(&disk[at..at + HEADER_BYTES]).unwrap();
        assert!(header.starts_with("070701"), "{at:x}");
        let field = |index: usize| {
            usize::from_str_radix(&header[6 + 8 * index..14 + 8 * index], 16).unwrap()
        };
        let (file_bytes, name_bytes) = (field(6), field(11));
        let name = &disk[at + HEADER_BYTES..at + HEADER_BYTES + name_bytes - 1];
        let name = String::from_utf8(name.to_vec()).unwrap();
        if name == "TRAILER!!!" {
            return files;
        }
        at = (at + HEADER_BYTES + name_bytes).next_multiple_of(4);
        let contents = String::from_utf8_lossy(&disk[at..at + file_bytes]).into_owned();
        files.insert(name, contents);
        at = (at + file_bytes).next_multiple_of(4);
    }
}

#[test]
fn alpine_gives_its_shell_and_its_library() {
    let package = Package::new("alpine");
    let minirootfs = archive(&[
        ("./bin/busybox", 0o755, b"the shell"),
        ("./lib/ld-musl-x86_64.so.1", 0o755, b"the library"),
        ("./etc/shadow", 0o640, b"root:*"),
        ("./sbin/apk", 0o755, b"another program"),
    ]);
    let flavour = Alpine {
        minirootfs: Some(minirootfs),
        ..Alpine::default()
    };
    let files = unpacked(&package.build_as(&package.options(), &flavour).unwrap());
    for (name, contents) in [
        ("bin/busybox", "the shell"),
        ("bin/sh", "busybox"),
        ("lib/ld-musl-x86_64.so.1", "the library"),
    ] {
        assert_eq!(
            files.get(name).map(String::as_str),
            Some(contents),
            "{name}"
        );
    }
    for name in ["init", "usr/bin/app", "etc/mosaik-init.conf"] {
        assert!(files.contains_key(name), "{name}");
    }
    for name in ["etc/shadow", "sbin/apk"] {
        assert!(!files.contains_key(name), "{name}");
    }
}

#[test]
fn ubuntu_gives_its_whole_base_system() {
    let package = Package::new("ubuntu");
    let rootfs = archive(&[
        ("etc/os-release", 0o644, b"ID=ubuntu"),
        ("etc/passwd", 0o644, b"root:x:0:0::/root:/bin/bash\n"),
        ("usr/sbin/sshd", 0o755, b"a server"),
    ]);
    let flavour = Ubuntu {
        rootfs: Some(rootfs),
        ..Ubuntu::default()
    };
    let options = Options {
        ssh_keys: vec!["ssh-ed25519 AAAA".to_owned()],
        ..package.options()
    };
    let files = unpacked(&package.build_as(&options, &flavour).unwrap());
    for (name, contents) in [
        ("etc/os-release", "ID=ubuntu"),
        // The distribution's own, not ours.
        ("etc/passwd", "root:x:0:0::/root:/bin/bash\n"),
        ("root/.ssh/authorized_keys", "ssh-ed25519 AAAA\n"),
    ] {
        assert_eq!(
            files.get(name).map(String::as_str),
            Some(contents),
            "{name}"
        );
    }
    assert!(files["etc/mosaik-init.conf"].contains("service /usr/sbin/sshd -D\n"));
}

#[test]
fn what_is_not_locked_says_where_it_is_published() {
    let package = Package::new("unlocked");
    let alpine = package
        .build_as(&package.options(), &Alpine::default())
        .unwrap_err()
        .report();
    assert!(
        alpine
            .starts_with("no image: no source 'alpine-3.21.0' is locked: add it to tdx-image.lock"),
        "{alpine}"
    );
    assert!(
        alpine.contains("alpine-minirootfs-3.21.0-x86_64.tar.gz"),
        "{alpine}"
    );
    let ubuntu = package
        .build_as(&package.options(), &Ubuntu::default())
        .unwrap_err()
        .report();
    assert!(
        ubuntu.starts_with("no image: no source 'ubuntu-24.04.4' is locked"),
        "{ubuntu}"
    );
}
