//! What the stack is doing while it starts.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A line that says what is being started; nothing where progress is not wanted or standard error is not a terminal.
#[derive(Clone)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub fn new(shown: bool, steps: u64) -> Self {
        if !shown {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{spinner} [{pos}/{len}] {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(80));
        Self(bar)
    }

    /// Says what comes next; what came before is done.
    pub fn step(&self, what: &'static str) {
        self.0.inc(1);
        self.0.set_message(what);
    }

    /// Takes the line away.
    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
