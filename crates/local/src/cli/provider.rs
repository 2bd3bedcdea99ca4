//! `parvis provider`: the payment provider that moves no money, by itself, for a deployment that runs elsewhere.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use parvis_test_provider::{Provider, Webhook};
use tokio::net::TcpListener;

/// Serve the payment provider that moves no money.
#[derive(Debug, Args)]
pub(super) struct ProviderArgs {
    /// Port on the loopback interface (0 for any free one)
    #[arg(long, default_value_t = 8420)]
    port: u16,
    /// Where its books are kept; nowhere without it
    #[arg(long)]
    file: Option<PathBuf>,
    /// Where its messages go
    #[arg(long, requires = "secret")]
    webhook: Option<String>,
    /// With what its messages are signed
    #[arg(long, env = "STRIPE_WEBHOOK_SECRET")]
    secret: Option<String>,
}

/// Serves until Ctrl-C.
pub(super) async fn run(arguments: ProviderArgs) -> anyhow::Result<()> {
    let webhook = arguments.webhook.zip(arguments.secret).map(|(url, secret)| Webhook {
        url,
        secret,
        client: crate::http::client(),
    });
    let provider = Provider::open(arguments.file.as_deref(), webhook, Arc::new(chrono::Utc::now))
        .context("the file cannot be used")?;
    let listener = TcpListener::bind(("127.0.0.1", arguments.port)).await.context("the port cannot be used")?;
    eprintln!("payment provider on http://{}", listener.local_addr()?);
    let router: axum::Router = parvis_test_provider::router(provider);
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    Ok(axum::serve(listener, router).with_graceful_shutdown(stop).await?)
}
