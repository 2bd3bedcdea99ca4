//! The actions of the query protocol.

use std::{collections::BTreeSet, sync::PoisonError};

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    Functions, Service,
    model::{MAX_MESSAGE_BYTES, Protocol, Refusal, Subscription, check_filter},
    query::{Parameters, answer, element},
};
use crate::queues::queue_name;

/// Most messages of a batch.
const MAX_BATCH: usize = 10;

pub(super) async fn handle<F: Functions>(State(service): State<Service<F>>, body: Bytes) -> Response {
    let parameters = Parameters::read(&body);
    let action = parameters.get("Action").unwrap_or_default().to_owned();
    let result = match action.as_str() {
        "Publish" => service.publish_action(&parameters).await,
        "PublishBatch" => service.publish_batch(&parameters).await,
        "Subscribe" => service.subscribe(&parameters).await,
        "Unsubscribe" => service.unsubscribe(&parameters).await,
        "ListSubscriptionsByTopic" => service.list_by_topic(&parameters),
        "ListTopics" => Ok(service.list_topics()),
        "CreatePlatformApplication" => service.create_platform_application(&parameters),
        "CreatePlatformEndpoint" => service.create_platform_endpoint(&parameters).await,
        "SetEndpointAttributes" => service.set_endpoint_attributes(&parameters).await,
        "GetEndpointAttributes" => service.get_endpoint_attributes(&parameters),
        "DeleteEndpoint" => service.delete_endpoint(&parameters).await,
        _ => {
            Err(Refusal::client("InvalidAction", format!("the local stack's SNS does not know the action {action:?}")))
        }
    };
    match result {
        Ok(result) => answer(&action, &result),
        Err(refusal) => {
            tracing::debug!(%action, %refusal, "refused");
            refusal.into_response()
        }
    }
}

impl<F: Functions> Service<F> {
    async fn publish_action(&self, parameters: &Parameters) -> Result<String, Refusal> {
        if self.0.faults.refuses_publication() {
            return Err(Refusal::throttled());
        }
        // A caller that goes away ends this wait, and with it the publication.
        tokio::time::sleep(self.0.faults.publication_pause()).await;
        let id = self.publish(parameters.message(None)?).await?;
        Ok(element("MessageId", &id))
    }

    /// Every entry succeeds or fails alone, unless the batch itself is malformed.
    async fn publish_batch(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let topic = parameters.require("TopicArn")?;
        self.topic(topic)?;
        let entries = parameters.members("PublishBatchRequestEntries.member");
        check_batch(&entries)?;
        let (mut successful, mut failed) = (String::new(), String::new());
        for entry in &entries {
            let id = element("Id", entry.require("Id")?);
            let published = match entry.message(Some(topic)) {
                Ok(message) => self.publish(message).await,
                Err(refusal) => Err(refusal),
            };
            match published {
                Ok(message) => successful.push_str(&format!("<member>{id}{}</member>", element("MessageId", &message))),
                Err(refusal) => failed.push_str(&format!(
                    "<member>{id}{}{}<SenderFault>{}</SenderFault></member>",
                    element("Code", refusal.code),
                    element("Message", &refusal.message),
                    refusal.status.is_client_error()
                )),
            }
        }
        Ok(format!("<Successful>{successful}</Successful><Failed>{failed}</Failed>"))
    }

    /// Subscribes at once: on AWS an address confirms first, here nobody could.
    async fn subscribe(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let topic = parameters.require("TopicArn")?;
        self.topic(topic)?;
        let protocol = Protocol::read(parameters.require("Protocol")?)?;
        let endpoint = parameters.require("Endpoint")?;
        let mut subscription = Subscription {
            arn: format!("{topic}:{}", Uuid::new_v4()),
            topic: topic.to_owned(),
            protocol,
            endpoint: endpoint.to_owned(),
            filter: None,
            filter_body: false,
            raw: false,
        };
        for (name, value) in parameters.map("Attributes") {
            set_attribute(&mut subscription, &name, &value)?;
        }
        self.reachable(&subscription)?;
        // Subscribing again gives the same subscription, as on AWS.
        if let Some(same) =
            self.subscriptions(topic).iter().find(|other| other.protocol == protocol && other.endpoint == endpoint)
        {
            if (&same.filter, same.filter_body, same.raw)
                != (&subscription.filter, subscription.filter_body, subscription.raw)
            {
                return Err(Refusal::invalid(
                    "Attributes Reason: Subscription already exists with different attributes",
                ));
            }
            return Ok(element("SubscriptionArn", &same.arn));
        }
        let definition = serde_json::to_string(&subscription).map_err(|error| Refusal::internal(&error))?;
        self.0
            .outbox
            .remember(subscription.arn.clone(), definition)
            .await
            .map_err(|error| Refusal::internal(&error))?;
        let arn = element("SubscriptionArn", &subscription.arn);
        self.0.subscriptions.write().unwrap_or_else(PoisonError::into_inner).push(subscription);
        Ok(arn)
    }

