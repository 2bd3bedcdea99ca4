//! An MQTT publisher that knows how many of its messages the broker has acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Messages on their way without an acknowledgement; more brings nothing on one connection.
const IN_FLIGHT: u16 = 1000;
/// Pause before a lost connection is tried again.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);

/// Where the broker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// MQTT client id.
    pub client_id: String,
}

/// A connected publisher (QoS 1).
#[derive(Debug)]
pub struct Publisher {
    client: AsyncClient,
    sent: AtomicU64,
    acknowledged: watch::Receiver<u64>,
    driver: JoinHandle<()>,
    failures: Arc<AtomicU64>,
}

impl Publisher {
    /// Connects and waits for the broker's answer.
    ///
    /// # Errors
    /// When the broker cannot be reached or refuses the connection.
    pub async fn connect(broker: &Broker) -> anyhow::Result<Self> {
        let mut options = MqttOptions::new(&broker.client_id, &broker.host, broker.port);
        options.set_inflight(IN_FLIGHT).set_keep_alive(Duration::from_secs(30)).set_clean_session(false);
        let (client, mut eventloop) = AsyncClient::new(options, usize::from(IN_FLIGHT));
        let address = || format!("MQTT broker at {}:{}", broker.host, broker.port);
        loop {
            match eventloop.poll().await.with_context(address)? {
                Event::Incoming(Packet::ConnAck(_)) => break,
                Event::Incoming(Packet::Disconnect) => bail!("{} closed the connection", address()),
                _ => {}
            }
        }
        let (acks, acknowledged) = watch::channel(0);
        let failures = Arc::new(AtomicU64::new(0));
        let lost = Arc::clone(&failures);
        let driver = tokio::spawn(async move {
            loop {
                match eventloop.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(_))) => acks.send_modify(|n| *n += 1),
                    Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => break,
                    Ok(_) => {}
                    Err(error) => {
                        // rumqttc keeps unacknowledged messages and sends them again after it has reconnected.
                        lost.fetch_add(1, Ordering::Relaxed);
                        tracing::warn!(%error, "MQTT connection lost, trying again");
                        tokio::time::sleep(RECONNECT_PAUSE).await;
                    }
                }
            }
        });
        Ok(Self { client, sent: AtomicU64::new(0), acknowledged, driver, failures })
    }

    /// Queues one message; waits while too many are unacknowledged.
    ///
    /// # Errors
    /// When the connection's task has ended.
    pub async fn publish(&self, topic: String, payload: Vec<u8>, retain: bool) -> anyhow::Result<()> {
        self.client.publish(topic, QoS::AtLeastOnce, retain, payload).await.context("publish")?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Messages acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        *self.acknowledged.borrow()
    }

    /// How often the connection was lost.
    #[must_use]
    pub fn connection_losses(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Waits until every message so far is acknowledged, and tells how many are.
    ///
    /// # Errors
    /// When the acknowledgements do not come within `patience`.
    pub async fn settled(&self, patience: Duration) -> anyhow::Result<u64> {
        let sent = self.sent.load(Ordering::Relaxed);
        let mut acknowledged = self.acknowledged.clone();
        let all = acknowledged.wait_for(|n| *n >= sent);
        // Only the outcome is kept: the guard inside must not be held over an await.
        let complete = tokio::time::timeout(patience, all).await.is_ok_and(|all| all.is_ok());
        let done = self.acknowledged();
        if !complete {
            bail!("the broker acknowledged {done} of {sent} messages within {patience:?}");
        }
        Ok(done)
    }

    /// Waits until every message is acknowledged, then disconnects.
    ///
    /// # Errors
    /// When the acknowledgements do not come within `patience`.
    pub async fn finish(self, patience: Duration) -> anyhow::Result<u64> {
        let done = self.settled(patience).await?;
        self.client.disconnect().await.context("disconnect")?;
        Ok(done)
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
