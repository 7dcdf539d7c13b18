//! When a right begins and ends, and whose it is: for everything that asks for tickets.

use super::{
    seats::{
        CollectionReader, CollectionWriter, GroupMember, Seat, StreamConsumer, StreamProducer,
    },
    *,
};

/// Two nodes, of which the guard has what it asks for: in groups both ask.
async fn guarded(world: &World) -> [Network; 2] {
    let [guard, bearer] = world.nodes().await;
    let own = ticket(&guard, world.after(3_600_000));
    guard.discovery().add_ticket(own);
    [guard, bearer]
}

/// Spec groups 7.1, D-16: a peer that shows somebody else's entry, with a valid ticket in it, has no right by it; and a
/// ticket that has expired is never taken for one that never does.
async fn f17_no_right_by_an_expired_ticket_or_by_anothers<S: Seat>(seed: u64) {
    let world = World::new(seed);
    let [guard, bearer] = guarded(&world).await;
    let member = world.node(3).await;
    member
        .discovery()
        .add_ticket(ticket(&member, world.after(600_000)));
    // The bearer carries a copy of the member's ticket, and one of its own that was over before it was asked.
    let stolen = member.discovery().me().tickets().values().next().cloned();
    bearer.discovery().add_ticket(stolen.unwrap());
    bearer
        .discovery()
        .add_ticket(ticket(&bearer, world.after(0)));
    let seat = S::open(&guard, &bearer, vec![rule()]);
    // The guard knows the member and its entry well, and so does the bearer.
    let entry = member.discovery().me();
    soon("sync", guard.discovery().sync_with(member.local().addr()))
        .await
        .unwrap();
    bearer.discovery().feed(entry.clone());
    guard.discovery().feed(entry);
    let admitted = when(120 * SECOND, || seat.is_admitted()).await;
    assert_eq!(admitted, None, "{}: in", S::NAME);
    let told = seat.at_the_guard();
    assert!(told.contains("none of 2 is valid"), "{}: {told}", S::NAME);
    assert!(!seat.at_the_bearer().contains("valid"));

    // In by a ticket of its own, out when it ends, and what it copied does not keep it in.
    bearer
        .discovery()
        .add_ticket(ticket(&bearer, world.after(3000)));
    assert!(when(SECOND, || seat.is_admitted()).await.is_some());
    let out = when(5 * SECOND, || !seat.is_admitted()).await;
    assert!(
        out.is_some_and(|out| out <= 4 * SECOND),
        "{}: {out:?}",
        S::NAME
    );
    let back = when(60 * SECOND, || seat.is_admitted()).await;
    assert_eq!(back, None, "{}: back", S::NAME);
}

/// A ticket for later opens the door when its time has come, long after anybody has heard of anything new.
async fn begins_later<S: Seat>(seed: u64) {
    let world = World::new(seed);
    let [guard, bearer] = guarded(&world).await;
    let begin = world.clock.utc() + chrono::Duration::seconds(100);
    let later = builder()
        .not_before(begin)
        .build(&bearer.local().id(), world.after(600_000));
    bearer.discovery().add_ticket(later);
    let seat = S::open(&guard, &bearer, vec![rule()]);
    let told = when(SECOND, || seat.at_the_guard().contains("not valid before"));
    assert!(told.await.is_some(), "{}", seat.at_the_guard());
    let begun = when(200 * SECOND, || seat.is_admitted()).await.unwrap();
    let late = world.clock.utc() - begin;
    assert!(late >= chrono::Duration::zero(), "early: {begun:?}");
    assert!(late <= chrono::Duration::seconds(1), "late: {late}");
}

macro_rules! rights_of {
    ($($module:ident, $seat:ty, $seed:literal;)*) => {
        $(
            mod $module {
                use super::*;

                #[tokio::test(start_paused = true)]
                async fn f17_no_right_by_an_expired_ticket_or_by_anothers() {
                    super::f17_no_right_by_an_expired_ticket_or_by_anothers::<$seat>($seed).await;
                }

                #[tokio::test(start_paused = true)]
                async fn a_right_that_begins_later() {
                    begins_later::<$seat>($seed).await;
                }
            }
        )*
    };
}

rights_of! {
    stream_producer, StreamProducer, 1;
    stream_consumer, StreamConsumer, 2;
    group, GroupMember, 3;
    collection_reader, CollectionReader, 4;
    collection_writer, CollectionWriter, 5;
}
