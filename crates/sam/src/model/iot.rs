//! IoT rules and authorizers, and SNS.

use serde_json::Value;

use super::LogicalId;

/// An IoT topic rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its name, as used in `$aws/rules/<name>` (Basic Ingest).
    pub name: String,
    /// The statement, to be parsed by `parvis-iot-sql`.
    pub sql: String,
    /// What happens to each message selected.
    pub actions: Vec<RuleAction>,
    /// What happens when an action fails.
    pub error_action: Option<RuleAction>,
    /// Whether the rule is active.
    pub enabled: bool,
}

/// An action of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleAction {
    /// Send to a queue.
    Sqs {
        /// The queue.
        queue: LogicalId,
        /// Whether the rule's result is sent in base64.
        use_base64: bool,
    },
    /// Invoke a function asynchronously.
    Lambda {
        /// The function.
        function: LogicalId,
    },
}

/// An IoT custom authorizer.
#[derive(Debug, Clone)]
pub struct Authorizer {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its name, as clients give it in `x-amz-customauthorizer-name`.
    pub name: String,
    /// The function that decides.
    pub function: LogicalId,
    /// Whether tokens must be signed.
    pub signed: bool,
    /// Whether it is active.
    pub enabled: bool,
}

/// An SNS topic.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// Its physical name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

/// An SNS subscription.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Its name in the template.
    pub logical_id: LogicalId,
    /// The topic.
    pub topic: LogicalId,
    /// `email`, `sms`, `lambda`, `sqs`, ...
    pub protocol: String,
    /// Address, number or ARN.
    pub endpoint: String,
    /// Filter policy as written.
    pub filter: Option<Value>,
}
