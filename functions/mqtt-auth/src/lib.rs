//! Decides what a browser may subscribe to over MQTT: the custom authorizer of AWS IoT Core.
//!
//! Everybody may read what the city publishes about its car parks; people of a role may also read the topics of that
//! role, if their token is valid. Nobody publishes from a browser: bookings and payments go through the API, where
//! they are checked.

mod policy;
mod token;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::LambdaEvent;
use parvis_kit::lambda::Failure;
use parvis_kit::telemetry::chain;
use parvis_kit::{env, lambda, telemetry};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use policy::{Audience, document};
pub use token::{TokenError, Verifier};

/// A browser without a login is asked again after this time.
const VISITOR_SECONDS: u32 = 24 * 3600;
/// The shortest time that AWS IoT accepts for a connection.
const SHORTEST_SECONDS: u32 = 300;
/// How often AWS IoT asks again whether the rights still hold.
const REFRESH_SECONDS: u32 = 3600;

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the configuration is incomplete or the Runtime API fails.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let authorizer = Arc::new(Authorizer {
        verifier: Verifier::new(env::required("ISSUER")?, env::required("AUDIENCE")?)?,
        arn_prefix: env::required("TOPIC_ARN_PREFIX")?,
    });
    lambda::run(move |event: LambdaEvent<Request>| {
        let authorizer = Arc::clone(&authorizer);
        async move { Ok::<_, Failure>(authorizer.decide(&event.payload).await) }
    })
    .await
}

/// What AWS IoT Core asks, as far as it matters here. A type of our own: any part may be absent or null, depending on how the
/// client connects.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    token: Option<String>,
    protocol_data: Option<ProtocolData>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct ProtocolData {
    mqtt: Option<Mqtt>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Mqtt {
    /// In base64.
    password: Option<String>,
}

/// The answer to AWS IoT Core.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// Whether the client may connect at all.
    pub is_authenticated: bool,
    /// Who it is; letters and digits only, as AWS IoT demands.
    pub principal_id: String,
    /// When the connection ends, in seconds.
    pub disconnect_after_in_seconds: u32,
    /// When AWS IoT asks again, in seconds.
    pub refresh_after_in_seconds: u32,
    /// What the client may do.
    pub policy_documents: Vec<Value>,
}

/// Decides over connections.
#[derive(Debug)]
pub struct Authorizer {
    verifier: Verifier,
    arn_prefix: String,
}

impl Authorizer {
    /// Decides over one connection. A token that is sent must be valid; without one the client is a visitor.
    pub async fn decide(&self, request: &Request) -> Decision {
        let (principal, audience, seconds) = match token_of(request) {
            None => ("visitor".to_owned(), Audience::Visitor, VISITOR_SECONDS),
            Some(token) => match self.verifier.verify(&token).await {
                Ok(holder) => {
                    let seconds = holder.seconds_left().max(SHORTEST_SECONDS);
                    (holder.principal(), Audience::of_roles(&holder.roles), seconds)
                }
                Err(error) => {
                    // The reason is for operators; the client only sees that it may not connect.
                    tracing::info!(error = %chain(&error), "token refused");
                    return Decision::refused();
                }
            },
        };
        Decision {
            is_authenticated: true,
            principal_id: principal,
            disconnect_after_in_seconds: seconds.min(VISITOR_SECONDS),
            refresh_after_in_seconds: REFRESH_SECONDS,
            policy_documents: vec![policy::document(audience, &self.arn_prefix)],
        }
    }
}

impl Decision {
    fn refused() -> Self {
        Self {
            is_authenticated: false,
            principal_id: "refused".to_owned(),
            disconnect_after_in_seconds: SHORTEST_SECONDS,
            refresh_after_in_seconds: SHORTEST_SECONDS,
            policy_documents: Vec::new(),
        }
    }
}

/// The token: the authorizer's own field, or the MQTT password.
fn token_of(request: &Request) -> Option<String> {
    let given = |token: &String| !token.is_empty();
    if let Some(token) = request.token.clone().filter(given) {
        return Some(token);
    }
    let password = request.protocol_data.as_ref()?.mqtt.as_ref()?.password.as_ref()?;
    // What is no text is no token either, but it is not nothing: the verifier refuses what is left of it.
    let bytes = STANDARD.decode(password).unwrap_or_else(|_| password.clone().into_bytes());
    Some(String::from_utf8_lossy(&bytes).into_owned()).filter(given)
}

#[cfg(test)]
mod tests;
