//! The template's IoT rules: which messages go to which queue or function.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parvis_iot_sql::{Message, Statement, basic_ingest};
use parvis_sam::{LogicalId, Rule, RuleAction};
use serde_json::json;

use super::{ActionError, Backend, IotError};

/// Waits before the two retries of a function that a rule invoked; AWS waits one and two minutes.
const RETRY_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Who is to get a message that passed the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Whoever subscribed to its topic.
    Subscribers,
    /// Nobody: it was Basic Ingest, for one rule alone.
    RuleOnly,
}

/// A message that a matching rule could hand neither to its action nor to its error action. It must not be acknowledged.
#[derive(Debug, thiserror::Error)]
#[error("rule {rule} could not store the message: {reason}")]
pub struct NotStored {
    /// The rule's name.
    pub rule: String,
    /// Why.
    pub reason: ActionError,
}

/// Evaluates every rule of the template against every message.
pub struct RuleEngine<B> {
    rules: Vec<ActiveRule>,
    backend: Arc<B>,
}

struct ActiveRule {
    name: String,
    statement: Statement,
    actions: Vec<RuleAction>,
    error_action: Option<RuleAction>,
}

/// What went wrong with one action, in AWS's words.
struct Failure {
    action: &'static str,
    resource: String,
    error: ActionError,
}

impl<B: Backend> RuleEngine<B> {
    /// Reads the statements of the enabled rules.
    ///
    /// # Errors
    /// [`IotError::Rule`] names the rule whose statement is not supported.
    pub fn new<'a>(rules: impl IntoIterator<Item = &'a Rule>, backend: Arc<B>) -> Result<Self, IotError> {
        let active = |rule: &Rule| {
            Ok::<_, IotError>(ActiveRule {
                name: rule.name.clone(),
                statement: Statement::parse(&rule.sql)
                    .map_err(|source| IotError::Rule { rule: rule.name.clone(), source })?,
                actions: rule.actions.clone(),
                error_action: rule.error_action.clone(),
            })
        };
        let rules = rules.into_iter().filter(|rule| rule.enabled).map(active).collect::<Result<_, _>>()?;
        Ok(Self { rules, backend })
    }

    /// Runs the rules that `topic` selects; they have stored the message when this returns. `client_id` is that of the MQTT client,
    /// if it came from one.
    ///
    /// # Errors
    /// [`NotStored`] when a queue refuses the message and the rule's error action fails too.
    pub async fn on_publish(
        &self,
        topic: &str,
        payload: &[u8],
        client_id: Option<&str>,
    ) -> Result<Delivery, NotStored> {
        let received_at = chrono::Utc::now().timestamp_millis();
        if let Some((name, topic)) = basic_ingest(topic) {
            let message = Message { topic, payload, client_id, received_at };
            match self.rules.iter().find(|rule| rule.name == name) {
                Some(rule) => self.run(rule, &message).await?,
                // As on AWS: nobody is told but the log.
                None => tracing::warn!(rule = name, "a message for a rule that does not exist was dropped"),
            }
            return Ok(Delivery::RuleOnly);
        }
        let message = Message { topic, payload, client_id, received_at };
        for rule in self.rules.iter().filter(|rule| rule.statement.filter().matches(topic)) {
            self.run(rule, &message).await?;
        }
        Ok(Delivery::Subscribers)
    }

    async fn run(&self, rule: &ActiveRule, message: &Message<'_>) -> Result<(), NotStored> {
        let result = match rule.statement.evaluate(message) {
            Ok(Some(result)) => result,
            Ok(None) => return Ok(()),
            Err(error) => {
                let failure =
                    Failure { action: "Sql", resource: rule.name.clone(), error: ActionError(error.to_string()) };
                return self.run_error_action(rule, message, vec![failure]).await;
            }
        };
        let mut failures = Vec::new();
        for action in &rule.actions {
            failures.extend(self.perform(action, &result).await.err());
        }
        if failures.is_empty() { Ok(()) } else { self.run_error_action(rule, message, failures).await }
    }

    async fn run_error_action(
        &self,
        rule: &ActiveRule,
        message: &Message<'_>,
        failures: Vec<Failure>,
    ) -> Result<(), NotStored> {
        let reasons: Vec<_> = failures.iter().map(|failure| failure.error.to_string()).collect();
        tracing::warn!(rule = rule.name, topic = message.topic, ?reasons, "a rule's action failed");
        let not_stored = |reason| NotStored { rule: rule.name.clone(), reason };
        let Some(action) = &rule.error_action else { return Err(not_stored(ActionError(reasons.join("; ")))) };
        let report = error_report(&rule.name, message, &failures);
        self.perform(action, report.as_bytes()).await.map_err(|failure| not_stored(failure.error))
    }

    async fn perform(&self, action: &RuleAction, result: &[u8]) -> Result<(), Failure> {
        match action {
            RuleAction::Sqs { queue, use_base64 } => {
                let failed = |error| Failure { action: "SqsAction", resource: queue.to_string(), error };
                let body = if *use_base64 {
                    STANDARD.encode(result)
                } else {
                    let text = std::str::from_utf8(result);
                    text.map_err(|_| failed(ActionError("the message is not text and UseBase64 is off".to_owned())))?
                        .to_owned()
                };
                self.backend.send(queue, body).await.map_err(failed)
            }
            RuleAction::Lambda { function } => {
                self.invoke_later(function.clone(), Bytes::copy_from_slice(result));
                Ok(())
            }
        }
    }

    /// Invokes a function as IoT does: asynchronously, with two retries, and the rule counts as done whatever becomes of it.
    fn invoke_later(&self, function: LogicalId, payload: Bytes) {
        let backend = Arc::clone(&self.backend);
        tokio::spawn(async move {
            let mut waits = RETRY_AFTER.iter();
            while let Err(error) = backend.invoke(&function, payload.clone()).await {
                let Some(wait) = waits.next() else {
                    return tracing::error!(%function, %error, "a function that a rule invoked failed for good");
                };
                tokio::time::sleep(*wait).await;
            }
        });
    }
}

/// What an error action gets (<https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html>).
fn error_report(rule: &str, message: &Message<'_>, failures: &[Failure]) -> String {
    let failures: Vec<_> = failures
        .iter()
        .map(|failure| {
            json!({
                "failedAction": failure.action,
                "failedResource": failure.resource,
                "errorMessage": failure.error.to_string(),
            })
        })
        .collect();
    json!({
        "ruleName": rule,
        "topic": message.topic,
        "cloudwatchTraceId": uuid::Uuid::new_v4(),
        "clientId": message.client_id.unwrap_or("n/a"),
        "base64OriginalPayload": STANDARD.encode(message.payload),
        "failures": failures,
    })
    .to_string()
}
