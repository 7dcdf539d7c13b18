//! Tickets that keep themselves fresh.

use mosaik::tickets::{SignError, SigningAlgorithm, SigningKey, TicketClass};

use super::{
    seats::{
        CollectionReader, CollectionWriter, GroupMember, Seat, StreamConsumer, StreamProducer,
    },
    *,
};

async fn stays_in<S: Seat>(seed: u64) {
    let world = World::new(seed);
    let [guard, bearer] = world.nodes().await;
    // Where both ends ask, the guard has what it asks for.
    let own = ticket(&guard, world.after(600_000));
    guard.discovery().add_ticket(own);
    // One that the application put there itself, of the same class: not the renewal's business.
    bearer
        .discovery()
        .add_ticket(ticket(&guard, world.after(60_000)));
    let renewed = builder().renewing(bearer.discovery(), 3 * SECOND);
    assert!(
        bearer
            .discovery()
            .me()
            .tickets()
            .contains_key(&renewed.id().unwrap())
    );
    let seat = S::open(&guard, &bearer, vec![rule()]);
    assert!(when(SECOND, || seat.is_admitted()).await.is_some());

    let mut seen = std::collections::BTreeSet::new();
    let end = Instant::now() + 60 * SECOND;
    while Instant::now() < end {
        assert!(seat.is_admitted(), "{}: {}", S::NAME, seat.at_the_guard());
        seen.insert(renewed.id().unwrap());
        assert!(bearer.discovery().me().tickets().len() <= 2);
        sleep(Duration::from_millis(50)).await;
    }
    // One every two seconds.
    assert!((29..=32).contains(&seen.len()), "{} renewals", seen.len());

    renewed.revoke();
    assert_eq!(bearer.discovery().me().tickets().len(), 1);
    assert!(when(SECOND, || !seat.is_admitted()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_renews_its_ticket_stays_connected() {
    stays_in::<StreamProducer>(1).await;
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_renews_its_ticket_stays_connected() {
    stays_in::<StreamConsumer>(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_renews_its_ticket_stays_bonded() {
    stays_in::<GroupMember>(5).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_renews_its_ticket_stays_bonded() {
    stays_in::<CollectionReader>(6).await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_renews_its_ticket_stays_bonded() {
    stays_in::<CollectionWriter>(7).await;
}

#[tokio::test(start_paused = true)]
async fn who_drops_the_renewal_keeps_the_ticket_until_it_ends() {
    let world = World::new(3);
    let [guard, bearer] = world.nodes().await;
    let renewed = builder().renewing(bearer.discovery(), 3 * SECOND);
    let seat = StreamProducer::open(&guard, &bearer, vec![rule()]);
    assert!(when(SECOND, || seat.is_admitted()).await.is_some());
    drop(renewed);
    let out = when(5 * SECOND, || !seat.is_admitted()).await.unwrap();
    assert!(out >= SECOND && out <= 4 * SECOND, "{out:?}");
}

/// A key that signs now and then, as one that is far away.
struct Moody(std::sync::atomic::AtomicU64);

impl SigningAlgorithm for Moody {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 {
            1 => key().sign(message),
            _ => Err(SignError::Unavailable("the vault is locked".to_owned())),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_told_and_tried_again() {
    let world = World::new(4);
    let [_, bearer] = world.nodes().await;
    let moody = SigningKey::custom(Moody(0.into()), "HS256");
    let renewed = JwtTicketBuilder::new(moody).renewing(bearer.discovery(), 30 * SECOND);
    assert_eq!(renewed.id(), None);
    assert_eq!(
        renewed.failure().unwrap(),
        "the key did not sign: the vault is locked"
    );
    sleep(2 * SECOND).await;
    let first = renewed.id().unwrap();
    assert_eq!(renewed.failure(), None);
    let class: TicketClass = Jwt::CLASS;
    assert_eq!(bearer.discovery().me().tickets_of(class).count(), 1);
    // The next two attempts fail, 20 s and 21 s later; the third is in time.
    sleep(25 * SECOND).await;
    assert_ne!(renewed.id().unwrap(), first);
    assert_eq!(renewed.failure(), None);
}
