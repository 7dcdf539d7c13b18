//! Guest images from `build.rs`.
//!
//! ```no_run
//! // build.rs
//! build_support::minimal().with_args(&["--network", "prod"]).build();
//! ```
//!
//! A build compiles the package once more as a static Linux program, packs it with a first program of our own
//! and the kernel's modules into an initial RAM disk, adds a kernel and a firmware that are pinned by hash,
//! and predicts what a trust domain that boots them measures to. Everything is written in Rust: no tool
//! of the host takes part but cargo, rustc and the C compiler that the package's dependencies want.
//! The same inputs give the same bytes, in any folder.
//!
//! Nothing is built in a debug build, for tests, under `cargo check`, clippy, rust-analyzer, docs.rs, or where
//! `TDX_IMAGE=0` is set: [`Outcome::Skipped`] tells why. `TDX_IMAGE=1` builds in debug builds and for tests
//! too, and `TDX_IMAGE=require` makes every skip an error.
//!
//! | variable | effect |
//! |---|---|
//! | `TDX_IMAGE` | `0`, `1`, `require`: as above; `TDX_IMAGE_SKIP=1` is `TDX_IMAGE=0` |
//! | `TDX_IMAGE_OFFLINE` | sources come from the cache or a folder; `CARGO_NET_OFFLINE` does the same |
//! | `TDX_IMAGE_MIRROR` | a folder or an address that is asked for every source first |
//! | `TDX_IMAGE_CACHE` | where sources are kept; `$XDG_CACHE_HOME/mosaik-tdx-image` otherwise |
//! | `TDX_IMAGE_CARGO_PROFILE` | the cargo profile of the guest's program, as `with_cargo_profile` |
//! | `TDX_IMAGE_TARGET` | `musl` or `gnu`, as `with_target` |
//! | `TDX_IMAGE_QUIET` | show nothing while a build runs; `…-build.log` has it all the same |
//! | `TDX_IMAGE_KERNEL`, `TDX_IMAGE_OVMF` | files, as `with_custom_vmlinuz` and `with_custom_ovmf` |
//! | `TDX_IMAGE_KERNEL_VERSION`, `…_KERNEL_ABI`, `…_OVMF_VERSION` | as the methods of these names |
//! | `TDX_IMAGE_KERNEL_MODULES_DIR`, `…_KERNEL_MODULES` | a folder; paths with `:` between them |
//! | `TDX_IMAGE_EXTRA_FILES` | `host:guest:host:guest…` |
//! | `TDX_IMAGE_ALPINE_VERSION`, `…_ALPINE_MINOR`, `…_UBUNTU_VERSION` | the distribution's release |
//!
//! Build scripts are not optimized unless a workspace says so; unpacking and packing then take some ten seconds
//! of each build that changes the image. `[profile.release.package]` with `xz4rust.opt-level = 3` and the like for
//! `lzma-rs`, `miniz_oxide`, `sha2` and `build-support` makes it one.

mod builder;
mod checks;
mod environment;
mod error;
mod first;
mod guest;
mod kernel;
mod launch;
mod options;
mod output;
mod pipeline;
mod plan;
mod program;
mod progress;
mod skip;
mod stamp;

pub use builder::{Alpine, Flavour, ImageBuilder, Minimal, Ubuntu};
pub use environment::Environment;
pub use error::BuildError;
pub use options::{GuestNetwork, GuestTarget};
pub use output::BuilderOutput;
pub use skip::{Outcome, Skipped};

/// The builder of images with a distribution's tools beside the program.
pub type AlpineBuilder = ImageBuilder<Alpine>;
/// The builder of images with a whole base system beside the program.
pub type UbuntuBuilder = ImageBuilder<Ubuntu>;
/// The builder of images that hold nothing but the program.
pub type MinimalBuilder = ImageBuilder<Minimal>;

/// An image that holds the program and nothing else: no shell, no tools. Some 3 MB and the program.
pub fn minimal() -> MinimalBuilder {
    MinimalBuilder::default()
}

/// An image with Alpine Linux's BusyBox beside the program, for those who need a shell in it.
pub fn alpine() -> AlpineBuilder {
    AlpineBuilder::default()
}

/// An image with Ubuntu's base system beside the program, for those who call its tools.
pub fn ubuntu() -> UbuntuBuilder {
    UbuntuBuilder::default()
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests;
