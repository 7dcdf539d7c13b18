//! Measured events and the registers they end in.

use std::borrow::Cow;
use std::fmt;

use sha2::{Digest as _, Sha384};

use super::Measurement;

/// A run-time measurement register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Register {
    /// The platform's configuration: memory, firmware settings, ACPI tables.
    Rtmr0,
    /// What the firmware runs: the kernel.
    Rtmr1,
    /// What the kernel is given: its command line and initial RAM disk.
    Rtmr2,
    /// Whatever the program extends itself.
    Rtmr3,
}

impl Register {
    /// All four, by index.
    pub const ALL: [Self; 4] = [Self::Rtmr0, Self::Rtmr1, Self::Rtmr2, Self::Rtmr3];

    /// Its number, 0 to 3.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtmr{}", self.index())
    }
}

/// One entry of the event log that a boot is predicted to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The register that it extends.
    pub register: Register,
    /// The type that the CCEL records, one of [`event_type`].
    pub event_type: u32,
    /// What is measured, in words.
    pub label: Cow<'static, str>,
    /// Its digest, or `None` where it depends on the host's emulator (ACPI tables).
    pub digest: Option<[u8; 48]>,
}

/// Event types of the TCG PC Client Platform Firmware Profile that a direct kernel boot logs.
pub mod event_type {
    /// A separator between two phases.
    pub const SEPARATOR: u32 = 0x4;
    /// Written by the kernel: its command line, its initial RAM disk.
    pub const EVENT_TAG: u32 = 0x6;
    /// Configuration data of the platform: ACPI tables.
    pub const PLATFORM_CONFIG_FLAGS: u32 = 0xa;
    /// A variable that decides which drivers run: Secure Boot's.
    pub const EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
    /// A variable that decides what boots.
    pub const EFI_VARIABLE_BOOT: u32 = 0x8000_0002;
    /// A program started by the firmware.
    pub const EFI_BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;
    /// A step of the firmware, as text.
    pub const EFI_ACTION: u32 = 0x8000_0007;
    /// A part of the firmware.
    pub const EFI_PLATFORM_FIRMWARE_BLOB2: u32 = 0x8000_000a;
    /// A table handed from one phase to the next: the list of memory.
    pub const EFI_HANDOFF_TABLE2: u32 = 0x8000_000b;
}

/// SHA-384 of `parts`, one after another.
#[must_use]
pub fn sha384(parts: &[&[u8]]) -> [u8; 48] {
    let mut hasher = Sha384::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What a register holds after `digest` is extended into it.
#[must_use]
pub fn extend(register: &Measurement, digest: &[u8; 48]) -> Measurement {
    Measurement::new(sha384(&[register.as_bytes(), digest]))
}

/// The four registers after a log of events, in the log's order.
#[must_use]
pub fn replay(events: impl IntoIterator<Item = (Register, [u8; 48])>) -> [Measurement; 4] {
    let mut registers = [Measurement::ZERO; 4];
    for (register, digest) in events {
        let value = &mut registers[register.index()];
        *value = extend(value, &digest);
    }
    registers
}
