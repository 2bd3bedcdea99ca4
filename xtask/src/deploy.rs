//! The template deployed by CloudFormation into ministack, and the end-to-end suite run there.
//!
//! What talks to ministack is `xtask/scripts/deploy_local.py`, run by the Python that ministack itself is installed in; here is
//! what has to be built and installed before it can start.

use std::process::Command;

use crate::command;
use crate::tools;

/// The emulator, with everything its services need.
const MINISTACK: &str = "ministack[full]==1.5.33";

/// Every function of the template, as a package of the workspace.
const FUNCTIONS: [&str; 7] = [
    "parvis-announce",
    "parvis-history",
    "parvis-ingest",
    "parvis-migrate",
    "parvis-mqtt-auth",
    "parvis-notify",
    "parvis-occupancy",
];

/// Deploys, asserts what was created, runs the suite, and does it once more with role policies enforced.
pub fn run() -> anyhow::Result<()> {
    let python = tools::python("ministack", &[MINISTACK])?;
    let mut build = command::cargo();
    build.args(["build", "--locked"]);
    for function in FUNCTIONS {
        build.args(["--package", function]);
    }
    command::run(&mut build)?;
    command::run(Command::new(python.join("python")).arg("xtask/scripts/deploy_local.py"))
}
