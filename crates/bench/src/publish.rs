//! Sensors' connections: MQTT clients that publish with QoS 1 and know what was acknowledged.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::try_join_all;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::fleet::Crew;

/// Messages of one connection that may wait for their acknowledgement.
const IN_FLIGHT: u16 = 100;
/// After the last message, how long acknowledgements may take.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(120);

/// What to publish.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Messages of all connections together.
    pub messages: usize,
    /// Messages a second of all connections together; none for as many as go through.
    pub rate: Option<f64>,
    /// Probability that a report differs from the one before.
    pub change: f64,
    /// Put before every topic: `$aws/rules/<rule>/` for Basic Ingest.
    pub topic_prefix: String,
}

/// A connected client.
pub struct Connection {
    client: AsyncClient,
    sent: u64,
    acknowledged: watch::Receiver<u64>,
    driver: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    /// Connects to `broker` (`host:port`).
    pub async fn open(broker: &str, client_id: &str) -> anyhow::Result<Self> {
        let (host, port) = broker.rsplit_once(':').context("the broker is not host:port")?;
        let mut options = MqttOptions::new(client_id, host, port.parse()?);
        options.set_inflight(IN_FLIGHT).set_keep_alive(Duration::from_secs(60));
        let (client, mut events) = AsyncClient::new(options, usize::from(IN_FLIGHT));
        while !matches!(events.poll().await.context("MQTT broker")?, Event::Incoming(Packet::ConnAck(_))) {}
        let (acks, acknowledged) = watch::channel(0);
        Ok(Self { client, sent: 0, acknowledged, driver: tokio::spawn(drive(events, acks)) })
    }

    /// Publishes without waiting for the acknowledgement.
    pub async fn publish(&mut self, topic: String, payload: Vec<u8>) -> anyhow::Result<()> {
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await?;
        self.sent += 1;
        Ok(())
    }

    /// Waits until everything sent is acknowledged.
    pub async fn acknowledged(&mut self) -> anyhow::Result<()> {
        let sent = self.sent;
        let all = async { self.acknowledged.wait_for(|count| *count >= sent).await.is_ok() };
        if timeout(ACKNOWLEDGED_WITHIN, all).await != Ok(true) {
            bail!("{} of {sent} messages acknowledged", *self.acknowledged.borrow());
        }
        Ok(())
    }
}

/// Works the connection until it breaks or is dropped.
async fn drive(mut events: EventLoop, acks: watch::Sender<u64>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::PubAck(_))) => acks.send_modify(|count| *count += 1),
            Ok(_) => {}
            // The client sends again what was not acknowledged once it is connected again.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Publishes by plan over one connection for each crew; returns when everything is acknowledged.
pub async fn publish(broker: &str, crews: Vec<Crew>, plan: &Plan) -> anyhow::Result<Vec<Crew>> {
    let count = crews.len();
    let open = (0..count).map(|index| async move { Connection::open(broker, &format!("bench-{index}")).await });
    let connections = try_join_all(open).await?;
    let work = connections.into_iter().zip(crews).enumerate().map(|(index, (connection, crew))| {
        let messages = plan.messages / count + usize::from(index < plan.messages % count);
        let plan = Plan { messages, rate: plan.rate.map(|rate| rate / count as f64), ..plan.clone() };
        tokio::spawn(report(connection, crew, plan))
    });
    let mut done = Vec::with_capacity(count);
    for crew in work.collect::<Vec<_>>() {
        done.push(crew.await??);
    }
    Ok(done)
}

async fn report(mut connection: Connection, mut crew: Crew, plan: Plan) -> anyhow::Result<Crew> {
    let mut pace = plan.rate.map(|rate| {
        let mut pace = interval(Duration::from_secs_f64(1.0 / rate));
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        pace
    });
    for _ in 0..plan.messages {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let (topic, payload) = crew.report(chrono::Utc::now().timestamp_millis(), plan.change);
        let topic = format!("{}{topic}", plan.topic_prefix);
        connection.publish(topic, payload).await?;
    }
    connection.acknowledged().await?;
    Ok(crew)
}
