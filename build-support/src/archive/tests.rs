//! What comes out is what went in, whatever damaged input does.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use super::*;

/// "mosaik" 1000 times, by xz 5.4 and zstd 1.5.
const XZ: &[u8] = include_bytes!("../../tests/data/mosaik-1000.xz");
const ZSTD: &[u8] = include_bytes!("../../tests/data/mosaik-1000.zst");

fn gzip(contents: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(contents).unwrap();
    encoder.finish().unwrap()
}

fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, contents) in members {
        let size = contents.len();
        writeln!(
            archive,
            "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`",
            0, 0, 0, 100_644
        )
        .unwrap();
        archive.extend(*contents);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

#[test]
fn every_compression_is_told_by_its_first_bytes() {
    let contents = b"mosaik".repeat(1000);
    for (format, bytes) in [
        (Format::Gzip, gzip(&contents)),
        (Format::Xz, XZ.to_vec()),
        (Format::Zstd, ZSTD.to_vec()),
        (Format::Plain, contents.clone()),
    ] {
        assert_eq!(Format::of(&bytes), format);
        let bytes: Arc<[u8]> = bytes.into();
        assert_eq!(
            read_bounded(bytes.clone(), 6000).unwrap(),
            contents,
            "{format:?}"
        );
        let error = read_bounded(bytes, 5999).unwrap_err();
        assert!(
            matches!(error, ArchiveError::TooLarge { limit: 5999, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_debian_package_is_an_ar_of_tars() {
    let package = ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", b"c"),
        ("data.tar.xz", b"data"),
    ]);
    assert_eq!(ar_member(&package, "data.tar").unwrap(), b"data");
    assert_eq!(ar_member(&package, "debian-binary").unwrap(), b"2.0\n");
    let error = ar_member(&package, "other").unwrap_err();
    assert_eq!(error.to_string(), "the ar archive holds no 'other'");
}

#[test]
fn a_tar_gives_what_is_wanted() {
    let archive = write_tar(&[
        ("boot/vmlinuz", 0o644, b"kernel"),
        ("bin/tool", 0o755, b"tool"),
    ])
    .unwrap();
    let entries = read_tar(&archive[..], |path| path.starts_with("bin/")).unwrap();
    assert_eq!(
        entries,
        [TarEntry {
            path: "bin/tool".to_owned(),
            mode: 0o755,
            kind: TarKind::File(b"tool".to_vec())
        }]
    );
    let again = write_tar(&[
        ("boot/vmlinuz", 0o644, b"kernel"),
        ("bin/tool", 0o755, b"tool"),
    ]);
    assert_eq!(archive, again.unwrap());
}

#[test]
fn a_path_out_of_the_archive_is_refused() {
    let mut archive = write_tar(&[("aa/passwd", 0o644, b"x")]).unwrap();
    archive[..2].copy_from_slice(b"..");
    let sum: u32 = archive[..512]
        .iter()
        .enumerate()
        .map(|(at, byte)| {
            if (148..156).contains(&at) {
                32
            } else {
                u32::from(*byte)
            }
        })
        .sum();
    archive[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let error = read_tar(&archive[..], |_| true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the tar archive holds the path '../passwd'"
    );
}

#[test]
fn an_initial_ram_disk_is_the_same_bytes_each_time() {
    let build = |order: [&str; 3]| {
        let mut disk = Initramfs::new();
        disk.directory("proc", 0o555).unwrap();
        disk.character_device("/dev/console", 0o600, (5, 1))
            .unwrap();
        disk.symlink("lib64", "lib").unwrap();
        for path in order {
            disk.file(path, 0o755, path.trim_start_matches('/'))
                .unwrap();
        }
        disk
    };
    let disk = build(["/init", "etc/a", "usr/bin/b"]);
    let cpio = disk.to_cpio();
    assert_eq!(cpio, build(["usr/bin/b", "etc/a", "init"]).to_cpio());
    assert_eq!(
        disk.to_gzip(),
        build(["usr/bin/b", "etc/a", "init"]).to_gzip()
    );
    assert_eq!(cpio.len() % 512, 0);
    let names: Vec<_> = paths(&cpio);
    assert_eq!(
        names,
        [
            "dev",
            "dev/console",
            "etc",
            "etc/a",
            "init",
            "lib64",
            "proc",
            "usr",
            "usr/bin",
            "usr/bin/b",
            "TRAILER!!!"
        ]
    );
    let unpacked = read_bounded(disk.to_gzip().into(), 1 << 20).unwrap();
    assert_eq!(unpacked, cpio);
}

/// A reader of "newc" for the test: the names, in order.
fn paths(cpio: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut at = 0;
    while names.last().map(String::as_str) != Some("TRAILER!!!") {
        let field = |index: usize| {
            let start = at + 6 + 8 * index;
            usize::from_str_radix(std::str::from_utf8(&cpio[start..start + 8]).unwrap(), 16)
                .unwrap()
        };
        assert_eq!(&cpio[at..at + 6], b"070701");
        let (bytes, name_bytes) = (field(6), field(11));
        names.push(String::from_utf8(cpio[at + 110..at + 109 + name_bytes].to_vec()).unwrap());
        at = (at + 110 + name_bytes).next_multiple_of(4) + bytes;
        at = at.next_multiple_of(4);
    }
    names
}

#[test]
fn what_an_initial_ram_disk_refuses() {
    let mut disk = Initramfs::new();
    disk.file("a/b", 0o644, "").unwrap();
    for (result, message) in [
        (
            disk.file("..", 0, ""),
            "'..' is no path of a file in the guest",
        ),
        (
            disk.file("/", 0, ""),
            "'/' is no path of a file in the guest",
        ),
        (
            disk.file("a", 0, ""),
            "'a' is both a file and a directory in the guest",
        ),
        (
            disk.file("a/b/c", 0, ""),
            "'a/b' is both a file and a directory in the guest",
        ),
        (
            disk.directory("a/b", 0),
            "'a/b' is both a file and a directory in the guest",
        ),
        (
            disk.extend(vec![TarEntry {
                path: "link".to_owned(),
                mode: 0,
                kind: TarKind::Link("none".to_owned()),
            }]),
            "'link' links to 'none', which is not in the archive",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), message);
    }
}

#[test]
fn this_test_program_is_an_elf_file() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let elf = Elf::parse(&program).unwrap();
    assert!(elf.interpreter().is_ok());
    assert!(elf.module_info().is_err(), "a program is no kernel module");
    assert_eq!(Elf::parse(b"#!/bin/sh").unwrap_err(), ElfError::NotElf);
}

/// Every archive cut short and damaged byte by byte: an error or other contents, never a panic, never without end.
#[test]
fn damaged_archives_are_errors_at_worst() {
    let tar = write_tar(&[("a", 0o644, b"contents"), ("b/c", 0o755, &[7; 700])]).unwrap();
    let package = ar(&[("debian-binary", b"2.0\n"), ("data.tar.gz", &gzip(&tar))]);
    let read = |bytes: &[u8]| {
        let _ = ar_member(bytes, "data.tar");
        let _ = read_tar(bytes, |_| true);
        let _ = Elf::parse(bytes).map(|elf| (elf.interpreter(), elf.module_info()));
        let bytes: Arc<[u8]> = bytes.into();
        let _ = read_bounded(bytes.clone(), 1 << 20);
        if let Ok(stream) = decoder(bytes) {
            let _ = read_tar(stream.take(1 << 20), |_| true);
        }
    };
    let program = {
        let mut elf = vec![0; 0x200];
        elf[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        elf[18] = 62;
        elf[32] = 64;
        elf[40] = 0x80;
        elf[56] = 2;
        elf[60] = 3;
        elf
    };
    for file in [
        tar,
        package,
        XZ.to_vec(),
        ZSTD.to_vec(),
        gzip(&[1; 300]),
        program,
    ] {
        for cut in (0..file.len()).step_by(1 + file.len() / 400) {
            read(&file[..cut]);
        }
        for at in (0..file.len()).step_by(1 + file.len() / 600) {
            for value in [0, 1, 0x2f, 0x7f, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] = value;
                read(&damaged);
            }
        }
    }
}
