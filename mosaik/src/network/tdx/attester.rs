//! Makes a node's tickets, and keeps the installed one fresh.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::challenger;
use crate::{
    discovery::Discovery,
    primitives::{Ticket, UniqueId},
    runtime::{Clock, Tasks, time},
    tdx::{
        self, Binding, Collateral, CollateralProvider, Measurements, NetworkTdxError, Quote,
        QuoteProvider, TICKET_CLASS, TdxTicket,
    },
    tickets::Expiration,
    transport::Transport,
};

/// How long a ticket is meant to be used.
const LIFETIME: chrono::Duration = chrono::Duration::hours(24);

/// When an installed ticket is renewed: half of its life is left for a host that makes no quotes for a while.
const RENEW_AFTER: Duration = Duration::from_secs(12 * 3600);

/// A renewal that failed is tried again after this long, then twice that, and so on.
const RETRY_FIRST: Duration = Duration::from_secs(60);
const RETRY_MAX: Duration = Duration::from_secs(3600);

/// How long the old ticket stays beside the new one: peers verify the new one in the meantime.
const OVERLAP: Duration = Duration::from_secs(120);

/// What a node's attester works with.
pub(in crate::network) struct AttesterParts {
    pub(in crate::network) discovery: Discovery,
    pub(in crate::network) transport: Transport,
    pub(in crate::network) tasks: Tasks,
    pub(in crate::network) clock: Clock,
    /// What makes the quotes, if it is not that of the process.
    pub(in crate::network) platform: Option<Arc<dyn QuoteProvider>>,
    pub(in crate::network) collateral: Vec<Arc<dyn CollateralProvider>>,
}

/// Makes the tickets of one node.
pub(in crate::network) struct Attester {
    pub(super) parts: AttesterParts,
    renews: AtomicBool,
}

impl Attester {
    /// Answers and puts challenges from now on.
    pub(in crate::network) fn start(parts: AttesterParts) -> Arc<Self> {
        let attester = Arc::new(Self {
            parts,
            renews: AtomicBool::new(false),
        });
        challenger::start(&attester);
        attester
    }

    pub(super) fn platform(&self) -> Arc<dyn QuoteProvider> {
        self.parts.platform.clone().unwrap_or_else(tdx::platform)
    }

    pub(super) fn measurements(&self) -> Result<Measurements, NetworkTdxError> {
        Ok(self.available_platform()?.measurements()?)
    }

    fn available_platform(&self) -> Result<Arc<dyn QuoteProvider>, NetworkTdxError> {
        let platform = self.platform();
        if platform.is_available() {
            Ok(platform)
        } else {
            Err(NetworkTdxError::TdxUnsupported)
        }
    }

    pub(super) fn in_a_day(&self) -> Expiration {
        self.until(LIFETIME)
    }

    pub(super) fn until(&self, lifetime: chrono::Duration) -> Expiration {
        Expiration::after_at(lifetime, self.parts.clock.utc())
    }

    pub(super) fn ticket(&self, expiration: Expiration) -> Result<Ticket, NetworkTdxError> {
        Ok(self.quote_over([0; 32], expiration)?.try_into()?)
    }

    /// A ticket whose quote also signs the number.
    pub(super) fn quote_over(
        &self,
        nonce: [u8; 32],
        expiration: Expiration,
    ) -> Result<TdxTicket, NetworkTdxError> {
        let now = self.parts.clock.utc();
        if expiration.is_expired_at(now) {
            return Err(NetworkTdxError::ExpirationInThePast);
        }
        let platform = self.available_platform()?;
        let mut binding = Binding::of(&self.parts.discovery.me(), now, expiration);
        binding.nonce = nonce;
        let quote = Quote::from_bytes(&platform.quote(&binding.report_data())?)?;
        let collateral = self.collateral(&*platform, &quote);
        Ok(TdxTicket::new(quote, binding, collateral)?)
    }

    /// What the first of those who know gives; peers without collateral of their own refuse a ticket without.
    fn collateral(&self, platform: &dyn QuoteProvider, quote: &Quote) -> Option<Collateral> {
        let own = platform.collateral(quote);
        let process = tdx::process_providers();
        let others = self.parts.collateral.iter().chain(&process);
        let mut answers = std::iter::once(own).chain(others.map(|other| other.collateral(quote)));
        let found = answers.find_map(|answer| match answer {
            Ok(collateral) => Some(collateral),
            Err(error) => {
                tracing::debug!(%error, "no collateral for a TDX ticket");
                None
            }
        });
        if found.is_none() {
            tracing::warn!(
                "the TDX ticket carries no collateral: peers need their own, or refuse it"
            );
        }
        found
    }

