//! An application with stores of its own, a provider and a clock, and ways to ask it.

use std::io::Read as _;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::body::to_bytes;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::CloudEvent;
use parvis_events::parking_session::session_subject;
use parvis_kit::event_store::EventStore;
use parvis_kit::http::service;
use parvis_parking::plate::PlateKey;
use parvis_payments::routes::router;
use parvis_payments::state::{App, Parts, Settings};
use parvis_payments::store::{ParkedPlates, PaymentsStore, Told};
use parvis_stripe::{Intent, IntentStatus, Stripe, webhook};
use parvis_test_provider::{PUBLISHABLE_KEY, Provider, SECRET_KEY};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

/// The secret of the webhook.
pub const WEBHOOK_SECRET: &str = "whsec_test";
/// A driver.
pub const DRIVER: &str = "driver-1";

/// The tariffs of the demo.
pub const TARIFFS: &str = include_str!("../../../../../samples/tariffs/default.toml");

/// An instant.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// An application under test. It begins on a Tuesday, 10:00 in Paris.
pub struct Platform {
    pub app: App,
    pub provider: Provider,
    pub dynamodb: Client,
    clock: Arc<Mutex<DateTime<Utc>>>,
    pub provider_url: String,
    /// What is answered in the provider's place, unless it is zero.
    instead: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

/// What the application answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    pub headers: axum::http::HeaderMap,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The JSON of a success.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// The problem of a refusal.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }
}

/// A request's body for a session of Zone_B that is paid by a card which works.
pub fn session(plate: &str, minutes: u32) -> Value {
    json!({
        "id": Uuid::new_v4(), "zone": "Zone_B", "plate": plate, "minutes": minutes,
        "pay": { "with": "method", "id": "pm_card_visa" },
    })
}

impl Platform {
    /// With the demo's tariffs in force.
    pub async fn start() -> Self {
        Self::under(TARIFFS).await
    }

    /// With these tariffs in force.
    pub async fn under(tariffs: &str) -> Self {
        let platform = Self::without_tariffs().await;
        platform.send("PUT", "/v1/parking/tariffs", Some(("boss", "manager")), Some(tariffs.into())).await.ok();
        platform
    }

    pub async fn without_tariffs() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let dynamodb = parvis_test_tables::start(&["payments", "plates", "events", "forecasts"]).await.unwrap();
        let clock = Arc::new(Mutex::new(at("2026-03-03T09:00:00Z")));
        let told = clock.clone();
        let provider = Provider::in_memory(Arc::new(move || *told.lock().unwrap()));
        let instead = Arc::new(AtomicU16::new(0));
        let asked = Arc::new(AtomicUsize::new(0));
        let provider_url = serve(provider.clone(), instead.clone(), asked.clone()).await;
        let told = Told { events: EventStore::new(dynamodb.clone(), "events"), timezone: chrono_tz::Europe::Paris };
        let parts = Parts {
            store: PaymentsStore::new(dynamodb.clone(), "payments", told),
            plates: ParkedPlates::new(dynamodb.clone(), "plates"),
            provider: Arc::new(Stripe::new(&provider_url, SECRET_KEY).unwrap()),
            plate_key: PlateKey::new(b"test"),
            settings: Settings {
                publishable_key: PUBLISHABLE_KEY.to_owned(),
                webhook_secret: WEBHOOK_SECRET.to_owned(),
                plate_retention: TimeDelta::hours(24),
            },
        };
        let told = clock.clone();
        let app = App::new(parts, Arc::new(move || *told.lock().unwrap()));
        Self { app, provider, dynamodb, clock, provider_url, instead, asked }
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    pub fn pass(&self, time: TimeDelta) {
        *self.clock.lock().unwrap() += time;
    }

    /// The provider cannot be reached from now on, or can again.
    pub fn provider_is_away(&self, away: bool) {
        self.provider_answers(away.then_some(502));
    }

