//! SNS: topics and subscriptions of the template behind AWS's own protocol, deliveries to functions and queues, and an
//! outbox that shows every SMS, e-mail, push and topic message.

mod actions;
mod delivery;
mod devices;
mod model;
pub mod outbox;
pub mod pages;
mod query;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use axum::{Router, extract::DefaultBodyLimit, routing::post, serve::ListenerExt as _};
use parvis_sam::{LogicalId, Stack};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use devices::{APNS_APPLICATION, FCM_APPLICATION};
pub use model::{Message, Protocol, Refusal, Subscription, Target, Texts};
pub use outbox::{Outbox, OutboxError};

use crate::{faults::Faults, http::Invoke, identity, lambda, queues::Queues};
use model::check_filter;
use outbox::{Kind, NewEntry, Status};

/// What SNS needs of the Lambda host.
pub trait Functions: Invoke {
    /// The function that an ARN, name or logical id means.
    fn find(&self, reference: &str) -> Option<LogicalId>;
}

impl Functions for lambda::Host {
    fn find(&self, reference: &str) -> Option<LogicalId> {
        self.find(reference)
    }
}

/// What SNS is started with.
pub struct Config<'a, F> {
    /// The resolved template: its topics and subscriptions.
    pub template: &'a Stack,
    /// The functions that may be subscribed.
    pub functions: F,
    /// The queues that may be subscribed.
    pub queues: Queues,
    /// Directory of `outbox.db`.
    pub directory: &'a Path,
    /// Faults asked for.
    pub faults: Arc<Faults>,
    /// Whether the demo manager gets an SMS and an e-mail of every topic.
    pub demo: bool,
}

/// Why SNS cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The outbox's file.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// A subscription of the template that the local stack cannot serve.
    #[error("subscription {id}: {refusal}")]
    Subscription {
        /// Its logical id.
        id: LogicalId,
        /// What is wrong.
        refusal: Refusal,
    },
    /// The socket.
    #[error("SNS cannot listen: {0}")]
    Listen(#[from] std::io::Error),
}

/// The running service.
pub struct Sns {
    endpoint: String,
    outbox: Outbox,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Sns {
    /// Starts the endpoint on a loopback port and goes on with the deliveries that a killed stack left behind.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start<F: Functions>(config: Config<'_, F>) -> Result<Self, StartError> {
        let outbox = Outbox::open(&config.directory.join("outbox.db"))?;
        let topics = config.template.topics.values().map(|topic| (topic.arn.clone(), topic.name.clone())).collect();
        let subscriptions = subscriptions(config.template, &outbox, config.demo).await?;
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let service = Service(Arc::new(Inner {
            topics,
            subscriptions: RwLock::new(subscriptions),
            devices: RwLock::new(devices::Devices::new(&outbox.devices().await?)),
            outbox: outbox.clone(),
            functions: config.functions,
            queues: config.queues,
            faults: config.faults,
            stop: stop.clone(),
            tasks: tasks.clone(),
        }));
        for entry in outbox.pending().await? {
            service.deliver(entry);
        }
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        // Ten messages of the largest size, each character escaped.
        let app = Router::new()
            .route("/", post(actions::handle::<F>))
            .layer(DefaultBodyLimit::max(8 * 1024 * 1024))
            .with_state(service);
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let server = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
        tasks.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the SNS endpoint ended");
            }
        });
        Ok(Self { endpoint, outbox, stop, tasks })
    }

    /// The value for `AWS_ENDPOINT_URL_SNS`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What was sent.
    #[must_use]
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Stops the endpoint and the deliveries; those that are pending go on at the next start.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Those of the template, those remembered from the API whose topic still exists, those of the demo.
async fn subscriptions(template: &Stack, outbox: &Outbox, demo: bool) -> Result<Vec<Subscription>, StartError> {
    let mut subscriptions = Vec::new();
    for (id, subscription) in &template.subscriptions {
        let refused = |refusal| StartError::Subscription { id: id.clone(), refusal };
        let topic = template.topics.get(&subscription.topic).ok_or_else(|| refused(Refusal::not_found("Topic")))?;
        if let Some(policy) = &subscription.filter {
            check_filter(policy).map_err(refused)?;
        }
        subscriptions.push(Subscription {
            arn: format!("{}:{id}", topic.arn),
            topic: topic.arn.clone(),
            protocol: Protocol::read(&subscription.protocol).map_err(refused)?,
            endpoint: subscription.endpoint.clone(),
            filter: subscription.filter.clone(),
            filter_body: false,
            raw: false,
        });
    }
    let remembered = outbox.remembered().await?;
    let remembered = remembered.iter().filter_map(|definition| serde_json::from_str::<Subscription>(definition).ok());
    subscriptions.extend(
        remembered.filter(|subscription| template.topics.values().any(|topic| topic.arn == subscription.topic)),
    );
    if demo {
        subscriptions.extend(template.topics.values().flat_map(|topic| demo_subscriptions(&topic.arn)));
    }
    Ok(subscriptions)
}

