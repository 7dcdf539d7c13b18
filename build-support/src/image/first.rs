//! The guest's first program, compiled from the files that this crate carries.

use std::fs;

use sha2::{Digest as _, Sha256};

use super::BuildError;
use super::program::Toolchain;
use super::progress::Progress;

const FILES: [(&str, &str); 5] = [
    ("main.rs", include_str!("../../init/main.rs")),
    ("config.rs", include_str!("../../init/config.rs")),
    ("dhcp.rs", include_str!("../../init/dhcp.rs")),
    ("network.rs", include_str!("../../init/network.rs")),
    ("sys.rs", include_str!("../../init/sys.rs")),
];

/// The program's bytes; compiled once for a toolchain.
pub(super) fn first_program(
    toolchain: &Toolchain<'_>,
    progress: &Progress,
) -> Result<Vec<u8>, BuildError> {
    let mut hasher = Sha256::new();
    for (_, text) in FILES {
        hasher.update(text);
    }
    hasher.update(toolchain.version()?);
    let key: String = hasher.finalize()[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let folder = toolchain.folder().join(format!("mosaik-init-{key}"));
    let output = folder.join("mosaik-init");
    if let Ok(bytes) = fs::read(&output) {
        return Ok(bytes);
    }
    progress.line("compiling the guest's first program");
    fs::create_dir_all(&folder).map_err(BuildError::io("created", &folder))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        fs::write(&path, text).map_err(BuildError::io("written", &path))?;
    }
    let partial = folder.join("mosaik-init.partial");
    toolchain.compile(&folder.join("main.rs"), "mosaik_init", &partial, progress)?;
    fs::rename(&partial, &output).map_err(BuildError::io("written", &output))?;
    fs::read(&output).map_err(BuildError::io("read", &output))
}
