//! The command line.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Parser;
use mosaik::tdx::Measurements;
use mosaik::{Digest, PeerId, SecretKey};

/// Streams secrets to consumers that prove what they run.
///
/// Inside a TDX guest it consumes, elsewhere it produces.
#[derive(Debug, Parser)]
#[command(name = "tdx-example")]
pub(crate) struct Arguments {
    /// Name of the network
    #[arg(short, long, default_value = "mosaik-tdx-example")]
    pub(crate) network_id: String,

    /// Text that the identity is derived from; random without it, as it must be inside a guest
    #[arg(short, long, value_parser = secret)]
    pub(crate) secret: Option<SecretKey>,

    /// Ids of peers to ask first; needed where multicast does not reach
    #[arg(short, long)]
    pub(crate) bootstrap: Vec<PeerId>,

    /// Stay on the local network: no relay, no DHT
    #[arg(long)]
    pub(crate) local: bool,

    /// Stay on this host
    #[arg(long)]
    pub(crate) loopback: bool,

    /// Use the simulated platform in place of TDX hardware. Proves nothing
    #[arg(long)]
    pub(crate) simulate: bool,

    /// With --simulate: the registers that this machine reports. What an image launched with --emulate is told
    /// is taken without this
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) registers: Option<PathBuf>,

    /// Admit these registers in place of those of the image that was built with this program
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,

    /// Consumer: end with exit code 0 after this many items
    #[arg(long, value_name = "COUNT")]
    pub(crate) receive: Option<u64>,

    /// Consumer: end with exit code 3 if nothing comes for so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) patience: Option<u64>,
}

/// Where the kernel shows what the launcher of an emulated guest says its registers are.
const TOLD_BY_LAUNCHER: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/org.mosaik.tdx/registers/raw";

impl Arguments {
    /// The registers of the simulated platform, if this machine is to be one.
    pub(crate) fn simulated_registers(&self) -> io::Result<Option<Measurements>> {
        match &self.registers {
            Some(path) => read_registers(path).map(Some),
            None if self.simulate && Path::new(TOLD_BY_LAUNCHER).exists() => {
                read_registers(Path::new(TOLD_BY_LAUNCHER)).map(Some)
            }
            None => Ok(None),
        }
    }
}

/// Reads registers as the image's builder writes them.
pub(crate) fn read_registers(path: &Path) -> io::Result<Measurements> {
    let named =
        |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    text.trim_end_matches('\0')
        .parse::<Measurements>()
        .map_err(|error| named(&error))
}

fn secret(text: &str) -> Result<SecretKey, String> {
    match text {
        "" => Err("a secret is any text but none".to_owned()),
        text => Ok(SecretKey::from(Digest::from(text))),
    }
}
