//! What a part of the run takes of the machine's memory.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// Watches the memory of this process, from a thread of its own.
pub(crate) struct Growth {
    most: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    before: u64,
    watching: JoinHandle<()>,
}

impl Growth {
    pub(crate) fn watch() -> Self {
        let before = resident_bytes();
        let most = Arc::new(AtomicU64::new(before));
        let is_over = Arc::new(AtomicBool::new(false));
        let watching = std::thread::spawn({
            let (most, is_over) = (most.clone(), is_over.clone());
            move || {
                while !is_over.load(Ordering::Relaxed) {
                    most.fetch_max(resident_bytes(), Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
        });
        Self {
            most,
            is_over,
            before,
            watching,
        }
    }

    /// By how many bytes it grew at most.
    pub(crate) async fn most(self) -> u64 {
        self.is_over.store(true, Ordering::Relaxed);
        tokio::task::block_in_place(|| self.watching.join()).expect("watching does not fail");
        self.most.load(Ordering::Relaxed) - self.before
    }
}

/// What this process has in memory; 0 where that cannot be asked.
fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let resident = pages.split_whitespace().nth(1);
    resident.map_or(0, |pages| pages.parse().unwrap_or(0) * PAGE_BYTES)
}
