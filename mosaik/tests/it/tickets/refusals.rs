//! What a peer with a bad ticket is told, byte for byte: a code, the same whatever is wrong.

use mosaik::{SecretKey, tickets::Es256SigningKey};
use serde::{Deserialize, Serialize};

use super::*;
use crate::siege::{Arena, Intruder, Lane, ask, bad_ticket, open_bond, open_snapshot, open_stream};

const NETWORK: &str = "tickets.refusals";

const ISSUER: [u8; 32] = [6; 32];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tick(u64);

/// The answers to the same request under every kind of bad ticket, and under none.
async fn answers(
    guard: &Network,
    lane: Lane,
    request: Vec<u8>,
    group: Option<Digest>,
) -> Vec<Vec<u8>> {
    let arena = std::sync::Arc::new(Arena::new(NETWORK));
    let secret = SecretKey::from_bytes(Digest::random().as_bytes());
    let stranger = Intruder::with_secret(&arena, secret).await;
    let to = guard.local().addr();
    let mut entries = stranger.introduced(&to).await.unwrap();
    let connection = stranger.beside(&entries, &to, lane).await.unwrap();
    let mut answers = Vec::new();
    let tickets = (0..5).map(|number| Some(bad_ticket(&stranger.id(), ISSUER, number)));
    for ticket in tickets.chain([None]) {
        let shown = entries.show(ticket, group).await.unwrap();
        let version = shown.update_version();
        let arrived = async {
            let mut catalogs = guard.discovery().catalog_watch();
            let is_there = |catalog: &discovery::Catalog| {
                catalog
                    .get(shown.id())
                    .is_some_and(|held| held.update_version() == version)
            };
            drop(catalogs.wait_for(is_there).await);
        };
        soon("the entry arrives", arrived).await;
        answers.push(soon("an answer", ask(&connection, &request)).await.unwrap());
    }
    arena.leave().await;
    answers
}

/// Format, "rejected", the code of "not allowed" and these words: nothing else.
fn say_no_more_than(answers: &[Vec<u8>], code: u32, words: &str) {
    let expected = [[1, 1].as_slice(), &code.to_be_bytes(), words.as_bytes()].concat();
    for answer in answers {
        assert_eq!(*answer, expected, "{}", String::from_utf8_lossy(answer));
    }
    assert_eq!(answers.len(), 6);
}

async fn guard() -> (Network, Jwt) {
    let issuer = Es256SigningKey::from_bytes(ISSUER);
    let rule = Jwt::with_key(issuer.verifying_key()).allow_issuer("issuer");
    let builder = Network::builder(NETWORK).loopback();
    (builder.build().await.unwrap(), rule)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_tells_strangers_a_code() {
    let (guard, rule) = guard().await;
    let producer = guard.streams().producer::<Tick>().require_ticket(rule);
    let producer = producer.build().unwrap();
    let request = open_stream(*producer.stream_id(), Tick::schema().fingerprint());
    let answers = answers(&guard, Lane::Data, request, None).await;
    say_no_more_than(&answers, 10_403, "not allowed");
    let told = producer.status().to_string();
    assert!(told.contains("JWT: the peer carries none"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_tells_strangers_a_code() {
    let (guard, rule) = guard().await;
    let group = guard
        .groups()
        .with_key("refusals")
        .require_ticket(rule)
        .join();
    let answers = answers(
        &guard,
        Lane::Control,
        open_bond(*group.id()),
        Some(*group.id()),
    )
    .await;
    say_no_more_than(&answers, 30_403, "");
    let reason = group.status().refused[0].reason.clone();
    assert_eq!(reason, "JWT: the peer carries none");
}

/// Whoever has no bond gets no snapshot, and is told no more than whoever gets no bond: with the ticket that is asked for
/// and without one, of a group that asks for one and of one that does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_gives_strangers_no_snapshot() {
    let (guard, rule) = guard().await;
    let asks = guard.groups().with_key("asks").require_ticket(rule).join();
    let open = guard.groups().with_key("open").join();
    soon("online", open.when().online()).await;
    for group in [*asks.id(), *open.id()] {
        let answers = answers(&guard, Lane::Data, open_snapshot(group), Some(group)).await;
        say_no_more_than(&answers, 30_403, "");
    }
    let of_none = answers(&guard, Lane::Data, open_snapshot(Digest::random()), None).await;
    say_no_more_than(&of_none, 30_404, "");
}
