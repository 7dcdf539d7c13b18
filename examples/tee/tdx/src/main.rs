//! Attested streaming: one binary, a producer outside and a consumer inside a TDX guest.
//!
//! The program asks the hardware where it runs. Inside a trust domain it installs a ticket with the
//! hardware's quote and consumes; outside it produces, and serves only consumers whose ticket proves that they run
//! the image that `build.rs` packed this very program into.
//!
//! ```text
//! cargo build -p tdx-example --release      # builds the producer and the guest's image
//! target/release/tdx-example                # on any machine: the producer
//! target/release/tdx-artifacts/tdx-example/minimal/tdx-example-run-qemu.sh   # on a TDX host: the consumer
//! ```
//!
//! `--simulate` does the same without the hardware, for those who have none: see `README.md`.

#![expect(
    clippy::disallowed_methods,
    reason = "a program outside the runtime; what nobody joins here reports its own end"
)]

mod arguments;
mod roles;
mod rules;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use mosaik::{Network, NetworkTdxExt as _, SecretKey, discovery, iroh, tdx};

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    match Box::pin(run(Arguments::parse())).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    rules::choose(&arguments)?;
    if let Some(registers) = arguments.simulated_registers()? {
        println!("SIMULATED platform: this proves nothing");
        tdx::use_platform(tdx::SimulatedPlatform::new(registers));
    }

    // The key is made here and never leaves: whoever has it could speak for this node.
    let secret = arguments.secret.clone().unwrap_or_else(SecretKey::generate);
    let mut network = Network::builder(arguments.network_id.as_str())
        .with_secret_key(secret)
        .with_discovery(discovery::Config::builder().with_bootstrap(arguments.bootstrap.clone()));
    if arguments.local {
        network = network
            .with_relay_mode(iroh::RelayMode::Disabled)
            .with_internet_discovery(false);
    }
    if arguments.loopback {
        network = network.loopback();
    }
    let network = network.build().await?;
    println!("peer {}", network.local().id());

    let code = match network.tdx().available() {
        true => roles::consume(&network, &arguments).await?,
        false => roles::produce(&network).await?,
    };
    // What this program was asked is answered: a goodbye that was cut off changes nothing about it.
    if let Err(error) = network.shutdown(roles::SHUTDOWN_DEADLINE).await {
        eprintln!("{error}");
    }
    Ok(code)
}
