//! tokio for openraft, with chance that can be repeated.
//!
//! openraft draws election timeouts from what it believes to be the thread's generator. Here every
//! task of a replica has a sequence of its own, which begins with the replica's seed and divides
//! at every spawn.

use core::cell::Cell;
use core::future::Future;
use core::time::Duration;
use std::hash::{DefaultHasher, Hash, Hasher};

use futures::FutureExt as _;
use openraft::{AsyncRuntime, OptionalSend};
use openraft_rt::deterministic_rng::DeterministicRng;
use openraft_rt_tokio::TokioRuntime;

use crate::groups::identity::ReplicaId;
use crate::runtime::Rng;

tokio::task_local! {
    static SEED: Cell<u64>;
    static ANSWERS_WITHIN: Duration;
}

/// The runtime of all replicas.
#[derive(Debug)]
pub(super) struct SeededTokio(TokioRuntime);

/// openraft's own way to a generator from a seed: names the generator for us.
type Generator = DeterministicRng<TokioRuntime>;

/// Runs what a replica consists of: all its tasks draw from the sequence of `seed` and `id`, and wait for an answer of
/// another replica at least `answers_within`.
///
/// openraft gives a sign of life no longer than until the next one is due. Where a round trip takes as long as that, none
/// would ever be answered, and the leader would lose its lease while everybody hears it.
pub(super) async fn seeded<F: Future>(
    seed: u64,
    id: ReplicaId,
    answers_within: Duration,
    replica: F,
) -> F::Output {
    // Replicas with one seed must not want to lead at the same moment.
    let seed = mixed(&(seed, id));
    let replica = ANSWERS_WITHIN.scope(answers_within, replica);
    SEED.scope(Cell::new(seed), replica).await
}

/// The least time that a task of this replica waits for an answer.
fn answers_within() -> Duration {
    ANSWERS_WITHIN.try_with(|least| *least).unwrap_or_default()
}

/// The next number of this task, and a step forward.
fn next_seed() -> u64 {
    let drawn = SEED.try_with(|seed| {
        let drawn = seed.get();
        seed.set(mixed(&drawn));
        drawn
    });
    // Not a task of a replica: nothing to repeat.
    drawn.unwrap_or_else(|_| Rng::from_os().next_u64())
}

/// A number that follows from `value` and looks like any other.
fn mixed(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl AsyncRuntime for SeededTokio {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> =
        <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Generator as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = <TokioRuntime as AsyncRuntime>::Mpsc;
    type Watch = <TokioRuntime as AsyncRuntime>::Watch;
    type Oneshot = <TokioRuntime as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        let seed = mixed(&("spawned", next_seed()));
        let future = ANSWERS_WITHIN.scope(answers_within(), future);
        TokioRuntime::spawn(SEED.scope(Cell::new(seed), future))
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        // Whatever openraft limits like this waits for another replica.
        TokioRuntime::timeout(duration.max(answers_within()), future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        let generator = async { Generator::thread_rng() };
        Generator::scope(next_seed(), generator)
            .now_or_never()
            .expect("invariant: a future without await is ready")
    }

    fn new(threads: usize) -> Self {
        Self(TokioRuntime::new(threads))
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.0.block_on(future)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn drawn(seed: u64, id: u64) -> Vec<u64> {
        let draw = async {
            let spawned = SeededTokio::spawn(async { next_seed() });
            let mut drawn = vec![next_seed(), next_seed(), spawned.await.unwrap()];
            drawn.push(SeededTokio::spawn(async { next_seed() }).await.unwrap());
            drawn
        };
        seeded(seed, ReplicaId::new([1; 32], id), Duration::ZERO, draw).await
    }

    #[tokio::test]
    async fn a_seed_and_an_id_give_one_sequence() {
        let first = drawn(1, 1).await;
        assert_eq!(first, drawn(1, 1).await);
        assert_ne!(first, drawn(2, 1).await);
        assert_ne!(first, drawn(1, 2).await);
        let different: std::collections::BTreeSet<_> = first.iter().collect();
        assert_eq!(different.len(), first.len());
    }

    #[test]
    fn outside_of_a_replica_chance_is_chance() {
        assert_ne!(next_seed(), next_seed());
        SeededTokio::thread_rng();
    }
}
