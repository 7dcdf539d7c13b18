//! Whole builds of a package of one file, with a kernel and a firmware of the right shape: no network.

#![expect(clippy::unwrap_used, reason = "a test fails on the spot")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::builder::Minimal;
use super::options::Options;
use super::program::dependencies;
use super::*;
use crate::archive::{Format, read_bounded};
use crate::measure::test_files::{bz_image, ovmf};

mod flavours;

const RELEASE: &str = "6.12.0-test";

/// A package in a folder of its own, removed with it.
struct Package {
    folder: PathBuf,
}

impl Package {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tdx-image-{}-{name}", std::process::id()));
        let package = Self { folder };
        package.write(
            "Cargo.toml",
            "[package]\nname = \"app\"\nedition = \"2024\"\n[workspace]\n",
        );
        package.write("src/main.rs", "fn main() { println!(\"hello\"); }\n");
        for name in super::plan::MODULES {
            let name = name.replace('_', "-");
            package.write(
                &format!("modules/{name}.ko"),
                module(&name.replace('-', "_"), RELEASE),
            );
        }
        package
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    fn options(&self) -> Options {
        Options {
            vmlinuz: Some(kernel()),
            ovmf: Some(firmware()),
            kernel_modules_dir: Some(self.folder.join("modules")),
            // The target that every toolchain for this host has.
            target: GuestTarget::Gnu,
            ..Options::default()
        }
    }

    fn build(&self, options: &Options) -> Result<BuilderOutput, BuildError> {
        self.build_as(options, &Minimal::default())
    }

    fn build_as(
        &self,
        options: &Options,
        flavour: &impl Flavour,
    ) -> Result<BuilderOutput, BuildError> {
        let out = self.folder.join("target/debug/build/app-1/out");
        fs::create_dir_all(&out).unwrap();
        let mut variables: BTreeMap<String, String> = std::env::vars()
            .filter(|(name, _)| {
                matches!(
                    name.as_str(),
                    "HOME" | "PATH" | "CARGO_HOME" | "CARGO" | "RUSTC"
                )
            })
            .collect();
        for (name, value) in [
            ("OUT_DIR", out.display().to_string()),
            ("CARGO_MANIFEST_DIR", self.folder.display().to_string()),
            ("CARGO_PKG_NAME", "app".to_owned()),
            ("PROFILE", "debug".to_owned()),
            ("TDX_IMAGE", "require".to_owned()),
            ("TDX_IMAGE_OFFLINE", "1".to_owned()),
            (
                "TDX_IMAGE_CACHE",
                self.folder.join("cache").display().to_string(),
            ),
        ] {
            variables.insert(name.to_owned(), value);
        }
        let environment = Environment::new(variables, None).unwrap();
        match super::pipeline::run(options, flavour, &environment)? {
            Outcome::Built(output) => Ok(output),
            Outcome::Skipped(reason) => panic!("skipped: {reason}"),
        }
    }
}

impl Drop for Package {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn kernel() -> Vec<u8> {
    let mut kernel = bz_image();
    kernel[0x20e..0x210].copy_from_slice(&0x1000_u16.to_le_bytes());
    kernel[0x1200..0x1200 + RELEASE.len()].copy_from_slice(RELEASE.as_bytes());
    kernel[0x1200 + RELEASE.len()] = b' ';
    kernel[0x1800..0x1808].copy_from_slice(&[0x3d, 0x1a, 0x75, 0x96, 0xf4, 0x72, 0xa6, 0x41]);
    kernel[0x1900..0x1908].copy_from_slice(&[0xa7, 0x94, 0xed, 0x5d, 0x0e, 0x67, 0xae, 0x6b]);
    kernel
}

fn firmware() -> Vec<u8> {
    let mut firmware = ovmf();
    firmware[0x9_0000..0x9_0010].copy_from_slice(&[
        0x1e, 0x22, 0x62, 0xf0, 0x07, 0xc6, 0xc2, 0x44, 0xb0, 0xb4, 0xc3, 0x88, 0x63, 0x31, 0xd3,
        0x51,
    ]);
    firmware
}

/// An ELF file with nothing but what a module says of itself.
fn module(name: &str, release: &str) -> Vec<u8> {
    let info = format!("name={name}\0depends=\0vermagic={release} SMP mod_unload \0");
    let names = b"\0.modinfo\0.shstrtab\0";
    let mut file = vec![0; 64];
    file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
    file[18] = 62;
    let (info_at, names_at) = (file.len(), file.len() + info.len());
    file.extend(info.as_bytes());
    file.extend(names);
    let headers = file.len() as u64;
    file[40..48].copy_from_slice(&headers.to_le_bytes());
    file[60] = 3;
    file[62] = 2;
    file.extend([0; 64]);
    for (name, at, bytes) in [(1_u32, info_at, info.len()), (10, names_at, names.len())] {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&name.to_le_bytes());
        header[24..32].copy_from_slice(&(at as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(bytes as u64).to_le_bytes());
        file.extend(header);
    }
    file
}

fn files(output: &BuilderOutput) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(output.bundle_path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().ends_with("build.log"))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "how long a build takes is what is tested"
)]
fn an_image_is_a_function_of_its_inputs() {
    let first = Package::new("first");
    let options = first.options();
    let built = first.build(&options).unwrap();
    let original = files(&built);
    assert_eq!(original.len(), 12, "{:?}", original.keys());
    assert_eq!(Format::of(&original["app-initramfs.cpio.gz"]), Format::Gzip);

    // Another folder, with a name of another length.
    let second = Package::new("second-with-a-longer-name");
    let again = second.build(&second.options()).unwrap();
    for (name, contents) in &files(&again) {
        // The stamp knows the folder that modules were taken from.
        if name != "app-stamp.json" {
            assert!(*contents == original[name], "{name} differs");
        }
    }

    // Nothing changed: nothing is done, and soon.
    let bundle = || {
        fs::metadata(&built.bundle_path)
            .unwrap()
            .modified()
            .unwrap()
    };
    let (began, date) = (Instant::now(), bundle());
    assert_eq!(first.build(&options).unwrap(), built);
    assert_eq!(bundle(), date, "the bundle was written again");
    println!("an image that is up to date took {:?}", began.elapsed());

    // The program changed: the image does, and so does what identifies it.
    first.write("src/main.rs", "fn main() { println!(\"hullo\"); }\n");
    let edited = first.build(&options).unwrap();
    assert_ne!(edited.rtmr2, built.rtmr2);
    assert_eq!(edited.mrtd, built.mrtd);
    assert_ne!(
        files(&edited)["app-initramfs.cpio.gz"],
        original["app-initramfs.cpio.gz"]
    );

    // And back.
    first.write("src/main.rs", "fn main() { println!(\"hello\"); }\n");
    assert_eq!(first.build(&options).unwrap(), built);

    let constants = fs::read_to_string(
        first
            .folder
            .join("target/debug/build/app-1/out/tdx-measurements.rs"),
    )
    .unwrap();
    assert!(constants.starts_with("Some((1, ["), "{constants}");
    guest_is_told_what_to_run(&original["app-initramfs.cpio.gz"]);
    mistakes_are_named(&first);
}

