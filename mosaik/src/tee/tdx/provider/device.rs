//! Registers from the device of a Linux guest, `/dev/tdx_guest`: Linux 6.2 and later, without the host's help.
//!
//! Its one request (Linux, `Documentation/virt/coco/tdx-guest.rst`) gives a report: the registers and 64 bytes of the asker's
//! choice under a checksum that only the same machine can check. The quotes that others can check are made out of such reports
//! by the host's quoting service; they come from [`ConfigfsTsm`].

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::{ConfigfsTsm, QuoteError, QuoteProvider, configfs};
use crate::tee::tdx::{Measurement, Measurements};

/// Where Linux has it.
const DEVICE: &str = "/dev/tdx_guest";

/// The registers from the kernel's device, quotes from its quoting interface.
///
/// What this process uses unless told otherwise by [`use_platform`](super::use_platform).
#[derive(Debug, Clone)]
pub struct TdxDevice {
    path: PathBuf,
    quotes: ConfigfsTsm,
}

impl TdxDevice {
    /// Where Linux has them.
    pub fn system() -> Self {
        Self::at(DEVICE, ConfigfsTsm::system())
    }

    /// Elsewhere: the device, and where quotes come from.
    pub fn at(device: impl Into<PathBuf>, quotes: ConfigfsTsm) -> Self {
        Self {
            path: device.into(),
            quotes,
        }
    }
}

impl QuoteProvider for TdxDevice {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, QuoteError> {
        self.quotes.quote(report_data)
    }

    fn measurements(&self) -> Result<Measurements, QuoteError> {
        match report(&self.path, &[0; 64]) {
            Ok(report) => registers(&report),
            // A user may be let to one and not to the other.
            Err(error) => self
                .quotes
                .measurements()
                .map_err(|other| if self.path.exists() { error } else { other }),
        }
    }

    fn is_available(&self) -> bool {
        self.quotes.is_available()
    }
}

const REPORT_BYTES: usize = 1024;
const REPORT_DATA_AT: usize = 128;
/// Of a trust domain, as the processor writes it.
const REPORT_TYPE: u8 = 0x81;

/// The registers of a report: the layout is that of Intel's "TDX Module Base Architecture Specification", `TDREPORT_STRUCT`.
fn registers(report: &[u8; REPORT_BYTES]) -> Result<Measurements, QuoteError> {
    const MRTD_AT: usize = 528;
    const RTMR_AT: usize = 720;
    if report[0] != REPORT_TYPE {
        return Err(QuoteError::OtherHardware(format!(
            "reports of type {:#04x}",
            report[0]
        )));
    }
    let at = |offset: usize| {
        let register = report[offset..].first_chunk();
        Measurement::new(*register.expect("invariant: within the report"))
    };
    let rtmr = [0, 1, 2, 3].map(|index| at(RTMR_AT + 48 * index));
    Ok(Measurements::new(at(MRTD_AT), rtmr))
}

/// Asks the device at `path` for a report with these 64 bytes.
fn report(path: &Path, report_data: &[u8; 64]) -> Result<[u8; REPORT_BYTES], QuoteError> {
    let device = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => QuoteError::NoInterface(path.display().to_string()),
            _ => configfs::failure(path, &error),
        })?;
    let mut request = Request {
        report_data: *report_data,
        report: [0; REPORT_BYTES],
    };
    ask(&device, &mut request).map_err(|error| configfs::failure(path, &error))?;
    let echoed = &request.report[REPORT_DATA_AT..REPORT_DATA_AT + report_data.len()];
    if echoed != report_data {
        return Err(configfs::failure(path, &io::ErrorKind::InvalidData.into()));
    }
    Ok(request.report)
}

/// `struct tdx_report_req`.
#[repr(C)]
struct Request {
    report_data: [u8; 64],
    report: [u8; REPORT_BYTES],
}

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "a device's request has no safe interface, and no maintained crate wraps this one"
)]
fn ask(device: &File, request: &mut Request) -> io::Result<()> {
    use std::ffi::{c_int, c_ulong};
    use std::os::fd::AsRawFd as _;

    unsafe extern "C" {
        fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
    }

    /// Reads and writes, of type `T`, the first: with the size of what is read and written.
    const GET_REPORT: c_ulong =
        3 << 30 | (size_of::<Request>() as c_ulong) << 16 | (b'T' as c_ulong) << 8 | 1;

    // SAFETY: the file is open, and the kernel reads and writes one `struct tdx_report_req`, of which this is the layout
    // and which nobody else can reach during the call. A device that does not know the request touches nothing.
    match unsafe { ioctl(device.as_raw_fd(), GET_REPORT, std::ptr::from_mut(request)) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn ask(_: &File, _: &mut Request) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_stand_where_the_processor_writes_them() {
        // What stands before MRTD: the report's frame, the module's versions, attributes. Before RTMR0: three fields.
        let mut report = vec![0xee; 256 + 256 + 8 + 8];
        report[0] = 0x81;
        report.extend([1; 48]);
        report.extend([0xee; 3 * 48]);
        for byte in [2, 3, 4, 5] {
            report.extend([byte; 48]);
        }
        report.resize(REPORT_BYTES, 0xee);
        let mut report: [u8; REPORT_BYTES] = report.try_into().unwrap();
        let found = registers(&report).unwrap();
        let register = |byte| Measurement::new([byte; 48]);
        let expected = Measurements::new(register(1), [2, 3, 4, 5].map(register));
        assert_eq!(found, expected);

        report[0] = 0;
        let error = registers(&report).unwrap_err();
        assert!(matches!(error, QuoteError::OtherHardware(_)), "{error}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_no_such_device_is_an_error() {
        let nowhere = report(Path::new("/nonexistent/tdx_guest"), &[0; 64]).unwrap_err();
        assert!(matches!(nowhere, QuoteError::NoInterface(_)), "{nowhere}");
        // A device that knows no such request.
        let other = report(Path::new("/dev/null"), &[0; 64]).unwrap_err();
        assert!(
            other.to_string().starts_with("/dev/null: Inappropriate"),
            "{other}"
        );
    }

    #[test]
    fn registers_come_from_elsewhere_where_the_device_is_not() {
        let path = std::env::temp_dir().join(format!("mosaik-device-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        for name in ["mrtd", "rtmr0", "rtmr1", "rtmr2", "rtmr3"] {
            std::fs::write(path.join(format!("{name}:sha384")), [7; 48]).unwrap();
        }
        let quotes = ConfigfsTsm::at("/nonexistent", &path);
        let device = TdxDevice::at("/nonexistent/tdx_guest", quotes);
        assert_eq!(
            device.measurements().unwrap().rtmr2(),
            Measurement::new([7; 48])
        );
        std::fs::remove_dir_all(path).unwrap();
        assert!(matches!(
            device.measurements(),
            Err(QuoteError::NoInterface(_))
        ));
    }
}
