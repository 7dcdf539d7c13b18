//! What identifies the software in a trust domain.

use std::{fmt, str::FromStr};

use build_support::measure::ImageMeasurements;
pub use build_support::measure::Measurement;

use super::quote::Quote;
use crate::primitives::UniqueId;

/// What can be given where a measurement is asked for.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a measurement",
    note = "give 96 hex digits, 48 bytes, or a `Measurement`"
)]
pub trait IntoMeasurement {
    /// The measurement.
    ///
    /// # Panics
    /// A text that is not 96 hex digits: a measurement in source code is as constant as the code.
    fn into_measurement(self) -> Measurement;
}

impl IntoMeasurement for Measurement {
    fn into_measurement(self) -> Measurement {
        self
    }
}

impl IntoMeasurement for [u8; 48] {
    fn into_measurement(self) -> Measurement {
        Measurement::new(self)
    }
}

impl IntoMeasurement for &str {
    fn into_measurement(self) -> Measurement {
        Measurement::hex(self)
    }
}

/// The five registers of a trust domain.
///
/// As text, a line for each: `mrtd` or `rtmr0` to `rtmr3`, a space, and 96 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Measurements {
    mrtd: Measurement,
    rtmr: [Measurement; 4],
}

impl Measurements {
    /// These registers.
    pub const fn new(mrtd: Measurement, rtmr: [Measurement; 4]) -> Self {
        Self { mrtd, rtmr }
    }

    /// The registers in a quote.
    pub const fn from_quote(quote: &Quote) -> Self {
        Self {
            mrtd: Measurement::new(quote.mrtd()),
            rtmr: [
                Measurement::new(quote.rtmr0()),
                Measurement::new(quote.rtmr1()),
                Measurement::new(quote.rtmr2()),
                Measurement::new(quote.rtmr3()),
            ],
        }
    }

    /// The initial memory: the firmware.
    pub const fn mrtd(&self) -> Measurement {
        self.mrtd
    }

    /// A run-time register.
    ///
    /// # Panics
    /// There are four: `index` is under 4.
    pub const fn rtmr(&self, index: usize) -> Measurement {
        self.rtmr[index]
    }

    /// Firmware configuration and the host's tables.
    pub const fn rtmr0(&self) -> Measurement {
        self.rtmr[0]
    }

    /// The kernel, as the firmware loads it.
    pub const fn rtmr1(&self) -> Measurement {
        self.rtmr[1]
    }

    /// The command line and the initial file system, as the kernel finds them.
    pub const fn rtmr2(&self) -> Measurement {
        self.rtmr[2]
    }

    /// For the program's own use; zero at boot.
    pub const fn rtmr3(&self) -> Measurement {
        self.rtmr[3]
    }
}

impl From<Quote> for Measurements {
    fn from(quote: Quote) -> Self {
        Self::from_quote(&quote)
    }
}

impl From<&Quote> for Measurements {
    fn from(quote: &Quote) -> Self {
        Self::from_quote(quote)
    }
}

impl fmt::Display for Measurements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mrtd {}", self.mrtd)?;
        for (index, register) in self.rtmr.iter().enumerate() {
            write!(f, "\nrtmr{index} {register}")?;
        }
        Ok(())
    }
}

impl FromStr for Measurements {
    type Err = MeasurementsParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut registers: [Option<Measurement>; 5] = [None; 5];
        for line in text.lines().map(str::trim) {
            // Ends of lines and of files that hold the text are padded by some.
            let line = line.trim_matches('\0');
            if line.is_empty() {
                continue;
            }
            let (name, value) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| MeasurementsParseError::Line(line.to_owned()))?;
            let index = REGISTERS
                .iter()
                .position(|register| *register == name)
                .ok_or_else(|| MeasurementsParseError::Line(line.to_owned()))?;
            let value = value.trim().parse();
            registers[index] =
                Some(value.map_err(|_| MeasurementsParseError::Line(line.to_owned()))?);
        }
        let register = |index: usize| {
            registers[index].ok_or(MeasurementsParseError::Missing(REGISTERS[index]))
        };
        Ok(Self {
            mrtd: register(0)?,
            rtmr: [register(1)?, register(2)?, register(3)?, register(4)?],
        })
    }
}

const REGISTERS: [&str; 5] = ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"];

/// A text that does not say the five registers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MeasurementsParseError {
    /// A line is not the name of a register and 96 hex digits.
    #[error("not a register and its 96 hex digits: {0:?}")]
    Line(String),
    /// A register is not there.
    #[error("register {0} is missing")]
    Missing(&'static str),
}

impl MeasurementsParseError {
    /// Whether the same text may be right later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

/// Which registers have to have which values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MeasurementsCriteria {
    /// The firmware, if it matters.
    pub mrtd: Option<Measurement>,
    /// Run-time registers 0 to 3, those that matter.
    pub rtmr: [Option<Measurement>; 4],
}

