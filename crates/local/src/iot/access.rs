//! Who may do what on the broker.

use super::policy::{self, Action, PolicyDocument};

/// Topics that the platform publishes and a device must not: a forged summary would be shown to everybody.
const ANNOUNCED: [&str; 3] = ["summary", "live", "alerts"];

/// What a connection may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// A device of the demonstration, over plain TCP: any topic but the platform's own and those that begin with `$`.
    Device,
    /// Whatever these documents say.
    Policies(Vec<PolicyDocument>),
}

impl Access {
    pub(super) fn may_connect(&self, client_id: &str) -> bool {
        match self {
            Self::Device => true,
            Self::Policies(documents) => policy::allows(documents, Action::Connect, client_id),
        }
    }

    /// Whether connecting is allowed at all, be it under another client id.
    pub(super) fn may_connect_under_some_id(&self) -> bool {
        match self {
            Self::Device => true,
            Self::Policies(documents) => policy::allows_somewhere(documents, Action::Connect),
        }
    }

    pub(super) fn may_publish(&self, topic: &str, retain: bool) -> bool {
        // As the deployed device policies have it: what the broker keeps would outlive the legal retention of plates.
        if retain && topic.ends_with("/plate") {
            return false;
        }
        match self {
            Self::Device => is_for_devices(topic),
            Self::Policies(documents) => {
                policy::allows(documents, Action::Publish, topic)
                    && (!retain || policy::allows(documents, Action::RetainPublish, topic))
            }
        }
    }

    pub(super) fn may_subscribe(&self, filter: &str) -> bool {
        match self {
            // Basic Ingest has no subscribers, and the broker's own topics are not part of AWS IoT.
            Self::Device => !filter.starts_with('$'),
            Self::Policies(documents) => policy::allows(documents, Action::Subscribe, filter),
        }
    }

    pub(super) fn may_receive(&self, topic: &str) -> bool {
        match self {
            Self::Device => true,
            Self::Policies(documents) => policy::allows(documents, Action::Receive, topic),
        }
    }
}

fn is_for_devices(topic: &str) -> bool {
    if topic.starts_with('$') {
        return parvis_iot_sql::basic_ingest(topic).is_some();
    }
    let first = topic.split('/').next().unwrap_or_default();
    !ANNOUNCED.contains(&first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_publish_readings_but_no_announcements() {
        for topic in [
            "parking/Zone_A/place_3",
            "north/parking/Zone_A/counter",
            "$aws/rules/parvis_zone/parking/Zone_A/place_3",
            "parking/summary",
        ] {
            assert!(Access::Device.may_publish(topic, true), "{topic}");
        }
        for topic in [
            "summary/default",
            "summary",
            "live/default/Zone_A",
            "alerts/default",
            "$SYS/x",
            "$aws/things/x/shadow",
            "$aws/rules/",
        ] {
            assert!(!Access::Device.may_publish(topic, false), "{topic}");
        }
        assert!(Access::Device.may_subscribe("#"));
        assert!(!Access::Device.may_subscribe("$aws/rules/#"));
    }

    #[test]
    fn nobody_publishes_plates_for_the_broker_to_keep() {
        let everything = serde_json::json!({"Statement": {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}});
        for access in [Access::Device, Access::Policies(vec![serde_json::from_value(everything).unwrap()])] {
            for topic in ["parking/Zone_A/place_3/plate", "north/parking/Zone_A/gate/plate"] {
                assert!(access.may_publish(topic, false), "{topic}");
                assert!(!access.may_publish(topic, true), "{topic}");
            }
            assert!(access.may_publish("parking/Zone_A/place_3/heartbeat", true));
        }
    }

    #[test]
    fn no_policy_means_nothing_is_allowed() {
        let nobody = Access::Policies(Vec::new());
        assert!(
            !nobody.may_connect("x")
                && !nobody.may_connect_under_some_id()
                && !nobody.may_publish("x", false)
                && !nobody.may_subscribe("x")
                && !nobody.may_receive("x")
        );
    }
}