    /// The provider answers this from now on, whatever it is asked, without a body that could be read; or works again.
    pub fn provider_answers(&self, status: Option<u16>) {
        self.instead.store(status.unwrap_or_default(), Ordering::SeqCst);
    }

    /// How many requests the provider has got.
    pub fn asked_of_provider(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Somebody with the secret key does something at the provider.
    #[track_caller]
    pub fn at_provider(&self, path: &str, form: &[(&str, &str)]) -> impl Future<Output = ()> {
        let url = format!("{}/v1/{path}", self.provider_url);
        let request = reqwest::Client::new().post(url).bearer_auth(SECRET_KEY).form(form);
        async move { assert!(request.send().await.unwrap().status().is_success()) }
    }

    /// Sends JSON, or text, as a caller (subject and role).
    pub async fn send(&self, method: &str, path: &str, caller: Option<(&str, &str)>, body: Option<Value>) -> Answer {
        self.send_with(method, path, caller, &[], body).await
    }

    pub async fn send_with(
        &self,
        method: &str,
        path: &str,
        caller: Option<(&str, &str)>,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let claims = caller.map(|(subject, role)| json!({ "sub": subject, "cognito:groups": format!("[{role}]") }));
        self.send_as(method, path, claims, headers, body).await
    }

    /// With the claims of a token.
    pub async fn send_as(
        &self,
        method: &str,
        path: &str,
        claims: Option<Value>,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Answer {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut all = json!({ "host": "api.example", "content-type": "application/json" });
        for (name, value) in headers {
            all[*name] = (*value).into();
        }
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": all,
            "requestContext": { "stage": "$default", "http": { "method": method, "path": path } },
            "isBase64Encoded": false,
        });
        if let Some(claims) = claims {
            event["requestContext"]["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
        }
        match body {
            Some(Value::String(text)) => event["body"] = text.into(),
            Some(other) => event["body"] = other.to_string().into(),
            None => {}
        }
        let request = lambda_http::request::from_str(&event.to_string()).unwrap();
        let response = service(router(self.app.clone())).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let mut body = Vec::new();
        if parts.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            flate2::read::GzDecoder::new(bytes.as_ref()).read_to_end(&mut body).unwrap();
        } else {
            body.extend(bytes);
        }
        Answer { status: parts.status, body, headers: parts.headers }
    }

