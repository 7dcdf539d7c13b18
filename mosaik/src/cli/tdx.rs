//! `mosaik tdx`: what an image measures to, what this machine's hardware says, and where the two part ways.

mod show;

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use mosaik::tdx::{
    Collateral, ConfigfsTsm, EventLog, Explanation, Measurements, Quote, QuoteProvider, ReplayFile,
    Verifier,
    measure::{Boot, FirmwareEra, HostProfile, Prediction, predict},
};

use super::Failure;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Print what an image measures to, before it is booted
    Measure(Measure),

    /// Name the first event in which a boot differs from what was predicted
    Explain(Explain),

    /// Print this machine's quote, or a quote in a file
    Quote(Show),
}

/// What is booted, and on what.
#[derive(Debug, clap::Args)]
struct Image {
    /// Directory with the image: what the builder writes, files that end in -ovmf.fd, -vmlinuz, -initramfs.cpio.gz
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,

    /// Firmware file, as given to QEMU with -bios
    #[arg(long, value_name = "FILE")]
    firmware: Option<PathBuf>,

    /// Kernel file, as given with -kernel
    #[arg(long, value_name = "FILE")]
    kernel: Option<PathBuf>,

    /// Initial RAM disk, as given with -initrd
    #[arg(long, value_name = "FILE")]
    initrd: Option<PathBuf>,

    /// Command line of the kernel, as given with -append
    #[arg(long, value_name = "TEXT", default_value = "console=ttyS0 ip=dhcp")]
    append: String,

    /// Memory of the guest, as given with -m: a number of MiB, or with a suffix M or G
    #[arg(long, default_value = "4G", value_parser = parse_memory)]
    memory: u64,

    /// Software of the host: canonical-noble or mainline
    #[arg(long, default_value = "mainline", value_parser = parse_host)]
    host: HostProfile,

    /// Generation of the firmware: before-202408, before-202505 or since-202505
    #[arg(long, default_value = "before-202505", value_parser = parse_era)]
    era: FirmwareEra,
}

#[derive(Debug, clap::Args)]
struct Measure {
    #[command(flatten)]
    image: Image,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Explain {
    #[command(flatten)]
    image: Image,

    /// Quote of the boot; `mosaik tdx quote --out FILE` writes one
    #[arg(long, value_name = "FILE")]
    against: PathBuf,

    /// Event log of the boot, as Linux has it at /sys/firmware/acpi/tables/data/CCEL
    #[arg(long, value_name = "FILE")]
    ccel: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// File with a quote [default: this machine's hardware makes one]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Write the quote to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// Verify it, with collateral from a file (JSON, as collateral services give it away)
    #[arg(long, value_name = "FILE")]
    collateral: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        Command::Measure(args) => measure(&args),
        Command::Explain(args) => explain(&args),
        Command::Quote(args) => quote(&args),
    }
}

fn measure(args: &Measure) -> Result<(), Failure> {
    let prediction = args.image.predict()?;
    if args.json {
        print(&show::prediction_json(&prediction).to_string())
    } else {
        print(&show::prediction(&prediction))
    }
}

fn explain(args: &Explain) -> Result<(), Failure> {
    let prediction = args.image.predict()?;
    let quote = parse_quote(&args.against, &read(&args.against)?)?;
    let log = match &args.ccel {
        None => None,
        Some(path) => {
            let log = EventLog::parse(&read(path)?);
            Some(log.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?)
        }
    };
    let quoted = Measurements::from_quote(&quote);
    let explanation = Explanation::of(&prediction, &quoted, log.as_ref());
    if args.json {
        print(&show::explanation_json(&explanation).to_string())?;
    } else {
        print(&explanation.to_string())?;
    }
    if explanation.is_as_predicted() {
        Ok(())
    } else {
        let count = explanation.differences().len();
        Err(Failure::check(format!(
            "the boot is not the image that was measured: {count} of its registers differ"
        )))
    }
}

fn quote(args: &Show) -> Result<(), Failure> {
    let made = match &args.file {
        Some(path) => ReplayFile::new(path).quote(&[0; 64]),
        None => ConfigfsTsm::system().quote(&[0; 64]),
    };
    let bytes = made.map_err(|error| Failure::check(error.to_string()))?;
    let name = args.file.as_deref().unwrap_or(Path::new("the hardware"));
    let quote = parse_quote(name, &bytes)?;
    if let Some(path) = &args.out {
        fs::write(path, &bytes)
            .map_err(|error| Failure::check(format!("{}: {error}", path.display())))?;
    }
    let verdict = match &args.collateral {
        None => None,
        Some(path) => {
            let collateral = Collateral::from_json(&read(path)?)
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            #[expect(
                clippy::disallowed_methods,
                reason = "a program's own look at the clock"
            )]
            let now = chrono::Utc::now();
            Some(Verifier::intel().verify(&quote, &collateral, now))
        }
    };
    if args.json {
        print(&show::quote_json(&quote, verdict.as_ref()).to_string())?;
    } else {
        print(&show::quote(&quote, verdict.as_ref()))?;
    }
    match verdict {
        Some(Err(error)) => Err(Failure::check(error.to_string())),
        _ => Ok(()),
    }
}

