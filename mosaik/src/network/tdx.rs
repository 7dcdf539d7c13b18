//! What a node proves about itself with TDX, and how it has others prove it now.

mod attester;
pub(super) use attester::{Attester, AttesterParts};

mod challenger;

use super::Network;
use crate::{
    primitives::Ticket,
    tdx::{Measurement, Measurements, NetworkTdxError},
    tickets::Expiration,
};

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Network {}
}

/// `network.tdx()`: what a node proves about itself.
pub trait NetworkTdxExt: sealed::Sealed {
    /// The trust domain that this node runs in, if it does.
    fn tdx(&self) -> NetworkTdxOps<'_>;
}

impl NetworkTdxExt for Network {
    fn tdx(&self) -> NetworkTdxOps<'_> {
        NetworkTdxOps {
            attester: &self.tdx,
        }
    }
}

/// The trust domain that a node runs in. All of it waits for hardware, some ten milliseconds.
///
/// ```no_run
/// use mosaik::*;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let network = Network::new("my-network").await?;
/// if network.tdx().available() {
///     network.tdx().install_own_ticket()?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct NetworkTdxOps<'a> {
    attester: &'a std::sync::Arc<Attester>,
}

impl NetworkTdxOps<'_> {
    /// Whether this is a trust domain. Makes no quote, and so does not promise that one can be made.
    pub fn available(&self) -> bool {
        self.attester.platform().is_available()
    }

    /// A ticket for this node in this network, with a new quote, that expires in 24 hours.
    ///
    /// # Errors
    /// This is no trust domain, or no quote can be made now.
    pub fn ticket(&self) -> Result<Ticket, NetworkTdxError> {
        self.attester.ticket(self.attester.in_a_day())
    }

    /// The same with another expiry. Rules refuse a quote of over 25 hours unless they say otherwise.
    ///
    /// # Errors
    /// As [`ticket`](Self::ticket), and [`NetworkTdxError::ExpirationInThePast`].
    pub fn ticket_with_expiration(
        &self,
        expiration: Expiration,
    ) -> Result<Ticket, NetworkTdxError> {
        self.attester.ticket(expiration)
    }

    /// Puts a ticket into this node's entry, in place of all of its class, and renews it every 12 hours until the network is
    /// closed.
    ///
    /// # Errors
    /// As [`ticket`](Self::ticket), and [`NetworkTdxError::Closed`].
    pub fn install_own_ticket(&self) -> Result<(), NetworkTdxError> {
        self.attester.install()
    }

    /// The five registers.
    ///
    /// # Errors
    /// This is no trust domain, or it does not tell. So for all of these.
    pub fn measurements(&self) -> Result<Measurements, NetworkTdxError> {
        self.attester.measurements()
    }

    /// The firmware.
    ///
    /// # Errors
    /// As [`measurements`](Self::measurements).
    pub fn mrtd(&self) -> Result<Measurement, NetworkTdxError> {
        Ok(self.measurements()?.mrtd())
    }

    /// Firmware configuration and the host's tables.
    ///
    /// # Errors
    /// As [`measurements`](Self::measurements).
    pub fn rtmr0(&self) -> Result<Measurement, NetworkTdxError> {
        Ok(self.measurements()?.rtmr0())
    }

    /// The kernel.
    ///
    /// # Errors
    /// As [`measurements`](Self::measurements).
    pub fn rtmr1(&self) -> Result<Measurement, NetworkTdxError> {
        Ok(self.measurements()?.rtmr1())
    }

    /// The command line and the initial file system.
    ///
    /// # Errors
    /// As [`measurements`](Self::measurements).
    pub fn rtmr2(&self) -> Result<Measurement, NetworkTdxError> {
        Ok(self.measurements()?.rtmr2())
    }

    /// What the program itself extended.
    ///
    /// # Errors
    /// As [`measurements`](Self::measurements).
    pub fn rtmr3(&self) -> Result<Measurement, NetworkTdxError> {
        Ok(self.measurements()?.rtmr3())
    }
}
