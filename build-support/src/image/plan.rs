//! What an image is made of: decided first, hashed to see whether it is there already, then had and put together.

use std::cell::OnceCell;
use std::fs;
use std::path::{Path, PathBuf};

use super::checks::{check_firmware, check_kernel, firmware_of_package};
use super::guest::{Contents, RootArchive, RootSource, read_extra};
use super::kernel::Kernel;
use super::options::{Options, memory_bytes};
use super::output::Image;
use super::program::Program;
use super::progress::Progress;
use super::stamp::{Key, sha256};
use super::{BuildError, Environment};
use crate::archive::TarEntry;
use crate::measure::{Boot, FirmwareEra, HostProfile, predict};
use crate::source::{Http, Lock, Mirror, Source, Store};

/// The kernel that is locked: Debian's for clouds, the first series there whose stub measures.
const KERNEL: &str = "6.12.117+deb12";
/// The firmware that is locked: Debian's OVMF, which measures what it boots.
const FIRMWARE: &str = "2025.02-8+deb13u1";
/// What a guest needs: network, attestation, and the way to the host's quoting service.
pub(super) const MODULES: &[&str] = &[
    "virtio_net",
    "configfs",
    "tsm",
    "tdx_guest",
    "vsock",
    "vmw_vsock_virtio_transport",
];
/// How a simulated platform is told its registers.
const SIMULATED_MODULES: &[&str] = &["qemu_fw_cfg"];

/// How sources are had here.
pub(super) struct StoreSettings {
    cache: PathBuf,
    mirror: Option<Mirror>,
    network: OnceCell<Http>,
    is_offline: bool,
}

pub(super) fn store_of(environment: &Environment) -> StoreSettings {
    StoreSettings {
        cache: environment.cache(),
        mirror: environment
            .variable("TDX_IMAGE_MIRROR")
            .filter(|text| !text.is_empty())
            .map(|text| Mirror::parse(&text)),
        network: OnceCell::new(),
        is_offline: environment.flag("TDX_IMAGE_OFFLINE") || environment.flag("CARGO_NET_OFFLINE"),
    }
}

impl StoreSettings {
    fn obtain(&self, source: &Source, progress: &Progress) -> Result<Vec<u8>, BuildError> {
        let network = (!self.is_offline).then(|| self.network.get_or_init(Http::default));
        let show = |text: &str| progress.line(text);
        let store = Store::new(
            self.cache.clone(),
            self.mirror.clone(),
            network.map(|network| network as &dyn crate::source::Fetch),
            &show,
        );
        Ok(store.obtain(source)?)
    }
}