fn guest_is_told_what_to_run(initramfs: &[u8]) {
    let disk = read_bounded(initramfs.into(), 64 << 20).unwrap();
    let text = String::from_utf8_lossy(&disk);
    assert!(text.contains("program /usr/bin/app\n"));
    assert!(text.contains("module /lib/modules/virtio_net.ko\n"));
    assert!(text.contains("network dhcp\n"));
}

fn mistakes_are_named(package: &Package) {
    let base = package.options();
    let report = |options: Options| package.build(&options).unwrap_err().report();
    let mut plain_kernel = kernel();
    plain_kernel[0x1800] ^= 1;
    package.write("other/virtio-net.ko", module("virtio_net", "6.1.0-other"));
    for (options, message) in [
        (
            Options {
                memory: "lots".to_owned(),
                ..base.clone()
            },
            "no image: with_default_memory_size: 'lots' is no size: say 4G, 512M or 512 (MiB)",
        ),
        (
            Options {
                memory: "1M".to_owned(),
                ..base.clone()
            },
            "no image: 1048576 bytes of memory do not hold the firmware's sections",
        ),
        (
            Options {
                environment: vec![("API_TOKEN".to_owned(), "x".to_owned())],
                ..base.clone()
            },
            "no image: with_env(\"API_TOKEN\", …): an image is public",
        ),
        (
            Options {
                vmlinuz: Some(plain_kernel),
                ..base.clone()
            },
            "no image: kernel 6.12.0-test does not measure its command line and ram disk",
        ),
        (
            Options {
                ovmf: Some(ovmf()),
                ..base.clone()
            },
            "no image: the firmware does not measure what it boots: it holds no TdTcg2Dxe",
        ),
        (
            Options {
                kernel_modules: vec![package.folder.join("other/virtio-net.ko")],
                ..base.clone()
            },
            "no image: module 'virtio_net' is for kernel 6.1.0-other, not 6.12.0-test",
        ),
        (
            Options {
                simulated: true,
                ..base.clone()
            },
            "no image: the kernel 6.12.0-test has no module 'qemu_fw_cfg'",
        ),
        (
            Options {
                ssh_keys: vec!["ssh-ed25519 AAAA".to_owned()],
                ..base.clone()
            },
            "no image: with_ssh_key: the root file system has neither dropbear nor sshd",
        ),
        (
            Options {
                ovmf: None,
                ..base.clone()
            },
            "no image: 'ovmf_2025.02-8+deb13u1_all.deb' is not in ",
        ),
        (
            Options {
                binary: Some("none".to_owned()),
                ..base
            },
            "no image: the program for the guest does not compile",
        ),
    ] {
        let report = report(options);
        assert!(report.starts_with(message), "{report}");
    }
}

#[test]
fn cargos_list_of_files_is_read() {
    assert_eq!(
        dependencies("/t/app: /a/main.rs /a/with\\ space.rs /a/Cargo.toml\n\n/a/main.rs:\n"),
        ["/a/main.rs", "/a/with space.rs", "/a/Cargo.toml"].map(Path::new)
    );
    assert!(dependencies("").is_empty());
}
