//! Starting a stack: in which order, and what each part is told about the others.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Endpoints, REGION, Stack, directory::DataDirectory, ports, progress::Progress, resolve};
use crate::{
    dynamodb::{Durability, DynamoDb},
    http,
    identity::{self, Identity},
    iot::{self, Iot},
    lambda::{self, Host},
    mappings::{Mappings, Sources},
    options::Options,
    postgres::Postgres,
    queues::{self, Queues},
    schedules::Schedules,
    ses::Ses,
    sns::{self, Sns},
    state::State,
};

/// Starts everything.
pub(super) async fn stack(options: Options, progress: &Progress) -> anyhow::Result<Stack> {
    progress.step("reading the template");
    let directory =
        if options.ephemeral { DataDirectory::temporary()? } else { DataDirectory::open(&options.data_dir)? };
    let Ground { http, origin, sqs, sqs_endpoint, state, identity, template } =
        Ground::prepare(&options, directory.path())?;
    let (cancel, serving, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());

    progress.step("starting PostgreSQL, DynamoDB and the functions' host");
    let Base { postgres, dynamodb, host, queues } = Base::start(&options, &template, directory.path()).await?;
    serve_queues(&queues, sqs, &sqs_endpoint, &cancel, serving.clone())?;

    progress.step("starting SNS and the MQTT broker");
    let sns = start_sns(&options, &template, &host, &queues, directory.path()).await?;
    let iot = start_iot(&options, &template, &host, &queues, directory.path()).await?;
    let ses = Ses::start(sns.outbox().clone(), serving.clone()).await.context("SES did not start")?;
    let loopback = Loopback { dynamodb: &dynamodb, host: &host, iot: &iot, postgres: &postgres, sns: &sns };
    let endpoints = loopback.endpoints(origin, sqs_endpoint);
    host.set_services(services(&endpoints, &ses, &postgres, &options));

    progress.step("bringing the database's schema up to date");
    migrate(&host).await?;

    progress.step("connecting the API, queues, streams and schedules to the functions");
    let web = web_config(&template, &identity, iot.ws_port());
    let provider = start_provider(&template, &endpoints.api, directory.path())?;
    let pages = options.template_path()?.with_file_name("web").join("dist");
    serve_http(http, &template, &host, &identity, provider, &sns, pages, web, &cancel, &tasks)?;
    let sources = Sources { queues: &queues, dynamodb: &dynamodb, state: &state, host: &host, region: REGION };
    let mappings = Mappings::start(&template, &sources)?;
    let schedules = Schedules::start(&template, &host)?;
    let faults = options.faults.clone();
    let stack = Stack {
        endpoints,
        template,
        faults,
        queues,
        dynamodb,
        postgres,
        host,
        identity,
        iot,
        sns,
        mappings,
        schedules,
        cancel,
        serving,
        tasks,
        directory,
    };
    stack.populate(&options, progress).await?;
    // Last: who reads it finds a stack that is ready, with its keys and its default place.
    stack.directory.announce(&stack.endpoints)?;
    Ok(stack)
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

/// What everything else stands on.
struct Base {
    postgres: Postgres,
    dynamodb: DynamoDb,
    host: Host,
    queues: Queues,
}

impl Base {
    async fn start(options: &Options, template: &parvis_sam::Stack, directory: &Path) -> anyhow::Result<Self> {
        let (postgres, dynamodb, host) = tokio::try_join!(
            start_postgres(directory, options.ephemeral),
            start_dynamodb(template, directory, options.ephemeral),
            start_host(template, directory, options),
        )?;
        let definitions = queues::Definition::of(template);
        let queues = Queues::open(&directory.join("queues.db"), definitions, options.faults.clone())?;
        Ok(Self { postgres, dynamodb, host, queues })
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

async fn start_sns(
    options: &Options,
    template: &parvis_sam::Stack,
    host: &Host,
    queues: &Queues,
    directory: &Path,
) -> anyhow::Result<Sns> {
    let (functions, queues, demo) = (host.clone(), queues.clone(), options.demo);
    Sns::start(sns::Config { template, directory, functions, queues, faults: options.faults.clone(), demo })
        .await
        .context("SNS did not start")
}

async fn start_iot(
    options: &Options,
    template: &Arc<parvis_sam::Stack>,
    host: &Host,
    queues: &Queues,
    directory: &Path,
) -> anyhow::Result<Iot> {
    let config = iot::Config {
        template: template.clone(),
        bind: options.bind,
        mqtt_port: options.mqtt_port,
        ws_port: options.ws_port,
        queues: queues.clone(),
        host: host.clone(),
        dir: directory.to_owned(),
    };
    Iot::start(config).await.context("the MQTT broker did not start")
}

#[expect(clippy::too_many_arguments, reason = "called once; a struct would only repeat http::Config")]
fn serve_http(
    listener: std::net::TcpListener,
    template: &parvis_sam::Stack,
    host: &Host,
    identity: &Arc<Identity>,
    provider: parvis_test_provider::Provider,
    sns: &Sns,
    web_root: PathBuf,
    web: http::WebConfig,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> anyhow::Result<()> {
    listener.set_nonblocking(true)?;
    let config = http::Config {
        listener: TcpListener::from_std(listener)?,
        api: template.http_apis.values().next().cloned().context("the template has no AWS::Serverless::HttpApi")?,
        functions: host.clone(),
        identity: identity.clone(),
        provider,
        outbox: sns.outbox().clone(),
        web_root,
        web,
        cancel: cancel.clone(),
    };
    tasks.spawn(async move {
        if let Err(error) = http::serve(config).await {
            tracing::error!(error = format!("{error:#}"), "the API stopped");
        }
    });
    Ok(())
}

/// The payment provider, which tells its messages to the API, signed with the secret that the template has made.
fn start_provider(
    template: &parvis_sam::Stack,
    api: &str,
    directory: &Path,
) -> anyhow::Result<parvis_test_provider::Provider> {
    let secret = template.functions.values().find_map(|function| function.environment.get("STRIPE_WEBHOOK_SECRET"));
    let webhook = secret.map(|secret| parvis_test_provider::Webhook {
        url: format!("{api}/v1/parking/webhooks/stripe"),
        secret: secret.clone(),
        client: http::client(),
    });
    let file = directory.join("provider.jsonl");
    parvis_test_provider::Provider::open(Some(&file), webhook, Arc::new(chrono::Utc::now))
        .context("the payment provider did not start")
}

/// What the web application is told.
fn web_config(template: &parvis_sam::Stack, identity: &Identity, ws_port: u16) -> http::WebConfig {
    let default_place = template.functions.values().find_map(|function| function.environment.get("DEFAULT_PLACE"));
    http::WebConfig {
        ws_port,
        issuer: identity.issuer().to_owned(),
        client_id: identity.client_id().to_owned(),
        default_place: default_place.cloned().unwrap_or_default(),
    }
}

/// The parts that chose their own ports.
struct Loopback<'a> {
    dynamodb: &'a DynamoDb,
    host: &'a Host,
    iot: &'a Iot,
    postgres: &'a Postgres,
    sns: &'a Sns,
}

impl Loopback<'_> {
    fn endpoints(&self, api: String, sqs: String) -> Endpoints {
        Endpoints {
            api,
            mqtt: format!("mqtt://127.0.0.1:{}", self.iot.mqtt_port()),
            ws: format!("ws://127.0.0.1:{}/mqtt", self.iot.ws_port()),
            sqs,
            dynamodb: self.dynamodb.endpoint().to_owned(),
            sns: self.sns.endpoint().to_owned(),
            iot_data: self.iot.data_plane_endpoint().to_owned(),
            lambda: self.host.endpoint(),
            postgres: postgres_url(self.postgres),
        }
    }
}

/// What every sandbox is told about this machine.
fn services(endpoints: &Endpoints, ses: &Ses, postgres: &Postgres, options: &Options) -> BTreeMap<String, String> {
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
    services.insert("AWS_ENDPOINT_URL_SESV2".to_owned(), ses.endpoint().to_owned());
    // In links of e-mails.
    services.insert("API_URL".to_owned(), endpoints.api.clone());
    services.extend(options.environment.clone());
    services
}

fn postgres_url(postgres: &Postgres) -> String {
    let options = postgres.connect_options();
    format!(
        "postgres://{}@{}:{}/{}",
        options.get_username(),
        postgres.host(),
        postgres.port(),
        options.get_database().unwrap_or_default()
    )
}

/// What `Custom::Migration` does at a deployment.
async fn migrate(host: &Host) -> anyhow::Result<()> {
    let Some(function) = host.find("migrate") else { return Ok(()) };
    let migrated = host.invoke(&function, "{}").await;
    host.retire(&function);
    migrated.map(drop).context("the database's schema was not brought up to date; see logs/migrate.log")
}

/// The field project's lot of 24 spaces from now on; a `new` one with a few hours of past, so that the first page is not empty.
///
/// A lot that was there before has a past of its own, which another made-up one would contradict.
pub(super) async fn simulate(broker: String, new: bool, cancel: CancellationToken) -> anyhow::Result<()> {
    use parvis_samples::{cli, simulate};
    simulate::run(demo(chrono::Utc::now(), new), &cli::broker(&broker, "parvis-demo")?, cancel).await.map(drop)
}

fn demo(now: chrono::DateTime<chrono::Utc>, new: bool) -> parvis_samples::simulate::Options {
    use parvis_samples::{faults::FaultRates, fleet::Fleet, simulate};
    let past = chrono::TimeDelta::hours(if new { 3 } else { 0 });
    simulate::Options {
        fleet: Fleet::field_project(chrono_tz::Europe::Paris),
        seed: now.timestamp().unsigned_abs(),
        pace: 20.0,
        start: now - past,
        live_from: now,
        until: None,
        heartbeat_every: Some(Duration::from_secs(300)),
        faults: FaultRates::NONE,
    }
}

#[cfg(test)]
mod demo_tests {
    use super::demo;

    #[test]
    fn only_a_new_lot_is_given_a_past() {
        let now = chrono::Utc::now();
        assert_eq!(demo(now, true).start, now - chrono::TimeDelta::hours(3));
        assert_eq!(demo(now, false).start, now);
    }
}
