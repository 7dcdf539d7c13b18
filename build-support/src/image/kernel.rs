//! The kernel, and the modules that a guest needs, in the order in which they are loaded.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::BuildError;
use crate::archive::{
    ArchiveError, Elf, ModuleInfo, TarKind, ar_member, decoder, read_bounded, read_tar,
};

/// A kernel with its modules.
pub(super) struct Kernel {
    pub(super) vmlinuz: Vec<u8>,
    pub(super) release: String,
    /// Compressed as published, by name with underscores.
    available: BTreeMap<String, Vec<u8>>,
    built_in: Vec<String>,
}

/// A module as the guest loads it.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The largest are some megabytes.
const MODULE_BYTES_MAX: u64 = 64 << 20;

impl Kernel {
    /// Unpacks Debian or Ubuntu packages: one with the kernel, any with modules.
    pub(super) fn from_packages(packages: &[(String, Vec<u8>)]) -> Result<Self, BuildError> {
        let mut kernel = Self {
            vmlinuz: Vec::new(),
            release: String::new(),
            available: BTreeMap::new(),
            built_in: Vec::new(),
        };
        for (file, package) in packages {
            let archive = |source| BuildError::Archive {
                file: file.clone(),
                source,
            };
            let data: Arc<[u8]> = ar_member(package, "data.tar").map_err(archive)?.into();
            let is_wanted = |path: &str| {
                path.starts_with("boot/vmlinuz-")
                    || path.ends_with("/modules.builtin")
                    || module_of_path(path).is_some()
            };
            let entries = decoder(data)
                .and_then(|data| read_tar(data, is_wanted))
                .map_err(archive)?;
            for entry in entries {
                let TarKind::File(contents) = entry.kind else {
                    continue;
                };
                match module_of_path(&entry.path) {
                    Some(name) => {
                        kernel.available.insert(name, contents);
                    }
                    None if entry.path.ends_with("/modules.builtin") => {
                        let text = String::from_utf8_lossy(&contents);
                        kernel
                            .built_in
                            .extend(text.lines().filter_map(module_of_path));
                    }
                    None => kernel.vmlinuz = contents,
                }
            }
        }
        Ok(kernel)
    }

    /// Takes `vmlinuz` in place of the packages' kernel.
    pub(super) fn replace(&mut self, vmlinuz: Vec<u8>) {
        self.vmlinuz = vmlinuz;
    }

    /// Adds the modules of a folder and below, in place of the packages'.
    pub(super) fn add_folder(&mut self, folder: &Path) -> Result<(), BuildError> {
        let mut pending = vec![folder.to_owned()];
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(&folder).map_err(BuildError::io("read", &folder))? {
                let path = entry.map_err(BuildError::io("read", &folder))?.path();
                if path.is_dir() {
                    pending.push(path);
                } else if let Some(name) = module_of_path(&path.to_string_lossy()) {
                    let bytes = fs::read(&path).map_err(BuildError::io("read", &path))?;
                    self.available.insert(name, bytes);
                }
            }
        }
        Ok(())
    }

    /// Reads the release out of the kernel.
    pub(super) fn identify(&mut self) -> Result<(), BuildError> {
        let missing = || ArchiveError::Missing {
            format: "package",
            name: "boot/vmlinuz".to_owned(),
        };
        self.release = release(&self.vmlinuz).ok_or_else(|| BuildError::Archive {
            file: "kernel".to_owned(),
            source: missing(),
        })?;
        Ok(())
    }

    /// The modules of these names and those that they need, in loading order.
    pub(super) fn modules(&self, wanted: &[&str]) -> Result<Vec<Module>, BuildError> {
        let mut loaded = Vec::new();
        for name in wanted {
            self.load(&name.replace('-', "_"), &mut loaded, DEPTH_MAX)?;
        }
        Ok(loaded)
    }

    fn load(&self, name: &str, loaded: &mut Vec<Module>, depth: u32) -> Result<(), BuildError> {
        if loaded.iter().any(|module| module.name == name)
            || self.built_in.iter().any(|built| built == name)
        {
            return Ok(());
        }
        let missing = || BuildError::ModuleMissing {
            module: name.to_owned(),
            release: self.release.clone(),
        };
        let compressed = self
            .available
            .get(name)
            .filter(|_| depth > 0)
            .ok_or_else(missing)?;
        let module = self.check(name, compressed)?;
        for needed in &module.1.depends {
            self.load(needed, loaded, depth - 1)?;
        }
        loaded.push(Module {
            name: name.to_owned(),
            bytes: module.0,
        });
        Ok(())
    }

    /// Unpacks a module and sees that it is for this kernel.
    pub(super) fn check(
        &self,
        name: &str,
        compressed: &[u8],
    ) -> Result<(Vec<u8>, ModuleInfo), BuildError> {
        let bytes = read_bounded(compressed.into(), MODULE_BYTES_MAX).map_err(|source| {
            BuildError::Archive {
                file: name.to_owned(),
                source,
            }
        })?;
        let info = Elf::parse(&bytes)
            .and_then(|elf| elf.module_info())
            .map_err(|source| BuildError::Elf {
                file: name.to_owned(),
                source,
            })?;
        if info.kernel_release != self.release {
            return Err(BuildError::ModuleMismatch {
                module: name.to_owned(),
                found: info.kernel_release,
                release: self.release.clone(),
            });
        }
        Ok((bytes, info))
    }
}

/// Modules need modules, but not so deep.
const DEPTH_MAX: u32 = 16;

/// The module's name, if the path is a module's.
fn module_of_path(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let name = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
        .iter()
        .find_map(|end| file.strip_suffix(end))?;
    Some(name.replace('-', "_"))
}

/// The release in a bzImage: `uname -r`, the first word of the text that the boot header points to.
pub(super) fn release(vmlinuz: &[u8]) -> Option<String> {
    const RELEASE_BYTES_MAX: usize = 128;
    if vmlinuz.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let offset = usize::from(u16::from_le_bytes([
        *vmlinuz.get(0x20e)?,
        *vmlinuz.get(0x20f)?,
    ]));
    let text = vmlinuz.get(0x200 + offset..)?;
    let text = &text[..text.len().min(RELEASE_BYTES_MAX)];
    let end = text.iter().position(|byte| matches!(byte, b' ' | 0))?;
    Some(String::from_utf8_lossy(&text[..end]).into_owned())
}
