//! The web application's pages: built once, by npm, when the stack is first started from a checkout.

use std::{path::Path, process::Stdio};

use tokio::process::Command;

/// Builds `web/dist` of the checkout at `root` if it is missing. Without npm, or when the build fails, says what to do: the stack
/// works without pages too.
pub(super) async fn build(root: &Path) {
    let web = root.join("web");
    if !web.join("package.json").is_file() || web.join("dist/index.html").is_file() {
        return;
    }
    if !npm(&web, &["--version"]).await {
        eprintln!("  The pages are not built: install Node.js 20 or newer and run `cargo xtask web`, then reload.");
        return;
    }
    eprintln!("  Building the pages with npm; this happens once ...");
    let built = npm(&web, &["ci", "--no-audit", "--no-fund"]).await && npm(&web, &["run", "build"]).await;
    if !built {
        eprintln!("  The pages could not be built: `cargo xtask web` shows why.");
    }
}

async fn npm(web: &Path, arguments: &[&str]) -> bool {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(web).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    npm.kill_on_drop(true).status().await.is_ok_and(|status| status.success())
}
