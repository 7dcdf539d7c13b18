//! The guest's root file system.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::builder::sealed::Sealed;
use super::builder::{Alpine, Minimal, Ubuntu};
use super::kernel::Module;
use super::options::{GuestNetwork, Options};
use super::{BuildError, Environment};
use crate::archive::{Initramfs, TarEntry, TarKind, decoder, read_tar};

/// Where a distribution's root file system comes from, and what of it is taken.
pub struct RootSource {
    pub(super) option: &'static str,
    pub(super) archive: RootArchive,
    pub(super) wanted: fn(&str) -> bool,
    pub(super) links: &'static [(&'static str, &'static str)],
}

/// The archive itself, or its name in the lock file.
pub(super) enum RootArchive {
    Bytes(Vec<u8>),
    Locked { name: String, published: String },
}

impl Sealed for Minimal {
    fn root_source(&self, _: &dyn Fn(&str) -> Option<String>) -> Option<RootSource> {
        None
    }
}

impl Sealed for Alpine {
    fn root_source(&self, variable: &dyn Fn(&str) -> Option<String>) -> Option<RootSource> {
        let or = |own: &Option<String>, name, default: &str| {
            own.clone()
                .or_else(|| variable(name))
                .unwrap_or_else(|| default.to_owned())
        };
        let major = or(&self.major_version, "TDX_IMAGE_ALPINE_VERSION", "3.21");
        let minor = or(&self.minor_version, "TDX_IMAGE_ALPINE_MINOR", "0");
        let archive = match &self.minirootfs {
            Some(bytes) => RootArchive::Bytes(bytes.clone()),
            None => RootArchive::Locked {
                name: format!("alpine-{major}.{minor}"),
                published: format!(
                    "https://dl-cdn.alpinelinux.org/alpine/v{major}/releases/x86_64/\
                     alpine-minirootfs-{major}.{minor}-x86_64.tar.gz"
                ),
            },
        };
        Some(RootSource {
            option: "alpine()",
            archive,
            wanted: |path| {
                path == "bin/busybox"
                    || path.starts_with("lib/ld-musl")
                    || path.starts_with("lib/libc.musl")
            },
            links: &[
                ("bin/sh", "busybox"),
                ("bin/cat", "busybox"),
                ("bin/dmesg", "busybox"),
                ("bin/echo", "busybox"),
                ("bin/grep", "busybox"),
                ("bin/ip", "busybox"),
                ("bin/ls", "busybox"),
                ("bin/lsmod", "busybox"),
                ("bin/mkdir", "busybox"),
                ("bin/mount", "busybox"),
                ("bin/ps", "busybox"),
                ("bin/sleep", "busybox"),
            ],
        })
    }
}

impl Sealed for Ubuntu {
    fn root_source(&self, variable: &dyn Fn(&str) -> Option<String>) -> Option<RootSource> {
        let version = self
            .version
            .clone()
            .or_else(|| variable("TDX_IMAGE_UBUNTU_VERSION"))
            .unwrap_or_else(|| "24.04.4".to_owned());
        let release: String = version.split('.').take(2).collect::<Vec<_>>().join(".");
        let archive = match &self.rootfs {
            Some(bytes) => RootArchive::Bytes(bytes.clone()),
            None => RootArchive::Locked {
                name: format!("ubuntu-{version}"),
                published: format!(
                    "https://cdimage.ubuntu.com/ubuntu-base/releases/{release}/release/\
                     ubuntu-base-{version}-base-amd64.tar.gz"
                ),
            },
        };
        Some(RootSource {
            option: "ubuntu()",
            archive,
            wanted: |_| true,
            links: &[],
        })
    }
}

impl RootSource {
    /// Unpacks the archive.
    pub(super) fn entries(&self, bytes: Vec<u8>) -> Result<Vec<TarEntry>, BuildError> {
        let bytes: Arc<[u8]> = bytes.into();
        let mut entries = decoder(bytes)
            .and_then(|archive| read_tar(archive, self.wanted))
            .map_err(|source| BuildError::Archive {
                file: self.option.to_owned(),
                source,
            })?;
        entries.extend(self.links.iter().map(|(path, target)| TarEntry {
            path: (*path).to_owned(),
            mode: 0o777,
            kind: TarKind::Symlink((*target).to_owned()),
        }));
        Ok(entries)
    }
}

/// What goes into the initial RAM disk.
pub(super) struct Contents<'a> {
    pub(super) environment: &'a Environment,
    pub(super) options: &'a Options,
    pub(super) first: Vec<u8>,
    pub(super) program: Vec<u8>,
    pub(super) root: Vec<TarEntry>,
    pub(super) modules: Vec<Module>,
    /// Path in the guest, permissions, contents.
    pub(super) extra: Vec<(String, u32, Vec<u8>)>,
}