    pub(super) fn install(self: &Arc<Self>) -> Result<(), NetworkTdxError> {
        if self.parts.tasks.shutdown().is_cancelled() {
            return Err(NetworkTdxError::Closed);
        }
        let ticket = self.ticket(self.in_a_day())?;
        self.parts.discovery.replace_ticket(ticket);
        if !self.renews.swap(true, Ordering::AcqRel) {
            let renewal = Arc::clone(self).renew_for_ever();
            let shutdown = self.parts.tasks.shutdown().clone();
            self.parts.tasks.spawn("renew the TDX ticket", async move {
                tokio::select! {
                    () = renewal => {}
                    () = shutdown.cancelled() => {}
                }
            });
        }
        Ok(())
    }

    async fn renew_for_ever(self: Arc<Self>) {
        let discovery = &self.parts.discovery;
        loop {
            time::sleep(RENEW_AFTER).await;
            let ticket = self.renewed().await;
            // Whichever are there by now: another may have been installed since.
            let me = discovery.me();
            let old: Vec<UniqueId> = me.tickets_of(TICKET_CLASS).map(Ticket::id).collect();
            discovery.add_ticket(ticket);
            time::sleep(OVERLAP).await;
            for id in old {
                discovery.remove_ticket(id);
            }
        }
    }

    async fn renewed(self: &Arc<Self>) -> Ticket {
        let mut wait = RETRY_FIRST;
        loop {
            let attester = Arc::clone(self);
            let made = tokio::task::spawn_blocking(move || attester.ticket(attester.in_a_day()));
            match made.await {
                Ok(Ok(ticket)) => return ticket,
                Ok(Err(error)) => tracing::warn!(%error, "the TDX ticket is not renewed"),
                Err(error) => tracing::warn!(%error, "making a TDX ticket was cut off"),
            }
            time::sleep(wait).await;
            wait = (wait * 2).min(RETRY_MAX);
        }
    }
}

impl fmt::Debug for Attester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attester").finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "test-util", feature = "tdx-simulated"))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails on the spot")]

    use chrono::DateTime;

    use crate::{
        Network, NetworkTdxExt as _,
        runtime::{Clock, time},
        tdx::{Measurement, Measurements, SimulatedPlatform, TICKET_CLASS, TdxTicket},
        transport::MemoryNet,
    };

    fn tickets(network: &Network) -> Vec<TdxTicket> {
        let me = network.discovery().me();
        let mut tickets: Vec<TdxTicket> = me
            .tickets_of(TICKET_CLASS)
            .map(|ticket| ticket.clone().try_into().unwrap())
            .collect();
        tickets.sort_by_key(|ticket| *ticket.quoted_at());
        tickets
    }

    #[tokio::test(start_paused = true)]
    async fn an_installed_ticket_renews_itself_and_overlaps() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let register = Measurement::new([1; 48]);
        let network = Network::builder("renewal")
            .with_memory_net(&MemoryNet::new(1))
            .with_clock(Clock::starting_at(start))
            .with_tdx_provider(SimulatedPlatform::new(Measurements::new(
                register,
                [register; 4],
            )))
            .build()
            .await
            .unwrap();
        network.tdx().install_own_ticket().unwrap();
        // Installing again replaces it, and there is still one renewal.
        network.tdx().install_own_ticket().unwrap();
        assert_eq!(tickets(&network).len(), 1);
        let mut quoted_at = Vec::new();
        for _ in 0..2 {
            time::sleep(super::RENEW_AFTER).await;
            time::sleep(super::OVERLAP / 2).await;
            let both = tickets(&network);
            assert_eq!(
                both.len(),
                2,
                "the old one stays while peers verify the new one"
            );
            time::sleep(super::OVERLAP).await;
            let [new] = &tickets(&network)[..] else {
                panic!("the old one goes");
            };
            assert_eq!(new.quoted_at(), both[1].quoted_at());
            quoted_at.push(*new.quoted_at());
        }
        assert!(quoted_at[0] > start && quoted_at[1] > quoted_at[0]);
    }
}
