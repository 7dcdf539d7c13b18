//! What cargo and the user tell a build script.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::BuildError;

/// Set for the nested build, so that it does not build an image of its own.
pub(super) const INNER_BUILD: &str = "__TDX_IMAGE_INNER_BUILD";

/// A change of any of these runs the build script again.
pub(super) const VARIABLES: &[&str] = &[
    "TDX_IMAGE",
    "TDX_IMAGE_SKIP",
    "TDX_IMAGE_OFFLINE",
    "TDX_IMAGE_MIRROR",
    "TDX_IMAGE_CACHE",
    "TDX_IMAGE_CARGO_PROFILE",
    "TDX_IMAGE_TARGET",
    "TDX_IMAGE_ALPINE_VERSION",
    "TDX_IMAGE_ALPINE_MINOR",
    "TDX_IMAGE_UBUNTU_VERSION",
    "TDX_IMAGE_KERNEL",
    "TDX_IMAGE_KERNEL_VERSION",
    "TDX_IMAGE_KERNEL_ABI",
    "TDX_IMAGE_KERNEL_MODULES_DIR",
    "TDX_IMAGE_KERNEL_MODULES",
    "TDX_IMAGE_EXTRA_FILES",
    "TDX_IMAGE_OVMF",
    "TDX_IMAGE_OVMF_VERSION",
];

/// The surroundings of a build script.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    pub(super) out_dir: PathBuf,
    pub(super) manifest_dir: PathBuf,
    pub(super) package: String,
    /// The root of all that cargo builds here.
    pub(super) target_dir: PathBuf,
    pub(super) is_debug: bool,
    /// The subcommand that the user gave cargo, where the system tells.
    pub(super) cargo_command: Option<String>,
    pub(super) host_can_build: bool,
}

impl Environment {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Outside a build script.
    pub fn of_build_script() -> Result<Self, BuildError> {
        let variables = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::new(variables, cargo_command())
    }

    pub(super) fn new(
        variables: BTreeMap<String, String>,
        cargo_command: Option<String>,
    ) -> Result<Self, BuildError> {
        let get = |name: &'static str| {
            variables
                .get(name)
                .cloned()
                .ok_or(BuildError::NotABuildScript { variable: name })
        };
        let out_dir = PathBuf::from(get("OUT_DIR")?);
        let target_dir = match variables.get("CARGO_TARGET_DIR") {
            Some(path) if Path::new(path).is_absolute() => PathBuf::from(path),
            _ => target_dir(&out_dir),
        };
        Ok(Self {
            manifest_dir: PathBuf::from(get("CARGO_MANIFEST_DIR")?),
            package: get("CARGO_PKG_NAME")?,
            is_debug: get("PROFILE")? == "debug",
            target_dir,
            out_dir,
            cargo_command,
            host_can_build: cfg!(all(target_os = "linux", target_arch = "x86_64")),
            variables,
        })
    }

    /// A variable's value.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    /// A flag: set, and neither empty nor `0` nor `false`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.variables
            .get(name)
            .is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
    }

    /// `release` or `debug`.
    pub(super) fn profile(&self) -> &'static str {
        if self.is_debug { "debug" } else { "release" }
    }

    /// Where sources are kept, for all packages of this user.
    pub(super) fn cache(&self) -> PathBuf {
        let path = |name| {
            self.variables
                .get(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        path("TDX_IMAGE_CACHE")
            .or_else(|| path("XDG_CACHE_HOME").map(|cache| cache.join("mosaik-tdx-image")))
            .or_else(|| path("HOME").map(|home| home.join(".cache/mosaik-tdx-image")))
            .unwrap_or_else(|| self.target_dir.join("tdx-image-cache"))
    }
}

/// Cargo marks the root of what it builds; older layouts are told by name or by depth.
fn target_dir(out_dir: &Path) -> PathBuf {
    const DEPTH: usize = 5;
    let marked = out_dir
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    let named = || {
        out_dir
            .ancestors()
            .find(|folder| folder.ends_with("target"))
    };
    let deep = || out_dir.ancestors().nth(DEPTH).unwrap_or(out_dir);
    marked.or_else(named).unwrap_or_else(deep).to_owned()
}

/// The id of the process that started this one. Only Linux tells.
pub(super) fn parent_process() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

/// The subcommand of the cargo that runs this build script: the first word after its name.
///
/// Cargo itself does not tell; Linux shows a process its parent's arguments.
fn cargo_command() -> Option<String> {
    let parent = parent_process()?;
    let arguments = fs::read_to_string(format!("/proc/{parent}/cmdline")).ok()?;
    let mut words = arguments.split('\0').skip(1);
    words
        .find(|word| !word.starts_with(['-', '+']) && !word.is_empty())
        .map(str::to_owned)
}
