//! Packages mosaik programs as guest images from `build.rs`, and predicts what they measure to.
//!
//! - [`measure`]: the registers of a trust domain, from the files that it boots. Pure; always there.
//! - [`archive`]: what distributions publish, and the initial RAM disk. Pure.
//! - [`source`]: the files that images are made of, pinned by hash and kept in a cache.
//! - [`image`]: the builders, which put these together.

#[cfg(feature = "builder")]
pub mod archive;
#[cfg(feature = "builder")]
pub mod image;
pub mod measure;
#[cfg(feature = "builder")]
pub mod source;

#[cfg(feature = "builder")]
pub use image::{alpine, minimal, ubuntu};
