//! Every seat that asks for tickets × every kind of ticket: admitted or refused, with the reason readable at the end that
//! asks and not told to the other.

use super::{
    seats::{
        CollectionReader, CollectionWriter, GroupMember, Seat, StreamConsumer, StreamProducer,
    },
    *,
};

/// What the bearer carries at first, and what the guard asks for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Valid,
    Absent,
    Expired,
    ExpiringIn2s,
    Revoked,
    WrongIssuer,
    WrongAudience,
    BoundToAnother,
    OneOfTwoFails,
}

use Kind::*;

const KINDS: [Kind; 9] = [
    Valid,
    Absent,
    Expired,
    ExpiringIn2s,
    Revoked,
    WrongIssuer,
    WrongAudience,
    BoundToAnother,
    OneOfTwoFails,
];

impl Kind {
    fn ticket(self, world: &World, guard: &Network, bearer: &Network) -> Option<Ticket> {
        let minute = world.after(60_000);
        let id = bearer.local().id();
        Some(match self {
            Absent => return None,
            Valid | Revoked | OneOfTwoFails => ticket(bearer, minute),
            Expired => ticket(bearer, world.after(-1000)),
            ExpiringIn2s => ticket(bearer, world.after(2000)),
            WrongIssuer => builder().issuer("somebody").build(&id, minute),
            WrongAudience => builder().audience("there").build(&id, minute),
            BoundToAnother => ticket(guard, minute),
        })
    }

    fn rules(self) -> Vec<Jwt> {
        match self {
            // The second asks for what the ticket does not say.
            OneOfTwoFails => vec![rule(), rule().require_claim("role", "trader")],
            _ => vec![rule()],
        }
    }

    /// Why the guard refuses the bearer, if it does.
    fn refusal(self) -> Option<&'static str> {
        match self {
            Valid | ExpiringIn2s | Revoked => None,
            Absent => Some("JWT: the peer carries none"),
            Expired => Some("JWT: it expired at"),
            WrongIssuer => Some("JWT: its issuer is \"somebody\", not \"issuer\""),
            WrongAudience => Some("JWT: it is meant for \"there\", not for \"here\""),
            BoundToAnother => Some("its bearer is another peer"),
            OneOfTwoFails => Some("JWT: it has no claim `role`"),
        }
    }
}

/// What only the end that asks may know.
const SECRETS: [&str; 8] = [
    "JWT",
    "issuer",
    "meant for",
    "expired",
    "claim",
    "bearer",
    "none",
    "ticket",
];

async fn cell<S: Seat>(kind: Kind, seed: u64) {
    let world = World::new(seed);
    let [guard, bearer] = world.nodes().await;
    // Where both ends ask, the guard has what it asks for.
    let own = builder().claim("role", "trader");
    let own = own.build(&guard.local().id(), world.after(600_000));
    guard.discovery().add_ticket(own);
    if let Some(ticket) = kind.ticket(&world, &guard, &bearer) {
        bearer.discovery().add_ticket(ticket);
    }
    let installed = Instant::now();
    let seat = S::open(&guard, &bearer, kind.rules());
    let cell = format!("{} × {kind:?}", S::NAME);

    let Some(reason) = kind.refusal() else {
        let admitted = when(SECOND, || seat.is_admitted()).await;
        assert!(
            admitted.is_some(),
            "{cell}: not in: {}",
            seat.at_the_guard()
        );
        match kind {
            ExpiringIn2s => {
                lapses(&seat, &cell, installed, 2 * SECOND).await;
                let told = "JWT: it expired at";
                assert!(
                    seat.at_the_guard().contains(told),
                    "{}",
                    seat.at_the_guard()
                );
                keeps_to_itself(&seat, &cell);
                bearer
                    .discovery()
                    .add_ticket(ticket(&bearer, world.after(60_000)));
            }
            Revoked => {
                // Away and back, three times.
                for round in 0..3 {
                    let ticket = ticket(&bearer, world.after(60_000 + round));
                    bearer.discovery().replace_ticket(ticket.clone());
                    sleep(2 * SECOND).await;
                    assert!(
                        seat.is_admitted(),
                        "{cell}: replaced: {}",
                        seat.at_the_guard()
                    );
                    bearer.discovery().remove_ticket(ticket.id());
                    lapses(&seat, &cell, Instant::now(), Duration::ZERO).await;
                    let told = "JWT: the peer carries none";
                    assert!(
                        seat.at_the_guard().contains(told),
                        "{}",
                        seat.at_the_guard()
                    );
                    keeps_to_itself(&seat, &cell);
                    bearer.discovery().add_ticket(ticket);
                    let back = when(SECOND, || seat.is_admitted()).await;
                    assert!(back.is_some(), "{cell}: not back: {}", seat.at_the_guard());
                }
            }
            _ => {}
        }
        let back = when(SECOND, || seat.is_admitted()).await;
        assert!(back.is_some(), "{cell}: not back: {}", seat.at_the_guard());
        let lost = when(5 * SECOND, || !seat.is_admitted()).await;
        assert_eq!(lost, None, "{cell}: out: {}", seat.at_the_guard());
        return;
    };

    let admitted = when(5 * SECOND, || seat.is_admitted()).await;
    assert_eq!(admitted, None, "{cell}: in");
    let told = seat.at_the_guard();
    assert!(told.contains(reason), "{cell}: {told}");
    keeps_to_itself(&seat, &cell);
    // It is the ticket that kept it out: with a good one it is in within a second.
    let good = builder().claim("role", "trader");
    let good = good.build(&bearer.local().id(), world.after(60_000));
    bearer.discovery().replace_ticket(good);
    let admitted = when(SECOND, || seat.is_admitted()).await;
    assert!(
        admitted.is_some(),
        "{cell}: not in: {}",
        seat.at_the_guard()
    );
}

/// The right ends within a second of when it should, and not before.
async fn lapses(seat: &impl Seat, cell: &str, start: Instant, after: Duration) {
    let out = when(after + 2 * SECOND, || !seat.is_admitted()).await;
    let ended = start.elapsed();
    assert!(out.is_some(), "{cell}: still in");
    assert!(
        ended >= after && ended <= after + SECOND,
        "{cell}: out after {ended:?}"
    );
}

fn keeps_to_itself(seat: &impl Seat, cell: &str) {
    let told = seat.at_the_bearer();
    for secret in SECRETS {
        assert!(!told.contains(secret), "{cell}: the bearer reads: {told}");
    }
}

macro_rules! row {
    ($name:ident, $seat:ty) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            for (seed, kind) in KINDS.into_iter().enumerate() {
                cell::<$seat>(kind, seed as u64).await;
            }
        }
    };
}

row!(stream_producer, StreamProducer);
row!(stream_consumer, StreamConsumer);
row!(group, GroupMember);
row!(collection_reader, CollectionReader);
row!(collection_writer, CollectionWriter);
