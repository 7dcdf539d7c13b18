//! What `require_tdx` expands to. Not public interface.

pub use crate::tee::tdx::Tdx;

/// A rule that asks for the image of this node. Where there is none to ask for, nobody passes.
pub fn own_image() -> Tdx {
    Tdx::new().require_own_image().unwrap_or_else(|error| {
        tracing::error!(%error, "`require_tdx: {{ own_image }}` refuses every peer: this machine is no trust domain");
        // A rule that requires nothing refuses everybody.
        Tdx::new()
    })
}