    /// As the driver.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, Some((DRIVER, "driver")), Some(body)).await
    }

    /// As the driver.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Some((DRIVER, "driver")), None).await
    }

    /// Starts a session as the driver.
    pub async fn begin(&self, body: &Value) -> Answer {
        self.post("/v1/parking/sessions", body.clone()).await
    }

    /// What its driver is told of a session, from the first on.
    pub async fn told(&self, session: &Value) -> Vec<CloudEvent> {
        self.told_of(&session_subject(session.as_str().unwrap())).await
    }

    /// The events about a subject, from the first on; each is what its schema describes.
    pub async fn told_of(&self, subject: &str) -> Vec<CloudEvent> {
        let newest = EventStore::new(self.dynamodb.clone(), "events").newest(subject, 50, None).await.unwrap();
        newest.iter().for_each(parvis_test_events::check);
        newest.into_iter().rev().collect()
    }

    /// Whether a right covers a plate in Zone_B now.
    pub async fn is_allowed(&self, plate: &str) -> bool {
        let question = json!({ "plate": plate, "zone": "Zone_B" });
        let answer = self.send("POST", "/v1/parking/rights/check", Some(("anouk", "agent")), Some(question)).await;
        answer.ok()["allowed"].as_bool().unwrap()
    }

    /// Puts money into a wallet, in cents.
    pub async fn fund(&self, owner: &str, cents: i64) {
        let update = self.dynamodb.update_item().table_name("payments");
        let update = update.key("pk", AttributeValue::S(format!("owner#{owner}")));
        let update = update.key("sk", AttributeValue::S("wallet".into()));
        let update = update.update_expression("SET cents = :cents, currency = :currency");
        let update = update.expression_attribute_values(":cents", AttributeValue::N(cents.to_string()));
        update.expression_attribute_values(":currency", AttributeValue::S("EUR".into())).send().await.unwrap();
    }

    /// Until when a session's clear plate is kept; `None` when it is not.
    pub async fn plate_until(&self, session: &Value) -> Option<DateTime<Utc>> {
        let get = self.dynamodb.get_item().table_name("plates");
        let get = get.key("pk", AttributeValue::S(format!("session#{}", session.as_str().unwrap())));
        let item = get.key("sk", AttributeValue::S("plate".into())).send().await.unwrap().item?;
        item.get("plate")?;
        DateTime::from_timestamp(item["expires_at"].as_n().unwrap().parse().unwrap(), 0)
    }

    /// What items hold whose keys are, or begin, so.
    pub async fn data_of(&self, partition: &str, sort: &str) -> Vec<String> {
        let query = self.dynamodb.query().table_name("payments");
        let query = query.key_condition_expression("pk = :pk AND sk >= :sk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(partition.into()));
        let sort = if sort.is_empty() { "#" } else { sort };
        let query = query.expression_attribute_values(":sk", AttributeValue::S(sort.into()));
        let items = query.send().await.unwrap().items.unwrap_or_default();
        items.into_iter().map(|item| item["data"].as_s().unwrap().clone()).collect()
    }

    /// What the provider has taken, less what it has given back, in cents.
    pub fn taken(&self) -> i64 {
        let account = self.provider.account();
        let paid = account.intents().filter(|intent| intent.status == IntentStatus::Succeeded);
        let paid: i64 = paid.map(|intent| intent.amount).sum();
        let given = account.refunds().filter(|refund| refund.status.moves_money());
        paid - given.map(|refund| refund.amount).sum::<i64>()
    }

    /// The only intent.
    pub fn intent(&self) -> Intent {
        let account = self.provider.account();
        let mut intents = account.intents();
        let only = intents.next().unwrap().clone();
        assert!(intents.next().is_none(), "more than one intent");
        only
    }

    /// The payer's browser confirms the intent at the provider.
    pub async fn browser(&self, action: &str, fields: &[(&str, &str)]) -> u16 {
        let intent = self.intent();
        let url = format!("{}/v1/payment_intents/{}/{action}", self.provider_url, intent.id);
        let secret = intent.client_secret.unwrap();
        let mut form = vec![("client_secret", secret.as_str())];
        form.extend_from_slice(fields);
        let request = reqwest::Client::new().post(url).bearer_auth(PUBLISHABLE_KEY).form(&form);
        request.send().await.unwrap().status().as_u16()
    }

    /// The provider's message about a session, signed with a secret.
    pub async fn message(&self, session: &Value, secret: &str) -> Answer {
        self.message_of("payment_intent.succeeded", session, secret).await
    }

    /// The same of a type.
    pub async fn message_of(&self, kind: &str, session: &Value, secret: &str) -> Answer {
        let object = json!({ "id": "x", "object": kind.split('.').next(), "metadata": { "parvis_session": session } });
        let body = json!({ "id": "evt_1", "type": kind, "data": { "object": object } }).to_string();
        let signature = webhook::sign(secret, body.as_bytes(), self.now());
        let headers = [("stripe-signature", signature.as_str())];
        self.send_with("POST", "/v1/parking/webhooks/stripe", None, &headers, Some(body.into())).await
    }
}

async fn serve(provider: Provider, instead: Arc<AtomicU16>, asked: Arc<AtomicUsize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gate = axum::middleware::from_fn(move |request: axum::extract::Request, next: axum::middleware::Next| {
        let instead = instead.clone();
        asked.fetch_add(1, Ordering::SeqCst);
        async move {
            match StatusCode::from_u16(instead.load(Ordering::SeqCst)) {
                Ok(status) => axum::response::IntoResponse::into_response(status),
                Err(_) => next.run(request).await,
            }
        }
    });
    let router: axum::Router = parvis_test_provider::router(provider).layer(gate);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
