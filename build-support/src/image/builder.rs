//! The builders' methods: the same for all three, and those of a distribution.

use std::path::PathBuf;

use super::options::Options;
use super::{BuildError, BuilderOutput, Environment, GuestNetwork, GuestTarget, Outcome, pipeline};
use crate::measure::HostProfile;

/// What fills the guest's root file system beside the program.
pub trait Flavour: sealed::Sealed {
    /// Its name in paths.
    const NAME: &'static str;
}

/// Nothing.
#[derive(Debug, Clone, Default)]
pub struct Minimal(());

/// Alpine's BusyBox and its C library.
#[derive(Debug, Clone, Default)]
pub struct Alpine {
    pub(super) major_version: Option<String>,
    pub(super) minor_version: Option<String>,
    pub(super) minirootfs: Option<Vec<u8>>,
}

/// Ubuntu's base system.
#[derive(Debug, Clone, Default)]
pub struct Ubuntu {
    pub(super) version: Option<String>,
    pub(super) rootfs: Option<Vec<u8>>,
}

impl Flavour for Minimal {
    const NAME: &'static str = "minimal";
}

impl Flavour for Alpine {
    const NAME: &'static str = "alpine";
}

impl Flavour for Ubuntu {
    const NAME: &'static str = "ubuntu";
}

pub(super) mod sealed {
    use crate::image::guest::RootSource;

    /// Where the root file system comes from: known to this crate only.
    pub trait Sealed {
        fn root_source(&self, variable: &dyn Fn(&str) -> Option<String>) -> Option<RootSource>;
    }
}

/// Builds one image; see [`minimal`](super::minimal), [`alpine`](super::alpine) and [`ubuntu`](super::ubuntu).
///
/// A method wins over the environment variable of the same meaning, which wins over the default.
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until `build` or `try_build`"]
pub struct ImageBuilder<F> {
    pub(super) options: Options,
    pub(super) flavour: F,
}

impl<F: Flavour> ImageBuilder<F> {
    /// Builds the image, or says why not on standard output.
    ///
    /// # Panics
    /// On every error of [`try_build`](Self::try_build), with its message: in a build script a panic is how
    /// cargo learns of a failure.
    pub fn build(self) -> Option<BuilderOutput> {
        match self.try_build() {
            Ok(Outcome::Built(output)) => Some(output),
            Ok(Outcome::Skipped(reason)) => {
                println!("no image is built: {reason}");
                None
            }
            Err(error) => panic!("{}", error.report()),
        }
    }

    /// Builds the image from a build script's environment.
    ///
    /// Prints what cargo must know: what the image depends on, and the variables `TDX_INITRAMFS_PATH`,
    /// `TDX_KERNEL_PATH` and `TDX_EXPECTED_{MRTD,RTMR1,RTMR2}` for `option_env!`.
    ///
    /// # Errors
    /// When a source cannot be had, the program does not compile, or the result would not be what it
    /// claims: see [`BuildError`].
    pub fn try_build(self) -> Result<Outcome, BuildError> {
        pipeline::run(
            &self.options,
            &self.flavour,
            &Environment::of_build_script()?,
        )
    }

    /// Boots this kernel (a bzImage) in place of the locked one. Modules must match it.
    pub fn with_custom_vmlinuz(mut self, vmlinuz: &[u8]) -> Self {
        self.options.vmlinuz = Some(vmlinuz.to_vec());
        self
    }

    /// Boots with this firmware in place of the locked one.
    pub fn with_custom_ovmf(mut self, ovmf: &[u8]) -> Self {
        self.options.ovmf = Some(ovmf.to_vec());
        self
    }

    /// Forwards a TCP port of the host to one of the guest, when launched with QEMU's user network.
    pub const fn with_ssh_forward(mut self, host: u16, guest: u16) -> Self {
        self.options.ssh_forward = Some((host, guest));
        self
    }

    /// Lets the holder of this key into the guest, by the `sshd` or `dropbear` of the root file system.
    ///
    /// Whoever holds the key reads the guest's memory: for development. An error where the root file
    /// system has no such server.
    pub fn with_ssh_key(mut self, key: &str) -> Self {
        self.options.ssh_keys.push(key.to_owned());
        self
    }

    /// Processors of a launch that names none; 4 by default.
    pub const fn with_default_cpu_count(mut self, count: u32) -> Self {
        self.options.cpu_count = count;
        self
    }

    /// The guest's memory as `4G`, `512M` or `512` (MiB); `4G` by default. Part of RTMR1 below 2.75 GiB.
    pub fn with_default_memory_size(mut self, size: &str) -> Self {
        self.options.memory = size.to_owned();
        self
    }

    /// Writes one file that holds and launches the image. The default.
    pub const fn with_bundle_runner(mut self) -> Self {
        self.options.bundle_runner = true;
        self
    }

    /// Writes no such file: `bundle_path` then names the launch script.
    pub const fn without_bundle_runner(mut self) -> Self {
        self.options.bundle_runner = false;
        self
    }