impl Contents<'_> {
    pub(super) fn initramfs(self) -> Result<Initramfs, BuildError> {
        let mut disk = Initramfs::new();
        for (path, mode) in [
            ("dev", 0o755),
            ("etc", 0o755),
            ("proc", 0o555),
            ("root", 0o700),
            ("run", 0o755),
            ("sys", 0o555),
            ("tmp", 0o1777),
        ] {
            disk.directory(path, mode)?;
        }
        // The kernel opens it before anything is mounted.
        disk.character_device("dev/console", 0o600, (5, 1))?;
        disk.extend(self.root)?;
        disk.file("init", 0o755, self.first)?;

        let program = format!("/usr/bin/{}", self.environment.package);
        let mut config = format!("program {program}\n");
        let mut line = |word: &str, value: &str| {
            if value.contains('\n') {
                return Err(BuildError::Option {
                    option: "with_arg or with_env",
                    reason: format!("'{value}' has a line break"),
                });
            }
            writeln!(config, "{word} {value}").expect("invariant: writing to text does not fail");
            Ok(())
        };
        for argument in &self.options.arguments {
            line("arg", argument)?;
        }
        for (name, value) in &self.options.environment {
            check_variable(name, &self.options.public_environment)?;
            line("env", &format!("{name}={value}"))?;
        }
        for module in &self.modules {
            line("module", &format!("/lib/modules/{}.ko", module.name))?;
        }
        line("network", &network(self.options.network))?;
        if self.options.simulated {
            line("simulated", "yes")?;
        }
        if !self.options.ssh_keys.is_empty() {
            line("service", ssh_server(&disk)?)?;
            let keys = self.options.ssh_keys.join("\n") + "\n";
            disk.directory("root/.ssh", 0o700)?;
            disk.file("root/.ssh/authorized_keys", 0o600, keys)?;
        }
        disk.file("etc/mosaik-init.conf", 0o644, config)?;
        for (path, contents) in [
            ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
            ("etc/group", "root:x:0:\n"),
            ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
        ] {
            if !disk.contains(path) {
                disk.file(path, 0o644, contents)?;
            }
        }
        disk.file(&program, 0o755, self.program)?;
        for module in self.modules {
            disk.file(
                &format!("lib/modules/{}.ko", module.name),
                0o644,
                module.bytes,
            )?;
        }
        for (path, mode, contents) in self.extra {
            disk.file(&path, mode, contents)?;
        }
        Ok(disk)
    }
}

/// Reads a file of the host with its permissions.
pub(super) fn read_extra(host: &Path, guest: &str) -> Result<(String, u32, Vec<u8>), BuildError> {
    let io = || BuildError::io("read", host);
    let mode = fs::metadata(host).map_err(io())?.permissions().mode();
    // Other bits depend on the umask of whoever made the file.
    let mode = if mode & 0o111 == 0 { 0o644 } else { 0o755 };
    Ok((guest.to_owned(), mode, fs::read(host).map_err(io())?))
}

fn network(network: GuestNetwork) -> String {
    match network {
        GuestNetwork::None => "none".to_owned(),
        GuestNetwork::Dhcp => "dhcp".to_owned(),
        GuestNetwork::Static {
            address,
            prefix,
            gateway,
            dns,
        } => {
            let word = |address: Option<std::net::Ipv4Addr>| {
                address.map_or_else(|| "-".to_owned(), |address| address.to_string())
            };
            format!("static {address}/{prefix} {} {}", word(gateway), word(dns))
        }
    }
}

/// What an image must not carry: it is public, and its measurement vouches for whoever reads it.
fn check_variable(name: &str, public: &[String]) -> Result<(), BuildError> {
    const SECRET: [&str; 6] = [
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "TOKEN",
        "PRIVATE_KEY",
        "API_KEY",
    ];
    let upper = name.to_uppercase();
    let looks_secret = SECRET.iter().any(|part| upper.contains(part));
    match looks_secret && !public.iter().any(|other| other == name) {
        true => Err(BuildError::SecretInImage {
            name: name.to_owned(),
        }),
        false => Ok(()),
    }
}

fn ssh_server(disk: &Initramfs) -> Result<&'static str, BuildError> {
    [
        ("usr/sbin/dropbear", "/usr/sbin/dropbear -R -s"),
        ("usr/sbin/sshd", "/usr/sbin/sshd -D"),
    ]
    .into_iter()
    .find(|(path, _)| disk.contains(path))
    .map(|(_, command)| command)
    .ok_or_else(|| BuildError::Option {
        option: "with_ssh_key",
        reason: "the root file system has neither dropbear nor sshd".to_owned(),
    })
}
