//! The events that a write leaves behind, in its own transaction.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_events::parking_session::{ENDED, EXTENDED, STARTED, STOPPED, SessionChanged, session_subject};
use parvis_events::{CloudEvent, EventId, Position};
use parvis_rights::SessionState;

use crate::record::SessionRecord;

/// The context's name in events.
const SOURCE: &str = "/parvis/payments";

/// What a driver is to hear of a session that was `before` and is `after` since `now`. Operators' sessions, and those of people who
/// have erased their data, have nobody to tell.
#[must_use]
pub fn of(
    before: Option<&SessionRecord>,
    after: &SessionRecord,
    timezone: Tz,
    now: DateTime<Utc>,
) -> Option<CloudEvent<SessionChanged>> {
    let kind = kind(before, after)?;
    let owner = after.owner.clone()?;
    let id = after.session.id.to_string();
    let paid = after.net();
    let data = SessionChanged {
        session: id.clone(),
        owner,
        zone: after.session.zone.to_string(),
        starts_at: after.session.bounds()?.start,
        ends_at: after.end(),
        timezone: timezone.name().to_owned(),
        paid_cents: paid.cents,
        currency: paid.currency.code().to_owned(),
        version: after.revision,
    };
    // It ended when its time was over, and not when the schedule came by.
    let at = if kind == ENDED { after.end() } else { now };
    let position = Position { version: after.revision, step: 0 };
    let event = EventId::in_order(at, position, &[kind, &id]);
    Some(CloudEvent::new(event, SOURCE, kind, session_subject(&id), at, data))
}

fn kind(before: Option<&SessionRecord>, after: &SessionRecord) -> Option<&'static str> {
    use SessionState::{Active, Ended, Pending, Stopped};
    match (before.map(|before| (before.session.state, before.end())), after.session.state) {
        (None | Some((Pending, _)), Active) => Some(STARTED),
        (Some((Active, end)), Active) if end < after.end() => Some(EXTENDED),
        (Some((Active, _)), Stopped) => Some(STOPPED),
        (Some((Active, _)), Ended) => Some(ENDED),
        _ => None,
    }
}
