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
    tickets::{Expiration, Hs256, Jwt, JwtTicketBuilder, Ticket},
    *,
};
use tokio::time::{Instant, sleep, timeout};

use crate::{wait::within, world::World};

const SECOND: Duration = Duration::from_secs(1);

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
    within(5 * SECOND, what, future).await
}
