//! Codes that prove addresses: how many are sent, and how often one may be guessed.
//!
//! Each is a message to somebody who may not have asked for it, and each guess may hit. What bounds them is counted beside the addresses:
//! whoever removes an address and adds it again gains nothing.

use axum::http::StatusCode;
use chrono::{DateTime, Timelike as _, Utc};
use parvis_kit::auth::Network;
use parvis_kit::problem::Problem;
use parvis_mailroom::Unreachable;
use parvis_notices::Person;
use parvis_notices::address::Address;
use parvis_notices::limits::Charge;

use crate::error::{ApiResult, invalid};
use crate::state::App;

/// Codes of a day to one address, whoever asks for them.
const TO_ADDRESS: u32 = 5;
/// Codes of a day to an address where there was nobody.
const TO_NOBODY: u32 = 1;
/// Codes of a day that one login asks for.
const FOR_LOGIN: u32 = 10;
/// Codes of a day that visitors ask for from one network.
const FOR_NETWORK: u32 = 20;
/// Codes of a day that all visitors ask for.
const FOR_VISITORS: u32 = 500;
/// Guesses of a day of one login, right ones included.
const TRIES_OF_LOGIN: u32 = 20;
/// Guesses at the code of one wish of a visitor.
const TRIES_OF_WISH: u32 = 5;

/// Who asks for a code.
pub(crate) enum Asker<'a> {
    /// A login.
    Login(&'a str),
    /// A visitor, from somewhere.
    Visitor(&'a Network),
}

/// What is counted by days begins anew at midnight UTC.
fn too_many(title: &'static str, now: DateTime<Utc>) -> Problem {
    let today = now.num_seconds_from_midnight();
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many-codes", title).retry_after(86_400_u32.saturating_sub(today))
}

fn just_sent(now: DateTime<Utc>) -> Problem {
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "code-just-sent", "A code was sent a moment ago")
        .detail("Wait a minute before you ask for another one.")
        .retry_after(60_u32.saturating_sub(now.second()))
}

async fn spend(app: &App, counter: String, most: u32) -> ApiResult<bool> {
    Ok(app.store().spend(&Charge { counter, amount: 1, most }, app.now()).await?)
}

/// Counts a code that is asked for, if it may be sent. The bounds of the asker come first: what one of them asks in vain uses up nothing
/// of others.
pub(crate) async fn allow(app: &App, address: &Address, asker: Asker<'_>) -> ApiResult<()> {
    let digest = address.digest();
    let suppression = app.store().suppression(&address.to, app.now()).await?;
    let unreachable = suppression.map(|suppression| suppression.why);
    // A visitor is told nothing of what others have said about an address; the letter is dropped on its way.
    if let (Some(Unreachable::Unwanted), Asker::Login(_)) = (unreachable, &asker) {
        return Err(invalid("/to", "messages to this address were objected to or opted out of; it is not written to"));
    }
    let bounds = match asker {
        Asker::Login(subject) => vec![(format!("codes for {subject}"), FOR_LOGIN)],
        Asker::Visitor(Network(network)) => {
            vec![(format!("codes from {network}"), FOR_NETWORK), ("codes for visitors".to_owned(), FOR_VISITORS)]
        }
    };
    spend_all(app, bounds).await?;
    let minute = app.now().format("%H:%M");
    if !spend(app, format!("code to {digest} at {minute}"), 1).await? {
        return Err(just_sent(app.now()).into());
    }
    let mut bounds = vec![(format!("codes to {digest}"), TO_ADDRESS)];
    if unreachable == Some(Unreachable::Nobody) {
        bounds.push((format!("codes to nobody at {digest}"), TO_NOBODY));
    }
    spend_all(app, bounds).await
}

async fn spend_all(app: &App, bounds: Vec<(String, u32)>) -> ApiResult<()> {
    for (counter, most) in bounds {
        if !spend(app, counter, most).await? {
            return Err(too_many("Too many codes were sent today", app.now()).into());
        }
    }
    Ok(())
}

/// Counts a guess of a login.
pub(crate) async fn try_of_login(app: &App, subject: &str) -> ApiResult<()> {
    if spend(app, format!("tries of {subject}"), TRIES_OF_LOGIN).await? {
        return Ok(());
    }
    Err(too_many("Too many codes were given today", app.now()).into())
}

/// Counts a guess at the code of a visitor's wish; many at once are counted as well.
pub(crate) async fn try_of_wish(app: &App, wish: &str, sent_at: DateTime<Utc>) -> ApiResult<()> {
    // Counted by the day that the code was sent, so that midnight gives no more of them.
    let charge = Charge { counter: format!("tries of wish {wish}"), amount: 1, most: TRIES_OF_WISH };
    if app.store().spend(&charge, sent_at).await? {
        return Ok(());
    }
    Err(parvis_notices::address::BadCode::TooOften.into())
}

/// Sends the code that proves an address of a person, which has been stored.
pub(crate) async fn send(app: &App, person: &Person, address: &Address, code: &str) -> ApiResult<()> {
    let letter = app.writer().code(address, person, code, app.now())?;
    app.queue().post(&[letter]).await?;
    Ok(())
}
