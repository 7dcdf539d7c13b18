//! The log of what a boot measured: the CCEL that the firmware leaves for the guest.
//!
//! Formats: TCG PC Client Platform Firmware Profile, "TCG_PCClientPCREvent" and "TCG_PCR_EVENT2"; UEFI 2.10, "Confidential
//! Computing". A log is the host's word: it counts for as much as its replay matches the registers of a proven quote.

use std::fmt;

use build_support::measure::{Measurement, Register, event_type, replay};

use super::{
    cursor::{Cursor, OutOfBytes},
    hex::Hex,
};

/// Bytes of a log: many times what firmware sets aside for it.
pub const EVENT_LOG_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a boot measured, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLog {
    events: Vec<LoggedEvent>,
}

/// One entry of a log.
#[derive(Clone, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The register that was extended.
    pub register: Register,
    /// What kind of thing was measured, by its number in the specification.
    pub event_type: u32,
    /// What the register was extended with.
    pub digest: [u8; 48],
    /// What the log says about the thing; for some kinds the thing itself.
    pub data: Vec<u8>,
    /// Where the entry begins in the log.
    pub offset: usize,
}

impl EventLog {
    /// Where Linux shows it.
    pub const LINUX_PATH: &str = "/sys/firmware/acpi/tables/data/CCEL";

    /// Reads a log. What firmware fills the rest of its memory with is ignored.
    ///
    /// # Errors
    /// It is over 4 MiB, is not such a log, or ends in the middle of an entry.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventLogError> {
        if bytes.len() > EVENT_LOG_BYTES_MAX {
            return Err(EventLogError::TooLarge { bytes: bytes.len() });
        }
        let mut cursor = Cursor::new(bytes);
        let algorithms = read_header(&mut cursor)?;
        let mut events = Vec::new();
        while let Some(register) = next_register(&mut cursor)? {
            let offset = cursor.position() - 4;
            let event_type = cursor.u32()?;
            let digest = read_digests(&mut cursor, &algorithms, offset)?;
            let data_bytes = cursor.u32()? as usize;
            let data = cursor.take(data_bytes)?.to_vec();
            // An entry that says something and measures nothing.
            if event_type == NO_ACTION {
                continue;
            }
            let register = match register {
                1..=4 => Register::ALL[register as usize - 1],
                other => {
                    return Err(EventLogError::Register {
                        register: other,
                        offset,
                    });
                }
            };
            let digest = digest.ok_or(EventLogError::NoSha384 { offset })?;
            events.push(LoggedEvent {
                register,
                event_type,
                digest,
                data,
                offset,
            });
        }
        Ok(Self { events })
    }

    /// The entries, in order.
    pub fn events(&self) -> &[LoggedEvent] {
        &self.events
    }

    /// The entries of one register, in order.
    pub fn of(&self, register: Register) -> impl Iterator<Item = &LoggedEvent> {
        self.events
            .iter()
            .filter(move |event| event.register == register)
    }

    /// What the four run-time registers are after all of it.
    pub fn replay(&self) -> [Measurement; 4] {
        replay(
            self.events
                .iter()
                .map(|event| (event.register, event.digest)),
        )
    }
}

/// The digests that a log carries: number of the algorithm, and length.
type Algorithms = Vec<(u16, usize)>;

/// The first entry, which is in the older format and says which digests the others carry.
fn read_header(cursor: &mut Cursor<'_>) -> Result<Algorithms, EventLogError> {
    let (_register, event_type) = (cursor.u32()?, cursor.u32()?);
    let _sha1: [u8; 20] = cursor.array()?;
    let length = cursor.u32()? as usize;
    let mut header = Cursor::new(cursor.take(length)?);
    let signature: [u8; 16] = header.array()?;
    if event_type != NO_ACTION || signature != *b"Spec ID Event03\0" {
        return Err(EventLogError::NotALog);
    }
    // The class of the platform, and the version of the specification.
    let _: [u8; 8] = header.array()?;
    let count = header.u32()? as usize;
    if count > ALGORITHMS_MAX {
        return Err(EventLogError::NotALog);
    }
    (0..count)
        .map(|_| Ok((header.u16()?, header.u16()?.into())))
        .collect()
}

/// The register of the next entry; `None` at the end.
fn next_register(cursor: &mut Cursor<'_>) -> Result<Option<u32>, EventLogError> {
    // Padding is of one kind of byte, and no register and kind of event are all of one.
    match cursor.rest() {
        [] => return Ok(None),
        [first @ (0 | 0xff), rest @ ..] if rest.iter().take(PADDING).all(|byte| byte == first) => {
            return Ok(None);
        }
        _ => {}
    }
    Ok(Some(cursor.u32()?))
}

