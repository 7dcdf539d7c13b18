//! Attested peers: what software runs on them, proven by their hardware.

#[cfg(feature = "tdx")]
pub mod tdx;
#[cfg(feature = "tdx")]
#[doc(hidden)]
pub use tdx::Tdx;
