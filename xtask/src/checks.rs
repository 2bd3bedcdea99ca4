//! The checks and tests, each a thin call of the tool that does it.

use std::path::Path;
use std::process::Command;

use crate::command::{cargo, run};
use crate::tools;

/// rustfmt.
pub fn format() -> anyhow::Result<()> {
    run(cargo().args(["fmt", "--all", "--check"]))
}

/// clippy with the workspace's lints.
pub fn clippy() -> anyhow::Result<()> {
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// Everything `cargo test` runs. Always the whole workspace: a selection of packages would select other features of their
/// dependencies and build them again.
pub fn test() -> anyhow::Result<()> {
    run(cargo().args(["test", "--workspace", "--locked", "--no-fail-fast"]))
}

/// A Stripe that is not ours (<https://pypi.org/project/localstripe/>).
const LOCALSTRIPE: &str = "localstripe==1.15.10";

/// The tests that need a payment provider's own idea of its API.
pub fn provider() -> anyhow::Result<()> {
    let localstripe = tools::python("localstripe", &[LOCALSTRIPE])?;
    let mut test = cargo();
    test.args(["test", "--workspace", "--locked", "--test", "localstripe", "--", "--ignored"]);
    run(test.env("LOCALSTRIPE", localstripe))
}

/// Licences, bans and sources; advisories where their database can be reached.
pub fn deny() -> anyhow::Result<()> {
    let deny = tools::cargo_deny()?;
    run(Command::new(&deny).args(["--locked", "check", "bans", "licenses", "sources"]))?;
    if Command::new(&deny).args(["fetch", "db"]).output().is_ok_and(|o| o.status.success()) {
        return run(Command::new(&deny).args(["--locked", "check", "advisories"]));
    }
    eprintln!("note: the advisory database cannot be reached from here; advisories were not checked");
    Ok(())
}

/// The template's linters.
pub fn template() -> anyhow::Result<()> {
    let source = tools::python("cfn-lint-source", &["cfn-lint==1.53.1"])?;
    let current =
        tools::python("cfn-lint-transformed", &["cfn-lint==1.58.0", "aws-sam-translator==1.115.0", "boto3==1.44.5"])?;
    let posture = tools::python("checkov", &["checkov==3.3.30"])?;
    run(Command::new("bash")
        .arg("xtask/scripts/lint_template.sh")
        .env("CFN_LINT_SOURCE", source)
        .env("CFN_LINT_TRANSFORMED", current)
        .env("CHECKOV", posture))
}

/// Packages, type check, unit tests and build of the web application.
pub fn web() -> anyhow::Result<()> {
    build_web()?;
    let web = Path::new("web");
    run(Command::new("npm").args(["run", "check"]).current_dir(web))?;
    run(Command::new("npm").args(["test"]).current_dir(web))
}

/// Builds web/dist.
pub fn build_web() -> anyhow::Result<()> {
    let web = Path::new("web");
    tools::npm_packages(web)?;
    run(Command::new("npm").args(["run", "build"]).current_dir(web))
}

/// Throughput, freshness, cost and start-up, as README's contributor part says.
pub fn bench(json: bool, rest: &[String]) -> anyhow::Result<()> {
    run(cargo().args(["build", "--release", "--locked", "--workspace", "--bin", "parvis", "--bin", "parvis-bench"]))?;
    let mut bench = cargo();
    bench.args(["run", "--release", "--locked", "--bin", "parvis-bench", "--"]);
    if json {
        bench.arg("--json");
    }
    run(bench.args(rest))
}
