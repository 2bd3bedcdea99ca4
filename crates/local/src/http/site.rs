//! The web application as CloudFront and S3 would serve it: the files of `web/dist`, `index.html` for every other page,
//! `/config.json`.

use std::path::PathBuf;

use axum::{
    Json,
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use serde_json::json;
use tower::ServiceExt;
use tower_http::{compression::CompressionLayer, services::ServeDir};

use super::{page::Page, response::message};

/// Files whose names carry a hash of their content never change.
const FOREVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Everything else is asked for again, which costs a 304 when it did not change.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// The content security policy of `infra/web.yaml`, so that what it forbids fails here first. Only the addresses differ: login and
/// MQTT are on other ports of whatever name this machine is reached by.
const POLICY: &str = "default-src 'self'; script-src 'self' https://js.stripe.com; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self' http: https: ws: wss:; frame-src https://js.stripe.com https://hooks.stripe.com; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The web application's files.
#[derive(Debug, Clone)]
pub struct Site {
    root: PathBuf,
}

impl Site {
    /// Serves the files of this directory (`web/dist`), which may come into being later.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Answers a request that no route of the API takes.
    pub async fn serve(&self, parts: Parts, body: Body) -> Response {
        if parts.method != Method::GET && parts.method != Method::HEAD {
            return message(StatusCode::NOT_FOUND, "Not Found");
        }
        let (page, hashed) = (wants_page(&parts.headers), parts.uri.path().starts_with("/assets/"));
        let (method, headers) = (parts.method.clone(), parts.headers.clone());
        let response = self.file(Request::from_parts(parts, body)).await;
        if response.status() != StatusCode::NOT_FOUND {
            return cached(response, if hashed { FOREVER } else { REVALIDATE });
        }
        if !page || hashed {
            return message(StatusCode::NOT_FOUND, "Not Found");
        }
        // A page of the application: its router reads the address.
        let mut index = Request::builder().method(method).uri("/index.html");
        if let Some(to) = index.headers_mut() {
            *to = headers;
        }
        match index.body(Body::empty()) {
            Ok(request) => match self.file(request).await {
                response if response.status() == StatusCode::NOT_FOUND => not_built(),
                response => cached(response, REVALIDATE),
            },
            Err(_) => not_built(),
        }
    }

    async fn file(&self, request: Request<Body>) -> Response {
        // `.gz` files beside the originals are used when the build wrote them; otherwise text is compressed here.
        let files = ServeDir::new(&self.root).precompressed_gzip();
        let service = tower::ServiceBuilder::new().layer(CompressionLayer::new()).service(files);
        match service.oneshot(request).await {
            Ok(response) => response.into_response(),
            Err(never) => match never {},
        }
    }
}

fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn cached(mut response: Response, policy: HeaderValue) -> Response {
    if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, policy);
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    response
}

fn not_built() -> Response {
    let main = r#"<main><h1>Parvis is running</h1>
<p>The web application is not built yet. With Node.js installed, run</p>
<p class="card"><code>npm --prefix web ci &amp;&amp; npm --prefix web run build</code></p>
<p>and reload this page. Until then:</p>
<ul><li><a href="/docs">the API and its documentation</a></li><li><a href="/v1/places">the places as JSON</a></li>
<li><a href="/_local/outbox">every SMS, e-mail and push the platform sent</a></li></ul></main>"#;
    Page { title: "Parvis is running", main, ..Page::default() }.into_response()
}

/// What the web application has to know about where it runs; on AWS a file beside it, written at deployment.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Port of MQTT over WebSocket.
    pub ws_port: u16,
    /// The OIDC issuer.
    pub issuer: String,
    /// The web application's client id.
    pub client_id: String,
    /// The place shown first.
    pub default_place: String,
}

impl WebConfig {
    /// `/config.json` for a client that reached us under this `Host`.
    pub fn respond(&self, headers: &HeaderMap) -> Response {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
        let name = host
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
            .map_or(host, |(name, _)| name);
        let mut response = Json(json!({
            "api": "",
            "mqtt": { "url": format!("ws://{name}:{}/mqtt", self.ws_port), "authorizer": null },
            "oidc": { "issuer": self.issuer, "client_id": self.client_id },
            "default_place": self.default_place,
        }))
        .into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What browsers are told on AWS and here differs in nothing but where they may connect to.
    #[test]
    fn pages_run_under_the_policy_of_the_deployment() {
        let deployed = include_str!("../../../../infra/web.yaml");
        let (_, list) = deployed.split_once("ContentSecurityPolicy: !Join").unwrap();
        let directives = list.lines().map(|line| line.trim_start_matches([' ', '-']).trim_matches('"'));
        let directives: Vec<_> = directives
            .skip_while(|line| !line.starts_with("default-src"))
            .take_while(|line| !line.starts_with("CustomHeadersConfig"))
            .filter(|line| line.contains("-src ") || line.contains("-uri ") || line.contains(" '"))
            .map(|line| line.split(' ').next().filter(|name| *name == "connect-src").unwrap_or(line))
            .collect();
        let ours = POLICY.split("; ").map(|line| if line.starts_with("connect-src") { "connect-src" } else { line });
        assert_eq!(ours.collect::<Vec<_>>(), directives);
    }
}
