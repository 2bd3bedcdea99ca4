//! The typed model of a resolved template.

mod data;
mod function;
mod http;
mod iot;

use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

pub use data::{Attribute, AttributeType, GenerateSecret, Index, Queue, Redrive, Secret, StreamView, Table};
pub use function::{
    CustomResource, Event, Function, QueueMapping, Schedule, ScheduleExpression, StartingPosition, Statement,
    StreamMapping,
};
pub use http::{Cors, HttpApi, JwtAuthorizer, Route};
pub use iot::{Authorizer, Rule, RuleAction, Subscription, Topic};

/// The name of a resource inside the template. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogicalId(Arc<str>);

impl LogicalId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for LogicalId {
    fn from(id: &str) -> Self {
        Self(id.into())
    }
}

impl From<String> for LogicalId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl Borrow<str> for LogicalId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for LogicalId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LogicalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A resolved template: every resource the local stack acts on, by logical id. Resources whose condition is false are absent.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// Lambda functions with their event sources.
    pub functions: BTreeMap<LogicalId, Function>,
    /// SQS queues.
    pub queues: BTreeMap<LogicalId, Queue>,
    /// DynamoDB tables.
    pub tables: BTreeMap<LogicalId, Table>,
    /// IoT topic rules.
    pub rules: BTreeMap<LogicalId, Rule>,
    /// IoT custom authorizers.
    pub authorizers: BTreeMap<LogicalId, Authorizer>,
    /// SNS topics.
    pub topics: BTreeMap<LogicalId, Topic>,
    /// SNS subscriptions.
    pub subscriptions: BTreeMap<LogicalId, Subscription>,
    /// HTTP APIs with the routes of all functions.
    pub http_apis: BTreeMap<LogicalId, HttpApi>,
    /// Secrets.
    pub secrets: BTreeMap<LogicalId, Secret>,
    /// What functions do at deployment.
    pub custom_resources: BTreeMap<LogicalId, CustomResource>,
}
