//! `/_local/outbox` for people and `/_local/outbox.json` for tests.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::SecondsFormat;
use http::{StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::outbox::{Entry, Filter, Kind, Outbox, OutboxError, Status};
use crate::http::page::{Page, escape};

/// Longest that a client may wait for a new entry, seconds.
const LONGEST_WAIT: u64 = 30;

/// The pages, at their full paths.
pub fn router<S: Clone + Send + Sync + 'static>(outbox: Outbox) -> Router<S> {
    Router::new().route("/_local/outbox", get(page)).route("/_local/outbox.json", get(json_page)).with_state(outbox)
}

#[derive(Debug, Deserialize)]
struct Question {
    since: Option<i64>,
    kind: Option<Kind>,
    limit: Option<u32>,
    /// Seconds to wait until there is something.
    #[serde(default)]
    wait: u64,
}

async fn json_page(State(outbox): State<Outbox>, Query(question): Query<Question>) -> Response {
    let filter = Filter { since: question.since, kind: question.kind, limit: question.limit };
    match outbox.wait(filter, Duration::from_secs(question.wait.min(LONGEST_WAIT))).await {
        Ok(messages) => {
            let body = json!({ "messages": messages, "last": outbox.last() });
            ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &OutboxError) -> Response {
    tracing::error!(%error, "the outbox cannot be read");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": "Internal Server Error" }))).into_response()
}

async fn page(State(outbox): State<Outbox>) -> Response {
    let entries = match outbox.list(Filter::default()).await {
        Ok(entries) => entries,
        Err(error) => return failed(&error),
    };
    let list = if entries.is_empty() {
        "<p>Nothing was sent yet. An alert of a full car park, for example, will appear here.</p>".to_owned()
    } else {
        format!(r#"<ul class="plain">{}</ul>"#, entries.iter().map(card).collect::<String>())
    };
    let main = format!(
        r#"<main data-last="{}"><h1>Outbox</h1><p class="soft">Every SMS, e-mail, push and topic message that the platform sent; nothing leaves this machine. <span role="status" id="state"></span></p><section id="list" aria-label="Messages, newest first" aria-live="polite" aria-relevant="additions">{list}</section></main>"#,
        outbox.last()
    );
    Page { title: "Parvis outbox", main: &main, script: SCRIPT, ..Page::default() }.into_response()
}

const SCRIPT: &str = include_str!("outbox.js");

fn card(entry: &Entry) -> String {
    let kind = match entry.kind {
        Kind::Topic => "Topic",
        Kind::Sms => "SMS",
        Kind::Email => "E-mail",
        Kind::Push => "Push",
        Kind::Lambda => "Function",
        Kind::Sqs => "Queue",
    };
    let status = match (entry.status, &entry.error) {
        (Status::Delivered, _) => String::new(),
        (Status::Pending, _) => r#" <span class="tag">on its way</span>"#.to_owned(),
        (Status::Failed, error) => {
            format!(r#" <span class="tag">failed: {}</span>"#, escape(error.as_deref().unwrap_or("unknown")))
        }
    };
    let subject = entry
        .subject
        .as_ref()
        .map_or_else(String::new, |subject| format!("<p><strong>{}</strong></p>", escape(subject)));
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        r#"<li class="card"><span class="tag">{kind}</span> {to}{status} <time class="soft" datetime="{at}">{at}</time>{subject}<pre>{body}</pre></li>"#,
        to = escape(entry.to.rsplit(':').next().unwrap_or_default()),
        body = escape(&entry.body),
    )
}
