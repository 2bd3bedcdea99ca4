//! Where the parts of a stack can be reached.

use serde::{Deserialize, Serialize};

/// Addresses of a running stack, as `endpoints.json` has them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// HTTP: pages, API, login; `http://127.0.0.1:<port>`.
    pub api: String,
    /// MQTT; `mqtt://127.0.0.1:<port>`.
    pub mqtt: String,
    /// MQTT over WebSocket; `ws://127.0.0.1:<port>/mqtt`.
    pub ws: String,
    /// SQS; `http://127.0.0.1:<port>`, as all below but PostgreSQL.
    pub sqs: String,
    /// DynamoDB and DynamoDB Streams.
    pub dynamodb: String,
    /// SNS.
    pub sns: String,
    /// IoT data plane.
    pub iot_data: String,
    /// Lambda's Invoke API.
    pub lambda: String,
    /// PostgreSQL; `postgres://user@host:port/database`.
    pub postgres: String,
}

impl Endpoints {
    /// The MQTT broker as `host:port`.
    #[must_use]
    pub fn broker(&self) -> &str {
        self.mqtt.strip_prefix("mqtt://").unwrap_or(&self.mqtt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_is_the_mqtt_address_without_scheme() {
        assert_eq!(
            Endpoints { mqtt: "mqtt://127.0.0.1:1883".into(), ..Endpoints::default() }.broker(),
            "127.0.0.1:1883"
        );
    }
}
