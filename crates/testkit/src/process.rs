//! `parvis` as a process of its own, for what only happens to processes.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;

use anyhow::Context;
use parvis_local::identity::{Identity, PATH};
use parvis_local::options::Options;
use parvis_local::stack::announced;
use tokio::process::{Child, Command};

use crate::eventually::eventually;
use crate::platform::{Deployed, Platform};

/// A running `parvis`.
pub struct Process {
    child: Child,
    platform: Platform,
}

impl Process {
    /// Whether the suite runs against a platform that somebody else has started: says that `what` is not tested there.
    #[must_use]
    pub fn is_elsewhere(what: &str) -> bool {
        let elsewhere = std::env::var_os("PARVIS_TARGET").is_some();
        if elsewhere {
            eprintln!("not tested on this platform: {what}");
        }
        elsewhere
    }

    /// Starts it on a data directory and free ports, and waits until it serves.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(data_dir: &Path) -> Self {
        match Self::try_start(data_dir).await {
            Ok(process) => process,
            Err(error) => panic!("parvis did not start: {error:#}"),
        }
    }

    async fn try_start(data_dir: &Path) -> anyhow::Result<Self> {
        rustls::crypto::ring::default_provider().install_default().ok();
        // What an earlier process that was killed has announced must not be taken for this one's.
        std::fs::remove_file(data_dir.join("endpoints.json")).ok();
        let mut command = Command::new(Options::for_tests().function_binary()?);
        command
            .args(["up", "--no-demo", "--port", "0", "--mqtt-port", "0", "--ws-port", "0", "--data-dir"])
            .arg(data_dir);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn()?;
        let endpoints = eventually(|| {
            let ended = child.try_wait();
            async move {
                if let Some(status) = ended? {
                    panic!("parvis ended: {status}");
                }
                Ok::<_, anyhow::Error>(announced(data_dir)?.endpoints)
            }
        })
        .await;
        let identity = Identity::new(format!("{}{PATH}", endpoints.api), data_dir);
        let mut tokens = HashMap::new();
        for user in ["admin", "manager", "agent", "driver"] {
            tokens.insert(user.to_owned(), identity.mint(user).await.context("token")?);
        }
        let queue = |name| format!("{}/000000000000/{name}", endpoints.sqs);
        let platform = Platform::deployed(Deployed {
            mqtt: endpoints.broker().to_owned(),
            dead_letter_queue: queue("IngestDeadLetterQueue"),
            ingest_queue: queue("IngestQueue"),
            api: endpoints.api,
            ws: endpoints.ws,
            mqtt_tls: None,
            ws_host: None,
            timezone: chrono_tz::Tz::default(),
            sqs: endpoints.sqs,
            tokens,
        });
        Ok(Self { child, platform })
    }

    /// The platform it serves.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Kills it as nothing can defend itself against.
    ///
    /// # Panics
    /// When the process cannot be killed.
    pub async fn kill_9(mut self) {
        if let Err(error) = self.child.kill().await {
            panic!("not killed: {error}");
        }
    }

    /// Interrupts it as Ctrl-C does, and returns its exit code.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub async fn interrupt(mut self) -> Option<i32> {
        let id = self.child.id().map(|id| id.to_string()).unwrap_or_default();
        let sent = Command::new("kill").args(["-INT", &id]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
        self.child.wait().await.ok()?.code()
    }
}
