//! The whole stack: what is started in which order, and stopped in the reverse one.

mod directory;
mod endpoints;
mod ports;
mod progress;
mod resolve;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use directory::{Announcement, announced};
pub use endpoints::Endpoints;

use crate::{
    dynamodb::{Durability, DynamoDb},
    faults::Faults,
    http,
    identity::{self, Identity},
    iot::{self, Iot},
    lambda::{self, Host},
    mappings::{Mappings, Sources},
    options::Options,
    postgres::Postgres,
    queues::{self, Queues},
    schedules::Schedules,
    seed,
    sns::{self, Sns},
    state::State,
};
use directory::DataDirectory;
use progress::Progress;

/// The region all of it believes to be in, as does `parvis_sam`'s default.
pub(crate) const REGION: &str = "eu-west-3";

/// How long requests and the simulator may take to end.
const GRACE: Duration = Duration::from_secs(3);

/// A running stack. Several may run in one process.
pub struct Stack {
    endpoints: Endpoints,
    template: Arc<parvis_sam::Stack>,
    faults: Arc<Faults>,
    queues: Queues,
    dynamodb: DynamoDb,
    postgres: Postgres,
    host: Host,
    identity: Arc<Identity>,
    iot: Iot,
    sns: Sns,
    mappings: Mappings,
    schedules: Schedules,
    cancel: CancellationToken,
    /// Ends the services that functions need until their last moment.
    serving: CancellationToken,
    tasks: TaskTracker,
    /// Last, because its lock is what keeps another stack out.
    directory: DataDirectory,
}

impl Stack {
    /// Starts everything the template describes.
    ///
    /// # Errors
    /// When a port is taken, another stack runs on the data directory, the template asks for something unknown, or a part does
    /// not start; the message says what to do.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let progress = Progress::new(options.progress, 8);
        let started = Self::start_with(options, &progress).await;
        progress.finish();
        started
    }

    async fn start_with(options: Options, progress: &Progress) -> anyhow::Result<Self> {
        progress.step("reading the template");
        let directory = if options.ephemeral { DataDirectory::temporary()? } else { DataDirectory::open(&options.data_dir)? };
        let ground = Ground::prepare(&options, directory.path())?;
        let template = ground.template.clone();

        progress.step("starting PostgreSQL, DynamoDB and the functions' host");
        let (postgres, dynamodb, host) = tokio::try_join!(
            start_postgres(directory.path(), options.ephemeral),
            start_dynamodb(&template, directory.path(), options.ephemeral),
            start_host(&template, directory.path(), &options),
        )?;
        let queues = Queues::open(&directory.path().join("queues.db"), queues::Definition::of(&template), options.faults.clone())?;
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let serving = CancellationToken::new();
        serve_queues(&queues, ground.sqs, &ground.sqs_endpoint, &cancel, serving.clone())?;

        progress.step("starting SNS and the MQTT broker");
        let sns = sns::Config { template: &template, directory: directory.path(), functions: host.clone(), queues: queues.clone(), demo: options.demo };
        let sns = Sns::start(sns).await.context("SNS did not start")?;
        let iot = Iot::start(iot::Config {
            template: template.clone(),
            bind: options.bind,
            mqtt_port: options.mqtt_port,
            ws_port: options.ws_port,
            queues: queues.clone(),
            host: host.clone(),
            dir: directory.path().to_owned(),
        })
        .await
        .context("the MQTT broker did not start")?;
        let endpoints = Endpoints {
            api: ground.origin,
            mqtt: format!("mqtt://127.0.0.1:{}", iot.mqtt_port()),
            ws: format!("ws://127.0.0.1:{}/mqtt", iot.ws_port()),
            sqs: ground.sqs_endpoint,
            dynamodb: dynamodb.endpoint().to_owned(),
            sns: sns.endpoint().to_owned(),
            iot_data: iot.data_plane_endpoint().to_owned(),
            lambda: host.endpoint(),
            postgres: postgres_url(&postgres),
        };
        host.set_services(services(&endpoints, &postgres, &options));

        progress.step("bringing the database's schema up to date");
        migrate(&host).await?;

        progress.step("opening the API");
        serve_http(ground.http, &template, &host, &ground.identity, &sns, iot.ws_port(), &cancel, &tasks)?;

        progress.step("connecting queues, streams and schedules to the functions");
        let sources = Sources { queues: &queues, dynamodb: &dynamodb, state: &ground.state, host: &host, region: REGION };
        let mappings = Mappings::start(&template, &sources)?;
        let schedules = Schedules::start(&template, &host)?;
        let stack = Self {
            endpoints,
            template,
            faults: options.faults.clone(),
            queues,
            dynamodb,
            postgres,
            host,
            identity: ground.identity,
            iot,
            sns,
            mappings,
            schedules,
            cancel,
            serving,
            tasks,
            directory,
        };
        stack.directory.announce(&stack.endpoints)?;
        stack.populate(&options, progress).await?;
        Ok(stack)
    }

    /// The default place, and sensors that are not there.
    async fn populate(&self, options: &Options, progress: &Progress) -> anyhow::Result<()> {
        if options.seed {
            progress.step("creating the default place");
            let place = options.template_path()?.with_file_name("samples").join("places").join("default.json");
            seed::run(&self.endpoints.api, &self.identity, &place).await.context("the default place was not created")?;
        }
        if options.demo {
            progress.step("starting the simulator");
            let simulation = simulate(self.endpoints.broker().to_owned(), self.cancel.clone());
            self.tasks.spawn(async move {
                if let Err(error) = simulation.await {
                    tracing::error!(error = format!("{error:#}"), "the simulator stopped");
                }
            });
        }
        Ok(())
    }

    /// Where everything is.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The resolved template.
    #[must_use]
    pub fn template(&self) -> &parvis_sam::Stack {
        &self.template
    }

    /// Where everything is kept.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.directory.path()
    }

    /// The faults that tests ask for.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The queues.
    #[must_use]
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.dynamodb
    }

    /// PostgreSQL.
    #[must_use]
    pub fn postgres(&self) -> &Postgres {
        &self.postgres
    }

    /// The functions.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The login.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Broker, rules and data plane.
    #[must_use]
    pub fn iot(&self) -> &Iot {
        &self.iot
    }

    /// Notifications and the outbox.
    #[must_use]
    pub fn sns(&self) -> &Sns {
        &self.sns
    }

    /// The timers; [`Schedules::fire`] fires one now.
    #[must_use]
    pub fn schedules(&self) -> &Schedules {
        &self.schedules
    }

    /// URL of a queue, for SDK clients.
    #[must_use]
    pub fn queue_url(&self, logical_id: &str) -> Option<&str> {
        self.template.queues.get(logical_id).map(|queue| queue.url.as_str())
    }

    /// Stops everything, sources first, so that nothing is cut in the middle. Idempotent.
    pub async fn shutdown(&self) {
        self.directory.withdraw();
        self.cancel.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!("requests or the simulator did not end in time");
        }
        self.iot.shutdown().await;
        self.schedules.shutdown().await;
        self.mappings.shutdown().await;
        self.sns.shutdown().await;
        self.host.shutdown().await;
        self.serving.cancel();
        self.dynamodb.shutdown().await;
        self.postgres.shutdown().await;
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.directory.withdraw();
        self.cancel.cancel();
        self.serving.cancel();
        self.host.abandon();
    }
}

