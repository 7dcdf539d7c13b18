//! Intel TDX: real quotes at fixed times, forgeries, event logs, and peers gated by a simulated platform.

mod collateral;
mod command;
mod forgery;
mod malformed;
mod measurement;
mod members;
mod peers;
mod vectors;

use std::{fs, path::PathBuf};

use chrono::{DateTime, Utc};
use mosaik::tdx::{Collateral, Quote};

fn data(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tdx");
    fs::read(folder.join(name)).unwrap()
}

fn quote(name: &str) -> Quote {
    Quote::from_bytes(&data(name)).unwrap()
}

fn collateral(name: &str) -> Collateral {
    Collateral::from_json(&data(&format!("{name}_collateral.json"))).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}
