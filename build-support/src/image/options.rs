//! What a builder was told.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::measure::HostProfile;

/// How the guest's first network interface gets its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GuestNetwork {
    /// From a server, as QEMU's user network has one.
    #[default]
    Dhcp,
    /// Fixed in the image.
    Static {
        /// The guest's address.
        address: Ipv4Addr,
        /// Bits of the network's part of it.
        prefix: u8,
        /// The way out, if there is one.
        gateway: Option<Ipv4Addr>,
        /// The name server, if there is one.
        dns: Option<Ipv4Addr>,
    },
    /// The loopback only.
    None,
}

/// How the program for the guest is linked. Either way it is static.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum GuestTarget {
    /// musl where its standard library is installed, else glibc.
    ///
    /// The choice changes the image: name one where two machines must build the same.
    #[default]
    Auto,
    /// `x86_64-unknown-linux-musl`, the smaller one.
    Musl,
    /// `x86_64-unknown-linux-gnu` with `-C target-feature=+crt-static`.
    Gnu,
}

/// Everything but the root file system.
#[derive(Debug, Clone)]
pub(super) struct Options {
    pub(super) vmlinuz: Option<Vec<u8>>,
    pub(super) ovmf: Option<Vec<u8>>,
    pub(super) ssh_forward: Option<(u16, u16)>,
    pub(super) ssh_keys: Vec<String>,
    pub(super) cpu_count: u32,
    pub(super) memory: String,
    pub(super) bundle_runner: bool,
    pub(super) extra_files: Vec<(PathBuf, String)>,
    pub(super) kernel_modules: Vec<PathBuf>,
    pub(super) kernel_modules_dir: Option<PathBuf>,
    pub(super) kernel_version: Option<String>,
    pub(super) kernel_abi: Option<String>,
    pub(super) ovmf_version: Option<String>,
    pub(super) artifacts: Option<PathBuf>,
    pub(super) arguments: Vec<String>,
    pub(super) environment: Vec<(String, String)>,
    pub(super) public_environment: Vec<String>,
    pub(super) binary: Option<String>,
    pub(super) cargo_profile: Option<String>,
    pub(super) target: GuestTarget,
    pub(super) network: GuestNetwork,
    pub(super) profile: HostProfile,
    pub(super) command_line: String,
    pub(super) simulated: bool,
    pub(super) debug_images: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            vmlinuz: None,
            ovmf: None,
            ssh_forward: None,
            ssh_keys: Vec::new(),
            cpu_count: 4,
            memory: "4G".to_owned(),
            bundle_runner: true,
            extra_files: Vec::new(),
            kernel_modules: Vec::new(),
            kernel_modules_dir: None,
            kernel_version: None,
            kernel_abi: None,
            ovmf_version: None,
            artifacts: None,
            arguments: Vec::new(),
            environment: Vec::new(),
            public_environment: Vec::new(),
            binary: None,
            cargo_profile: None,
            target: GuestTarget::Auto,
            network: GuestNetwork::Dhcp,
            profile: HostProfile::default(),
            // A kernel that panics ends at once instead of waiting for somebody.
            command_line: "console=ttyS0 panic=-1 quiet".to_owned(),
            simulated: false,
            debug_images: false,
        }
    }
}

/// `4G`, `512M` or `512` (MiB) as bytes.
pub(super) fn memory_bytes(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'G' | b'g' => (&text[..text.len() - 1], 30),
        b'M' | b'm' => (&text[..text.len() - 1], 20),
        _ => (text, 20),
    };
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(1 << shift).filter(|bytes| *bytes > 0)
}
