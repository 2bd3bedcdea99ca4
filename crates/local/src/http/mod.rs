//! The public HTTP port: the template's HTTP API as API Gateway serves it, the web application as CloudFront would, and
//! the local stack's own pages below `/_local`.
//!
//! | path | answered by |
//! |---|---|
//! | `/_local/identity/...` | [`identity`](crate::identity), the OIDC issuer standing for Cognito |
//! | `/_local/provider/...` | [`parvis_test_provider`], the payment provider that moves no money |
//! | `/_local/outbox`, `/_local/outbox.json` | [`sns`](crate::sns), what the platform sent |
//! | `/config.json` | [`site::WebConfig`] |
//! | routes of the template | [`gateway`]: authorizer, event 2.0, function, response |
//! | everything else | [`site`]: a file, or `index.html` for a page |

pub mod cors;
pub mod event;
pub mod gateway;
pub mod jwt;
pub mod page;
pub mod response;
pub mod routes;
pub mod site;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, routing::get, serve::ListenerExt as _};
use http::{HeaderMap, StatusCode};
use parvis_sam::HttpApi;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use gateway::{BadApi, Gateway, INTEGRATION_TIMEOUT, Invoke};
pub use site::{Site, WebConfig};

use crate::{identity::Identity, sns::Outbox};

/// Path of the payment provider on the public port.
pub const PROVIDER: &str = "/_local/provider";

/// Requests under way at a shutdown get this long to end.
const GRACE: Duration = Duration::from_secs(2);

/// What the public port needs.
pub struct Config<I> {
    /// The port, bound: it is known before the template is resolved, because the issuer's address contains it.
    pub listener: TcpListener,
    /// The template's API.
    pub api: HttpApi,
    /// The functions behind it.
    pub functions: I,
    /// The issuer.
    pub identity: Arc<Identity>,
    /// The payment provider.
    pub provider: parvis_test_provider::Provider,
    /// What the platform sent.
    pub outbox: Outbox,
    /// The built web application (`web/dist`); need not exist.
    pub web_root: PathBuf,
    /// Content of `/config.json`.
    pub web: WebConfig,
    /// Ends the server.
    pub cancel: CancellationToken,
}

/// Serves the public port until cancelled.
///
/// # Errors
/// The template's API is not servable, or the socket fails.
pub async fn serve<I: Invoke>(config: Config<I>) -> anyhow::Result<()> {
    serve_with(config, INTEGRATION_TIMEOUT).await
}

async fn serve_with<I: Invoke>(config: Config<I>, integration_timeout: Duration) -> anyhow::Result<()> {
    let gateway =
        Gateway::new(&config.api, config.functions, Site::new(config.web_root))?.with_timeout(integration_timeout);
    let web = Arc::new(config.web);
    let app = Router::new()
        .route("/config.json", get(move |headers: HeaderMap| async move { web.respond(&headers) }))
        .nest("/_local/identity", crate::identity::router(config.identity))
        .nest(PROVIDER, parvis_test_provider::router(config.provider))
        .merge(crate::sns::pages::router(config.outbox))
        .route("/_local/{*rest}", get(async || response::message(StatusCode::NOT_FOUND, "Not Found")))
        .fallback(Gateway::handle)
        .with_state(Arc::new(gateway));
    let cancel = config.cancel;
    // Answers are written in two parts; waiting to join them costs up to 40 ms each.
    let listener = config.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let server = axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(cancel.clone().cancelled_owned());
    let out_of_grace = async {
        cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => Ok(ended?),
        () = out_of_grace => Ok(()),
    }
}

/// A client for calls of the stack to itself. Another crate of the build leaves reqwest without a TLS provider, and it
/// refuses to be built without one even for plain HTTP.
pub(crate) fn client() -> reqwest::Client {
    // An error says that a provider is already chosen, which is as good.
    let _chosen_before = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

#[cfg(test)]
mod tests;