/// What must be known before anything starts: the public ports (so that a busy one is told first) and the template.
struct Ground {
    http: std::net::TcpListener,
    origin: String,
    sqs: std::net::TcpListener,
    sqs_endpoint: String,
    state: State,
    identity: Arc<Identity>,
    template: Arc<parvis_sam::Stack>,
}

impl Ground {
    fn prepare(options: &Options, directory: &Path) -> anyhow::Result<Self> {
        let http = ports::take(options.bind, options.port, "HTTP", "--port")?;
        // The broker takes these itself, but long after this moment.
        ports::take(options.bind, options.mqtt_port, "MQTT", "--mqtt-port")?;
        ports::take(options.bind, options.ws_port, "MQTT over WebSocket", "--ws-port")?;
        let sqs = std::net::TcpListener::bind(("127.0.0.1", 0)).context("no port for SQS")?;
        let sqs_endpoint = format!("http://{}", sqs.local_addr()?);
        let origin = format!("http://127.0.0.1:{}", http.local_addr()?.port());
        let state = State::open(&directory.join("state.db")).context("the state file cannot be opened")?;
        let identity = Arc::new(Identity::new(format!("{origin}{}", identity::PATH), directory));
        let template = Arc::new(resolve::template(options, &identity, &sqs_endpoint, &state)?);
        Ok(Self { http, origin, sqs, sqs_endpoint, state, identity, template })
    }
}

async fn start_postgres(directory: &Path, ephemeral: bool) -> anyhow::Result<Postgres> {
    let postgres = if ephemeral { Postgres::ephemeral().await } else { Postgres::start(directory).await };
    Ok(postgres?)
}

async fn start_dynamodb(template: &parvis_sam::Stack, directory: &Path, ephemeral: bool) -> anyhow::Result<DynamoDb> {
    let durability = if ephemeral { Durability::None } else { Durability::Process };
    Ok(DynamoDb::start(template.tables.values(), &directory.join("dynamodb"), durability).await?)
}

