//! Running other programs so that a failure says which one and where.

use std::io::{BufReader, IsTerminal as _, Read, Write, prelude::BufRead as _};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;

use anyhow::Context;

use crate::heard::Heard;

/// The workspace's root.
pub fn root() -> anyhow::Result<PathBuf> {
    // As cargo says when it runs this, and not as it was when this was built: build directories are kept and moved.
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    Ok(here.parent().context("xtask lies below the workspace's root")?.to_owned())
}

/// Runs a program with its output on ours; an exit code other than 0 is an error, with what it says of the failure when it goes into
/// a log, where nobody watches it pass.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = show(command);
    eprintln!("$ {shown}");
    if std::io::stderr().is_terminal() {
        let status = command.status().with_context(|| format!("`{shown}` could not be started"))?;
        return ended(&shown, status, String::new());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("`{shown}` could not be started"))?;
    let heard = Mutex::new(Heard::default());
    std::thread::scope(|scope| {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        scope.spawn(|| out.map(|out| pass_on(out, std::io::stdout(), &heard)));
        scope.spawn(|| err.map(|err| pass_on(err, std::io::stderr(), &heard)));
    });
    let heard = heard.into_inner().unwrap_or_default();
    ended(&shown, child.wait()?, heard.told())
}

fn ended(shown: &str, status: ExitStatus, output: String) -> anyhow::Result<()> {
    match status.success() {
        true => Ok(()),
        false => Err(Failed { what: format!("`{shown}` failed: {status}"), output }.into()),
    }
}

/// A program that failed.
#[derive(Debug)]
pub struct Failed {
    what: String,
    /// What it said of its failure, where that was not watched.
    pub output: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failed {}

/// Copies line by line, and remembers what it says.
fn pass_on(from: impl Read, mut to: impl Write, heard: &Mutex<Heard>) {
    for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).into_owned();
        writeln!(to, "{line}").ok();
        if let Ok(mut heard) = heard.lock() {
            heard.line(line);
        }
    }
}

/// Whether the program is found and answers `--version`.
pub fn answers(program: impl AsRef<std::ffi::OsStr>) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|o| o.status.success())
}

/// The cargo that runs us, told nothing of the package it runs us from: build scripts that read such variables (ring's) would run
/// again, and everything above them be built again, each time after a plain `cargo build`.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let of_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_package)) {
        cargo.env_remove(name);
    }
    cargo
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|w| w.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}
