//! The template deployed by CloudFormation into ministack, and the end-to-end suite run there.
//!
//! What talks to ministack is `xtask/scripts/deploy_local.py`, run by the Python that ministack itself is installed in; here is
//! what has to be built and installed before it can start.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::command;
use crate::tools;

/// The emulator, with everything its services need.
const MINISTACK: &str = "ministack[full]==1.5.33";
/// The package whose tests are run against the deployment.
const SUITE: &str = "parvis-e2e";

/// Deploys, asserts what was created, runs the suite, and does it once more with role policies enforced.
pub fn run() -> anyhow::Result<()> {
    let python = tools::python("ministack", &[MINISTACK])?;
    let built = Built::build()?;
    let mut deploy = Command::new(python.join("python"));
    deploy.arg("xtask/scripts/deploy_local.py").arg("--binaries").arg(built.binaries()?);
    for test in &built.tests {
        deploy.arg("--test").arg(test);
    }
    command::run(&mut deploy)
}

/// What cargo has built.
#[derive(Default)]
struct Built {
    /// Programs, the functions among them.
    programs: Vec<PathBuf>,
    /// Test programs of the suite.
    tests: Vec<PathBuf>,
}

impl Built {
    /// Builds the whole workspace with its tests, as `cargo test` does: a selection of packages would select other features of
    /// their dependencies and build them again.
    fn build() -> anyhow::Result<Self> {
        let mut build = command::cargo();
        build.args([
            "build",
            "--workspace",
            "--bins",
            "--tests",
            "--locked",
            "--message-format=json-render-diagnostics",
        ]);
        let mut child = build.stdout(Stdio::piped()).spawn().context("cargo")?;
        let mut built = Self::default();
        let output = child.stdout.take().context("cargo's output")?;
        for line in BufReader::new(output).lines() {
            built.add(&serde_json::from_str(&line?).context("a message of cargo")?);
        }
        if !child.wait()?.success() {
            bail!("the workspace was not built");
        }
        if built.tests.is_empty() {
            bail!("{SUITE} has no tests");
        }
        Ok(built)
    }

    /// Takes in one message of cargo.
    fn add(&mut self, message: &Value) {
        let Some(executable) = message["executable"].as_str() else { return };
        let is = |kind: &str| message["target"]["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|k| k == kind));
        let of_suite = message["package_id"].as_str().is_some_and(|id| id.contains(SUITE));
        if is("bin") && message["profile"]["test"] == false {
            self.programs.push(executable.into());
        } else if is("test") && of_suite {
            self.tests.push(executable.into());
        }
    }

    /// The directory of the functions' programs.
    fn binaries(&self) -> anyhow::Result<PathBuf> {
        let function = self.programs.iter().find(|p| p.ends_with("parvis-ingest")).context("no function was built")?;
        Ok(function.parent().context("a directory")?.to_owned())
    }
}