impl MeasurementsCriteria {
    /// No register matters.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            mrtd: None,
            rtmr: [None; 4],
        }
    }

    /// Requires this firmware.
    #[must_use]
    pub const fn require_mrtd(mut self, mrtd: Measurement) -> Self {
        self.mrtd = Some(mrtd);
        self
    }

    /// Requires this value of RTMR0: firmware configuration and the host's tables.
    #[must_use]
    pub const fn require_rtmr0(self, value: Measurement) -> Self {
        self.require_rtmr(0, value)
    }

    /// Requires this value of RTMR1: the kernel.
    #[must_use]
    pub const fn require_rtmr1(self, value: Measurement) -> Self {
        self.require_rtmr(1, value)
    }

    /// Requires this value of RTMR2: the command line and the initial file system.
    #[must_use]
    pub const fn require_rtmr2(self, value: Measurement) -> Self {
        self.require_rtmr(2, value)
    }

    /// Requires this value of RTMR3, which the program extends.
    #[must_use]
    pub const fn require_rtmr3(self, value: Measurement) -> Self {
        self.require_rtmr(3, value)
    }

    pub(super) const fn require_rtmr(mut self, index: usize, value: Measurement) -> Self {
        self.rtmr[index] = Some(value);
        self
    }

    /// Whether every register that matters has its value.
    pub fn matches(&self, measurements: &Measurements) -> bool {
        self.first_difference(measurements).is_none()
    }

    /// The first register that has another value: its name, what is required, what it has.
    pub(super) fn first_difference(
        &self,
        measurements: &Measurements,
    ) -> Option<(&'static str, Measurement, Measurement)> {
        let required = [self.mrtd].into_iter().chain(self.rtmr);
        let has = [measurements.mrtd].into_iter().chain(measurements.rtmr);
        required
            .zip(has)
            .zip(REGISTERS)
            .find_map(|((required, has), name)| {
                let required = required?;
                (required != has).then_some((name, required, has))
            })
    }

    /// An id of exactly these criteria.
    pub fn signature(&self) -> UniqueId {
        let mut input = b"mosaik.tee.tdx.measurements-criteria.v2".to_vec();
        for register in [self.mrtd].into_iter().chain(self.rtmr) {
            match register {
                None => input.push(0),
                Some(value) => {
                    input.push(1);
                    input.extend_from_slice(value.as_bytes());
                }
            }
        }
        UniqueId::hash(&input)
    }
}

impl Default for MeasurementsCriteria {
    fn default() -> Self {
        Self::new()
    }
}

/// All five registers.
impl From<&Measurements> for MeasurementsCriteria {
    fn from(measurements: &Measurements) -> Self {
        Self {
            mrtd: Some(measurements.mrtd),
            rtmr: measurements.rtmr.map(Some),
        }
    }
}

/// All five registers.
impl From<Measurements> for MeasurementsCriteria {
    fn from(measurements: Measurements) -> Self {
        Self::from(&measurements)
    }
}

/// Firmware, kernel, command line and file system of an image.
impl From<&ImageMeasurements> for MeasurementsCriteria {
    fn from(image: &ImageMeasurements) -> Self {
        Self::new()
            .require_mrtd(image.mrtd)
            .require_rtmr1(image.rtmr1)
            .require_rtmr2(image.rtmr2)
    }
}

/// Firmware, kernel, command line and file system of an image.
impl From<ImageMeasurements> for MeasurementsCriteria {
    fn from(image: ImageMeasurements) -> Self {
        Self::from(&image)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurements() -> Measurements {
        let register = |byte| Measurement::new([byte; 48]);
        Measurements::new(
            register(9),
            [register(0), register(1), register(2), register(3)],
        )
    }

    #[test]
    fn text_and_back() {
        let text = measurements().to_string();
        assert_eq!(text.parse(), Ok(measurements()));
        assert_eq!(format!("{text}\n\0\0").parse(), Ok(measurements()));
        let without = text.replace("rtmr2", "rtmr1");
        assert_eq!(
            without.parse::<Measurements>(),
            Err(MeasurementsParseError::Missing("rtmr2"))
        );
        for bad in ["mrtd", "mrtd 00", "rtmr4 00", "pcr0 1"] {
            assert!(
                matches!(
                    bad.parse::<Measurements>(),
                    Err(MeasurementsParseError::Line(_))
                ),
                "{bad}"
            );
        }
    }

    #[test]
    fn every_register_that_matters_counts() {
        let all = MeasurementsCriteria::from(&measurements());
        assert!(all.matches(&measurements()));
        assert!(MeasurementsCriteria::new().matches(&measurements()));
        let other = Measurement::new([7; 48]);
        let table = [
            (MeasurementsCriteria::new().require_mrtd(other), "mrtd"),
            (MeasurementsCriteria::new().require_rtmr0(other), "rtmr0"),
            (MeasurementsCriteria::new().require_rtmr1(other), "rtmr1"),
            (MeasurementsCriteria::new().require_rtmr2(other), "rtmr2"),
            (MeasurementsCriteria::new().require_rtmr3(other), "rtmr3"),
        ];
        let mut signatures = vec![all.signature(), MeasurementsCriteria::new().signature()];
        for (criteria, name) in table {
            assert!(!criteria.matches(&measurements()), "{name}");
            let difference = criteria.first_difference(&measurements());
            assert_eq!(difference.map(|(register, ..)| register), Some(name));
            signatures.push(criteria.signature());
        }
        let count = signatures.len();
        signatures.sort_unstable();
        signatures.dedup();
        assert_eq!(signatures.len(), count, "two criteria with one id");
    }
}
