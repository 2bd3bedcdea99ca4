//! Letters: each is sent once, and the record by which that is made sure is the log that managers read.
//!
//! ```text
//!   claim            lease ends
//!     |---- sending ----|
//!     |  others: busy   |  others: may take over
//!     |-- conclude: sent, failed, or dropped with a reason --- others: done
//! ```
//!
//! A letter is claimed before it is sent and concluded right after. SNS and SES take no key by which they would know a repetition, so a
//! sandbox that dies between their answer and the conclusion has its letter sent again: that window, one write long, is all that is left
//! of sending twice (with an answer that does not come in time: ADR 0009), and nothing is sent less than once.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures::future::try_join_all;
use parvis_notices::Letter;
use parvis_notices::address::masked;
use parvis_notices::limits::Charge;
use serde::{Deserialize, Serialize};

use crate::store::{
    BODY, EXPIRES, Item, NoticeStore, StoreError, body, moment, number, readable, seconds, sort_key, text,
};

const KEEP_LOG: TimeDelta = TimeDelta::days(90);
const KEEP_COUNTS: TimeDelta = TimeDelta::days(3);
const STATE: &str = "state";
const ATTEMPTS: &str = "attempts";
const REASON: &str = "reason";
const CONCLUDED: &str = "concluded_at";
/// Items of the log that one request looks at, at most.
const MOST_LOOKED_AT: usize = 5_000;
/// Parts of a day of the log. A partition of DynamoDB takes a thousand writes a second, and each letter takes two.
const PARTS: u32 = 8;
/// Lines of one part that are read at a time.
const PAGE: i32 = 100;

/// Whether a letter may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Send it, then conclude; it is the attempt of this number.
    Granted(u32),
    /// It is concluded.
    Done,
    /// Somebody else is sending it.
    Busy,
}

/// What has become of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Under way, or waiting for another attempt.
    Sending,
    /// Taken by SNS, SES or the other system.
    Sent,
    /// Refused for good.
    Failed,
    /// Not sent, for the reason given: too late, limits, an address that is not written to.
    Dropped,
}

impl State {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    fn read(name: &str) -> Option<Self> {
        [Self::Sending, Self::Sent, Self::Failed, Self::Dropped].into_iter().find(|state| state.as_str() == name)
    }
}

/// What the log tells of a letter, besides what became of it. Neither its text nor its whole address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Described {
    at: DateTime<Utc>,
    person: Option<String>,
    channel: String,
    to: String,
    category: String,
    text: String,
    language: String,
    event: String,
}

impl Described {
    fn of(letter: &Letter) -> Self {
        Self {
            at: letter.at,
            person: letter.person.clone(),
            channel: letter.to.channel().to_owned(),
            to: masked(letter.to.address()),
            category: letter.category.clone(),
            text: letter.text.clone(),
            language: letter.language.code().to_owned(),
            event: letter.event.clone(),
        }
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Its place in the log.
    pub id: String,
    /// The moment that the letter is about.
    pub at: DateTime<Utc>,
    /// To whom, as a login.
    pub person: Option<String>,
    /// How.
    pub channel: String,
    /// Where, as far as may be told.
    pub to: String,
    /// The subject of preferences.
    pub category: String,
    /// Name of its text, or type of the event for webhooks.
    pub text: String,
    /// The language that it is written in.
    pub language: String,
    /// Id of the event.
    pub event: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it failed, was dropped, or will be tried again.
    pub reason: Option<String>,
    /// When that was.
    pub concluded_at: Option<DateTime<Utc>>,
}

/// What is looked for in the log.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Only these states.
    pub state: Option<State>,
    /// Only this channel.
    pub channel: Option<String>,
    /// Only to this person.
    pub person: Option<String>,
    /// A part of text, event, address, category or reason, in any case.
    pub words: Option<String>,
}

impl Search {
    fn takes(&self, line: &Logged) -> bool {
        let words = self.words.as_ref().map(|words| words.to_lowercase());
        let has = |words: &String| {
            let reason = line.reason.as_deref().unwrap_or_default();
            let person = line.person.as_deref().unwrap_or_default();
            [&line.text, &line.event, &line.to, &line.category, person, reason]
                .iter()
                .any(|field| field.to_lowercase().contains(words))
        };
        self.state.is_none_or(|state| state == line.state)
            && self.channel.as_ref().is_none_or(|channel| *channel == line.channel)
            && (self.person.is_none() || self.person == line.person)
            && words.as_ref().is_none_or(has)
    }
}

fn part_of_day(day: NaiveDate, part: u32) -> String {
    format!("log#{day}#{part}")
}

fn place(letter: &Letter) -> (String, String) {
    let id = letter.id();
    let part = id.bytes().map(u32::from).sum::<u32>() % PARTS;
    (part_of_day(letter.at.date_naive(), part), format!("{}#{id}", moment(letter.at)))
}

