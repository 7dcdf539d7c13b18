//! Why an image could not be built.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::Skipped;
use crate::archive::{ArchiveError, ElfError, InitramfsError};
use crate::measure::{FirmwareError, MeasureError};
use crate::source::SourceError;

/// Why an image could not be built. No file of an earlier image was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Only a build script has what cargo tells it.
    #[error("not in a build script: cargo sets {variable} there")]
    NotABuildScript {
        /// The variable that is missing.
        variable: &'static str,
    },
    /// A variable of the environment says nothing that we know.
    #[error("{name}='{value}': expected {expected}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: &'static str,
    },
    /// `TDX_IMAGE=require`, and there is a reason to skip.
    #[error("TDX_IMAGE=require, but no image is built: {0}")]
    Required(Skipped),
    /// An option of the builder cannot be met.
    #[error("{option}: {reason}")]
    Option {
        /// The option.
        option: &'static str,
        /// Why not.
        reason: String,
    },
    /// A source could not be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source is not the archive that it should be.
    #[error("{file}")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ArchiveError,
    },
    /// The guest's root file system does not fit together.
    #[error(transparent)]
    Initramfs(#[from] InitramfsError),
    /// The program for the guest does not compile.
    #[error("the program for the guest does not compile ({command}):\n{output}")]
    Compile {
        /// What was run.
        command: String,
        /// The end of what it said.
        output: String,
    },
    /// The program for the guest needs a loader that the guest does not have.
    #[error(
        "{} is not static: it asks for {interpreter}, which is not in the guest", path.display()
    )]
    NotStatic {
        /// The program.
        path: PathBuf,
        /// The loader.
        interpreter: String,
    },
    /// A program or a module is no file for this processor.
    #[error("{file}")]
    Elf {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: ElfError,
    },
    /// A module that the guest needs is neither in the kernel nor among its modules.
    #[error("the kernel {release} has no module '{module}'")]
    ModuleMissing {
        /// The module.
        module: String,
        /// The kernel.
        release: String,
    },
    /// A module of another kernel.
    #[error("module '{module}' is for kernel {found}, not {release}")]
    ModuleMismatch {
        /// The module.
        module: String,
        /// The release that it was built for.
        found: String,
        /// The kernel's.
        release: String,
    },
    /// The kernel does not tell the TDX module what it loads.
    #[error(
        "kernel {release} does not measure its command line and ram disk: its EFI stub has no support for \
         confidential computing (Linux 6.7 or later has it), so RTMR2 would stay zero"
    )]
    KernelDoesNotMeasure {
        /// The kernel.
        release: String,
    },
    /// Neither does the firmware.
    #[error(
        "the firmware does not measure what it boots: it holds no TdTcg2Dxe, so RTMR1 and RTMR2 would stay \
         zero"
    )]
    FirmwareDoesNotMeasure,
    /// The firmware is none that a trust domain starts with.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// What would be measured cannot be predicted.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A variable that looks like a secret, in an image that everybody can read.
    #[error(
        "with_env(\"{name}\", …): an image is public, and this looks like a secret; give it to the guest \
         after it has attested, or say with_public_env"
    )]
    SecretInImage {
        /// The variable.
        name: String,
    },
    /// The disk.
    #[error("{} could not be {action}", path.display())]
    Io {
        /// What was being done.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl BuildError {
    /// Whether the same build may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Source(source) => source.is_retryable(),
            _ => false,
        }
    }

    /// Always: the files of an image are replaced together, when all of them are there.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }

    /// The error and what caused it, for people.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = format!("no image: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    pub(super) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