/// What the image is made of, before any of it is fetched.
pub(super) struct Plan<'a> {
    options: &'a Options,
    root: Option<&'a RootSource>,
    root_source: Option<&'a Source>,
    kernel_sources: Vec<&'a Source>,
    firmware_source: Option<&'a Source>,
    first: Vec<u8>,
    program_sha256: String,
    extra: Vec<(String, u32, Vec<u8>)>,
    modules: Vec<(String, Vec<u8>)>,
    /// Names, sizes and dates: the folder may hold all modules of a kernel.
    modules_dir: Vec<String>,
    memory_bytes: u64,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        options: &'a Options,
        lock: &'a Lock,
        root: Option<&'a RootSource>,
        program: &Program,
        first: Vec<u8>,
    ) -> Result<Self, BuildError> {
        let memory_bytes = memory_bytes(&options.memory).ok_or_else(|| BuildError::Option {
            option: "with_default_memory_size",
            reason: format!("'{}' is no size: say 4G, 512M or 512 (MiB)", options.memory),
        })?;
        let root_source = match root.map(|root| &root.archive) {
            Some(RootArchive::Locked { name, published }) => {
                Some(lock.source(name, Some(published.clone()))?)
            }
            _ => None,
        };
        let firmware_source = match options.ovmf {
            Some(_) => None,
            None => {
                let version = options.ovmf_version.as_deref().unwrap_or(FIRMWARE);
                Some(lock.source(&format!("firmware-{version}"), None)?)
            }
        };
        let modules = options.kernel_modules.iter().map(|path| {
            let bytes = fs::read(path).map_err(BuildError::io("read", path))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            let name = file
                .split(".ko")
                .next()
                .unwrap_or_default()
                .replace('-', "_");
            Ok((name, bytes))
        });
        let extra = options
            .extra_files
            .iter()
            .map(|(host, guest)| read_extra(host, guest));
        Ok(Self {
            options,
            root,
            root_source,
            kernel_sources: kernel_sources(options, lock)?,
            firmware_source,
            first,
            program_sha256: sha256(&program.bytes),
            extra: extra.collect::<Result<_, BuildError>>()?,
            modules: modules.collect::<Result<_, BuildError>>()?,
            modules_dir: match &options.kernel_modules_dir {
                Some(folder) => listing(folder)?,
                None => Vec::new(),
            },
            memory_bytes,
        })
    }

    /// Everything that decides the image, hashed.
    pub(super) fn key(&self, flavour: &str, target: &str) -> String {
        let options = self.options;
        let mut key = Key::new()
            .with("builder", env!("CARGO_PKG_VERSION").as_bytes())
            .with("flavour", flavour.as_bytes())
            .with("target", target.as_bytes())
            .with("program", self.program_sha256.as_bytes())
            .with("first", sha256(&self.first).as_bytes());
        for source in self.sources() {
            key = key.with("source", source.sha256.as_bytes());
            key = key.with("era", format!("{:?}", source.era).as_bytes());
        }
        if let Some(RootArchive::Bytes(bytes)) = self.root.map(|root| &root.archive) {
            key = key.with("root", sha256(bytes).as_bytes());
        }
        for (name, bytes) in [("vmlinuz", &options.vmlinuz), ("ovmf", &options.ovmf)] {
            if let Some(bytes) = bytes {
                key = key.with(name, sha256(bytes).as_bytes());
            }
        }
        for (path, mode, contents) in &self.extra {
            key = key.with(
                &format!("extra {mode:o} {path}"),
                sha256(contents).as_bytes(),
            );
        }
        for (name, contents) in &self.modules {
            key = key.with(&format!("module {name}"), sha256(contents).as_bytes());
        }
        let rest = (
            &options.ssh_forward,
            &options.ssh_keys,
            options.cpu_count,
            &options.memory,
            options.bundle_runner,
            &self.modules_dir,
            &options.arguments,
            &options.environment,
            options.network,
            &options.command_line,
            options.simulated,
        );
        key.with(
            "options",
            format!("{rest:?} {:?}", options.profile).as_bytes(),
        )
        .finish()
    }

    fn sources(&self) -> impl Iterator<Item = &'a Source> + '_ {
        self.kernel_sources
            .iter()
            .copied()
            .chain(self.firmware_source)
            .chain(self.root_source)
    }

    pub(super) fn image(
        self,
        store: &StoreSettings,
        environment: &Environment,
        progress: &Progress,
        target: &'static str,
        program: Program,
    ) -> Result<Image<'a>, BuildError> {
        let options = self.options;
        let sources: Vec<&Source> = self.sources().collect();
        let kernel = self.kernel(store, progress)?;
        check_kernel(&kernel.vmlinuz, &kernel.release)?;
        let wanted: Vec<&str> = match options.simulated {
            true => MODULES.iter().chain(SIMULATED_MODULES).copied().collect(),
            false => MODULES.to_vec(),
        };
        let mut modules = kernel.modules(&wanted)?;
        for (name, compressed) in &self.modules {
            let (bytes, _) = kernel.check(name, compressed)?;
            modules.push(super::kernel::Module {
                name: name.clone(),
                bytes,
            });
        }
        let (ovmf, era) = self.firmware(store, progress)?;
        let root = self.root_entries(store, progress)?;

        progress.line("packing and measuring");
        let initramfs = Contents {
            environment,
            options,
            first: self.first,
            program: program.bytes,
            root,
            modules,
            extra: self.extra,
        }
        .initramfs()?
        .to_gzip();
        let predictions = HostProfile::ALL.map(|profile| {
            let prediction = predict(&Boot {
                firmware: &ovmf,
                era,
                kernel: &kernel.vmlinuz,
                initrd: &initramfs,
                command_line: &options.command_line,
                memory_bytes: self.memory_bytes,
                profile,
            })?;
            Ok((profile, prediction))
        });
        Ok(Image {
            options,
            predictions: predictions.into_iter().collect::<Result<_, BuildError>>()?,
            kernel_release: kernel.release,
            kernel: kernel.vmlinuz,
            initramfs,
            ovmf,
            sources,
            memory_bytes: self.memory_bytes,
            target,
        })
    }

    fn kernel(&self, store: &StoreSettings, progress: &Progress) -> Result<Kernel, BuildError> {
        let packages = self
            .kernel_sources
            .iter()
            .map(|source| Ok((source.file.clone(), store.obtain(source, progress)?)));
        let packages = packages.collect::<Result<Vec<_>, BuildError>>()?;
        progress.line("unpacking the kernel");
        let mut kernel = Kernel::from_packages(&packages)?;
        if let Some(vmlinuz) = &self.options.vmlinuz {
            kernel.replace(vmlinuz.clone());
        }
        if let Some(folder) = &self.options.kernel_modules_dir {
            kernel.add_folder(folder)?;
        }
        kernel.identify()?;
        Ok(kernel)
    }

    fn firmware(
        &self,
        store: &StoreSettings,
        progress: &Progress,
    ) -> Result<(Vec<u8>, FirmwareEra), BuildError> {
        let (bytes, locked_era) = match (&self.options.ovmf, self.firmware_source) {
            (Some(bytes), _) => (bytes.clone(), None),
            (None, Some(source)) => {
                let package = store.obtain(source, progress)?;
                (firmware_of_package(&source.file, &package)?, source.era)
            }
            (None, None) => return Err(BuildError::FirmwareDoesNotMeasure),
        };
        let found = check_firmware(&bytes)?;
        Ok((bytes, locked_era.or(found).unwrap_or_default()))
    }

    fn root_entries(
        &self,
        store: &StoreSettings,
        progress: &Progress,
    ) -> Result<Vec<TarEntry>, BuildError> {
        let Some(root) = self.root else {
            return Ok(Vec::new());
        };
        let bytes = match (&root.archive, self.root_source) {
            (RootArchive::Bytes(bytes), _) => bytes.clone(),
            (RootArchive::Locked { .. }, Some(source)) => store.obtain(source, progress)?,
            (RootArchive::Locked { .. }, None) => return Ok(Vec::new()),
        };
        root.entries(bytes)
    }
}

