//! The registers and the event log of a boot, from what is booted.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::{
    Event, Firmware, FirmwareError, KernelError, Measurement, PageOrder, Register,
    authenticode_sha384, event_type, patch_as_qemu, replay, sha384,
};

/// The software of the host that launches a trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum HostProfile {
    /// Ubuntu 24.04 with Canonical's TDX packages: QEMU 8.2.2.
    CanonicalNoble,
    /// Linux 6.16 or later with QEMU 10.1 or later.
    #[default]
    Mainline,
}

impl HostProfile {
    /// Every profile.
    pub const ALL: [Self; 2] = [Self::CanonicalNoble, Self::Mainline];

    /// The order in which this host adds pages.
    #[must_use]
    pub const fn page_order(self) -> PageOrder {
        match self {
            Self::CanonicalNoble => PageOrder::TwoPass,
            Self::Mainline => PageOrder::SinglePass,
        }
    }

    /// Its name in files and on command lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CanonicalNoble => "canonical-noble",
            Self::Mainline => "mainline",
        }
    }
}

impl fmt::Display for HostProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for HostProfile {
    type Err = MeasureError;

    fn from_str(text: &str) -> Result<Self, MeasureError> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == text)
            .ok_or_else(|| MeasureError::UnknownProfile {
                name: text.to_owned(),
            })
    }
}

/// The generation of edk2, which decides what the firmware logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum FirmwareEra {
    /// Before edk2's change 6051 of August 2024: RTMR1 has no separator, RTMR0 two.
    Before202408,
    /// From then until edk2 2025.02.
    #[default]
    Before202505,
    /// Reads the kernel as a file of its own, without QEMU's changes, where QEMU offers one.
    Since202505,
}

/// What is booted, and on what.
#[derive(Debug, Clone, Copy)]
pub struct Boot<'a> {
    /// The firmware file (`-bios`).
    pub firmware: &'a [u8],
    /// Its generation.
    pub era: FirmwareEra,
    /// The kernel file (`-kernel`).
    pub kernel: &'a [u8],
    /// The initial RAM disk (`-initrd`).
    pub initrd: &'a [u8],
    /// The command line (`-append`), as given to QEMU.
    pub command_line: &'a str,
    /// Guest memory.
    pub memory_bytes: u64,
    /// The host's software.
    pub profile: HostProfile,
}

/// What a boot measures to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// The firmware's register.
    pub mrtd: Measurement,
    /// The log, in order within each register.
    pub events: Vec<Event>,
    /// The kernel's register.
    pub rtmr1: Measurement,
    /// The register of the command line and the initial RAM disk.
    pub rtmr2: Measurement,
}

/// Why a boot cannot be predicted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasureError {
    /// The firmware file.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// The kernel file.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// No such host profile.
    #[error("no host profile '{name}': known are canonical-noble and mainline")]
    UnknownProfile {
        /// The name given.
        name: String,
    },
}

impl MeasureError {
    /// Never: the same files fail again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: measuring changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// Predicts the registers of a direct kernel boot.
///
/// RTMR0 is not among them: the ACPI tables depend on the emulator's exact version and arguments.
/// Its other events are.
///
/// # Errors
/// When the firmware or the kernel cannot be measured.
pub fn predict(boot: &Boot<'_>) -> Result<Prediction, MeasureError> {
    let firmware = Firmware::parse(boot.firmware)?;
    let mut events = platform_events(boot, &firmware)?;
    events.extend(kernel_events(boot)?);
    events.push(event(
        Register::Rtmr2,
        event_type::EVENT_TAG,
        "kernel command line",
        sha384(&[&loaded_command_line(boot.command_line)]),
    ));
    events.push(event(
        Register::Rtmr2,
        event_type::EVENT_TAG,
        "initial ram disk",
        sha384(&[boot.initrd]),
    ));
    let registers = replay(
        events
            .iter()
            .filter_map(|event| Some((event.register, event.digest?))),
    );
    Ok(Prediction {
        mrtd: firmware.mrtd(boot.profile.page_order()),
        events,
        rtmr1: registers[Register::Rtmr1.index()],
        rtmr2: registers[Register::Rtmr2.index()],
    })
}

/// RTMR0, as OVMF logs it up to edk2 2025.02. Later firmware logs another layout: nothing is said.
fn platform_events(boot: &Boot<'_>, firmware: &Firmware<'_>) -> Result<Vec<Event>, MeasureError> {
    let mut events = Vec::new();
    if boot.era >= FirmwareEra::Since202505 {
        return Ok(events);
    }
    let mut push = |event_type, label: &'static str, digest| {
        events.push(Event {
            register: Register::Rtmr0,
            event_type,
            label: Cow::Borrowed(label),
            digest,
        });
    };
    if let Some(digest) = firmware.td_hob_digest(boot.memory_bytes)? {
        push(
            event_type::EFI_HANDOFF_TABLE2,
            "list of memory (TD HOB)",
            Some(digest),
        );
    }
    if let Some(digest) = firmware.configuration_digest() {
        push(
            event_type::EFI_PLATFORM_FIRMWARE_BLOB2,
            "firmware variables (CFV)",
            Some(digest),
        );
    }
    for (name, namespace) in [
        ("SecureBoot", EFI_GLOBAL_VARIABLE),
        ("PK", EFI_GLOBAL_VARIABLE),
        ("KEK", EFI_GLOBAL_VARIABLE),
        ("db", EFI_IMAGE_SECURITY_DATABASE),
        ("dbx", EFI_IMAGE_SECURITY_DATABASE),
    ] {
        push(
            event_type::EFI_VARIABLE_DRIVER_CONFIG,
            name,
            Some(empty_variable(name, &namespace)),
        );
    }
    push(event_type::SEPARATOR, "separator", Some(separator()));
    for label in ["ACPI loader", "ACPI RSDP", "ACPI tables"] {
        push(event_type::PLATFORM_CONFIG_FLAGS, label, None);
    }
    push(
        event_type::EFI_VARIABLE_BOOT,
        "BootOrder",
        Some(sha384(&[&BOOT_ORDER])),
    );
    push(
        event_type::EFI_VARIABLE_BOOT,
        "Boot0000",
        Some(sha384(&[&BOOT_0000])),
    );
    if boot.era == FirmwareEra::Before202408 {
        push(event_type::SEPARATOR, "separator", Some(separator()));
    }
    Ok(events)
}