    /// Puts a file of the host into the guest, with its permissions.
    pub fn with_extra_file(mut self, host: impl Into<PathBuf>, guest: &str) -> Self {
        self.options
            .extra_files
            .push((host.into(), guest.to_owned()));
        self
    }

    /// Loads one more kernel module from a file (`.ko`, `.ko.xz`, `.ko.zst`, `.ko.gz`).
    pub fn with_kernel_module(mut self, module: impl Into<PathBuf>) -> Self {
        self.options.kernel_modules.push(module.into());
        self
    }

    /// Takes modules from this folder before those of the kernel's package.
    pub fn with_kernel_modules_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.kernel_modules_dir = Some(folder.into());
        self
    }

    /// The version of the kernel, as the lock file has it: `kernel-debian-VERSION`.
    pub fn with_kernel_version(mut self, version: &str) -> Self {
        self.options.kernel_version = Some(version.to_owned());
        self
    }

    /// The build number of an Ubuntu kernel: the locked source is `kernel-ubuntu-VERSION.ABI`.
    pub fn with_kernel_abi(mut self, abi: &str) -> Self {
        self.options.kernel_abi = Some(abi.to_owned());
        self
    }

    /// The version of the firmware, as the lock file has it: `firmware-VERSION`.
    pub fn with_ovmf_version(mut self, version: &str) -> Self {
        self.options.ovmf_version = Some(version.to_owned());
        self
    }

    /// Writes the results here, and not into the target folder; relative to that folder.
    pub fn with_artifacts_output_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.options.artifacts = Some(path.into());
        self
    }

    /// Adds an argument of the program. Without any, those after `--` on the kernel's command line.
    pub fn with_arg(mut self, argument: &str) -> Self {
        self.options.arguments.push(argument.to_owned());
        self
    }

    /// Adds arguments of the program.
    pub fn with_args(mut self, arguments: &[&str]) -> Self {
        self.options
            .arguments
            .extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Sets a variable in the program's environment.
    ///
    /// An image is public, so a name that looks like a secret's is an error:
    /// [`with_public_env`](Self::with_public_env) for one that only looks so.
    pub fn with_env(mut self, name: &str, value: &str) -> Self {
        self.options
            .environment
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a variable whose value everybody may read, whatever its name says.
    pub fn with_public_env(mut self, name: &str, value: &str) -> Self {
        self.options.public_environment.push(name.to_owned());
        self.with_env(name, value)
    }

    /// The binary of the package that the guest runs; the one named like the package by default.
    pub fn with_binary(mut self, name: &str) -> Self {
        self.options.binary = Some(name.to_owned());
        self
    }

    /// The cargo profile that the guest's program is compiled with; the build script's own by default.
    pub fn with_cargo_profile(mut self, name: &str) -> Self {
        self.options.cargo_profile = Some(name.to_owned());
        self
    }

    /// How the program is linked.
    pub const fn with_target(mut self, target: GuestTarget) -> Self {
        self.options.target = target;
        self
    }

    /// How the guest gets its address; by DHCP unless said otherwise.
    pub const fn with_network(mut self, network: GuestNetwork) -> Self {
        self.options.network = network;
        self
    }

    /// The host stack that `mrtd` and `rtmr1` of the output are for. All are in `measurements.json`.
    pub const fn with_host_profile(mut self, profile: HostProfile) -> Self {
        self.options.profile = profile;
        self
    }

    /// The kernel's command line, without what the firmware appends. Part of RTMR2.
    pub fn with_command_line(mut self, command_line: &str) -> Self {
        self.options.command_line = command_line.to_owned();
        self
    }

    /// An image for machines without TDX: quotes come from the simulated platform, which proves nothing.
    ///
    /// The names of its files end in `-SIMULATED`, and the guest says so first of all.
    pub const fn simulate(mut self) -> Self {
        self.options.simulated = true;
        self
    }

    /// Builds in debug builds as well, as `TDX_IMAGE=1` does.
    pub const fn with_debug_images(mut self) -> Self {
        self.options.debug_images = true;
        self
    }
}

impl ImageBuilder<Alpine> {
    /// The release: `3.21` by default.
    pub fn with_major_version(mut self, version: &str) -> Self {
        self.flavour.major_version = Some(version.to_owned());
        self
    }

    /// The number within the release: `0` by default.
    pub fn with_minor_version(mut self, version: &str) -> Self {
        self.flavour.minor_version = Some(version.to_owned());
        self
    }

    /// The root file system, a compressed tar, in place of a locked one.
    pub fn with_custom_minirootfs(mut self, archive: &[u8]) -> Self {
        self.flavour.minirootfs = Some(archive.to_vec());
        self
    }
}

impl ImageBuilder<Ubuntu> {
    /// The release: `24.04.4` by default.
    pub fn with_ubuntu_version(mut self, version: &str) -> Self {
        self.flavour.version = Some(version.to_owned());
        self
    }

    /// The root file system, a compressed tar, in place of a locked one.
    pub fn with_custom_rootfs(mut self, archive: &[u8]) -> Self {
        self.flavour.rootfs = Some(archive.to_vec());
        self
    }
}
