//! A third replica that comes when there is much to have.

use std::time::{Duration, Instant};

use crate::{
    PASSES,
    figures::{Figures, closed_loop},
    median,
    memory::Growth,
    nodes::{Blobs, Cluster, blob, fill, open},
};

/// Writers before it comes.
const WRITERS: usize = 2;

/// How many items there are, how often each was written, and whether writes go on. Of what was written often, the log
/// keeps only the end, and the rest comes as a snapshot.
const CASES: [(u64, u64, bool); 5] = [
    (100_000, 1, false),
    (100_000, 20, false),
    (100_000, 20, true),
    (1_000_000, 2, false),
    (1_000_000, 2, true),
];

/// Writes in flight where writes go on.
const IN_FLIGHT: usize = 64;

/// How long writes go on at most.
const LONG: Duration = Duration::from_secs(60);

/// What one late replica took.
#[derive(Clone, Copy)]
struct Late {
    /// From the start of its node until the map is online.
    online: f64,
    /// Until it has all that was written before it came.
    whole: f64,
    /// Memory of all three nodes, at most.
    grown_bytes: u64,
    /// Writes meanwhile.
    writes: Option<Figures>,
}

pub(crate) async fn measure() {
    println!(
        "{:>9} {:>7} {:>9} | {:>9} {:>9} | {:>9} | {:>11} {:>8} {:>8}",
        "items",
        "written",
        "meanwhile",
        "online s",
        "whole s",
        "grown MiB",
        "writes 1/s",
        "p50",
        "p99"
    );
    for (items_count, rounds_count, is_written) in CASES {
        let mut passes = Vec::new();
        for _ in 0..PASSES {
            passes.push(pass((items_count, rounds_count), is_written).await);
        }
        let late = median(passes, |late| late.whole);
        let meanwhile = if is_written { "writes" } else { "nothing" };
        print!(
            "{items_count:>9} {rounds_count:>7} {meanwhile:>9} | {:>9.2} {:>9.2} | {:>9} |",
            late.online,
            late.whole,
            late.grown_bytes >> 20
        );
        match late.writes {
            Some(figures) => println!(" {figures}"),
            None => println!(),
        }
    }
    println!();
}

async fn pass((items_count, rounds_count): (u64, u64), is_written: bool) -> Late {
    let cluster = Cluster::start(WRITERS).await;
    for _ in 0..rounds_count {
        fill(cluster.leader(), items_count).await;
    }
    let growth = Growth::watch();
    let caught_up = catch_up(&cluster, items_count);
    let (online, whole, writes) = if is_written {
        let map = cluster.leader();
        tokio::pin!(caught_up);
        let (end, ended) = tokio::sync::watch::channel(false);
        let writes = write_until(map, ended);
        let (figures, (online, whole)) = tokio::join!(writes, async {
            let took = caught_up.await;
            end.send_replace(true);
            took
        });
        (online, whole, Some(figures))
    } else {
        let (online, whole) = caught_up.await;
        (online, whole, None)
    };
    let grown_bytes = growth.most().await;
    cluster.stop().await;
    Late {
        online,
        whole,
        grown_bytes,
        writes,
    }
}

/// Writes what is there already, so that the number of items stays.
async fn write_until(map: &Blobs, mut ended: tokio::sync::watch::Receiver<bool>) -> Figures {
    let begin = Instant::now();
    let samples = std::cell::RefCell::new(Vec::new());
    let writes = closed_loop(IN_FLIGHT, LONG, || {
        let begin = Instant::now();
        let written = map.insert(0, blob());
        let samples = &samples;
        async move {
            written.await.expect("the writers are well");
            samples.borrow_mut().push(begin.elapsed());
        }
    });
    tokio::select! {
        _ = writes => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
    Figures::of(samples.into_inner(), begin.elapsed())
}

/// Seconds from the start of a third node until it is online, and until it has everything.
async fn catch_up(cluster: &Cluster, items_count: u64) -> (f64, f64) {
    let version = cluster.leader().version();
    let begin = Instant::now();
    let node = cluster.node().await;
    let map = open(&node, WRITERS);
    map.when().online().await;
    let online = begin.elapsed().as_secs_f64();
    map.when().reaches(version).await;
    let whole = begin.elapsed().as_secs_f64();
    assert_eq!(map.len() as u64, items_count, "it has everything");
    drop(map);
    let _ = node.shutdown(Duration::from_secs(2)).await;
    (online, whole)
}
