//! `parvis simulate` and `parvis replay`: the samples, pointed at the stack that runs here.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use parvis_samples::cli as samples;
use tokio_util::sync::CancellationToken;

use crate::{
    identity::{self, Identity},
    stack::{Announcement, announced},
};

/// Replay a CSV file of car-park occupancy over MQTT.
#[derive(Debug, Args)]
pub(super) struct ReplayHere {
    #[command(flatten)]
    replay: samples::ReplayArgs,
    /// Data directory of the running stack, which tells its addresses
    #[arg(long, default_value = ".parvis")]
    data_dir: PathBuf,
    /// Address of another API, to be given with --token and --broker
    #[arg(long, requires_all = ["token", "broker"])]
    api: Option<String>,
    /// Access token of an administrator there
    #[arg(long, env = "PARVIS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// MQTT broker there, host:port
    #[arg(long)]
    broker: Option<String>,
}

/// Runs a simulation until its end or Ctrl-C.
pub(super) async fn simulate(arguments: samples::SimulateArgs) -> anyhow::Result<()> {
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    let summary = arguments.run(cancel).await?;
    eprintln!("{} messages published, {} of them malformed on purpose", summary.published, summary.malformed);
    Ok(())
}

/// Replays a file and reports.
pub(super) async fn replay(arguments: ReplayHere) -> anyhow::Result<()> {
    let (api, token, broker) = match (arguments.api, arguments.token, arguments.broker) {
        (Some(api), Some(token), Some(broker)) => (api, token, broker),
        (_, token, broker) => {
            let running = announced(&arguments.data_dir)?;
            let token = match token {
                Some(token) => token,
                None => administrator(&running, &arguments.data_dir).await?,
            };
            (running.endpoints.api.clone(), token, broker.unwrap_or_else(|| running.endpoints.broker().to_owned()))
        }
    };
    let broker = samples::broker(&broker, &format!("parvis-replay-{}", std::process::id()))?;
    let summary = arguments.replay.run(api, token, broker).await?;
    eprint!("{summary}");
    Ok(())
}

/// A token of the demo administrator: whoever can read the data directory holds the issuer's key anyway.
async fn administrator(running: &Announcement, data_dir: &Path) -> anyhow::Result<String> {
    let issuer = format!("{}{}", running.endpoints.api, identity::PATH);
    Identity::new(issuer, data_dir).mint("admin").await.context("no token for the demo administrator could be made")
}