impl NoticeStore {
    /// Claims a letter until `lease_until`, the end of this invocation.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn claim(
        &self,
        letter: &Letter,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Claim, StoreError> {
        let (pk, sk) = place(letter);
        let described = serde_json::to_string(&Described::of(letter))?;
        let update = self.client.update_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        let update = update
            .update_expression(
                "SET #state = :sending, lease_until = :lease, #attempts = if_not_exists(#attempts, :none) + :one, #body = :body, #expires = :expires",
            )
            .condition_expression("attribute_not_exists(#state) OR (#state = :sending AND lease_until < :now)")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#attempts", ATTEMPTS)
            .expression_attribute_names("#body", BODY)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":sending", text(State::Sending.as_str()))
            .expression_attribute_values(":lease", number(lease_until.timestamp_millis()))
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":body", text(described))
            .expression_attribute_values(":expires", seconds(letter.at + KEEP_LOG))
            .expression_attribute_values(":now", number(now.timestamp_millis()))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match update.send().await {
            Ok(claimed) => Ok(Claim::Granted(claimed.attributes.as_ref().map_or(1, attempts))),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(held)) => {
                    let state = held.item().and_then(|item| item.get(STATE)?.as_s().ok());
                    let sending = state.is_some_and(|state| state == State::Sending.as_str());
                    Ok(if sending { Claim::Busy } else { Claim::Done })
                }
                _ => Err(Box::new(error).into()),
            },
        }
    }

    /// Notes what became of a letter that was claimed. One that is to be tried again is free at once.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn conclude(
        &self,
        letter: &Letter,
        state: State,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (pk, sk) = place(letter);
        let update = self.client.update_item().table_name(&self.table).key("pk", text(pk)).key("sk", text(sk));
        let reason = reason.map_or(AttributeValue::Null(true), text);
        let update = update
            .update_expression("SET #state = :state, lease_until = :ended, #reason = :reason, #concluded = :at")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#reason", REASON)
            .expression_attribute_names("#concluded", CONCLUDED)
            .expression_attribute_values(":state", text(state.as_str()))
            .expression_attribute_values(":ended", number(0))
            .expression_attribute_values(":reason", reason)
            .expression_attribute_values(":at", text(moment(now)));
        update.send().await.map_err(Box::new)?;
        Ok(())
    }

    /// Counts against a limit of a day; false when the limit would be passed, and nothing is counted then.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn spend(&self, charge: &Charge, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let Some(left) = charge.most.checked_sub(charge.amount) else { return Ok(false) };
        let pk = format!("spent#{}#{}", now.date_naive(), charge.counter);
        let update = self.client.update_item().table_name(&self.table).key("pk", text(pk)).key("sk", text("count"));
        let update = update
            .update_expression("SET used = if_not_exists(used, :none) + :amount, #expires = :expires")
            .condition_expression("attribute_not_exists(used) OR used <= :left")
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":none", number(0))
            .expression_attribute_values(":amount", number(charge.amount))
            .expression_attribute_values(":left", number(left))
            .expression_attribute_values(":expires", seconds(now + KEEP_COUNTS));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(Box::new(error).into()),
        }
    }

    /// The letters of a day (UTC), newest first: at most `limit` that the search takes, and where to go on. A search that finds little
    /// stops after some thousands of letters and says where to go on too.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn log(
        &self,
        of: NaiveDate,
        search: &Search,
        before: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Logged>, Option<String>), StoreError> {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let mut before = before.map(str::to_owned);
        loop {
            let (lines, more) = self.lines_before(of, before.as_deref()).await?;
            for line in lines {
                looked_at += 1;
                before = Some(line.id.clone());
                if search.takes(&line) {
                    found.push(line);
                    if found.len() == limit {
                        return Ok((found, before));
                    }
                }
            }
            if !more {
                return Ok((found, None));
            }
            if looked_at >= MOST_LOOKED_AT {
                return Ok((found, before));
            }
        }
    }

    /// The newest lines of all parts of a day before a place in it, newest first and without a gap; and whether there are more.
    async fn lines_before(&self, day: NaiveDate, before: Option<&str>) -> Result<(Vec<Logged>, bool), StoreError> {
        let names: Vec<String> = (0..PARTS).map(|part| part_of_day(day, part)).collect();
        let pages = try_join_all(names.iter().map(|name| self.newest(name, "", before, PAGE))).await?;
        // Of a part that was not read to its end, what lies before its last line is not known.
        let full = |page: &&Vec<Item>| page.len() >= usize::try_from(PAGE).unwrap_or_default();
        let known_from = pages.iter().filter(full).filter_map(|page| sort_key(page.last()?)).max();
        let mut items: Vec<&Item> = pages.iter().flatten().filter(|item| sort_key(item) >= known_from).collect();
        items.sort_by_key(|item| std::cmp::Reverse(sort_key(item)));
        let items: Vec<Item> = items.into_iter().cloned().collect();
        Ok((readable(&items, logged).0, known_from.is_some()))
    }
}

fn attempts(item: &Item) -> u32 {
    item.get(ATTEMPTS).and_then(|count| count.as_n().ok()?.parse().ok()).unwrap_or_default()
}

fn logged(item: &Item) -> Result<Logged, StoreError> {
    let described: Described = body(item)?;
    let string = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
    Ok(Logged {
        id: sort_key(item).unwrap_or_default().to_owned(),
        at: described.at,
        person: described.person,
        channel: described.channel,
        to: described.to,
        category: described.category,
        text: described.text,
        language: described.language,
        event: described.event,
        state: string(STATE).and_then(|name| State::read(name)).ok_or(StoreError::Missing(STATE))?,
        attempts: attempts(item),
        reason: string(REASON).cloned(),
        concluded_at: string(CONCLUDED).and_then(|at| at.parse().ok()),
    })
}
