//! Every developer task of Parvis: `cargo xtask test`, `lint`, `web`, `bench`, `deploy-local`.

mod browser;
mod checks;
mod command;
mod deploy;
mod heard;
mod steps;
mod tools;

use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};
use steps::{Step, Steps};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks of Parvis")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs every check and test there is; installs what they need
    Test {
        /// Runs only the named steps (see --list)
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
        /// Leaves out the named steps
        #[arg(long, value_delimiter = ',')]
        skip: Vec<String>,
        /// Lists the steps
        #[arg(long)]
        list: bool,
    },
    /// Runs the checks that run no code of ours: format, clippy, deny, template
    Lint,
    /// Builds the web application into web/dist
    Web,
    /// Measures throughput, freshness, cost and start-up in release mode
    Bench {
        /// Prints JSON instead of tables
        #[arg(long)]
        json: bool,
        /// Further arguments of the bench program
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Deploys template.yaml into ministack and runs the end-to-end suite there
    DeployLocal,
}

/// The steps of `test`, in the order in which they find faults soonest.
fn all() -> Vec<Step> {
    vec![
        Step::new("format", "rustfmt", checks::format),
        Step::new("web", "npm packages, type check, unit tests and build of the web application", checks::web),
        Step::new("clippy", "clippy over every target, warnings are errors", checks::clippy),
        Step::new("test", "unit, property, snapshot, policy and end-to-end tests on the embedded stack", checks::test),
        Step::new("provider", "the Stripe adapter against localstripe, a server that is not ours", checks::provider),
        Step::new("browser", "the web application in Chromium against the embedded stack", browser::run_tests),
        Step::new("deny", "licences, bans and sources of the dependencies", checks::deny),
        Step::new("template", "cfn-lint on source and transformed template, checkov", checks::template),
        Step::new("ministack", "the template deployed by CloudFormation, same end-to-end suite", deploy::run),
    ]
}

fn main() -> ExitCode {
    // Without the backtrace that `Result` would print: it would push what failed out of the end of a log.
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    std::env::set_current_dir(command::root()?)?;
    match cli.task {
        Task::Test { list: true, .. } => Steps::list(&all()),
        Task::Test { only, skip, .. } => {
            let known = all();
            if let Some(unknown) = only.iter().chain(&skip).find(|name| !known.iter().any(|s| s.name == **name)) {
                bail!("there is no step `{unknown}`; `cargo xtask test --list` shows them");
            }
            let wanted =
                |s: &Step| (only.is_empty() || only.iter().any(|n| n == s.name)) && !skip.iter().any(|n| n == s.name);
            Steps::run(known.into_iter().filter(wanted).collect())?;
        }
        Task::Lint => {
            let lint = ["format", "clippy", "deny", "template"];
            Steps::run(all().into_iter().filter(|s| lint.contains(&s.name)).collect())?;
        }
        Task::Web => checks::build_web()?,
        Task::Bench { json, rest } => checks::bench(json, &rest)?,
        Task::DeployLocal => deploy::run()?,
    }
    Ok(())
}
