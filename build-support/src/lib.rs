//! Packages mosaik programs as guest images from `build.rs`.
