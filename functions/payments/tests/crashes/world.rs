//! A world with a process that may die.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_kit::event_store::EventStore;
use parvis_money::Money;
use parvis_parking::plate::{Plate, PlateKey};
use parvis_payments::error::ApiError;
use parvis_payments::flow::{Extension, Length, PayWith, Start};
use parvis_payments::provider::REFERENCE;
use parvis_payments::record::{RefundState, SessionRecord, TopUp};
use parvis_payments::state::{App, Parts, Settings};
use parvis_payments::store::{ParkedPlates, PaymentsStore, Told};
use parvis_stripe::Stripe;
use parvis_tariffs::{Holder, Tariffs, read_book};
use parvis_test_provider::{PUBLISHABLE_KEY, Provider, SECRET_KEY};
use uuid::Uuid;

use crate::gate::{self, Death, Fuse};

/// The tariffs of the demo.
const TARIFFS: &str = include_str!("../../../../samples/tariffs/default.toml");
/// The driver.
pub const OWNER: &str = "driver-1";

/// What somebody asks of the process.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A session, by its number in this run.
    Start { session: usize, plate: &'static str, minutes: u32, pay: PayWith },
    /// An extension of it; the number makes repetitions the same.
    Extend { session: usize, extension: usize, minutes: u32, pay: PayWith },
    /// Its end.
    Stop { session: usize },
    /// Money for the driver's wallet; the number makes repetitions the same.
    TopUp { number: usize, cents: i64, pay: PayWith },
    /// What the driver's wallet holds, back to the cards.
    PayBack,
    /// The provider's message about the session and the top-up of this number.
    Message { number: usize },
    /// The schedule.
    Sweep,
    /// The other schedule.
    Reconcile,
}

/// What happens outside of the process.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody asks.
    Ask(Ask),
    /// The payer's browser brings the open payments of the session and the top-up of this number to an end at the provider.
    Browser { number: usize },
    /// Time goes by.
    Pass(u32),
}

/// By card in the browser.
pub const BROWSER: PayWith = PayWith::CardInBrowser;

/// From the wallet.
pub const WALLET: PayWith = PayWith::Wallet;

/// By a payment method of the test provider.
pub fn by(method: &str) -> PayWith {
    PayWith::Method { id: format!("pm_card_{method}") }
}

/// The world.
pub struct World {
    fuse: Fuse,
    /// Through the gate.
    mortal: (Client, Stripe),
    /// Past the gate: what is true.
    pub client: Client,
    http: reqwest::Client,
    provider_url: String,
    pub provider: Provider,
    clock: Arc<Mutex<DateTime<Utc>>>,
    pub tariffs: Tariffs,
    run: Uuid,
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-west-3"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .build();
    Client::from_conf(config)
}

