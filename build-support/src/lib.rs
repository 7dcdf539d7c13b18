//! Packages mosaik programs as guest images from `build.rs`, and predicts what they measure to.
//!
//! - [`measure`]: the registers of a trust domain, from the files that it boots. Pure; always there.

pub mod measure;
