//! The Stripe adapter against `localstripe`, a server that is not ours: create, confirm, decline, strong authentication, cancel,
//! refund, signed webhook.
//!
//! `cargo xtask test` installs it from PyPI and names its directory in `LOCALSTRIPE`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use chrono::Utc;
use parvis_money::Money;
use parvis_payments::provider::{Payment, Provider, REFERENCE, Repayment, SESSION};
use parvis_stripe::{IntentStatus, RefundStatus, Stripe, webhook};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

const KEY: &str = "sk_test_parvis";
const WEBHOOK_SECRET: &str = "whsec_parvis";

struct Server {
    url: String,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Server {
    async fn start() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let directory = std::env::var_os("LOCALSTRIPE").map(PathBuf::from);
        let directory = directory.expect("LOCALSTRIPE names the directory of localstripe; `cargo xtask test` sets it");
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(directory.join("localstripe"))
            .args(["--port", &port.to_string(), "--from-scratch"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self { url: format!("http://127.0.0.1:{port}"), process };
        for _ in 0..200 {
            if reqwest::get(&server.url).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("localstripe has not started in 10 s");
    }

    fn client(&self) -> Arc<dyn Provider> {
        Arc::new(Stripe::new(&self.url, KEY).unwrap())
    }

    /// As the provider's form in the browser does.
    async fn card(&self, number: &str) -> String {
        let form = [
            ("type", "card"),
            ("card[number]", number),
            ("card[exp_month]", "12"),
            ("card[exp_year]", "2040"),
            ("card[cvc]", "123"),
        ];
        self.raw("/v1/payment_methods", &form).await["id"].as_str().unwrap().to_owned()
    }

    async fn raw(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).bearer_auth(KEY).form(form);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// Has messages sent here.
    async fn messages(&self) -> mpsc::UnboundedReceiver<(String, Bytes)> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/messages", listener.local_addr().unwrap());
        let receive = move |headers: HeaderMap, body: Bytes| async move {
            let signature = headers.get(webhook::HEADER).unwrap().to_str().unwrap().to_owned();
            sender.send((signature, body)).ok();
        };
        let router: axum::Router = axum::Router::new().route("/messages", axum::routing::post(receive));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = json!({ "url": url, "secret": WEBHOOK_SECRET });
        let request = reqwest::Client::new().post(format!("{}/_config/webhooks/parvis", self.url)).json(&config);
        request.send().await.unwrap().error_for_status().unwrap();
        receiver
    }
}

fn payment(method: Option<&str>) -> Payment<'_> {
    Payment { session: Uuid::new_v4(), charge: Uuid::new_v4(), amount: Money::eur(480), method }
}

#[tokio::test]
#[ignore = "needs localstripe; the step `provider` of cargo xtask test installs it and runs this"]
async fn paid_refunded_and_told() {
    let server = Server::start().await;
    let (client, mut messages) = (server.client(), server.messages().await);
    let card = server.card("4242424242424242").await;
    let order = payment(Some(&card));
    let intent = client.prepare(&order).await.unwrap();
    assert_eq!((intent.status, intent.amount), (IntentStatus::RequiresConfirmation, 480));
    let paid = client.confirm(&intent.id, order.charge).await.unwrap();
    assert_eq!(paid.status, IntentStatus::Succeeded);
    // Again, as after a crash: how it stands, and no second charge.
    assert_eq!(client.confirm(&intent.id, order.charge).await.unwrap().status, IntentStatus::Succeeded);
    assert_eq!(client.cancel(&intent.id, order.charge).await.unwrap().status, IntentStatus::Succeeded);

    let message = tokio::time::timeout(Duration::from_secs(10), messages.recv());
    let (signature, body) = message.await.unwrap().unwrap();
    let notice = webhook::verify(WEBHOOK_SECRET, &signature, &body, Utc::now()).unwrap();
    assert_eq!(
        (notice.kind.as_str(), notice.intent.as_deref()),
        ("payment_intent.succeeded", Some(intent.id.as_str()))
    );
    assert_eq!(notice.metadata[SESSION], order.session.to_string());
    assert!(webhook::verify("whsec_other", &signature, &body, Utc::now()).is_err());

    let refund = Uuid::new_v4();
    let repayment = Repayment { session: order.session, key: refund, intent: &intent.id, amount: Money::eur(240) };
    let given = client.give_back(&repayment).await.unwrap();
    assert_eq!((given.amount, given.status), (240, RefundStatus::Succeeded));
    let all = client.given_back(&intent.id).await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].metadata[REFERENCE], refund.to_string());
}

#[tokio::test]
#[ignore = "needs localstripe; the step `provider` of cargo xtask test installs it and runs this"]
async fn declined_and_given_up() {
    let server = Server::start().await;
    let client = server.client();
    let card = server.card("4000000000000341").await;
    let order = payment(Some(&card));
    let intent = client.prepare(&order).await.unwrap();
    let declined = client.confirm(&intent.id, order.charge).await.unwrap();
    assert_eq!((declined.status, declined.failure()), (IntentStatus::RequiresPaymentMethod, Some("card_declined")));
    let cancelled = client.cancel(&intent.id, order.charge).await.unwrap();
    assert_eq!(cancelled.status, IntentStatus::Canceled);
    assert_eq!(client.confirm(&intent.id, order.charge).await.unwrap().status, IntentStatus::Canceled);
}

#[tokio::test]
#[ignore = "needs localstripe; the step `provider` of cargo xtask test installs it and runs this"]
async fn strong_authentication() {
    let server = Server::start().await;
    let client = server.client();
    let card = server.card("4000002500003155").await;
    let order = payment(Some(&card));
    let intent = client.prepare(&order).await.unwrap();
    let waiting = client.confirm(&intent.id, order.charge).await.unwrap();
    assert_eq!(waiting.status, IntentStatus::RequiresAction);
    let secret = waiting.client_secret.unwrap();
    let path = format!("/v1/payment_intents/{}/_authenticate", intent.id);
    server.raw(&path, &[("client_secret", &secret), ("success", "true")]).await;
    assert_eq!(client.look(&intent.id).await.unwrap().status, IntentStatus::Succeeded);
}

#[tokio::test]
#[ignore = "needs localstripe; the step `provider` of cargo xtask test installs it and runs this"]
async fn without_a_method_it_waits_for_the_browser() {
    let server = Server::start().await;
    let client = server.client();
    let order = payment(None);
    let intent = client.prepare(&order).await.unwrap();
    assert_eq!(intent.status, IntentStatus::RequiresPaymentMethod);
    assert!(intent.client_secret.is_some());
    assert_eq!(client.cancel(&intent.id, order.charge).await.unwrap().status, IntentStatus::Canceled);
    let unknown = client.prepare(&payment(Some("pm_nobody_has_this"))).await.unwrap_err();
    assert!(!unknown.is_transient(), "{unknown}");
}
