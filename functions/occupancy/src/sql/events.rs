//! Transitions of spaces, newest first.

use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use parvis_kit::postgres::DatabaseError;
use parvis_parking::EventKind;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgExecutor, Postgres, QueryBuilder, Row as _};

use crate::cursor::Cursor;

/// All kinds of events.
const KINDS: [EventKind; 4] =
    [EventKind::ParkStart, EventKind::ParkEnd, EventKind::CommsLost, EventKind::CommsRestored];

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The zone of the space.
    pub zone: String,
    /// The number of the space.
    pub space: i32,
    /// The sensor's time of the change.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: EventKind,
    /// How long the vehicle stood, for [`EventKind::ParkEnd`] when its beginning is known.
    pub dwell_seconds: Option<i64>,
}

impl Event {
    /// Identity within the place, made of what makes the event.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}/{}/{}", self.zone, self.space, self.at.timestamp_millis(), self.kind.as_str())
    }
}

impl FromRow<'_, PgRow> for Event {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let name: &str = row.try_get("kind")?;
        // A kind of a newer schema than ours is a mistake in the order of deployment, not something to leave out
        // silently.
        let kind = KINDS.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| sqlx::Error::ColumnDecode {
            index: "kind".to_owned(),
            source: format!("`{name}` is not a kind of event").into(),
        })?;
        Ok(Self {
            zone: row.try_get("zone")?,
            space: row.try_get("space")?,
            at: row.try_get("at")?,
            kind,
            dwell_seconds: row.try_get("dwell_seconds")?,
        })
    }
}

/// Which transitions are asked for.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// Only this zone.
    pub zone: Option<String>,
    /// Only spaces of this number.
    pub space: Option<i32>,
    /// Only these kinds; all when empty.
    pub kinds: Vec<EventKind>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Only what comes after the row that the cursor names, in the order of the listing.
    pub after: Option<Cursor>,
}

/// Conditions are appended only when asked for: with `$n IS NULL OR …` a prepared statement would get one plan for all
/// cases.
fn select(place: &str, filter: &EventFilter, limit: u32) -> QueryBuilder<Postgres> {
    let mut query =
        QueryBuilder::new("SELECT zone, space, at, kind, dwell_seconds FROM parking_transition WHERE place = ");
    query.push_bind(place);
    if let Some(zone) = &filter.zone {
        query.push(" AND zone = ").push_bind(zone);
    }
    if let Some(space) = filter.space {
        query.push(" AND space = ").push_bind(space);
    }
    if !filter.kinds.is_empty() {
        let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
        query.push(" AND kind = ANY(").push_bind(kinds).push(")");
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(from);
    }
    if let Some(to) = filter.to {
        query.push(" AND at < ").push_bind(to);
    }
    if let Some(cursor) = &filter.after {
        // Newest first, and in the order of the index among events of one instant.
        query.push(" AND at <= ").push_bind(cursor.at).push(" AND (at < ").push_bind(cursor.at);
        query.push(" OR (zone, space, kind) > (").push_bind(&cursor.zone).push(", ").push_bind(cursor.space);
        query.push(", ").push_bind(cursor.kind.as_str()).push("))");
    }
    query.push(" ORDER BY at DESC, zone, space, kind LIMIT ").push_bind(i64::from(limit));
    query
}

/// A page of transitions, newest first.
///
/// # Errors
/// When the database cannot answer.
pub async fn events(
    database: impl PgExecutor<'_>,
    place: &str,
    filter: &EventFilter,
    limit: u32,
) -> Result<Vec<Event>, DatabaseError> {
    Ok(select(place, filter, limit).build_query_as().fetch_all(database).await?)
}

/// Feeds each transition, newest first, to `each` as it arrives from the database, until the rows end or `each` breaks.
///
/// # Errors
/// When the database cannot answer, or with what `each` fails with.
pub async fn for_each_event<Error: From<DatabaseError>>(
    database: impl PgExecutor<'_>,
    place: &str,
    filter: &EventFilter,
    limit: u32,
    mut each: impl FnMut(Event) -> Result<ControlFlow<()>, Error>,
) -> Result<(), Error> {
    let mut query = select(place, filter, limit);
    let mut rows = query.build_query_as::<Event>().fetch(database);
    while let Some(event) = rows.try_next().await.map_err(DatabaseError::from)? {
        if each(event)?.is_break() {
            break;
        }
    }
    Ok(())
}
