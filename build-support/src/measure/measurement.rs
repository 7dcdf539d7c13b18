//! A SHA-384 register of a trust domain.

use std::fmt;
use std::str::FromStr;

/// The value of one measurement register: 48 bytes of SHA-384.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measurement([u8; Measurement::BYTES]);

impl Measurement {
    /// Bytes in a measurement.
    pub const BYTES: usize = 48;

    /// A register that nothing has extended.
    pub const ZERO: Self = Self([0; Self::BYTES]);

    /// The register that holds `bytes`.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads 96 hexadecimal digits of either case, for constants.
    ///
    /// # Panics
    /// On any other text; in a constant that is a compile error. Text from outside goes through
    /// [`FromStr`].
    #[must_use]
    pub const fn hex(input: &str) -> Self {
        match parse(input.as_bytes()) {
            Ok(bytes) => Self(bytes),
            Err(ParseMeasurementError::Length { .. }) => {
                panic!("a measurement is 96 hexadecimal digits")
            }
            Err(ParseMeasurementError::Digit { .. }) => {
                panic!("a measurement holds hexadecimal digits only")
            }
        }
    }

    /// The 48 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// Whether nothing was ever extended into this register.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl From<[u8; Self::BYTES]> for Measurement {
    fn from(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }
}

impl From<Measurement> for [u8; Measurement::BYTES] {
    fn from(measurement: Measurement) -> Self {
        measurement.0
    }
}

impl FromStr for Measurement {
    type Err = ParseMeasurementError;

    fn from_str(text: &str) -> Result<Self, ParseMeasurementError> {
        parse(text.as_bytes()).map(Self)
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Measurement({self})")
    }
}

/// Why a text is not a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseMeasurementError {
    /// Not 96 characters.
    #[error("a measurement is 96 hexadecimal digits, not {found}")]
    Length {
        /// Bytes of the text.
        found: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("no hexadecimal digit at position {at}")]
    Digit {
        /// Its position, from 0.
        at: usize,
    },
}

impl ParseMeasurementError {
    /// Never: the same text fails again.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Always: parsing changes nothing.
    #[must_use]
    pub const fn is_definite(&self) -> bool {
        true
    }
}

const fn parse(text: &[u8]) -> Result<[u8; Measurement::BYTES], ParseMeasurementError> {
    if text.len() != 2 * Measurement::BYTES {
        return Err(ParseMeasurementError::Length { found: text.len() });
    }
    let mut bytes = [0; Measurement::BYTES];
    let mut at = 0;
    while at < text.len() {
        let digit = match text[at] {
            digit @ b'0'..=b'9' => digit - b'0',
            digit @ b'a'..=b'f' => digit - b'a' + 10,
            digit @ b'A'..=b'F' => digit - b'A' + 10,
            _ => return Err(ParseMeasurementError::Digit { at }),
        };
        bytes[at / 2] = bytes[at / 2] << 4 | digit;
        at += 1;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back() {
        let text = "0123456789abcdef".repeat(6);
        let parsed: Measurement = text.parse().unwrap();
        assert_eq!(parsed.to_string(), text);
        assert_eq!(Measurement::hex(&text.to_uppercase()), parsed);
        assert_eq!(format!("{parsed:?}"), format!("Measurement({text})"));
    }

    #[test]
    fn what_is_no_measurement() {
        let text = "0".repeat(96);
        for (text, error) in [
            ("", ParseMeasurementError::Length { found: 0 }),
            (&text[1..], ParseMeasurementError::Length { found: 95 }),
            (
                &format!("{}g", &text[1..]),
                ParseMeasurementError::Digit { at: 95 },
            ),
            (
                &format!("{}é", &text[2..]),
                ParseMeasurementError::Digit { at: 94 },
            ),
        ] {
            assert_eq!(text.parse::<Measurement>(), Err(error), "{text}");
        }
    }
}
