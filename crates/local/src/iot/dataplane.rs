//! The data plane's HTTP API, as the AWS SDK speaks it: publish, and look at a retained message.

use std::num::NonZeroU32;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::broker::{Broker, Message, PublishError, Qos};
use super::{Backend, IotError};

/// Generous; the broker has the limit that clients are told about.
const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Properties of MQTT 5 that come as headers and that nothing here needs.
const UNSUPPORTED_HEADERS: [&str; 3] =
    ["x-amz-mqtt5-correlation-data", "x-amz-mqtt5-payload-format-indicator", "x-amz-mqtt5-user-properties"];

/// Serves until `stop`; the base URL.
pub(super) async fn serve<B: Backend>(broker: Arc<Broker<B>>, stop: CancellationToken) -> Result<String, IotError> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let router = Router::new()
        .route("/topics/{*topic}", post(publish::<B>))
        .route("/retainedMessage/{*topic}", get(retained::<B>))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(broker);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(async move { axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await });
    Ok(endpoint)
}

/// The query of a publish.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublishQuery {
    #[serde(default)]
    qos: u8,
    #[serde(default)]
    retain: bool,
    content_type: Option<String>,
    response_topic: Option<String>,
    message_expiry: Option<u32>,
}

/// An error of the service: its type, for the SDK, and its text.
struct Refusal(StatusCode, &'static str, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, kind, message) = self;
        (status, [("x-amzn-errortype", kind)], axum::Json(json!({"message": message}))).into_response()
    }
}

impl Refusal {
    fn invalid(message: impl ToString) -> Self {
        Self(StatusCode::BAD_REQUEST, "InvalidRequestException", message.to_string())
    }
}

impl From<PublishError> for Refusal {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::InvalidTopic(_) => Self::invalid(error),
            PublishError::TooLarge(_) => {
                Self(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", error.to_string())
            }
            PublishError::NotStored(_) | PublishError::Broker(_) => {
                Self(StatusCode::INTERNAL_SERVER_ERROR, "InternalFailureException", error.to_string())
            }
        }
    }
}

async fn publish<B: Backend>(
    State(broker): State<Arc<Broker<B>>>,
    Path(topic): Path<String>,
    query: Result<Query<PublishQuery>, axum::extract::rejection::QueryRejection>,
    headers: HeaderMap,
    payload: Bytes,
) -> Result<axum::Json<serde_json::Value>, Refusal> {
    let Query(query) = query.map_err(Refusal::invalid)?;
    if let Some(header) = UNSUPPORTED_HEADERS.iter().find(|header| headers.contains_key(**header)) {
        return Err(Refusal::invalid(format!("{header} is not supported by the embedded data plane")));
    }
    let qos = match query.qos {
        0 => Qos::AtMostOnce,
        1 => Qos::AtLeastOnce,
        other => return Err(Refusal::invalid(format!("qos must be 0 or 1, not {other}"))),
    };
    let message = Message {
        topic,
        payload,
        qos,
        retain: query.retain,
        expires_after: query.message_expiry.and_then(NonZeroU32::new),
        content_type: query.content_type,
        response_topic: query.response_topic,
    };
    broker.publish(message).await?;
    Ok(axum::Json(json!({"message": "OK"})))
}

async fn retained<B: Backend>(
    State(broker): State<Arc<Broker<B>>>,
    Path(topic): Path<String>,
) -> Result<axum::Json<serde_json::Value>, Refusal> {
    let nothing =
        || Refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", format!("nothing is retained on {topic}"));
    let message = broker.retained(&topic).await.ok_or_else(nothing)?;
    Ok(axum::Json(json!({
        "topic": topic,
        "payload": STANDARD.encode(&message.payload),
        "qos": message.qos,
        "lastModifiedTime": message.modified_at,
    })))
}
