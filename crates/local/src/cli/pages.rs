//! The web application's pages: built by npm when the stack is started from a checkout whose pages are missing or old.

use std::{fs, path::Path, process::Stdio, time::SystemTime};

use tokio::process::Command;

/// What the pages are built from, below `web/`.
const SOURCES: [&str; 5] = ["src", "public", "index.html", "package-lock.json", "vite.config.ts"];

/// Builds `web/dist` of the checkout at `root` if it is missing or older than its sources, as after a `git pull`. Without npm, or
/// when the build fails, says what to do: the stack works without pages too.
pub(super) async fn build(root: &Path) {
    let web = root.join("web");
    if !web.join("package.json").is_file() || is_current(&web) {
        return;
    }
    if !npm(&web, &["--version"]).await {
        eprintln!("  The pages are not built: install Node.js 20 or newer and run `cargo xtask web`, then reload.");
        return;
    }
    eprintln!("  Building the pages with npm; this is needed once, and again when they have changed ...");
    let built = npm(&web, &["ci", "--no-audit", "--no-fund"]).await && npm(&web, &["run", "build"]).await;
    if !built {
        eprintln!("  The pages could not be built: `cargo xtask web` shows why.");
    }
}

fn is_current(web: &Path) -> bool {
    let built = fs::metadata(web.join("dist/index.html")).and_then(|page| page.modified());
    built.is_ok_and(|built| !SOURCES.iter().any(|source| is_newer(&web.join(source), built)))
}

/// Whether the file, or any below the directory, has changed since.
fn is_newer(path: &Path, since: SystemTime) -> bool {
    let Ok(about) = fs::metadata(path) else { return false };
    if about.is_dir() {
        return fs::read_dir(path).is_ok_and(|files| files.flatten().any(|file| is_newer(&file.path(), since)));
    }
    about.modified().is_ok_and(|changed| changed > since)
}

async fn npm(web: &Path, arguments: &[&str]) -> bool {
    let mut npm = Command::new("npm");
    npm.args(arguments).current_dir(web).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    npm.kill_on_drop(true).status().await.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_older_than_a_source_are_built_again() {
        let web = tempfile::tempdir().unwrap();
        let write = |file: &str, seconds| {
            let path = web.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            fs::File::create(path).unwrap().set_modified(time).unwrap();
        };
        write("src/lib/deep.ts", 10);
        assert!(!is_current(web.path()), "nothing is built");
        write("dist/index.html", 20);
        assert!(is_current(web.path()));
        write("src/lib/deep.ts", 30);
        assert!(!is_current(web.path()));
    }
}
