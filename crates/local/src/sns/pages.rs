//! `/_local/outbox` for people and `/_local/outbox.json` for tests.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Query, State},
    response::{Html, IntoResponse, Response},
    routing::get,
};
use chrono::SecondsFormat;
use http::{StatusCode, header};
use parvis_notices::sms;
use serde::Deserialize;
use serde_json::json;

use super::outbox::{DEFAULT_LIMIT, Entry, Filter, Kind, Outbox, OutboxError, Status};
use crate::http::page::{Page, escape};

/// Longest that a client may wait for a new entry, seconds.
const LONGEST_WAIT: u64 = 30;

/// The pages, at their full paths.
///
/// The JSON is `{"messages": [...], "last": id}`; giving `last` back as `since` continues without a gap.
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
    let Question { since, kind, limit, wait } = question;
    // Read before the entries: what comes in between is then found again rather than missed.
    let before = outbox.last();
    let messages = match outbox.wait(Filter { since, kind, limit }, Duration::from_secs(wait.min(LONGEST_WAIT))).await {
        Ok(messages) => messages,
        Err(error) => return failed(&error),
    };
    let newest = messages.iter().map(|entry| entry.id).max().unwrap_or(0);
    let cut_off = since.is_some() && messages.len() >= limit.unwrap_or(DEFAULT_LIMIT) as usize;
    let last = if cut_off { newest } else { newest.max(before) };
    ([(header::CACHE_CONTROL, "no-store")], Json(json!({ "messages": messages, "last": last }))).into_response()
}

fn failed(error: &OutboxError) -> Response {
    tracing::error!(%error, "the outbox cannot be read");
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "message": "Internal Server Error" }))).into_response()
}

#[derive(Debug, Deserialize)]
struct Form {
    /// Only `<main>`, for the page's script.
    #[serde(default)]
    part: bool,
}

async fn page(State(outbox): State<Outbox>, Query(form): Query<Form>) -> Response {
    let last = outbox.last();
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
        r#"<main data-last="{last}"><h1>Outbox</h1><p class="soft">Every SMS, e-mail, push and topic message that the platform sent; nothing leaves this machine. <span role="status" id="state"></span></p><section id="list" aria-label="Messages, newest first" aria-live="polite" aria-relevant="additions">{list}</section></main>"#
    );
    if form.part {
        return ([(header::CACHE_CONTROL, "no-store")], Html(main)).into_response();
    }
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
    let length = match entry.kind {
        Kind::Sms => {
            let (characters, parts) = (entry.body.chars().count(), sms::parts(&entry.body));
            format!(
                r#" <span class="soft">{characters} characters, {parts} part{}</span>"#,
                if parts == 1 { "" } else { "s" }
            )
        }
        _ => String::new(),
    };
    let (at, shown) = (entry.at.to_rfc3339_opts(SecondsFormat::Secs, true), entry.at.format("%Y-%m-%d %H:%M:%S UTC"));
    format!(
        r#"<li class="card"><span class="tag">{kind}</span> {to}{status}{length} <time class="soft" datetime="{at}">{shown}</time>{subject}<pre>{body}</pre></li>"#,
        to = escape(entry.to.rsplit(':').next().unwrap_or_default()),
        body = linked(&escape(&entry.body)),
    )
}

/// A text that was escaped, its web addresses as links: what the message opens.
fn linked(text: &str) -> String {
    let link = |word: &str| {
        if word.starts_with("https://") || word.starts_with("http://") {
            format!(r#"<a href="{word}">{word}</a>"#)
        } else {
            word.to_owned()
        }
    };
    text.split_inclusive(char::is_whitespace)
        .map(|part| {
            let word = part.trim_end();
            format!("{}{}", link(word), &part[word.len()..])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links_and_nothing_else_does() {
        let text = escape("See\nhttps://parvis.example/#/parking?a=1&b=2 <b>");
        let wanted = "See\n<a href=\"https://parvis.example/#/parking?a=1&amp;b=2\">https://parvis.example/#/parking?a=1&amp;b=2</a> &lt;b&gt;";
        assert_eq!(linked(&text), wanted);
        assert_eq!(linked(&escape("javascript:x \"https://a")), "javascript:x &quot;https://a");
    }
}