/// The demo manager's phone and mailbox, so that the way from a sensor to an SMS can be seen without an account
/// anywhere.
fn demo_subscriptions(topic: &str) -> Vec<Subscription> {
    let Some(manager) = identity::DEMO_USERS.iter().find(|user| user.role == "manager") else { return Vec::new() };
    let subscription = |name: &str, protocol, endpoint: &str| Subscription {
        arn: format!("{topic}:demo-{name}"),
        topic: topic.to_owned(),
        protocol,
        endpoint: endpoint.to_owned(),
        filter: None,
        filter_body: false,
        raw: false,
    };
    vec![subscription("sms", Protocol::Sms, manager.phone), subscription("email", Protocol::Email, manager.email)]
}

/// The service behind endpoint and deliveries.
struct Service<F>(Arc<Inner<F>>);

impl<F> Clone for Service<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<F> {
    /// Names by ARN.
    topics: BTreeMap<String, String>,
    subscriptions: RwLock<Vec<Subscription>>,
    devices: RwLock<devices::Devices>,
    outbox: Outbox,
    functions: F,
    queues: Queues,
    faults: Arc<Faults>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl<F: Functions> Service<F> {
    /// Publishes a message and gives its id. When this returns, the outbox holds the message and every delivery of it.
    async fn publish(&self, message: Message) -> Result<String, Refusal> {
        let id = Uuid::new_v4().to_string();
        let entries = match &message.target {
            Target::Phone(number) => vec![entry(&message, &id, Kind::Sms, number, message.texts.for_protocol("sms"))],
            Target::Device(arn) => {
                self.check_device(arn)?;
                vec![entry(&message, &id, Kind::Push, arn, message.texts.default())]
            }
            Target::Topic(arn) => self.fan_out(&message, &id, arn)?,
        };
        let added = self.0.outbox.add(entries).await.map_err(|error| Refusal::internal(&error))?;
        for entry in added.into_iter().filter(|entry| entry.status == Status::Pending) {
            self.deliver(entry);
        }
        Ok(id)
    }

    /// The message itself and one entry per subscriber that wants it.
    fn fan_out(&self, message: &Message, id: &str, topic: &str) -> Result<Vec<NewEntry>, Refusal> {
        self.topic(topic)?;
        let mut entries = vec![NewEntry {
            topic: Some(topic.to_owned()),
            ..entry(message, id, Kind::Topic, topic, message.texts.default())
        }];
        for subscription in self.subscriptions(topic).iter().filter(|subscription| subscription.wants(message)) {
            let text = message.texts.for_protocol(subscription.protocol.name());
            let kind = match subscription.protocol {
                Protocol::Sms => Kind::Sms,
                Protocol::Email | Protocol::EmailJson => Kind::Email,
                Protocol::Lambda => Kind::Lambda,
                Protocol::Sqs => Kind::Sqs,
            };
            entries.push(NewEntry {
                topic: Some(topic.to_owned()),
                subscription: Some(subscription.arn.clone()),
                ..entry(message, id, kind, &subscription.endpoint, text)
            });
        }
        Ok(entries)
    }

    fn topic(&self, arn: &str) -> Result<(), Refusal> {
        if self.0.topics.contains_key(arn) { Ok(()) } else { Err(Refusal::not_found("Topic")) }
    }

    fn subscriptions(&self, topic: &str) -> Vec<Subscription> {
        let all = self.0.subscriptions.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|subscription| subscription.topic == topic).cloned().collect()
    }
}

fn entry(message: &Message, id: &str, kind: Kind, to: &str, body: &str) -> NewEntry {
    NewEntry {
        kind,
        to: to.to_owned(),
        message_id: id.to_owned(),
        topic: None,
        subscription: None,
        subject: message.subject.clone(),
        body: body.to_owned(),
        attributes: message.attributes.clone(),
        status: if matches!(kind, Kind::Lambda | Kind::Sqs) { Status::Pending } else { Status::Delivered },
    }
}
