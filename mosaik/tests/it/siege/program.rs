//! The attackers, as the child process of a test.

use std::{
    io::{BufRead, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Runtime, task::JoinSet};

use super::{MARK, Plan, Tally, attacks, intruder::Arena};

/// Runs only `siege_process` of this test binary, and lets it print.
pub(super) const ARGUMENTS: [&str; 4] = [
    "--exact",
    "siege::program::siege_process",
    "--ignored",
    "--nocapture",
];

/// Carries the `Plan` as JSON.
pub(super) const PLAN_VARIABLE: &str = "MOSAIK_IT_SIEGE";

/// How stale a report may be.
const REPORT_INTERVAL: Duration = Duration::from_millis(10);

#[test]
#[ignore = "not a test: the program that tests on hostile peers start as their child"]
fn siege_process() {
    let Ok(plan) = std::env::var(PLAN_VARIABLE) else {
        return;
    };
    let plan: Plan = serde_json::from_str(&plan).expect("the test wrote it");
    let runtime = Runtime::new().expect("a runtime starts");
    let counts = Arc::new(Counts::default());
    report(&counts, true);
    let mut attack = None;
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if let Some(attack) = attack.take() {
            runtime.block_on(stop(attack));
        }
        report(&counts, line == "rest");
        if line == "advance" {
            attack = Some(runtime.block_on(start(&plan, &counts)));
        }
    }
    // The end of the input is the end of the test.
    std::process::exit(0);
}

/// What has been done, counted where it is done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) made: AtomicU64,
    pub(super) admitted: AtomicU64,
}

struct Running {
    arena: Arc<Arena>,
    tasks: JoinSet<()>,
}

async fn start(plan: &Plan, counts: &Arc<Counts>) -> Running {
    let arena = Arc::new(Arena::new(&plan.network));
    let mut tasks = JoinSet::new();
    for target in &plan.targets {
        attacks::launch(&mut tasks, &arena, target, plan, counts);
    }
    let counts = Arc::clone(counts);
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(REPORT_INTERVAL);
        loop {
            tick.tick().await;
            report(&counts, false);
        }
    });
    Running { arena, tasks }
}

async fn stop(mut running: Running) {
    running.tasks.shutdown().await;
    running.arena.leave().await;
}

fn report(counts: &Counts, rests: bool) {
    let tally = Tally {
        made: counts.made.load(Ordering::Relaxed),
        admitted: counts.admitted.load(Ordering::Relaxed),
        rests,
    };
    let line = serde_json::to_string(&tally).expect("plain values");
    // A reader that is gone ends us by stdin.
    let _ = std::io::stdout()
        .lock()
        .write_all(format!("\n{MARK}{line}\n").as_bytes());
}
