//! What a trust domain measures to, predicted from the files that it boots.
//!
//! Pure functions over bytes: no file, no clock, no host. They know direct kernel boots with OVMF
//! (`-bios`, `-kernel`, `-initrd`, `-append`) on the host stacks of [`HostProfile`], and nothing of quotes,
//! tickets or event logs, which are compared with a [`Prediction`] elsewhere.
//!
//! Sources: Intel TDX Module base architecture specification (MRTD), Intel TDX virtual firmware
//! design guide (TDVF metadata, TD HOB), TCG PC Client Platform Firmware Profile (events),
//! the PE and Authenticode specifications, and QEMU's loader of Linux.

mod event;
mod firmware;
mod image;
mod kernel;
mod measurement;
mod predict;
#[cfg(test)]
pub(crate) mod test_files;

pub use event::{Event, Register, event_type, extend, replay, sha384};
pub use firmware::{Firmware, FirmwareError, PageOrder, Section, SectionKind};
pub use image::{Generated, ImageMeasurements, from_generated};
pub use kernel::{KernelError, authenticode_sha384, patch_as_qemu};
pub use measurement::{Measurement, ParseMeasurementError};
pub use predict::{Boot, FirmwareEra, HostProfile, MeasureError, Prediction, predict};
