//! A list of named steps, run one after the other, with one summary at the end.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::command::Failed;

/// One step of a task.
pub struct Step {
    /// Name for `--only` and the summary.
    pub name: &'static str,
    /// What it checks.
    pub about: &'static str,
    action: fn() -> anyhow::Result<()>,
}

impl Step {
    /// Names an action.
    pub fn new(name: &'static str, about: &'static str, action: fn() -> anyhow::Result<()>) -> Self {
        Self { name, about, action }
    }
}

/// Running and showing steps.
pub struct Steps;

impl Steps {
    /// Prints what there is.
    pub fn list(steps: &[Step]) {
        for step in steps {
            eprintln!("{:10} {}", step.name, step.about);
        }
    }

    /// Runs all of them, even after a failure, so that one run names everything that is wrong.
    pub fn run(steps: Vec<Step>) -> anyhow::Result<()> {
        let total = steps.len();
        let mut outcomes = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            eprintln!("\n=== [{}/{total}] {}: {}", index + 1, step.name, step.about);
            let start = Instant::now();
            let outcome = (step.action)();
            if let Err(error) = &outcome {
                eprintln!("{}: {error:#}", step.name);
            }
            outcomes.push((step.name, outcome, start.elapsed()));
        }
        summary(&outcomes)
    }
}

fn summary(outcomes: &[(&str, anyhow::Result<()>, Duration)]) -> anyhow::Result<()> {
    for (name, outcome, _) in outcomes {
        let failed = outcome.as_ref().err().and_then(|error| error.downcast_ref::<Failed>());
        if let Some(Failed { output, .. }) = failed.filter(|failed| !failed.output.is_empty()) {
            eprintln!("\n=== what {name} said of it\n{output}");
        }
    }
    eprintln!("\n=== summary");
    for (name, outcome, took) in outcomes {
        let (mark, why) = match outcome {
            Ok(()) => ("ok    ", String::new()),
            Err(error) => ("FAILED", format!("  {error:#}")),
        };
        eprintln!("{mark} {name:10} {:>6.1} s{why}", took.as_secs_f64());
    }
    let failed: Vec<_> = outcomes.iter().filter(|(_, o, _)| o.is_err()).map(|(name, ..)| *name).collect();
    // One plain line that continuous integration reads as the count of what ran.
    eprintln!("{} passed, {} failed", outcomes.len() - failed.len(), failed.len());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}
