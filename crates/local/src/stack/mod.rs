//! The whole stack: what is started in which order, and stopped in the reverse one.

mod directory;
mod endpoints;
mod ports;
mod progress;
mod resolve;
mod start;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use directory::{Announcement, announced};
pub use endpoints::Endpoints;

use crate::{
    coworking,
    dynamodb::DynamoDb,
    faults::Faults,
    identity::Identity,
    iot::Iot,
    lambda::{ACCESS_KEY, Host, SECRET_KEY},
    mappings::Mappings,
    options::Options,
    postgres::Postgres,
    queues::Queues,
    schedules::Schedules,
    seed,
    sns::Sns,
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
        // For the host's own HTTP clients. An error says that somebody has chosen one before, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let steps = 5 + u64::from(options.seed) + 2 * u64::from(options.demo);
        let progress = Progress::new(options.progress, steps);
        let started = start::stack(options, &progress).await;
        progress.finish();
        started
    }

    /// The default place, a coworking site, and sensors that are not there.
    async fn populate(&self, options: &Options, progress: &Progress) -> anyhow::Result<()> {
        let mut new = false;
        if options.seed {
            progress.step("creating the default place");
            let place = options.template_path()?.with_file_name("samples").join("places").join("default.json");
            let seeded = seed::run(&self.endpoints.api, &self.identity, &place).await;
            new = matches!(seeded.context("the default place was not created")?, seed::Seeded::Created(_));
            let tariffs = options.template_path()?.with_file_name("samples").join("tariffs").join("default.toml");
            let seeded = seed::tariffs(&self.endpoints.api, &self.identity, &tariffs).await;
            seeded.context("the tariffs were not put in force")?;
        }
        if options.demo {
            progress.step("opening the demo's coworking site");
            let file = options.template_path()?.with_file_name("samples").join("bookings").join("coworking.json");
            let seeded =
                coworking::seed(&self.endpoints.api, &self.identity, &self.postgres.connect_options(), &file).await;
            seeded.context("the demo's coworking site was not opened")?;
            progress.step("starting the simulator");
            let simulation = start::simulate(self.endpoints.broker().to_owned(), new, self.cancel.clone());
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

    /// A client of DynamoDB, for what is put there in the functions' stead.
    #[must_use]
    pub fn dynamodb_client(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::latest())
            .region(aws_sdk_dynamodb::config::Region::from_static(REGION))
            .credentials_provider(aws_credential_types::Credentials::from_keys(ACCESS_KEY, SECRET_KEY, None))
            .endpoint_url(self.dynamodb.endpoint())
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        aws_sdk_dynamodb::Client::from_conf(config.build())
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
        tokio::join!(self.dynamodb.shutdown(), self.postgres.shutdown());
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
