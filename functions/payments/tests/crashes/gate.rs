//! The gate before DynamoDB and the provider.

use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// On which side of a request the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request never arrives.
    Before,
    /// The request is carried out and its answer lost.
    After,
}

/// When the process dies: at the so-manieth request that changes something, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Death {
    pub at: usize,
    pub side: Side,
}

#[derive(Debug, Default)]
struct Burning {
    death: Option<Death>,
    seen: usize,
    blown: bool,
}

/// The fuse of the present process.
#[derive(Debug, Clone, Default)]
pub struct Fuse(Arc<(Mutex<Burning>, Notify)>);

impl Fuse {
    /// A new process is to die as told, or not at all.
    pub fn light(&self, death: Option<Death>) {
        *self.0.0.lock().unwrap() = Burning { death, ..Burning::default() };
    }

    /// Whether it has blown.
    pub fn blown(&self) -> bool {
        self.0.0.lock().unwrap().blown
    }

    /// Waits until it blows.
    pub async fn wait(&self) {
        loop {
            let notified = self.0.1.notified();
            if self.blown() {
                return;
            }
            notified.await;
        }
    }

    /// Whether this request is the last one, and on which side.
    fn burn(&self) -> Option<Side> {
        let mut burning = self.0.0.lock().unwrap();
        burning.seen += 1;
        let death = burning.death.filter(|death| death.at <= burning.seen)?;
        Some(death.side)
    }

    fn blow(&self) {
        self.0.0.lock().unwrap().blown = true;
        self.0.1.notify_waiters();
    }
}

#[derive(Clone)]
struct Gate {
    fuse: Fuse,
    client: reqwest::Client,
    behind: String,
}

/// A client of plain HTTP: reading the system's certificates would take longer than a run.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_gzip().tls_certs_only([]).build().unwrap()
}

/// A gate before the service at `behind`; its address.
pub async fn before(behind: String, fuse: Fuse, client: reqwest::Client) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gate = Gate { fuse, client, behind };
    let router = axum::Router::new().fallback(pass).with_state(gate);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Reads change nothing: to die before one is to die after what was before it.
fn changes(request: &Request) -> bool {
    let action = request.headers().get("x-amz-target").and_then(|action| action.to_str().ok());
    match action {
        Some(action) => ["Write", "Put", "Update", "Delete"].iter().any(|word| action.contains(word)),
        None => request.method() == Method::POST,
    }
}

async fn pass(State(gate): State<Gate>, request: Request) -> Response {
    let last = if changes(&request) { gate.fuse.burn() } else { None };
    if last == Some(Side::Before) {
        gate.fuse.blow();
        return std::future::pending().await;
    }
    let (parts, body) = request.into_parts();
    let url = format!("{}{}", gate.behind, parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut forward = gate.client.request(parts.method, url).body(to_bytes(body, usize::MAX).await.unwrap());
    for (name, value) in parts.headers.iter().filter(|(name, _)| !["host", "content-length"].contains(&name.as_str())) {
        forward = forward.header(name, value);
    }
    let answer = forward.send().await.unwrap();
    if last == Some(Side::After) {
        gate.fuse.blow();
        return std::future::pending().await;
    }
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| name.as_str() != "transfer-encoding") {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}
