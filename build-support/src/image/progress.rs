//! What a build of minutes shows while it runs.
//!
//! Cargo keeps a build script's output to itself until the script fails. So lines go to the standard error of the
//! cargo that runs it, where the system lets us open that, and always to a log file.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use super::environment;

#[derive(Debug)]
pub(super) struct Progress {
    outputs: RefCell<Vec<File>>,
}

impl Progress {
    pub(super) fn new(log: &Path) -> Self {
        let _ = log.parent().map(fs::create_dir_all);
        let console = parent_error_output();
        let outputs = File::create(log).ok().into_iter().chain(console).collect();
        Self {
            outputs: RefCell::new(outputs),
        }
    }

    pub(super) fn line(&self, text: &str) {
        self.raw(&format!("   tdx-image {text}\n"));
    }

    pub(super) fn raw(&self, text: &str) {
        for output in self.outputs.borrow_mut().iter_mut() {
            // Nobody needs to see this: an image is built either way.
            let _ = output.write_all(text.as_bytes());
        }
    }
}

fn parent_error_output() -> Option<File> {
    if std::env::var_os("TDX_IMAGE_QUIET").is_some() {
        return None;
    }
    let parent = environment::parent_process()?;
    OpenOptions::new()
        .append(true)
        .open(format!("/proc/{parent}/fd/2"))
        .ok()
}
