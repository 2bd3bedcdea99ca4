//! What was sent, and how it reads.

use axum::extract::State;
use chrono::NaiveDate;
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Query};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_mailroom::letters::{Search, State as LetterState};
use parvis_notices::{Language, sms};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page_size;
use crate::error::{ApiResult, Refusal, invalid};
use crate::state::App;
use crate::views::{LanguageName, LetterView};

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(read_log)).routes(routes!(list_texts))
}

const MANAGERS: [Role; 2] = [Role::Admin, Role::Manager];

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LogParams {
    /// The day (UTC) of the moments that letters are about; today if absent.
    #[param(value_type = Option<String>, example = "2026-07-13")]
    day: Option<NaiveDate>,
    /// `sending`, `sent`, `failed` or `dropped`.
    state: Option<String>,
    /// `sms`, `email`, `push`, `topic` or `webhook`.
    channel: Option<String>,
    /// Only to this person.
    person: Option<String>,
    /// A part of text, event, address, subject or reason.
    q: Option<String>,
    /// `next` of the page before.
    before: Option<String>,
    /// How many, 1 to 100.
    #[param(minimum = 1, maximum = 100, default = 30)]
    limit: Option<u16>,
}

/// A page of the log.
#[derive(Debug, Serialize, ToSchema)]
struct Log {
    /// Newest first.
    letters: Vec<LetterView>,
    /// For `before` of the next page; a page may be short although there is a next one.
    next: Option<String>,
}

/// What was sent, and what was not
///
/// Without texts and whole addresses, for 90 days.
#[utoipa::path(
    get,
    path = "/v1/notification-log",
    tag = "Staff",
    security(("login" = [])),
    params(LogParams),
    responses((status = 200, description = "Letters of a day", body = Log), Refusal)
)]
async fn read_log(State(app): State<App>, caller: Caller, Query(params): Query<LogParams>) -> ApiResult<Json<Log>> {
    caller.require(&MANAGERS)?;
    let limit = usize::from(page_size(params.limit)?);
    let read = |name: String| {
        serde_json::from_value::<LetterState>(name.into())
            .map_err(|_| invalid("state", "sending, sent, failed or dropped"))
    };
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    let search = Search {
        state: said(params.state).map(read).transpose()?,
        channel: said(params.channel),
        person: said(params.person),
        words: said(params.q),
    };
    let day = params.day.unwrap_or_else(|| app.now().date_naive());
    let (letters, next) = app.store().log(day, &search, params.before.as_deref(), limit).await?;
    Ok(Json(Log { letters: letters.into_iter().map(Into::into).collect(), next }))
}

/// A text as it reads.
#[derive(Debug, Serialize, ToSchema)]
struct Preview {
    /// In which language.
    language: LanguageName,
    /// With which of the examples of its type of event.
    example: usize,
    /// Subject or title.
    subject: String,
    /// The short form.
    sms: String,
    /// In how many parts an SMS is sent.
    sms_parts: usize,
    /// The long form.
    email: String,
}

/// A text.
#[derive(Debug, Serialize, ToSchema)]
struct TextView {
    /// Its name.
    text: String,
    /// Type of the event that it is about.
    #[serde(rename = "type")]
    kind: String,
    /// The type in words.
    title: String,
    /// The subject of preferences.
    subject_name: String,
    /// How long before a deadline it is sent, for reminders.
    before: Vec<String>,
    /// Whether it is sent in quiet hours too.
    urgent: bool,
    /// As it reads.
    previews: Vec<Preview>,
}

/// All texts.
#[derive(Debug, Serialize, ToSchema)]
struct TextList {
    /// By type of event.
    texts: Vec<TextView>,
}

/// How messages read
///
/// Each text in each language, with the examples of its type of event.
#[utoipa::path(
    get,
    path = "/v1/notification-texts",
    tag = "Staff",
    security(("login" = [])),
    responses((status = 200, description = "All texts", body = TextList), Refusal)
)]
async fn list_texts(State(app): State<App>, caller: Caller) -> ApiResult<Json<TextList>> {
    caller.require(&MANAGERS)?;
    let writer = app.writer();
    let mut texts = Vec::new();
    for (name, kind) in writer.catalog.kinds() {
        for say in kind.says() {
            let mut previews = Vec::new();
            for language in Language::ALL {
                for (number, example) in kind.examples.iter().enumerate() {
                    let message = writer.preview(kind, say, example, language)?;
                    previews.push(Preview {
                        language: language.into(),
                        example: number,
                        sms_parts: sms::parts(&message.sms),
                        subject: message.subject,
                        sms: message.sms,
                        email: message.email,
                    });
                }
            }
            let reminder = kind.rule.reminders.iter().find(|reminder| reminder.say.text == say.text);
            texts.push(TextView {
                text: say.text.clone(),
                kind: name.to_owned(),
                title: kind.title.clone(),
                subject_name: kind.rule.category.clone(),
                before: reminder.map_or_else(Vec::new, |one| one.before.iter().map(ToString::to_string).collect()),
                urgent: say.urgent,
                previews,
            });
        }
    }
    Ok(Json(TextList { texts }))
}
