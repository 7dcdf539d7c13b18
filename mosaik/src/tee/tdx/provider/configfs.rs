//! Quotes from the Linux kernel: `/sys/kernel/config/tsm/report`, Linux 6.7 and later.
//!
//! A request is a directory that its maker creates; 64 bytes go into `inblob`, the quote comes out of `outblob`, and
//! `generation` counts what was written, so that nobody takes another's answer for its own. (Linux,
//! `Documentation/ABI/testing/configfs-tsm-report`.) Registers come from `/sys/devices/virtual/misc/tdx_guest/measurements`
//! where the kernel has that (6.16 and later), in microseconds, and out of a quote elsewhere.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{QuoteError, QuoteProvider};
use crate::{
    primitives::{Digest, Short},
    tee::tdx::{Measurement, Measurements},
};

/// Where Linux has it.
const REPORTS: &str = "/sys/kernel/config/tsm/report";

/// Where Linux tells the registers.
const REGISTERS: &str = "/sys/devices/virtual/misc/tdx_guest/measurements";

/// What the kernel calls the hardware.
const PROVIDER: &str = "tdx_guest";

/// How long the host's quoting service may take: it answers in some ten milliseconds, a cold one in seconds.
const QUOTE_WITHIN: Duration = Duration::from_secs(30);

/// Requests in a row, when the kernel is busy with another's or somebody meddles.
const TRIES: u32 = 5;

/// The quotes of the Linux kernel.
#[derive(Debug, Clone)]
pub struct ConfigfsTsm {
    reports: PathBuf,
    registers: PathBuf,
}

impl ConfigfsTsm {
    /// Where Linux has it.
    pub fn system() -> Self {
        Self::at(REPORTS, REGISTERS)
    }

    /// Elsewhere: the directory of requests, and that of registers, which need not exist.
    pub fn at(reports: impl Into<PathBuf>, registers: impl Into<PathBuf>) -> Self {
        Self {
            reports: reports.into(),
            registers: registers.into(),
        }
    }

    fn request(&self) -> Result<Request, QuoteError> {
        if !self.reports.is_dir() {
            return Err(QuoteError::NoInterface(self.reports.display().to_string()));
        }
        let name = format!("mosaik-{}", Short(Digest::random()));
        let path = self.reports.join(name);
        fs::create_dir(&path).map_err(|error| match error.raw_os_error() {
            // The directory is there whether or not somebody makes quotes.
            Some(ENXIO) => QuoteError::NoHardware,
            _ => failure(&path, &error),
        })?;
        let request = Request { path };
        let provider = request.read_text("provider")?;
        if provider != PROVIDER {
            return Err(QuoteError::OtherHardware(provider));
        }
        Ok(request)
    }

    fn register(&self, name: &str) -> Option<Measurement> {
        let bytes = fs::read(self.registers.join(format!("{name}:sha384"))).ok()?;
        Some(Measurement::new(bytes.try_into().ok()?))
    }
}

/// No such device or address.
const ENXIO: i32 = 6;

impl QuoteProvider for ConfigfsTsm {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, QuoteError> {
        let (this, report_data) = (self.clone(), *report_data);
        within(QUOTE_WITHIN, move || {
            let mut tries = 0;
            loop {
                tries += 1;
                let outcome = this
                    .request()
                    .and_then(|request| request.quote(&report_data));
                match outcome {
                    Err(error) if error.is_retryable() && tries < TRIES => {}
                    outcome => return outcome,
                }
            }
        })
    }

    fn measurements(&self) -> Result<Measurements, QuoteError> {
        let from_kernel = || {
            let register = |name| self.register(name);
            let rtmr = [
                register("rtmr0")?,
                register("rtmr1")?,
                register("rtmr2")?,
                register("rtmr3")?,
            ];
            Some(Measurements::new(register("mrtd")?, rtmr))
        };
        if let Some(measurements) = from_kernel() {
            return Ok(measurements);
        }
        let quote = self.quote(&[0; 64])?;
        let quote = super::Quote::from_bytes(&quote).map_err(QuoteError::Unreadable)?;
        Ok(Measurements::from_quote(&quote))
    }

    fn is_available(&self) -> bool {
        self.request().is_ok()
    }
}

/// A request, until it is dropped.
struct Request {
    path: PathBuf,
}

impl Request {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, QuoteError> {
        let before = self.generation()?;
        let input = self.path.join("inblob");
        fs::write(&input, report_data).map_err(|error| failure(&input, &error))?;
        let output = self.path.join("outblob");
        let quote = fs::read(&output).map_err(|error| failure(&output, &error))?;
        let (expected, actual) = (before.wrapping_add(1), self.generation()?);
        if actual != expected {
            return Err(QuoteError::OtherRequest { expected, actual });
        }
        Ok(quote)
    }

