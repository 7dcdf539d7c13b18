//! The command line: what can be asked, and how answers and failures are told.
//!
//! Results go to stdout, logs (by `RUST_LOG`) and failures to stderr. A failure is one line that
//! names what is wrong and says what to do about it; its kind is the exit code. The commands use the
//! public interface only.

mod arguments;

mod beacon;

#[cfg(feature = "dht")]
mod dht;

#[cfg(feature = "dht")]
mod paint;

mod stop;

mod ticket;

#[cfg(feature = "tdx")]
mod tdx;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand, error::ErrorKind};
use tracing_subscriber::EnvFilter;

/// Networks of nodes that find each other.
#[derive(Debug, Parser)]
#[command(name = "mosaik", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a Mosaik Network Bootstrap Node
    Beacon(Box<beacon::Args>),

    /// Query Mainline DHT bootstrap entries
    #[cfg(feature = "dht")]
    Dht(dht::Args),

    /// Make tickets, look into them, and ask what a rule says of one
    Ticket(Box<ticket::Args>),

    /// Measure images, explain differences, print quotes
    #[cfg(feature = "tdx")]
    Tdx(tdx::Args),
}

/// Reads the command line, does what it says, and tells how that went.
pub(crate) fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    // Unless asked, the libraries below say nothing: a failure is told once, by this command.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("mosaik=error"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            return Failure::usage(format!(
                "cannot start: {error}; check the limits of this user"
            ))
            .tell();
        }
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Beacon(args) => Box::pin(beacon::run(*args)).await,
            #[cfg(feature = "dht")]
            Command::Dht(args) => Box::pin(dht::run(args)).await,
            Command::Ticket(args) => ticket::run(*args),
            #[cfg(feature = "tdx")]
            Command::Tdx(args) => tdx::run(args),
        }
    });
    // What is left has been told to end; a task that hangs must not keep the command from ending.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(),
    }
}

/// Help and version are answers; all else that clap has to say is a mistake in the command line.
fn refuse(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // Nobody is left to tell when stdout is closed.
            let _ = error.print();
            ExitCode::SUCCESS
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            Failure::usage("a command is missing; 'mosaik --help' lists them").tell()
        }
        _ => Failure::usage(arguments::one_line(error)).tell(),
    }
}

/// Why a command failed, in one line, and what kind of failure that is.
#[derive(Debug)]
struct Failure {
    kind: FailureKind,
    text: String,
}

/// The exit codes of the command, which scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum FailureKind {
    /// Something was looked at and is not as it should be.
    Check = 1,
    /// The command cannot be carried out as it was given.
    Usage = 2,
}

impl Failure {
    fn usage(text: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Usage,
            text: text.into(),
        }
    }

    fn check(text: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Check,
            text: text.into(),
        }
    }

    fn tell(self) -> ExitCode {
        if !self.text.is_empty() {
            eprintln!("error: {}", self.text.replace('\n', " "));
        }
        ExitCode::from(self.kind as u8)
    }
}

impl From<mosaik::network::Error> for Failure {
    fn from(error: mosaik::network::Error) -> Self {
        let error: &dyn std::error::Error = &error;
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self::usage(
            causes
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": "),
        )
    }
}

impl From<io::Error> for Failure {
    /// Of the commands' own doing, only writing results can fail so.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The reader has seen enough, as in `mosaik … | head`.
            io::ErrorKind::BrokenPipe => Self::check(""),
            _ => Self::check(format!("cannot write results: {error}")),
        }
    }
}