/// Every file of a folder and below, with what tells that it changed.
fn listing(folder: &Path) -> Result<Vec<String>, BuildError> {
    let mut files = Vec::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(folder) = pending.pop() {
        let io = || BuildError::io("read", &folder);
        for entry in fs::read_dir(&folder).map_err(io())? {
            let path = entry.map_err(io())?.path();
            let metadata = fs::metadata(&path).map_err(io())?;
            match metadata.is_dir() {
                true => pending.push(path),
                false => {
                    let date = metadata.modified().map_err(io())?;
                    files.push(format!("{} {} {date:?}", path.display(), metadata.len()));
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

fn kernel_sources<'a>(options: &Options, lock: &'a Lock) -> Result<Vec<&'a Source>, BuildError> {
    // A kernel with modules of its own needs no package.
    if options.vmlinuz.is_some() && options.kernel_modules_dir.is_some() {
        return Ok(Vec::new());
    }
    let version = options.kernel_version.as_deref().unwrap_or(KERNEL);
    let name = match &options.kernel_abi {
        Some(abi) => format!("kernel-ubuntu-{version}.{abi}"),
        None => format!("kernel-debian-{version}"),
    };
    let mut sources = vec![lock.source(&name, None)?];
    for part in ["modules", "modules-extra"] {
        sources.extend(lock.source(&format!("{name}-{part}"), None));
    }
    Ok(sources)
}