    fn reachable(&self, subscription: &Subscription) -> Result<(), Refusal> {
        let endpoint = &subscription.endpoint;
        let reachable = match subscription.protocol {
            Protocol::Lambda => self.0.functions.find(endpoint).is_some(),
            Protocol::Sqs => self.0.queues.definition(queue_name(endpoint)).is_ok(),
            Protocol::Sms => endpoint.starts_with('+'),
            Protocol::Email | Protocol::EmailJson => endpoint.contains('@'),
        };
        if reachable {
            Ok(())
        } else {
            Err(Refusal::invalid(format!(
                "Endpoint Reason: {endpoint} is not a {} endpoint here",
                subscription.protocol.name()
            )))
        }
    }

    /// Removing what is not there is no error.
    async fn unsubscribe(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let arn = parameters.require("SubscriptionArn")?;
        self.0.outbox.forget(arn.to_owned()).await.map_err(|error| Refusal::internal(&error))?;
        self.0
            .subscriptions
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|subscription| subscription.arn != arn);
        Ok(String::new())
    }

    fn list_by_topic(&self, parameters: &Parameters) -> Result<String, Refusal> {
        let topic = parameters.require("TopicArn")?;
        self.topic(topic)?;
        let member = |subscription: &Subscription| {
            format!(
                "<member>{}{}{}{}{}</member>",
                element("SubscriptionArn", &subscription.arn),
                element("Owner", topic.split(':').nth(4).unwrap_or_default()),
                element("Protocol", subscription.protocol.name()),
                element("Endpoint", &subscription.endpoint),
                element("TopicArn", topic),
            )
        };
        Ok(format!(
            "<Subscriptions>{}</Subscriptions>",
            self.subscriptions(topic).iter().map(member).collect::<String>()
        ))
    }

    fn list_topics(&self) -> String {
        let member = |arn: &String| format!("<member>{}</member>", element("TopicArn", arn));
        format!("<Topics>{}</Topics>", self.0.topics.keys().map(member).collect::<String>())
    }
}

fn check_batch(entries: &[Parameters]) -> Result<(), Refusal> {
    if entries.is_empty() {
        return Err(Refusal::client("EmptyBatchRequest", "The batch request doesn't contain any entries."));
    }
    if entries.len() > MAX_BATCH {
        return Err(Refusal::client(
            "TooManyEntriesInBatchRequest",
            format!("The batch request contains more than {MAX_BATCH} entries."),
        ));
    }
    let ids = entries.iter().map(|entry| entry.require("Id")).collect::<Result<Vec<_>, _>>()?;
    let valid = |id: &str| {
        (1..=80).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !ids.iter().all(|id| valid(id)) {
        return Err(Refusal::client(
            "InvalidBatchEntryId",
            "The Id of a batch entry doesn't abide by the specification.",
        ));
    }
    if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
        return Err(Refusal::client(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    if entries.iter().map(|entry| entry.get("Message").unwrap_or_default().len()).sum::<usize>() > MAX_MESSAGE_BYTES {
        return Err(Refusal::client(
            "BatchRequestTooLong",
            "The length of all the batch messages put together is more than the limit.",
        ));
    }
    Ok(())
}

fn set_attribute(subscription: &mut Subscription, name: &str, value: &str) -> Result<(), Refusal> {
    match (name, value) {
        ("FilterPolicy", policy) => {
            let policy: Value =
                serde_json::from_str(policy).map_err(|_| Refusal::invalid("FilterPolicy: failed to parse JSON"))?;
            check_filter(&policy)?;
            subscription.filter = Some(policy);
        }
        ("FilterPolicyScope", "MessageAttributes" | "MessageBody") => subscription.filter_body = value == "MessageBody",
        ("RawMessageDelivery", "true" | "false") => subscription.raw = value == "true",
        _ => {
            return Err(Refusal::invalid(format!(
                "Attributes Reason: the local stack does not support {name}={value}"
            )));
        }
    }
    Ok(())
}
