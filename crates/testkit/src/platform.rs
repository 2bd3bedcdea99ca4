//! One platform, wherever it runs.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use anyhow::Context;
use chrono_tz::Tz;
use parvis_ingest::dead_letter::DeadLetter;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::dead_letters::DeadLetters;
use crate::devices::{Device, Subscriber};
use crate::embedded::Embedded;
use crate::forwarder::{Forwarder, TlsFiles};
use crate::http::Api;

/// A platform that somebody else has started.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployed {
    /// Base address of the API.
    pub api: String,
    /// MQTT broker, `host:port`.
    pub mqtt: String,
    /// Certificate for a broker that speaks TLS only.
    #[serde(default)]
    pub mqtt_tls: Option<TlsFiles>,
    /// MQTT over WebSocket.
    pub ws: String,
    /// Host header of the WebSocket, where the address does not say by itself which service is meant.
    #[serde(default)]
    pub ws_host: Option<String>,
    /// Endpoint of SQS.
    pub sqs: String,
    /// URL of the dead-letter queue.
    pub dead_letter_queue: String,
    /// URL of the queue of device messages.
    pub ingest_queue: String,
    /// Zone in which timestamps without offset are read.
    #[serde(default)]
    pub timezone: Tz,
    /// Bearer tokens by user.
    pub tokens: HashMap<String, String>,
}

enum Target {
    Embedded(Box<Embedded>),
    Deployed(Box<Deployed>),
}

/// The platform under test.
pub struct Platform {
    target: Target,
    dead_letters: DeadLetters,
    /// Before a broker that speaks TLS only.
    forwarder: Option<Forwarder>,
}