async fn start_host(template: &parvis_sam::Stack, directory: &Path, options: &Options) -> anyhow::Result<Host> {
    let config = lambda::Config {
        functions: template.functions.clone(),
        binary: options.function_binary()?,
        concurrency: options.concurrency,
        logs: directory.join("logs"),
        verbose: options.verbose,
        region: REGION.to_owned(),
        faults: options.faults.clone(),
    };
    Host::start(config).await.context("the functions' host did not start")
}

/// Serves SQS until `serving` ends, which is later than `cancel`: functions still send while the mappings are being stopped.
fn serve_queues(
    queues: &Queues,
    listener: std::net::TcpListener,
    endpoint: &str,
    cancel: &CancellationToken,
    serving: CancellationToken,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?.tap_io(|stream| drop(stream.set_nodelay(true)));
    let router = queues::protocol::router(queues.clone(), endpoint.to_owned(), cancel.clone());
    tokio::spawn(async move {
        tokio::select! {
            served = async { axum::serve(listener, router).await } => {
                if let Err(error) = served {
                    tracing::error!(%error, "SQS stopped serving");
                }
            }
            () = serving.cancelled() => {}
        }
    });
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "called once; a struct would only repeat http::Config")]
fn serve_http(
    listener: std::net::TcpListener,
    template: &parvis_sam::Stack,
    host: &Host,
    identity: &Arc<Identity>,
    sns: &Sns,
    ws_port: u16,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let api = template.http_apis.values().next().cloned().context("the template has no AWS::Serverless::HttpApi")?;
    let default_place = template.functions.values().find_map(|function| function.environment.get("DEFAULT_PLACE")).cloned().unwrap_or_default();
    let config = http::Config {
        listener: TcpListener::from_std(listener)?,
        api,
        functions: host.clone(),
        identity: identity.clone(),
        outbox: sns.outbox().clone(),
        web_root: web_root(),
        web: http::WebConfig { ws_port, issuer: identity.issuer().to_owned(), client_id: identity.client_id().to_owned(), default_place },
        cancel: cancel.clone(),
    };
    tasks.spawn(async move {
        if let Err(error) = http::serve(config).await {
            tracing::error!(error = format!("{error:#}"), "the API stopped");
        }
    });
    Ok(())
}

/// The built web application: of the working directory's repository, else of the one this program was built in.
fn web_root() -> std::path::PathBuf {
    let here = std::path::PathBuf::from("web/dist");
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    if here.is_dir() { here } else { own() }
}

/// What every sandbox is told about this machine.
fn services(endpoints: &Endpoints, postgres: &Postgres, options: &Options) -> BTreeMap<String, String> {
    let mut services = postgres.environment();
    for (service, endpoint) in [
        ("DYNAMODB", &endpoints.dynamodb),
        ("DYNAMODB_STREAMS", &endpoints.dynamodb),
        ("SQS", &endpoints.sqs),
        ("SNS", &endpoints.sns),
        ("IOT_DATA_PLANE", &endpoints.iot_data),
        ("LAMBDA", &endpoints.lambda),
    ] {
        services.insert(format!("AWS_ENDPOINT_URL_{service}"), endpoint.clone());
    }
    services.extend(options.environment.clone());
    services
}

fn postgres_url(postgres: &Postgres) -> String {
    let options = postgres.connect_options();
    format!("postgres://{}@{}:{}/{}", options.get_username(), postgres.host(), postgres.port(), options.get_database().unwrap_or_default())
}

/// What `Custom::Migration` does at a deployment.
async fn migrate(host: &Host) -> anyhow::Result<()> {
    let Some(function) = host.find("migrate") else { return Ok(()) };
    host.invoke(&function, "{}").await.map(drop).context("the database's schema was not brought up to date; see logs/migrate.log")
}

/// The field project's lot of 24 spaces, with a few hours of past, so that the first page is not empty.
async fn simulate(broker: String, cancel: CancellationToken) -> anyhow::Result<()> {
    use parvis_samples::{cli, faults::FaultRates, fleet::Fleet, simulate};
    let now = chrono::Utc::now();
    let options = simulate::Options {
        fleet: Fleet::field_project(chrono_tz::Europe::Paris),
        seed: now.timestamp().unsigned_abs(),
        pace: 20.0,
        start: now - chrono::TimeDelta::hours(3),
        live_from: now,
        until: None,
        heartbeat_every: Some(Duration::from_secs(300)),
        faults: FaultRates::NONE,
    };
    simulate::run(options, &cli::broker(&broker, "parvis-demo")?, cancel).await.map(drop)
}
