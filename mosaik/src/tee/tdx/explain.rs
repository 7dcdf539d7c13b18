//! Why a guest measures to something else than was predicted: the first event that differs.

use std::fmt;

use build_support::measure::{Event, Measurement, Prediction, Register};

use super::{
    event_log::{EventLog, LoggedEvent, kind_name},
    hex::Hex,
    measurements::Measurements,
};

/// How a boot differs from its prediction, in the order in which things went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    differences: Vec<Difference>,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The log is not that of the quote, so what it says of this register says nothing.
    LogOfAnotherBoot {
        /// The register.
        register: Register,
        /// What the log comes to.
        replayed: Measurement,
        /// What the hardware signed.
        quoted: Measurement,
    },
    /// The firmware is another one, or was added in another order.
    Firmware {
        /// What was predicted.
        predicted: Measurement,
        /// What the hardware signed.
        quoted: Measurement,
    },
    /// The first event of a register that is not as predicted.
    Event {
        /// The register.
        register: Register,
        /// The number of the event within its register, from 0.
        index: usize,
        /// What was predicted there; `None` after the last.
        predicted: Option<Event>,
        /// What was logged there; `None` after the last.
        logged: Option<LoggedEvent>,
    },
    /// There is no log, and the register is not as predicted.
    Register {
        /// The register.
        register: Register,
        /// What was predicted.
        predicted: Measurement,
        /// What the hardware signed.
        quoted: Measurement,
    },
}

impl Explanation {
    /// Compares what the hardware signed, and the log of that boot if there is one, with a prediction.
    ///
    /// Events that cannot be predicted are taken as they are logged, and RTMR3 is the program's own: neither counts as a
    /// difference.
    pub fn of(prediction: &Prediction, quoted: &Measurements, log: Option<&EventLog>) -> Self {
        let mut differences = Vec::new();
        if prediction.mrtd != quoted.mrtd() {
            differences.push(Difference::Firmware {
                predicted: prediction.mrtd,
                quoted: quoted.mrtd(),
            });
        }
        match log {
            Some(log) => {
                let replayed = log.replay();
                for register in Register::ALL {
                    let index = register.index();
                    if replayed[index] != quoted.rtmr(index) {
                        differences.push(Difference::LogOfAnotherBoot {
                            register,
                            replayed: replayed[index],
                            quoted: quoted.rtmr(index),
                        });
                    } else if register != Register::Rtmr3 {
                        differences.extend(first_event(register, prediction, log));
                    }
                }
            }
            None => {
                let registers = [
                    (Register::Rtmr1, prediction.rtmr1),
                    (Register::Rtmr2, prediction.rtmr2),
                ];
                for (register, predicted) in registers {
                    let quoted = quoted.rtmr(register.index());
                    if predicted != quoted {
                        differences.push(Difference::Register {
                            register,
                            predicted,
                            quoted,
                        });
                    }
                }
            }
        }
        Self { differences }
    }

    /// What differs; empty if all is as predicted.
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// Whether all is as predicted.
    pub fn is_as_predicted(&self) -> bool {
        self.differences.is_empty()
    }
}

fn first_event(register: Register, prediction: &Prediction, log: &EventLog) -> Option<Difference> {
    let mut predicted = prediction
        .events
        .iter()
        .filter(|event| event.register == register);
    let mut logged = log.of(register);
    for index in 0.. {
        let (predicted, logged) = (predicted.next(), logged.next());
        match (predicted, logged) {
            (None, None) => return None,
            (Some(event), Some(entry)) if is_as_predicted(event, entry) => {}
            (predicted, logged) => {
                return Some(Difference::Event {
                    register,
                    index,
                    predicted: predicted.cloned(),
                    logged: logged.cloned(),
                });
            }
        }
    }
    None
}

fn is_as_predicted(event: &Event, entry: &LoggedEvent) -> bool {
    match event.digest {
        Some(digest) => digest == entry.digest,
        None => event.event_type == entry.event_type,
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differences.is_empty() {
            return f.write_str("as predicted");
        }
        for (index, difference) in self.differences.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{difference}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogOfAnotherBoot {
                register,
                replayed,
                quoted,
            } => write!(
                f,
                "{register}: the log is not that of the quote\n  log   {replayed}\n  quote {quoted}"
            ),
            Self::Firmware { predicted, quoted } => write!(
                f,
                "mrtd: another firmware, or another order of its pages (see --host)\n  predicted {predicted}\n  \
                 quote     {quoted}"
            ),
            Self::Event {
                register,
                index,
                predicted,
                logged,
            } => {
                write!(
                    f,
                    "{register}, event {index}: the first that differs\n  predicted "
                )?;
                match predicted {
                    Some(event) => write_predicted(f, event)?,
                    None => f.write_str("nothing more")?,
                }
                f.write_str("\n  logged    ")?;
                match logged {
                    Some(entry) => {
                        write!(f, "{} {}", Hex(&entry.digest), kind_name(entry.event_type))?;
                        match entry.text() {
                            text if text.is_empty() => Ok(()),
                            text => write!(f, " ({text})"),
                        }
                    }
                    None => f.write_str("nothing more"),
                }
            }
            Self::Register {
                register,
                predicted,
                quoted,
            } => write!(
                f,
                "{register}: differs; a log would say where (--ccel)\n  predicted {predicted}\n  quote     {quoted}"
            ),
        }
    }
}

fn write_predicted(f: &mut fmt::Formatter<'_>, event: &Event) -> fmt::Result {
    match event.digest {
        Some(digest) => write!(f, "{} {}", Hex(&digest), event.label),
        None => write!(f, "{} (any value)", event.label),
    }
}
