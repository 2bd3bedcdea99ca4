//! `parvis up`: start the stack, say where everything is, stop it on Ctrl-C or SIGTERM.

use std::{net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::{
    options::Options,
    stack::{Endpoints, Stack},
};

/// Start the whole platform.
#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// HTTP port: pages, API, login (0 for any free one)
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// MQTT port (0 for any free one)
    #[arg(long, default_value_t = 1883)]
    mqtt_port: u16,
    /// Port of MQTT over WebSocket (0 for any free one)
    #[arg(long, default_value_t = 9001)]
    ws_port: u16,
    /// Address to listen on; 0.0.0.0 lets devices and phones of the network in, and anyone in it log in as a demo user
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Where everything is kept
    #[arg(long, default_value = ".parvis", conflicts_with = "ephemeral")]
    data_dir: PathBuf,
    /// Keep nothing: use a temporary directory
    #[arg(long)]
    ephemeral: bool,
    /// Do not simulate sensors
    #[arg(long)]
    no_demo: bool,
    /// Show what the functions log
    #[arg(long, short)]
    verbose: bool,
    /// Template to run
    #[arg(long)]
    template: Option<PathBuf>,
    /// Value of a template parameter, NAME=VALUE (may be repeated)
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl UpArgs {
    fn options(self) -> Options {
        Options {
            template: self.template,
            parameters: self.parameters.into_iter().collect(),
            data_dir: self.data_dir,
            ephemeral: self.ephemeral,
            bind: self.bind,
            port: self.port,
            mqtt_port: self.mqtt_port,
            ws_port: self.ws_port,
            demo: !self.no_demo,
            verbose: self.verbose,
            ..Options::default()
        }
    }
}

/// Starts the stack and keeps it until a signal.
pub(super) async fn run(arguments: UpArgs) -> anyhow::Result<()> {
    let verbose = arguments.verbose;
    log(verbose);
    // Before the start: a signal during it must end it too.
    let mut signals = Signals::new()?;
    let stack = tokio::select! {
        stack = start(arguments.options()) => stack?,
        () = signals.next() => return Ok(()),
    };
    eprintln!("{}", banner(&stack));
    signals.next().await;
    eprintln!("stopping ... (once more to stop at once)");
    tokio::select! {
        () = stack.shutdown() => Ok(()),
        () = signals.next() => std::process::exit(130),
    }
}

async fn start(options: Options) -> anyhow::Result<Stack> {
    if let Some(root) = options.template_path()?.parent() {
        super::pages::build(root).await;
    }
    Stack::start(options).await
}

/// The host's own log: warnings, or what `RUST_LOG` asks for. The crates below log every dropped connection, so they are quieter.
fn log(verbose: bool) {
    let default = if verbose {
        "info,parvis_local=debug,rmqtt=warn,rmqtt_net=warn"
    } else {
        "error,parvis_local=warn,parvis_samples=warn"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // A second logger (there is none in this program) would only be refused.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).without_time().try_init());
}

/// What is said once everything stands.
fn banner(stack: &Stack) -> String {
    let Endpoints { api, mqtt, ws, sqs, dynamodb, sns, iot_data, lambda, postgres } = stack.endpoints();
    let mut lines = vec![
        String::new(),
        format!("  Parvis is running          {api}"),
        format!("  API and its description    {api}/v1/places, {api}/docs"),
        format!("  What was sent (outbox)     {api}/_local/outbox"),
        format!("  MQTT                       {mqtt}"),
        format!("  MQTT over WebSocket        {ws}"),
        format!("  PostgreSQL                 {postgres}"),
        format!("  DynamoDB, SQS, SNS         {dynamodb}, {sqs}, {sns}"),
        format!("  IoT data plane, Lambda     {iot_data}, {lambda}"),
        format!("  Data and logs              {}", stack.data_dir().display()),
        String::new(),
        "  Who can log in (user / password):".to_owned(),
    ];
    lines.extend(
        stack
            .identity()
            .demo_users()
            .iter()
            .map(|user| format!("    {:<9} {:<18} {}", user.name, user.password, user.description("en"))),
    );
    lines.push(String::new());
    lines.push("  Ctrl-C stops it.".to_owned());
    lines.join("\n")
}

/// Ctrl-C and SIGTERM.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let context = "signals cannot be handled";
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context(context)?,
            interrupt: signal(SignalKind::interrupt()).context(context)?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