fn kernel_events(boot: &Boot<'_>) -> Result<Vec<Event>, MeasureError> {
    let loads_file_as_it_is =
        boot.profile == HostProfile::Mainline && boot.era >= FirmwareEra::Since202505;
    let kernel = if loads_file_as_it_is {
        Cow::Borrowed(boot.kernel)
    } else {
        patch_as_qemu(boot.kernel, boot.initrd.len() as u64, boot.memory_bytes)?.into()
    };
    let action = |text: &'static str| {
        event(
            Register::Rtmr1,
            event_type::EFI_ACTION,
            text,
            sha384(&[text.as_bytes()]),
        )
    };
    let mut events = vec![
        event(
            Register::Rtmr1,
            event_type::EFI_BOOT_SERVICES_APPLICATION,
            "kernel",
            authenticode_sha384(&kernel)?,
        ),
        action("Calling EFI Application from Boot Option"),
    ];
    if boot.era >= FirmwareEra::Before202505 {
        events.push(event(
            Register::Rtmr1,
            event_type::SEPARATOR,
            "separator",
            separator(),
        ));
    }
    events.push(action("Exit Boot Services Invocation"));
    events.push(action("Exit Boot Services Returned with Success"));
    Ok(events)
}

/// The command line as the kernel's EFI stub finds it: UTF-16, the RAM disk named by OVMF, one NUL.
fn loaded_command_line(command_line: &str) -> Vec<u8> {
    format!("{command_line} initrd=initrd\0")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect()
}

fn event(register: Register, event_type: u32, label: &'static str, digest: [u8; 48]) -> Event {
    Event {
        register,
        event_type,
        label: Cow::Borrowed(label),
        digest: Some(digest),
    }
}

fn separator() -> [u8; 48] {
    sha384(&[&[0; 4]])
}

/// A variable that is not set: namespace, length of the name, no data, the name.
fn empty_variable(name: &str, namespace: &[u8; 16]) -> [u8; 48] {
    let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let characters = (utf16.len() as u64 / 2).to_le_bytes();
    sha384(&[namespace, &characters, &[0; 8], &utf16])
}

/// `8be4df61-93ca-11d2-aa0d-00e098032b8c`
const EFI_GLOBAL_VARIABLE: [u8; 16] = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];
/// `d719b2cb-3d3a-4596-a3bc-dad00e67656f`
const EFI_IMAGE_SECURITY_DATABASE: [u8; 16] = [
    0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f,
];
/// One entry: `Boot0000`.
const BOOT_ORDER: [u8; 2] = [0, 0];
/// "UiApp" in OVMF's own volume: attributes, length of the path, name, path (volume, file, end).
const BOOT_0000: [u8; 62] = [
    0x09, 0x01, 0x00, 0x00, 0x2c, 0x00, 0x55, 0x00, 0x69, 0x00, 0x41, 0x00, 0x70, 0x00, 0x70, 0x00,
    0x00, 0x00, 0x04, 0x07, 0x14, 0x00, 0xc9, 0xbd, 0xb8, 0x7c, 0xeb, 0xf8, 0x34, 0x4f, 0xaa, 0xea,
    0x3e, 0xe4, 0xaf, 0x65, 0x16, 0xa1, 0x04, 0x06, 0x14, 0x00, 0x21, 0xaa, 0x2c, 0x46, 0x14, 0x76,
    0x03, 0x45, 0x83, 0x6e, 0x8a, 0xb6, 0xf4, 0x66, 0x23, 0x31, 0x7f, 0xff, 0x04, 0x00,
];

#[cfg(test)]
mod tests;