    fn generation(&self) -> Result<u64, QuoteError> {
        let text = self.read_text("generation")?;
        text.parse().map_err(|_| QuoteError::Io {
            path: self.path.join("generation").display().to_string(),
            error: format!("{text:?} is not a number"),
        })
    }

    fn read_text(&self, name: &str) -> Result<String, QuoteError> {
        let path = self.path.join(name);
        let text = fs::read_to_string(&path).map_err(|error| failure(&path, &error))?;
        Ok(text.trim().to_owned())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // In configfs a directory goes with its attributes. What is left behind costs a few hundred bytes.
        if let Err(error) = fs::remove_dir(&self.path) {
            tracing::debug!(path = %self.path.display(), %error, "request for a quote not removed");
        }
    }
}

pub(super) fn failure(path: &Path, error: &io::Error) -> QuoteError {
    let path = path.display().to_string();
    match error.kind() {
        io::ErrorKind::PermissionDenied => QuoteError::Denied(path),
        _ => QuoteError::Io {
            path,
            error: error.to_string(),
        },
    }
}

/// Does `work` on a thread of its own, and goes on without it if it takes longer.
fn within(
    limit: Duration,
    work: impl FnOnce() -> Result<Vec<u8>, QuoteError> + Send + 'static,
) -> Result<Vec<u8>, QuoteError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = thread::Builder::new().name("mosaik-quote".to_owned());
    let spawned = thread.spawn(move || {
        // Nobody waits any more if this fails.
        let _ = sender.send(work());
    });
    if let Err(error) = spawned {
        return Err(QuoteError::Io {
            path: "a thread".to_owned(),
            error: error.to_string(),
        });
    }
    receiver
        .recv_timeout(limit)
        .unwrap_or(Err(QuoteError::TimedOut(limit.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_not_being_there_has_its_own_message() {
        let nowhere = ConfigfsTsm::at("/nonexistent/tsm", "/nonexistent/registers");
        assert!(!nowhere.is_available());
        let error = nowhere.quote(&[0; 64]).unwrap_err();
        assert!(matches!(error, QuoteError::NoInterface(_)), "{error}");
        assert_eq!(nowhere.measurements(), Err(error));
    }

    /// The files of a request, of which `generation` says something else each time that it is read.
    fn request(name: &str, generations: [&'static str; 2]) -> Option<Request> {
        let path = std::env::temp_dir().join(format!("mosaik-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("outblob"), b"the quote").unwrap();
        let pipe = path.join("generation");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no mkfifo here");
            return None;
        }
        let input = path.join("inblob");
        thread::spawn(move || {
            let [before, after] = generations;
            // Opening waits for a reader; what is read ends when the writer closes.
            fs::write(&pipe, before).unwrap();
            while !input.exists() {
                thread::yield_now();
            }
            fs::write(&pipe, after).unwrap();
        });
        Some(Request { path })
    }

    #[test]
    fn a_quote_is_for_the_request_that_was_written() {
        let table = [
            ("one", ["7\n", "8\n"], Ok(b"the quote".to_vec())),
            (
                "two",
                ["7\n", "9\n"],
                Err(QuoteError::OtherRequest {
                    expected: 8,
                    actual: 9,
                }),
            ),
        ];
        for (name, generations, expected) in table {
            let Some(request) = request(name, generations) else {
                return;
            };
            assert_eq!(request.quote(&[5; 64]), expected);
            assert_eq!(fs::read(request.path.join("inblob")).unwrap(), [5; 64]);
            fs::remove_dir_all(&request.path).unwrap();
        }
    }

    #[test]
    fn registers_are_read_where_the_kernel_tells_them() {
        let path = std::env::temp_dir().join(format!("mosaik-registers-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (index, name) in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"]
            .iter()
            .enumerate()
        {
            let value = [u8::try_from(index).unwrap(); 48];
            fs::write(path.join(format!("{name}:sha384")), value).unwrap();
        }
        let registers = ConfigfsTsm::at("/nonexistent", &path)
            .measurements()
            .unwrap();
        assert_eq!(registers.mrtd(), Measurement::new([0; 48]));
        assert_eq!(registers.rtmr3(), Measurement::new([4; 48]));
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn a_quoting_service_that_hangs_does_not_hang_the_caller() {
        let (hold, held) = mpsc::sync_channel::<()>(1);
        let limit = Duration::from_millis(20);
        let outcome = within(limit, move || {
            // Until the test is over.
            let _ = held.recv();
            Ok(Vec::new())
        });
        assert_eq!(outcome, Err(QuoteError::TimedOut(0)));
        drop(hold);
    }
}
