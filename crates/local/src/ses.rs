//! SES, as far as sending goes: every e-mail stands in the outbox, as text with its calendar part.

use std::net::{Ipv4Addr, SocketAddr};

use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{MessageParser, MimeHeaders as _};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::sns::Outbox;
use crate::sns::outbox::{Attributes, Kind, NewEntry, Status};

/// SES takes messages of 40 MB, which are longer in base64.
const LARGEST: usize = 56 * 1024 * 1024;

/// The body of SendEmail, as far as it is used.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    #[serde(default)]
    from_email_address: Option<String>,
    destination: Destination,
    content: Content,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    raw: Option<Raw>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Raw {
    data: String,
}

/// The running service.
#[derive(Debug)]
pub struct Ses {
    endpoint: String,
}

impl Ses {
    /// Serves on a loopback port until `stop`.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start(outbox: Outbox, stop: CancellationToken) -> std::io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let server = axum::serve(listener, router(outbox)).with_graceful_shutdown(stop.cancelled_owned());
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the SES endpoint ended");
            }
        });
        Ok(Self { endpoint })
    }

    /// The value for `AWS_ENDPOINT_URL_SESV2`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn router(outbox: Outbox) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(send))
        .layer(DefaultBodyLimit::max(LARGEST))
        .with_state(outbox)
}

fn refused(reason: &str) -> Response {
    let body = Json(json!({ "message": reason }));
    (StatusCode::BAD_REQUEST, [("x-amzn-errortype", "BadRequestException")], body).into_response()
}

async fn send(State(outbox): State<Outbox>, Json(email): Json<SendEmail>) -> Response {
    let Some(raw) = email.content.raw else { return refused("only raw messages are understood locally") };
    let Ok(bytes) = STANDARD.decode(raw.data) else { return refused("Data is not base64") };
    let Some(message) = MessageParser::default().parse(bytes.as_slice()) else {
        return refused("the message cannot be read");
    };
    if email.destination.to_addresses.is_empty() || email.from_email_address.is_none() {
        return refused("a sender and a recipient are wanted");
    }
    let calendars = message.parts.iter().filter(|part| {
        part.content_type().is_some_and(|kind| kind.ctype() == "text" && kind.subtype() == Some("calendar"))
    });
    let texts = message.body_text(0).map(std::borrow::Cow::into_owned).into_iter();
    let body: Vec<String> = texts.chain(calendars.filter_map(|part| part.text_contents().map(str::to_owned))).collect();
    let message_id = Uuid::new_v4().to_string();
    let entry = |to: &String| NewEntry {
        kind: Kind::Email,
        to: to.clone(),
        message_id: message_id.clone(),
        topic: None,
        subscription: None,
        subject: message.subject().map(str::to_owned),
        body: body.join("\n\n"),
        attributes: Attributes::new(),
        status: Status::Delivered,
    };
    match outbox.add(email.destination.to_addresses.iter().map(entry).collect()).await {
        Ok(_) => Json(json!({ "MessageId": message_id })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
