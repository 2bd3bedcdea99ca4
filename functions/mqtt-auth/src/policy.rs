//! What each audience may do, as an AWS IoT policy.

use parvis_kit::auth::Role;
use serde_json::{Value, json};

/// Client ids of browsers start with this, so that no page can push a device off the broker by taking its id.
const CLIENT_PREFIX: &str = "web-";
/// What everybody may read: the field project's topics, summaries, live updates and alerts.
const PUBLIC: [&str; 4] = ["parking", "summary", "live", "alerts"];
/// What people at work may read besides.
const STAFF: &str = "staff";

/// Who listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anybody.
    Visitor,
    /// Agents, managers and administrators.
    Staff,
}

impl Audience {
    /// The audience that a holder of `roles` belongs to.
    #[must_use]
    pub fn of_roles(roles: &[Role]) -> Self {
        let staff = |role: &Role| matches!(role, Role::Agent | Role::Manager | Role::Admin);
        if roles.iter().any(staff) { Self::Staff } else { Self::Visitor }
    }

    fn topics(self) -> Vec<&'static str> {
        let mut topics = PUBLIC.to_vec();
        if self == Self::Staff {
            topics.push(STAFF);
        }
        topics
    }
}

/// The policy of `audience`; `arn_prefix` is `arn:<partition>:iot:<region>:<account>`.
#[must_use]
pub fn document(audience: Audience, arn_prefix: &str) -> Value {
    let topics = audience.topics();
    let resources =
        |kind: &str| topics.iter().map(|topic| format!("{arn_prefix}:{kind}/{topic}/*")).collect::<Vec<_>>();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Action": "iot:Connect", "Resource": format!("{arn_prefix}:client/{CLIENT_PREFIX}*") },
            { "Effect": "Allow", "Action": "iot:Subscribe", "Resource": resources("topicfilter") },
            { "Effect": "Allow", "Action": "iot:Receive", "Resource": resources("topic") },
            // Cameras send plates in clear on their way to being hashed; nobody listens in on that.
            { "Effect": "Deny", "Action": "iot:Receive", "Resource": format!("{arn_prefix}:topic/*/plate") },
        ],
    })
}
