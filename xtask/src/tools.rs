//! The tools that checks need: installed once into a cache outside the checkout, never per run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{answers, cargo, run};

/// Where Debian puts Chromium.
const CHROMIUM: &str = "/usr/bin/chromium";
/// Version of cargo-deny; a new one may know more licences, so it is pinned.
const CARGO_DENY: &str = "0.20.2";

/// The cache of tools: `PARVIS_TOOLS`, or `~/.cache/parvis/tools`.
pub fn cache() -> anyhow::Result<PathBuf> {
    if let Some(dir) = std::env::var_os("PARVIS_TOOLS") {
        return Ok(dir.into());
    }
    let home = std::env::var_os("HOME").context("HOME is not set; set PARVIS_TOOLS")?;
    Ok(PathBuf::from(home).join(".cache/parvis/tools"))
}

/// cargo-deny, built on first use.
pub fn cargo_deny() -> anyhow::Result<PathBuf> {
    let root = cache()?.join(format!("cargo-deny-{CARGO_DENY}"));
    let binary = root.join("bin/cargo-deny");
    if !binary.exists() {
        // Unoptimised: it runs for two seconds, and optimising it would take minutes.
        let mut install = cargo();
        install.args(["install", "cargo-deny", "--locked", "--debug", "--version", CARGO_DENY, "--root"]).arg(&root);
        run(install.env("CARGO_TARGET_DIR", root.join("target")))?;
        std::fs::remove_dir_all(root.join("target")).ok();
    }
    Ok(binary)
}

/// A Python environment with exactly these packages; returns its `bin` directory.
pub fn python(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let root = cache()?.join(name);
    let bin = root.join("bin");
    let stamp = root.join("packages.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).ok().as_deref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&root))?;
        run(Command::new(bin.join("pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))?;
        std::fs::write(&stamp, wanted)?;
    }
    Ok(bin)
}

/// Chromium for browser tests: `CHROMIUM`, what is on PATH, or Debian's package.
pub fn chromium() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(path.into());
    }
    if let Some(found) = [CHROMIUM, "chromium", "chromium-browser", "google-chrome"].into_iter().find(|p| answers(p)) {
        return Ok(found.into());
    }
    debian_package("chromium", "browser tests need Chromium: install it and set CHROMIUM to its path")?;
    Ok(CHROMIUM.into())
}

/// `pdftotext` and `pdftoppm`, with which browser tests read receipts: on PATH, or Debian's package.
pub fn poppler() -> anyhow::Result<()> {
    // They know no `--version`.
    if ["pdftotext", "pdftoppm"].iter().all(|tool| Command::new(tool).arg("-v").output().is_ok()) {
        return Ok(());
    }
    debian_package("poppler-utils", "browser tests need pdftotext and pdftoppm (poppler) on PATH")
}

fn debian_package(package: &str, otherwise: &'static str) -> anyhow::Result<()> {
    if !answers("apt-get") {
        bail!(otherwise);
    }
    let environment = [("DEBIAN_FRONTEND", "noninteractive")];
    run(Command::new("apt-get").args(["update", "-qq"]).envs(environment))?;
    run(Command::new("apt-get").args(["install", "-y", "-qq", package]).envs(environment))
}

/// Installs the web application's packages if its lock file changed since the last time.
pub fn npm_packages(web: &Path) -> anyhow::Result<()> {
    if !answers("npm") {
        bail!("the web application needs Node.js 20 or newer with npm");
    }
    let lock = std::fs::read(web.join("package-lock.json")).context("web/package-lock.json")?;
    let stamp = web.join("node_modules/.parvis-lock");
    if std::fs::read(&stamp).ok().as_deref() != Some(&lock) {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(web))?;
        std::fs::write(&stamp, lock)?;
    }
    Ok(())
}