impl Image {
    fn predict(&self) -> Result<Prediction, Failure> {
        let firmware = read(&self.file("firmware", self.firmware.as_ref(), "-ovmf.fd")?)?;
        let kernel = read(&self.file("kernel", self.kernel.as_ref(), "-vmlinuz")?)?;
        let initrd = read(&self.file("initrd", self.initrd.as_ref(), "-initramfs.cpio.gz")?)?;
        let boot = Boot {
            firmware: &firmware,
            era: self.era,
            kernel: &kernel,
            initrd: &initrd,
            command_line: &self.append,
            memory_bytes: self.memory,
            profile: self.host,
        };
        predict(&boot).map_err(|error| Failure::check(error.to_string()))
    }

    /// The file that was named, else the one in the image's directory.
    fn file(&self, what: &str, named: Option<&PathBuf>, ending: &str) -> Result<PathBuf, Failure> {
        if let Some(named) = named {
            return Ok(named.clone());
        }
        let Some(directory) = &self.directory else {
            let text = format!("no {what}: name an image's directory, or a file with --{what}");
            return Err(Failure::usage(text));
        };
        let entries = fs::read_dir(directory)
            .map_err(|error| Failure::usage(format!("{}: {error}", directory.display())))?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with(ending))
            .collect();
        found.sort_unstable();
        match found.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(Failure::usage(format!(
                "{} has no file that ends in {ending}; name one with --{what}",
                directory.display()
            ))),
            several => Err(Failure::usage(format!(
                "{} has {} files that end in {ending}; name one with --{what}",
                directory.display(),
                several.len()
            ))),
        }
    }
}

fn parse_quote(name: &Path, bytes: &[u8]) -> Result<Quote, Failure> {
    Quote::from_bytes(bytes).map_err(|error| Failure::usage(format!("{}: {error}", name.display())))
}

/// A file that is given on the command line, with a bound on what is read.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failure = |text: String| Failure::usage(format!("{}: {text}", path.display()));
    let bytes = fs::metadata(path)
        .map_err(|error| failure(error.to_string()))?
        .len();
    if bytes > FILE_BYTES_MAX {
        let limit = FILE_BYTES_MAX;
        return Err(failure(format!("{bytes} bytes are more than {limit}")));
    }
    fs::read(path).map_err(|error| failure(error.to_string()))
}

/// The largest part of an image is its initial RAM disk, which has to fit below 4 GiB in the guest.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

fn parse_memory(text: &str) -> Result<u64, String> {
    let (digits, mib) = match text.to_ascii_uppercase().strip_suffix(['G', 'M']) {
        Some(digits) if text.ends_with(['G', 'g']) => (digits.to_owned(), 1024),
        Some(digits) => (digits.to_owned(), 1),
        None => (text.to_owned(), 1),
    };
    digits
        .parse::<u64>()
        .ok()
        .filter(|count| *count > 0)
        .and_then(|count| count.checked_mul(mib * 1024 * 1024))
        .ok_or_else(|| "memory is a number of MiB, or one with a suffix, as in 4G".to_owned())
}

fn parse_host(text: &str) -> Result<HostProfile, String> {
    text.parse()
        .map_err(|error: mosaik::tdx::measure::MeasureError| error.to_string())
}

fn parse_era(text: &str) -> Result<FirmwareEra, String> {
    match text {
        "before-202408" => Ok(FirmwareEra::Before202408),
        "before-202505" => Ok(FirmwareEra::Before202505),
        "since-202505" => Ok(FirmwareEra::Since202505),
        _ => Err("known are before-202408, before-202505 and since-202505".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        const GIB: u64 = 1024 * 1024 * 1024;
        let table = [
            ("4G", Some(4 * GIB)),
            ("4g", Some(4 * GIB)),
            ("512M", Some(GIB / 2)),
            ("512", Some(GIB / 2)),
            ("0", None),
            ("G", None),
            ("-1G", None),
            ("99999999999999999G", None),
        ];
        for (text, expected) in table {
            assert_eq!(parse_memory(text).ok(), expected, "{text}");
        }
    }
}
