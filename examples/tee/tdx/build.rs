//! Packs this program as a guest image.
//!
//! `cargo build -p tdx-example --release` builds it; debug builds and tests do not, unless `TDX_IMAGE=1`
//! is set. The first build fetches a kernel and a firmware, which `build-support/tdx-image.lock` pins, into a
//! cache of the user's; `TDX_IMAGE_OFFLINE` and `TDX_IMAGE_MIRROR` say otherwise.
//!
//! | variable | effect |
//! |---|---|
//! | `BUILD_TYPE` | `minimal` (default), `alpine` or `ubuntu` |
//! | `TDX_EXAMPLE_SIMULATE=1` | an image for machines without TDX, which proves nothing |
//! | `TDX_EXAMPLE_ADDRESS` | the guest's address as `10.77.0.2/24`, in place of DHCP |
//! | `TDX_EXAMPLE_ARGS` | arguments of the program in the guest, separated by spaces |

use std::env;

use mosaik::tdx::build::{Flavour, GuestNetwork, ImageBuilder, alpine, minimal, ubuntu};

fn main() {
    for name in [
        "BUILD_TYPE",
        "TDX_EXAMPLE_SIMULATE",
        "TDX_EXAMPLE_ADDRESS",
        "TDX_EXAMPLE_ARGS",
    ] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let built = match env::var("BUILD_TYPE").as_deref() {
        Ok("alpine") => configured(alpine()).build(),
        Ok("ubuntu") => configured(ubuntu()).build(),
        Ok("minimal") | Err(_) => configured(minimal()).build(),
        Ok(other) => panic!("BUILD_TYPE={other}: expected minimal, alpine or ubuntu"),
    };
    println!("{built:#?}");
}

fn configured<F: Flavour>(mut image: ImageBuilder<F>) -> ImageBuilder<F> {
    if env::var("TDX_EXAMPLE_SIMULATE").as_deref() == Ok("1") {
        image = image.simulate().with_arg("--simulate");
    }
    if let Ok(arguments) = env::var("TDX_EXAMPLE_ARGS") {
        image = image.with_args(&arguments.split_whitespace().collect::<Vec<_>>());
    }
    if let Ok(text) = env::var("TDX_EXAMPLE_ADDRESS") {
        let parsed = text
            .split_once('/')
            .and_then(|(address, prefix)| Some((address.parse().ok()?, prefix.parse().ok()?)));
        let Some((address, prefix)) = parsed else {
            panic!("TDX_EXAMPLE_ADDRESS={text}: expected an address as 10.77.0.2/24");
        };
        image = image.with_network(GuestNetwork::Static {
            address,
            prefix,
            gateway: None,
            dns: None,
        });
    }
    image
}
