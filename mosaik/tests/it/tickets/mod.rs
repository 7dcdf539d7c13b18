//! Tickets between nodes: who may connect, until when, and what is told to whom.
//!
//! In memory under paused time, where a second is a second.

mod command;
mod declared;
mod hostile;
mod identity;
mod matrix;
mod refusals;
mod renewal;
mod rights;
mod seats;
mod streams;

use std::{future::Future, time::Duration};

use mosaik::{
    testing::{Clock, MemoryNet},
    tickets::{Expiration, Hs256, Jwt, JwtTicketBuilder, Ticket},
    *,
};
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

/// Nodes in memory that share a calendar.
struct World {
    net: MemoryNet,
    clock: Clock,
    id: NetworkId,
}

impl World {
    fn new(seed: u64) -> Self {
        Self {
            net: MemoryNet::new(seed),
            clock: Clock::starting_at(chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap()),
            id: NetworkId::from("tickets"),
        }
    }

    async fn node(&self, seed: u64) -> Network {
        Network::builder(self.id)
            .with_memory_net(&self.net)
            .with_clock(self.clock)
            .with_seed(seed)
            .build()
            .await
            .unwrap()
    }

    /// Two nodes that know each other.
    async fn pair(&self) -> [Network; 2] {
        let pair = [self.node(1).await, self.node(2).await];
        let [one, other] = &pair;
        timeout(5 * SECOND, one.discovery().sync_with(other.local().addr()))
            .await
            .unwrap()
            .unwrap();
        pair
    }

    fn after(&self, milliseconds: i64) -> Expiration {
        Expiration::At(self.clock.utc() + chrono::Duration::milliseconds(milliseconds))
    }
}

fn key() -> Hs256 {
    Hs256::new([7; 32])
}

/// The rule of these tests.
fn rule() -> Jwt {
    Jwt::with_key(key())
        .allow_issuer("issuer")
        .allow_audience("here")
}

fn builder() -> JwtTicketBuilder {
    JwtTicketBuilder::new(key())
        .issuer("issuer")
        .audience("here")
}

/// A ticket that satisfies the rule.
fn ticket(bearer: &Network, end: Expiration) -> Ticket {
    builder().build(&bearer.local().id(), end)
}

/// How long until it is so; `None` if it is not within a time.
async fn when(within: Duration, is_so: impl Fn() -> bool) -> Option<Duration> {
    let start = Instant::now();
    while start.elapsed() <= within {
        if is_so() {
            return Some(start.elapsed());
        }
        sleep(Duration::from_millis(5)).await;
    }
    None
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(5 * SECOND, future)
        .await
        .unwrap_or_else(|_| panic!("not soon: {what}"))
}