impl Platform {
    /// The platform that `PARVIS_TARGET` describes, else an embedded stack of the test's own.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with other values for the template's parameters where it is started here.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(parameters: &[(&str, &str)]) -> Self {
        match Self::try_start(parameters).await {
            Ok(platform) => platform,
            Err(error) => panic!("the platform did not start: {error:#}"),
        }
    }

    async fn try_start(parameters: &[(&str, &str)]) -> anyhow::Result<Self> {
        // For whatever HTTP client a test makes; where one is chosen already, that is as good.
        rustls::crypto::ring::default_provider().install_default().ok();
        if let Some(file) = std::env::var_os("PARVIS_TARGET") {
            let text = std::fs::read_to_string(&file).with_context(|| format!("{}", file.display()))?;
            let deployed: Deployed = serde_json::from_str(&text)?;
            let forwarder = match &deployed.mqtt_tls {
                Some(files) => Some(Forwarder::start(&deployed.mqtt, files).await?),
                None => None,
            };
            return Ok(Self { forwarder, ..Self::deployed(deployed) });
        }
        let embedded = Embedded::start(parameters).await?;
        let stack = embedded.stack();
        let url = |queue| stack.queue_url(queue).context("queue of the template").map(str::to_owned);
        let dead_letters =
            DeadLetters::new(&stack.endpoints().sqs, &url("IngestDeadLetterQueue")?, &url("IngestQueue")?);
        Ok(Self { target: Target::Embedded(Box::new(embedded)), dead_letters, forwarder: None })
    }

    /// A platform that runs elsewhere, with a broker that speaks plain MQTT.
    #[must_use]
    pub fn deployed(deployed: Deployed) -> Self {
        let dead_letters = DeadLetters::new(&deployed.sqs, &deployed.dead_letter_queue, &deployed.ingest_queue);
        Self { target: Target::Deployed(Box::new(deployed)), dead_letters, forwarder: None }
    }

    /// The embedded stack, if it is one.
    #[must_use]
    pub fn embedded(&self) -> Option<&Embedded> {
        match &self.target {
            Target::Embedded(embedded) => Some(embedded),
            Target::Deployed(_) => None,
        }
    }

    /// The embedded stack, for tests that need its faults or its timers. Elsewhere says on standard error that `what` is not tested
    /// there, so that a test that does less is seen to do less.
    #[must_use]
    pub fn embedded_or_say(&self, what: &str) -> Option<&Embedded> {
        let embedded = self.embedded();
        if embedded.is_none() {
            eprintln!("not tested on this platform: {what}");
        }
        embedded
    }

    /// The zone in which timestamps without offset are read.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        match &self.target {
            Target::Embedded(embedded) => embedded.timezone(),
            Target::Deployed(deployed) => deployed.timezone,
        }
    }

    /// Base address of the API.
    #[must_use]
    pub fn api_url(&self) -> &str {
        match &self.target {
            Target::Embedded(embedded) => &embedded.stack().endpoints().api,
            Target::Deployed(deployed) => &deployed.api,
        }
    }

    /// A client of the API without a login.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(self.api_url().to_owned())
    }

    /// A bearer token of one of the demo users.
    ///
    /// # Panics
    /// When there is no such user.
    pub async fn token(&self, user: &str) -> String {
        match &self.target {
            Target::Embedded(embedded) => match embedded.stack().identity().mint(user).await {
                Ok(token) => token,
                Err(error) => panic!("no token for {user}: {error}"),
            },
            Target::Deployed(deployed) => deployed.tokens[user].clone(),
        }
    }

    /// A client of the API with the login of one of the demo users.
    pub async fn login(&self, user: &str) -> Api {
        self.api().with_token(self.token(user).await)
    }

    /// Host and port of the MQTT broker.
    ///
    /// # Panics
    /// When the address is not `host:port`.
    #[must_use]
    pub fn mqtt(&self) -> (String, u16) {
        let address = match (&self.target, &self.forwarder) {
            (_, Some(forwarder)) => &forwarder.address,
            (Target::Embedded(embedded), None) => embedded.stack().endpoints().broker(),
            (Target::Deployed(deployed), None) => &deployed.mqtt,
        };
        match address.rsplit_once(':').map(|(host, port)| (host.to_owned(), port.parse())) {
            Some((host, Ok(port))) => (host, port),
            _ => panic!("`{address}` is not host:port"),
        }
    }

    /// A new device.
    ///
    /// # Panics
    /// When the broker cannot be reached.
    pub async fn device(&self) -> Device {
        let (host, port) = self.mqtt();
        match Device::connect(&host, port).await {
            Ok(device) => device,
            Err(error) => panic!("no device: {error:#}"),
        }
    }

    /// A new listener over TCP.
    ///
    /// # Panics
    /// When the broker cannot be reached or refuses.
    pub async fn subscribe(&self, filter: &str) -> Subscriber {
        let (host, port) = self.mqtt();
        match Subscriber::tcp(&host, port, filter).await {
            Ok(subscriber) => subscriber,
            Err(error) => panic!("no listener on {filter}: {error:#}"),
        }
    }

    /// A new listener over WebSocket, as a page without a login is.
    ///
    /// # Panics
    /// When the broker cannot be reached or refuses.
    pub async fn websocket(&self, filter: &str) -> Subscriber {
        let (url, host) = match &self.target {
            Target::Embedded(embedded) => (&embedded.stack().endpoints().ws, None),
            Target::Deployed(deployed) => (&deployed.ws, deployed.ws_host.clone()),
        };
        match Subscriber::websocket(url, host, filter).await {
            Ok(subscriber) => subscriber,
            Err(error) => panic!("no page on {filter}: {error:#}"),
        }
    }

    /// A text that no other test has.
    #[must_use]
    pub fn unique(&self) -> String {
        uuid::Uuid::new_v4().simple().to_string()[..12].to_owned()
    }

    /// Creates a place of its own for the test and returns its id.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn new_place(&self, zones: &[(&str, RangeInclusive<u32>)]) -> String {
        let id = format!("test-{}", self.unique());
        self.create_place(&id, zones).await;
        id
    }

    /// Puts the demo's tariffs in force where there are none: `Zone_A` is open day and night, 0.60 EUR for each quarter of an hour.
    ///
    /// # Errors
    /// When the API refuses.
    pub async fn put_tariffs_in_force(&self) -> anyhow::Result<()> {
        const TARIFFS: &str = include_str!("../../../samples/tariffs/default.toml");
        // Tests share a deployment: another may have put them in force before, or at the same time.
        const DONE: [StatusCode; 2] = [StatusCode::PRECONDITION_REQUIRED, StatusCode::PRECONDITION_FAILED];
        let (admin, path) = (self.login("admin").await, "/v1/parking/tariffs");
        // The book is TOML and no JSON.
        if admin.request(Method::GET, path).send().await?.status() == StatusCode::NOT_FOUND {
            let (status, body) = admin.answer(admin.request(Method::PUT, path).body(TARIFFS)).await?;
            anyhow::ensure!(status.is_success() || DONE.contains(&status), "{status}: {body}");
        }
        Ok(())
    }

    /// Creates a place.
    ///
    /// # Panics
    /// When the API refuses.
    pub async fn create_place(&self, id: &str, zones: &[(&str, RangeInclusive<u32>)]) {
        let zone = |(zone, spaces): &(&str, RangeInclusive<u32>)| {
            let spaces: Vec<_> = spaces.clone().map(|number| json!({ "number": number, "kind": "standard" })).collect();
            json!({ "id": zone, "name": zone, "source": "spaces", "spaces": spaces })
        };
        let body = json!({
            "id": id,
            "name": format!("Place {id}"),
            "timezone": "Europe/Paris",
            "enrolment": "closed",
            "zones": zones.iter().map(zone).collect::<Vec<_>>(),
        });
        let admin = self.login("admin").await;
        if let Err(error) = admin.send(Method::POST, "/v1/places", &body).await {
            panic!("{id} was not created: {error:#}");
        }
    }

    /// The dead letters of a place's devices.
    ///
    /// # Errors
    /// When the queue cannot be read.
    pub async fn dead_letters(&self, place: &str) -> anyhow::Result<Vec<DeadLetter>> {
        self.dead_letters.of_place(place).await
    }

    /// Sends the dead letters of a place's devices once more.
    ///
    /// # Errors
    /// When a queue cannot be reached.
    pub async fn redrive(&self, place: &str) -> anyhow::Result<()> {
        self.dead_letters.redrive(place).await
    }
}
