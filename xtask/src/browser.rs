//! The web application in real Chromium against a real stack.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::command::{cargo, run};
use crate::{checks, tools};

/// A stack starts in about a second; a machine that is busy may take longer.
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// Builds the pages, starts a stack on free ports and runs the browser tests on it.
pub fn run_tests() -> anyhow::Result<()> {
    let chromium = tools::chromium()?;
    tools::poppler()?;
    checks::build_web()?;
    run(cargo().args(["build", "--locked", "--workspace", "--bin", "parvis"]))?;
    let data = tempfile::tempdir()?;
    let stack = Stack::start(data.path())?;
    run(Command::new("npm")
        .args(["run", "test:browser"])
        .current_dir("web")
        .env("CHROMIUM", chromium)
        .env("PARVIS_URL", stack.endpoint("api")?)
        .env("PARVIS_MQTT", stack.endpoint("mqtt")?)
        .env("PARVIS_LAMBDA", stack.endpoint("lambda")?))
}

/// A running `parvis`, stopped when dropped.
struct Stack {
    process: Child,
    endpoints: Value,
}

impl Stack {
    fn start(data: &Path) -> anyhow::Result<Self> {
        let mut command = cargo();
        command.args(["run", "--quiet", "--locked", "--", "--port", "0", "--mqtt-port", "0", "--ws-port", "0"]);
        let process = command.arg("--data-dir").arg(data).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut stack = Self { process, endpoints: Value::Null };
        let announcement = data.join("endpoints.json");
        let deadline = Instant::now() + STARTED_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = stack.process.try_wait()? {
                bail!("parvis ended: {status}");
            }
            if let Ok(text) = std::fs::read(&announcement) {
                stack.endpoints = serde_json::from_slice(&text).context("endpoints.json")?;
                return Ok(stack);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("parvis did not start within {STARTED_WITHIN:?}")
    }

    fn endpoint(&self, name: &str) -> anyhow::Result<&str> {
        self.endpoints[name].as_str().with_context(|| format!("endpoints.json has no `{name}`"))
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SIGINT lets it stop PostgreSQL; it ends within seconds.
        Command::new("kill").args(["-INT", &self.process.id().to_string()]).status().ok();
        self.process.wait().ok();
    }
}
