//! The template's custom authorizer: a function that decides what a browser may do.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parvis_sam::LogicalId;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::access::Access;
use super::policy::PolicyDocument;
use super::{ActionError, Backend};

/// What a client said about itself in its CONNECT.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    pub(super) client_id: String,
    pub(super) username: Option<String>,
    pub(super) password: Option<Vec<u8>>,
}

/// Why a client was not let in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    #[error("the authorizer did not authenticate the client")]
    NotAuthenticated,
    #[error("the policies do not allow this client id to connect")]
    NotAllowed,
    #[error("the authorizer failed: {0}")]
    Failed(#[from] ActionError),
    #[error("the authorizer's answer cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The function's answer. `refreshAfterInSeconds` and `disconnectAfterInSeconds` have no effect here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    is_authenticated: bool,
    #[serde(default, deserialize_with = "documents")]
    policy_documents: Vec<PolicyDocument>,
}

/// AWS accepts documents as objects and as text.
fn documents<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PolicyDocument>, D::Error> {
    let document = |value| match value {
        Value::String(text) => serde_json::from_str(&text),
        value => serde_json::from_value(value),
    };
    Vec::<Value>::deserialize(deserializer)?
        .into_iter()
        .map(document)
        .collect::<Result<_, _>>()
        .map_err(serde::de::Error::custom)
}

/// Asks the function.
pub(super) struct CustomAuthorizer<B> {
    function: LogicalId,
    backend: Arc<B>,
}

impl<B: Backend> CustomAuthorizer<B> {
    pub(super) fn new(function: LogicalId, backend: Arc<B>) -> Self {
        Self { function, backend }
    }

    /// What the client may do, if it may connect at all.
    pub(super) async fn authorize(&self, credentials: &Credentials) -> Result<Access, Denied> {
        let event = event(credentials).to_string();
        let answer: Answer = serde_json::from_slice(&self.backend.invoke(&self.function, event.into()).await?)?;
        if !answer.is_authenticated {
            return Err(Denied::NotAuthenticated);
        }
        let access = Access::Policies(answer.policy_documents);
        if !access.may_connect(&credentials.client_id) {
            // The field project's pages choose client ids of their own, and must be let in here as they are. On AWS a visitor's
            // client id must be one that the policy names, because there it could be that of a device with a certificate.
            if credentials.password.is_some() || !access.may_connect_under_some_id() {
                return Err(Denied::NotAllowed);
            }
            let client_id = &credentials.client_id;
            tracing::info!(client_id, "a visitor was let in under a client id that the policy would refuse on AWS");
        }
        Ok(access)
    }
}

/// The event of AWS IoT (<https://docs.aws.amazon.com/iot/latest/developerguide/config-custom-auth.html>), without the part about
/// TLS and HTTP: there is no TLS here, and the broker does not tell what the WebSocket's request looked like.
fn event(credentials: &Credentials) -> Value {
    let mut mqtt = json!({"clientId": credentials.client_id});
    if let Some(username) = &credentials.username {
        mqtt["username"] = json!(username);
    }
    if let Some(password) = &credentials.password {
        mqtt["password"] = json!(STANDARD.encode(password));
    }
    json!({
        "signatureVerified": false,
        "protocols": ["http", "mqtt"],
        "protocolData": {"mqtt": mqtt},
        "connectionMetadata": {"id": uuid::Uuid::new_v4()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_is_the_documented_one() {
        let credentials = Credentials {
            client_id: "b-1".to_owned(),
            username: Some("agent".to_owned()),
            password: Some(b"token".to_vec()),
        };
        let mut event = event(&credentials);
        assert!(event["connectionMetadata"]["id"].take().as_str().is_some_and(|id| id.len() == 36));
        assert_eq!(
            event,
            json!({
                "signatureVerified": false,
                "protocols": ["http", "mqtt"],
                "protocolData": {"mqtt": {"username": "agent", "password": "dG9rZW4=", "clientId": "b-1"}},
                "connectionMetadata": {"id": null},
            })
        );
    }

    #[test]
    fn what_a_client_does_not_say_is_not_in_the_event() {
        let visitor = Credentials { client_id: "b-1".to_owned(), ..Credentials::default() };
        assert_eq!(event(&visitor)["protocolData"], json!({"mqtt": {"clientId": "b-1"}}));
    }

    #[test]
    fn documents_may_be_text() {
        let document =
            json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iot:*", "Resource": "*"}]});
        let answer =
            json!({"isAuthenticated": true, "principalId": "x", "policyDocuments": [document.to_string(), document]});
        let answer: Answer = serde_json::from_value(answer).unwrap();
        assert_eq!(answer.policy_documents[0], answer.policy_documents[1]);
    }
}
