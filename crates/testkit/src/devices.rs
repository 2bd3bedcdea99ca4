//! Devices and listeners that know only MQTT.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use parvis_samples::publisher::{Broker, Publisher};
use reqwest::header::{HOST, HeaderValue};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, Publish, QoS, Transport};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::eventually::eventually;

const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);

/// One reading of a space in the field project's format.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Zone id.
    pub zone: String,
    /// Space number.
    pub space: u32,
    /// Whether a vehicle stands there.
    pub occupied: bool,
    /// Device time.
    pub at: DateTime<Utc>,
}

impl Reading {
    /// The payload, with a time that carries its offset.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let status = if self.occupied { "occupied" } else { "free" };
        let body = json!({
            "sensor_id": self.space,
            "zone": self.zone,
            "status": status,
            "timestamp": self.at.to_rfc3339_opts(SecondsFormat::Micros, true),
            "confidence": 0.95,
        });
        body.to_string().into_bytes()
    }

    /// The topic below `place`.
    #[must_use]
    pub fn topic(&self, place: &str) -> String {
        format!("{place}/parking/{}/place_{}", self.zone, self.space)
    }
}

/// An MQTT client that publishes with QoS 1 and knows what was acknowledged.
#[derive(Debug)]
pub struct Device(Publisher);

impl Device {
    /// Connects over TCP.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub async fn connect(host: &str, port: u16) -> anyhow::Result<Self> {
        let client_id = format!("device-{}", uuid::Uuid::new_v4());
        Publisher::connect(&Broker { host: host.to_owned(), port, client_id }).await.map(Self)
    }

    /// Publishes, for the broker to keep, without waiting for the acknowledgement.
    ///
    /// # Errors
    /// When the client has ended.
    pub async fn publish(&self, topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> anyhow::Result<()> {
        let topic = topic.into();
        // As field devices do; plates are never retained.
        let retain = !topic.ends_with("/plate");
        self.0.publish(topic, payload.into(), retain).await
    }

    /// Waits until every message is acknowledged.
    ///
    /// # Errors
    /// When that takes more than a minute.
    pub async fn acknowledged(&self) -> anyhow::Result<()> {
        self.0.settled(ACKNOWLEDGED_WITHIN).await.map(drop)
    }

    /// Publishes one reading of `place` and waits for its acknowledgement.
    ///
    /// # Errors
    /// As [`Self::publish`] and [`Self::acknowledged`].
    pub async fn report(&self, place: &str, reading: &Reading) -> anyhow::Result<()> {
        self.publish(reading.topic(place), reading.payload()).await?;
        self.acknowledged().await
    }
}

/// An MQTT client that collects what arrives on a filter.
#[derive(Debug)]
pub struct Subscriber {
    messages: mpsc::UnboundedReceiver<Publish>,
    heard: Vec<(String, Value)>,
    latest: HashMap<String, Value>,
    driver: JoinHandle<()>,
}

impl Subscriber {
    /// Subscribes over TCP.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn tcp(host: &str, port: u16, filter: &str) -> anyhow::Result<Self> {
        Self::open(MqttOptions::new(format!("listener-{}", uuid::Uuid::new_v4()), host, port), filter).await
    }

    /// Subscribes over WebSocket as a browser does, without a login; `host` is the header where the URL's host will not do.
    ///
    /// # Errors
    /// When the broker refuses.
    pub async fn websocket(url: &str, host: Option<String>, filter: &str) -> anyhow::Result<Self> {
        // rumqttc takes the port of a WebSocket from the URL.
        let mut options = MqttOptions::new(format!("web-{}", uuid::Uuid::new_v4()), url, 0);
        options.set_transport(Transport::Ws);
        if let Some(host) = host.map(|host| host.parse::<HeaderValue>()).transpose()? {
            options.set_request_modifier(move |mut request| {
                request.headers_mut().insert(HOST, host.clone());
                std::future::ready(request)
            });
        }
        Self::open(options, filter).await
    }

    async fn open(options: MqttOptions, filter: &str) -> anyhow::Result<Self> {
        let (client, mut eventloop) = AsyncClient::new(options, 16);
        client.subscribe(filter, QoS::AtLeastOnce).await?;
        let (sender, messages) = mpsc::unbounded_channel();
        loop {
            match eventloop.poll().await.context("MQTT broker")? {
                Event::Incoming(Packet::SubAck(ack)) => {
                    let refused = ack.return_codes.iter().any(|c| matches!(c, rumqttc::SubscribeReasonCode::Failure));
                    if refused {
                        bail!("the broker refused the subscription to {filter}");
                    }
                    break;
                }
                Event::Incoming(Packet::Publish(publish)) => sender.send(publish).context("own receiver")?,
                _ => {}
            }
        }
        let driver = tokio::spawn(async move {
            let _client = client;
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        if sender.send(publish).is_err() {
                            break;
                        }
                    }
                    Ok(_) => {}
                    Err(error) => {
                        eprintln!("a listener has lost its broker: {error}");
                        break;
                    }
                }
            }
        });
        Ok(Self { messages, heard: Vec::new(), latest: HashMap::new(), driver })
    }

    fn collect(&mut self) {
        while let Ok(publish) = self.messages.try_recv() {
            if let Ok(body) = serde_json::from_slice::<Value>(&publish.payload) {
                self.heard.push((publish.topic.clone(), body.clone()));
                self.latest.insert(publish.topic, body);
            }
        }
    }

    /// The newest JSON of each topic so far.
    pub fn latest(&mut self) -> &HashMap<String, Value> {
        self.collect();
        &self.latest
    }

    /// Waits until the newest message of `topic` satisfies `wanted`.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub async fn wait_for(&mut self, topic: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let this = std::cell::RefCell::new(self);
        eventually(|| async {
            let mut this = this.borrow_mut();
            match this.latest().get(topic) {
                Some(body) if wanted(body) => Ok(body.clone()),
                other => Err(format!("on {topic}: {other:?}")),
            }
        })
        .await
    }

    /// Every JSON message received so far with its topic, in order.
    pub fn heard(&mut self) -> &[(String, Value)] {
        self.collect();
        &self.heard
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
