//! `parvis simulate` and `parvis replay`: the samples, pointed at the stack that runs here.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use clap::Args;
use parvis_samples::cli as samples;
use tokio_util::sync::CancellationToken;

use crate::{
    identity::{self, Identity},
    options::Options,
    stack::{Announcement, Endpoints, Stack, announced},
};

/// Time for the last heartbeat of a round to arrive.
const HEARD_WITHIN: Duration = Duration::from_secs(15);

/// Replay a CSV file of car-park occupancy over MQTT.
#[derive(Debug, Args)]
pub(super) struct ReplayHere {
    #[command(flatten)]
    replay: samples::ReplayArgs,
    /// Data directory of the running stack, which tells its addresses; without a running one a stack is started on it
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

/// Simulate parking sensors over MQTT.
#[derive(Debug, Args)]
pub(super) struct SimulateHere {
    #[command(flatten)]
    simulate: samples::SimulateArgs,
    /// Data directory of the running stack, which tells its addresses; without a running one a stack is started on it
    #[arg(long, default_value = ".parvis")]
    data_dir: PathBuf,
    /// MQTT broker elsewhere, host:port
    #[arg(long)]
    broker: Option<String>,
}

/// Runs a simulation until its end or Ctrl-C.
pub(super) async fn simulate(arguments: SimulateHere) -> anyhow::Result<()> {
    let cancel = CancellationToken::new();
    let on_signal = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_signal.cancel();
        }
    });
    let (broker, here) = match arguments.broker {
        Some(broker) => (broker, None),
        None => {
            let here = Here::find(&arguments.data_dir).await?;
            (here.endpoints().broker().to_owned(), Some(here))
        }
    };
    let looked_at = match &here {
        Some(Here::Running(running)) => {
            let (lambda, after) = (running.endpoints.lambda.clone(), Duration::from_secs(arguments.simulate.heartbeat));
            Some(tokio::spawn(async move { inspect(&lambda, after + HEARD_WITHIN).await }))
        }
        Some(Here::Own(_)) | None => None,
    };
    let summary = arguments.simulate.run(&broker, cancel).await?;
    if let Some(looked_at) = looked_at {
        looked_at.abort();
    }
    eprintln!("{} messages published, {} of them malformed on purpose", summary.published, summary.malformed);
    if let Some(here) = here {
        here.leave().await;
    }
    Ok(())
}

/// Replays a file and reports.
pub(super) async fn replay(arguments: ReplayHere) -> anyhow::Result<()> {
    let client = format!("parvis-replay-{}", std::process::id());
    if let (Some(api), Some(token), Some(broker)) = (&arguments.api, &arguments.token, &arguments.broker) {
        let summary = arguments.replay.run(api.clone(), token.clone(), samples::broker(broker, &client)?).await?;
        eprint!("{summary}");
        return Ok(());
    }
    let here = Here::find(&arguments.data_dir).await?;
    let Endpoints { api, .. } = here.endpoints();
    let token = administrator(api, &arguments.data_dir).await?;
    let broker = samples::broker(here.endpoints().broker(), &client)?;
    let outcome = arguments.replay.run(api.clone(), token, broker).await;
    if let (Ok(_), Here::Running(running)) = (&outcome, &here) {
        forecast(&running.endpoints.lambda).await;
    }
    here.leave().await;
    eprint!("{}", outcome?);
    eprintln!("look at it with `cargo run` (or `parvis`): all car parks, on the map and in the table");
    Ok(())
}

/// Has what the sensors say looked at once each has sent a heartbeat, which the schedule would do at five past.
async fn inspect(lambda: &str, after: Duration) {
    tokio::time::sleep(after).await;
    match invoke(lambda, r#"{"task":"update"}"#).await {
        Ok(()) => eprintln!("the sensors are looked at in the background: see Maintenance in the web application"),
        Err(error) => eprintln!("no look at the sensors before the next hour: {error}"),
    }
}

async fn invoke(lambda: &str, body: &'static str) -> reqwest::Result<()> {
    let url = format!("{lambda}/2015-03-31/functions/ForecastFunction/invocations");
    crate::http::client().post(url).body(body).send().await?.error_for_status().map(drop)
}

/// Has the car parks and the bookings forecast now, which the schedule would do at five past, and the last week as it would have been
/// forecast then, so that there is something to judge forecasts by.
async fn forecast(lambda: &str) {
    match invoke(lambda, r#"{"task":"catch-up"}"#).await {
        Ok(()) => eprintln!("forecasts are made in the background: see Forecasts in the web application"),
        Err(error) => eprintln!("no forecasts before the next hour: {error}"),
    }
}

/// The stack of a data directory: the one that runs, or one of our own for as long as the command takes.
enum Here {
    Running(Box<Announcement>),
    Own(Box<Stack>),
}

impl Here {
    async fn find(data_dir: &Path) -> anyhow::Result<Self> {
        if let Ok(running) = announced(data_dir)
            // A stack that was killed leaves its announcement behind.
            && tokio::net::TcpStream::connect(running.endpoints.broker()).await.is_ok()
        {
            return Ok(Self::Running(Box::new(running)));
        }
        eprintln!("no stack is running on {}; starting one for this command", data_dir.display());
        let options = Options { data_dir: data_dir.to_owned(), demo: false, ..Options::default() };
        Ok(Self::Own(Box::new(Stack::start(options).await?)))
    }

    fn endpoints(&self) -> &Endpoints {
        match self {
            Self::Running(running) => &running.endpoints,
            Self::Own(stack) => stack.endpoints(),
        }
    }

    async fn leave(self) {
        if let Self::Own(stack) = self {
            stack.shutdown().await;
        }
    }
}

/// A token of the demo administrator: whoever can read the data directory holds the issuer's key anyway.
async fn administrator(api: &str, data_dir: &Path) -> anyhow::Result<String> {
    let issuer = format!("{api}{}", identity::PATH);
    Identity::new(issuer, data_dir).mint("admin").await.context("no token for the demo administrator could be made")
}