impl World {
    /// A Tuesday, 09:00 in Paris, with tariffs in force.
    pub async fn new() -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let fuse = Fuse::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let truth = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
        let direct = client(&truth);
        for table in ["payments", "plates", "events"] {
            make_table(&direct, table).await;
        }
        let clock = Arc::new(Mutex::new("2026-03-03T08:00:00Z".parse().unwrap()));
        let told = clock.clone();
        let provider = Provider::in_memory(Arc::new(move || *told.lock().unwrap()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider_url = format!("http://{}", listener.local_addr().unwrap());
        let router: axum::Router = parvis_test_provider::router(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let http = gate::client();
        let gated = gate::before(provider_url.clone(), fuse.clone(), http.clone()).await;
        let stripe = Stripe::over(http.clone(), &gated, SECRET_KEY);
        let mortal = (client(&gate::before(truth, fuse.clone(), http.clone()).await), stripe);
        let (tariffs, _) = read_book(TARIFFS).unwrap();
        let run = Uuid::new_v4();
        let world = Self { fuse, mortal, client: direct, http, provider_url, provider, clock, tariffs, run };
        world.process().put_book(TARIFFS, None).await.unwrap();
        world
    }

    /// The table, past the gate.
    pub fn store(&self) -> PaymentsStore {
        PaymentsStore::new(self.client.clone(), "payments", told(&self.client))
    }

    /// All that is stored, past the gate.
    pub async fn stored(&self) -> Stored {
        Stored(self.client.scan().table_name("payments").send().await.unwrap().items.unwrap_or_default())
    }

    /// Subject and type of all events.
    pub async fn events(&self) -> Vec<(String, String)> {
        let items = self.client.scan().table_name("events").send().await.unwrap().items.unwrap_or_default();
        let text = |value: &AttributeValue| value.as_s().unwrap().clone();
        items.iter().map(|item| (text(&item["pk"]), text(&item["type"]))).collect()
    }

    pub fn now(&self) -> DateTime<Utc> {
        *self.clock.lock().unwrap()
    }

    pub fn id(&self, session: usize) -> Uuid {
        Uuid::new_v5(&self.run, format!("session {session}").as_bytes())
    }

    /// The client's id of a payment into the wallet.
    fn asked(&self, number: usize) -> Uuid {
        Uuid::new_v5(&self.run, format!("top-up {number}").as_bytes())
    }

    /// The service's.
    fn top_up(&self, number: usize) -> Uuid {
        TopUp::id_of(OWNER, self.asked(number))
    }

    /// A process: it knows nothing but what is stored.
    fn process(&self) -> App {
        let (dynamodb, provider) = self.mortal.clone();
        let parts = Parts {
            store: PaymentsStore::new(dynamodb.clone(), "payments", told(&dynamodb)),
            plates: ParkedPlates::new(dynamodb, "plates"),
            provider: Arc::new(provider),
            plate_key: PlateKey::new(b"test"),
            settings: Settings {
                publishable_key: String::new(),
                webhook_secret: String::new(),
                plate_retention: TimeDelta::hours(24),
            },
        };
        let clock = self.clock.clone();
        App::new(parts, Arc::new(move || *clock.lock().unwrap()))
    }

    /// Something happens; true if a process has died of it.
    pub async fn happen(&self, event: &Event, death: Option<Death>) -> bool {
        match event {
            Event::Pass(minutes) => *self.clock.lock().unwrap() += TimeDelta::minutes(i64::from(*minutes)),
            Event::Browser { number } => self.browser(*number).await,
            Event::Ask(ask) => {
                self.fuse.light(death);
                tokio::select! {
                    biased;
                    () = self.fuse.wait() => return true,
                    answer = self.ask(self.process(), ask) => {
                        // Refusals are answers; failures are not, for nothing fails here but by death.
                        if let Err(ApiError::Problem(problem)) = &answer {
                            assert!(!problem.status().is_server_error(), "{ask:?}: {problem:?}");
                        }
                    }
                }
                self.fuse.light(None);
            }
        }
        false
    }

    async fn ask(&self, app: App, ask: &Ask) -> Result<(), ApiError> {
        match ask {
            Ask::Start { session, plate, minutes, pay } => {
                let start = Start {
                    id: self.id(*session),
                    zone: "Zone_B".parse().unwrap(),
                    plate: Plate::normalise(plate).unwrap(),
                    holder: Holder::default(),
                    length: Length::Minutes(*minutes),
                    price_cents: None,
                    pay: pay.clone(),
                    // The last session of a run is somebody else's: what is not paid gives way.
                    owner: if *session == 2 { "driver-2" } else { OWNER }.to_owned(),
                };
                app.start(&start).await.map(drop)
            }
            Ask::Extend { session, extension, minutes, pay } => {
                let Some(record) = app.store().session(self.id(*session)).await? else { return Ok(()) };
                let id = Uuid::new_v5(&record.session.id, format!("extension {extension}").as_bytes());
                let extension =
                    Extension { id, length: Length::Minutes(*minutes), price_cents: None, pay: pay.clone() };
                app.extend(record, &extension).await.map(drop)
            }
            Ask::Stop { session } => {
                let Some(record) = app.store().session(self.id(*session)).await? else { return Ok(()) };
                app.stop(record).await.map(drop)
            }
            Ask::TopUp { number, cents, pay } => {
                app.top_up(OWNER, self.asked(*number), Money::eur(*cents), pay).await.map(drop)
            }
            Ask::PayBack => app.pay_back(OWNER).await.map(drop),
            Ask::Message { number } => {
                if let Some(top_up) = app.store().top_up(self.top_up(*number)).await? {
                    app.told_of_top_up(top_up, true).await?;
                }
                let Some(record) = app.store().session(self.id(*number)).await? else { return Ok(()) };
                app.told(record, true).await.map(drop)
            }
            Ask::Sweep => app.sweep().await.map(drop),
            Ask::Reconcile => app.reconcile(std::time::Duration::from_secs(60)).await.map(drop),
        }
    }

    /// The payer's browser, with the secrets that the page has of the session and the top-up of this number.
    async fn browser(&self, number: usize) {
        let session = self.store().session(self.id(number)).await.unwrap();
        let charge = session.as_ref().and_then(SessionRecord::open_charge);
        let paid = charge.and_then(|charge| charge.intent.clone().zip(charge.client_secret.clone()));
        let top_up = self.store().top_up(self.top_up(number)).await.unwrap();
        let put_in = top_up.and_then(|top_up| top_up.intent.zip(top_up.client_secret));
        for (intent, secret) in paid.into_iter().chain(put_in) {
            self.confirm(&intent, &secret).await;
        }
    }

    async fn confirm(&self, intent: &str, secret: &str) {
        for action in ["confirm", "authenticate"] {
            let url = format!("{}/v1/payment_intents/{intent}/{action}", self.provider_url);
            let form = [("client_secret", secret), ("payment_method", "pm_card_visa"), ("success", "true")];
            let request = self.http.post(url).bearer_auth(PUBLISHABLE_KEY).form(&form);
            request.send().await.unwrap();
        }
    }

    /// Nobody asks for anything any more: only the schedule runs, until nothing is left to do. Its runs at which nothing is
    /// due are left out.
    pub async fn rest(&self) {
        for _ in 0..60 {
            let stored = self.stored().await;
            let top_ups = stored.top_ups();
            let due = stored
                .sessions()
                .iter()
                .filter_map(SessionRecord::due)
                .chain(top_ups.iter().filter_map(TopUp::due))
                .min();
            let Some(due) = due else {
                let listed: Vec<Uuid> = stored.all("work");
                assert!(listed.is_empty(), "the work list is not empty: {listed:?}");
                if !self.has_lost_refunds(&stored) {
                    return;
                }
                // The provider tells of what banks have sent back until somebody listens.
                for number in 0..3 {
                    self.happen(&Event::Ask(Ask::Message { number }), None).await;
                }
                continue;
            };
            let now = self.now();
            *self.clock.lock().unwrap() = now.max(due + TimeDelta::minutes(1));
            self.happen(&Event::Ask(Ask::Sweep), None).await;
        }
        panic!("something is always left to do");
    }
}

impl World {
    /// Whether a refund that is taken for given here has failed at the provider.
    fn has_lost_refunds(&self, stored: &Stored) -> bool {
        let account = self.provider.account();
        let failed: Vec<&String> = account
            .refunds()
            .filter(|refund| !refund.status.moves_money())
            .map(|refund| &refund.metadata[REFERENCE])
            .collect();
        let (sessions, top_ups) = (stored.sessions(), stored.top_ups());
        let of_sessions = sessions.iter().flat_map(|record| &record.refunds);
        let refunds = of_sessions.chain(top_ups.iter().flat_map(|top_up| &top_up.refunds));
        let mut given = refunds.filter(|refund| refund.state == RefundState::Done);
        given.any(|refund| failed.contains(&&refund.key().to_string()))
    }
}

fn told(client: &Client) -> Told {
    Told { events: EventStore::new(client.clone(), "events"), timezone: chrono_tz::Europe::Paris }
}

/// All that is stored at a moment.
pub struct Stored(Vec<HashMap<String, AttributeValue>>);

impl Stored {
    /// All values of a kind of item.
    pub fn all<T: serde::de::DeserializeOwned>(&self, kind: &str) -> Vec<T> {
        let of_kind = self.0.iter().filter(|item| item["kind"].as_s().is_ok_and(|found| found == kind));
        of_kind.map(|item| serde_json::from_str(item["data"].as_s().unwrap()).unwrap()).collect()
    }

    /// All sessions.
    pub fn sessions(&self) -> Vec<SessionRecord> {
        self.all("session")
    }

    /// All payments into wallets.
    pub fn top_ups(&self) -> Vec<TopUp> {
        self.all("top_up")
    }

    /// What all wallets hold.
    pub fn wallets(&self) -> i64 {
        let wallets = self.0.iter().filter(|item| item["kind"].as_s().is_ok_and(|kind| kind == "wallet"));
        wallets.map(|item| item["cents"].as_n().unwrap().parse::<i64>().unwrap()).sum()
    }
}

async fn make_table(client: &Client, table: &str) {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let mut create = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type);
        create = create.attribute_definitions(attribute.build().unwrap()).key_schema(key.build().unwrap());
    }
    create.send().await.unwrap();
}