fn read_digests(
    cursor: &mut Cursor<'_>,
    algorithms: &Algorithms,
    offset: usize,
) -> Result<Option<[u8; 48]>, EventLogError> {
    let count = cursor.u32()? as usize;
    if count > ALGORITHMS_MAX {
        return Err(EventLogError::Algorithm { offset });
    }
    let mut sha384 = None;
    for _ in 0..count {
        let algorithm = cursor.u16()?;
        let known = algorithms.iter().find(|(known, _)| *known == algorithm);
        let (_, length) = known.ok_or(EventLogError::Algorithm { offset })?;
        let digest = cursor.take(*length)?;
        if algorithm == SHA384 {
            sha384 = digest.try_into().ok();
        }
    }
    Ok(sha384)
}

/// An event that is not measured.
const NO_ACTION: u32 = 3;

/// SHA-384 in the TCG's registry of algorithms.
const SHA384: u16 = 0xc;

/// Kinds of digests in one log: the registry has a dozen.
const ALGORITHMS_MAX: usize = 16;

/// This many bytes of one kind are padding.
const PADDING: usize = 15;

/// The kinds that a boot logs and a prediction does not know.
const OTHER_KINDS: [(u32, &str); 7] = [
    (0x5, "EV_ACTION"),
    (0xd, "EV_IPL"),
    (0x8000_0004, "EV_EFI_BOOT_SERVICES_DRIVER"),
    (0x8000_0006, "EV_EFI_GPT_EVENT"),
    (0x8000_0008, "EV_EFI_PLATFORM_FIRMWARE_BLOB"),
    (0x8000_00e0, "EV_EFI_VARIABLE_AUTHORITY"),
    (0x0800_0001, "the program's own"),
];

/// The name of a kind of event.
pub(super) fn kind_name(kind: u32) -> &'static str {
    match kind {
        event_type::SEPARATOR => "EV_SEPARATOR",
        event_type::EVENT_TAG => "EV_EVENT_TAG",
        event_type::PLATFORM_CONFIG_FLAGS => "EV_PLATFORM_CONFIG_FLAGS",
        event_type::EFI_VARIABLE_DRIVER_CONFIG => "EV_EFI_VARIABLE_DRIVER_CONFIG",
        event_type::EFI_VARIABLE_BOOT => "EV_EFI_VARIABLE_BOOT",
        event_type::EFI_BOOT_SERVICES_APPLICATION => "EV_EFI_BOOT_SERVICES_APPLICATION",
        event_type::EFI_ACTION => "EV_EFI_ACTION",
        event_type::EFI_PLATFORM_FIRMWARE_BLOB2 => "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
        event_type::EFI_HANDOFF_TABLE2 => "EV_EFI_HANDOFF_TABLES2",
        other => OTHER_KINDS
            .iter()
            .find(|(kind, _)| *kind == other)
            .map_or("of an unknown kind", |(_, name)| name),
    }
}

impl LoggedEvent {
    /// The parts of the data that are text, as one line of at most 60 characters.
    pub fn text(&self) -> String {
        let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        let mut words = Vec::new();
        // Half of what is text here is UTF-16.
        let narrow: Vec<u8> = self
            .data
            .iter()
            .copied()
            .filter(|byte| *byte != 0)
            .collect();
        for word in narrow.split(|byte| !printable(byte)) {
            if word.len() >= 4 {
                words.push(String::from_utf8_lossy(word).into_owned());
            }
        }
        let text = words.join(" ");
        text.chars().take(60).collect()
    }
}

impl fmt::Display for LoggedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, digest) = (kind_name(self.event_type), Hex(&self.digest));
        write!(f, "{} {digest} {name}", self.register)?;
        match self.text() {
            text if text.is_empty() => Ok(()),
            text => write!(f, " ({text})"),
        }
    }
}

impl fmt::Debug for LoggedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes that are not the log of a boot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventLogError {
    /// It is longer than any log.
    #[error("{bytes} bytes are more than a log has ({EVENT_LOG_BYTES_MAX})")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It does not begin as a log does.
    #[error("not an event log: it does not begin with the entry 'Spec ID Event03'")]
    NotALog,
    /// It ends in the middle.
    #[error("the log ends after {0} bytes, in the middle of an entry")]
    Truncated(usize),
    /// An entry is of a register that a trust domain does not have.
    #[error("the entry at {offset} is of register {register}, and there are 1 to 4")]
    Register {
        /// The number of the register, of which 0 is MRTD.
        register: u32,
        /// Where the entry begins.
        offset: usize,
    },
    /// An entry has digests of a kind that the log does not announce.
    #[error("the entry at {offset} has a digest of a kind that the log does not announce")]
    Algorithm {
        /// Where the entry begins.
        offset: usize,
    },
    /// An entry lacks the digest that registers are extended with.
    #[error("the entry at {offset} has no SHA-384 digest")]
    NoSha384 {
        /// Where the entry begins.
        offset: usize,
    },
}

impl EventLogError {
    /// Whether the same bytes may be a log later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl From<OutOfBytes> for EventLogError {
    fn from(end: OutOfBytes) -> Self {
        Self::Truncated(end.length)
    }
}
