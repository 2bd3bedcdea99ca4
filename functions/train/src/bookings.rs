//! What is asked of the bookings in PostgreSQL. Their tables belong to the `bookings` function and are only read here; every
//! statement of every hour is bounded by a range of time in which bookings begin.

use std::collections::HashMap;

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_booking::{SiteId, opening::OpeningHours, resource};
use parvis_forecasting::{Calendar, Kind, Observation, calendar::Closure};
use parvis_forecasts::{Definition, Measure, Subject};
use parvis_kit::postgres::DatabaseError;
use parvis_money::Currency;
use serde::Deserialize;
use sqlx::{FromRow, PgPool, types::Json};

use crate::history::Range;

/// Length of a step of the series of bookings, in minutes.
pub const STEP_MINUTES: u16 = 60;
/// Currencies in which nothing was earned for so long are not forecast.
const EARNING: TimeDelta = TimeDelta::days(90);

/// What a site says of itself, as far as forecasts need it.
#[derive(Debug, Clone, Deserialize)]
struct SiteDetails {
    name: String,
    timezone: Tz,
    #[serde(default)]
    opening: OpeningHours,
}

#[derive(Debug, FromRow)]
struct SiteRow {
    details: Json<SiteDetails>,
    /// Places of the kind that are in service.
    places: i64,
    /// Whether one of them has opening hours of its own.
    own_hours: bool,
}

const SITE: &str = "
SELECT s.details, count(r.no) AS places,
       COALESCE(bool_or(jsonb_typeof(r.details->'opening') = 'object'), false) AS own_hours
FROM booking_site s
LEFT JOIN booking_resource r ON r.site = s.id AND NOT r.closed AND ($2::text IS NULL OR r.kind = $2)
WHERE s.id = $1 GROUP BY s.id";

/// What a series of bookings is; none when the site has nothing of the kind.
///
/// # Errors
/// When the database cannot answer.
pub async fn definition(
    pool: &PgPool,
    site: &SiteId,
    measure: Measure,
    at: DateTime<Utc>,
) -> Result<Option<Definition>, DatabaseError> {
    let (kind, of_kind) = match measure {
        Measure::Taken(kind) => (Some(kind.as_str()), true),
        Measure::Revenue(_) => (None, false),
    };
    let row: Option<SiteRow> = sqlx::query_as(SITE).bind(site.as_str()).bind(kind).fetch_optional(pool).await?;
    let Some(SiteRow { details: Json(details), places, own_hours }) = row.filter(|row| row.places > 0 || !of_kind)
    else {
        return Ok(None);
    };
    let mut calendar = Calendar::new(details.timezone);
    // Places that follow the site are closed with it; a kind of which some do not is forecast by what was seen alone.
    if of_kind && !own_hours {
        calendar.closures = closures(&details.opening, details.timezone, at.date_naive());
    }
    Ok(Some(Definition {
        subject: Subject::Coworking(site.clone(), measure),
        title: details.name,
        kind: match measure {
            // A site has far less than 2^52 places.
            Measure::Taken(_) => Kind::Bounded { capacity: places as f64 },
            Measure::Revenue(_) => Kind::Amount,
        },
        step_minutes: STEP_MINUTES,
        calendar,
    }))
}

/// The days of the last two years, this one and the next on which a site that is open on such a weekday is closed. The span moves
/// once a year, since another calendar calls for training anew.
fn closures(opening: &OpeningHours, timezone: Tz, today: NaiveDate) -> Vec<Closure> {
    let mut closures: Vec<Closure> = Vec::new();
    if opening.exceptions.is_empty() {
        return closures;
    }
    let usual = |day: NaiveDate| opening.weekly.iter().any(|span| span.days.contains(&day.weekday()));
    let first = NaiveDate::from_ymd_opt(today.year() - 2, 1, 1).unwrap_or(today);
    let days = first.iter_days().take_while(|day| day.year() <= today.year() + 1);
    for day in days.filter(|day| usual(*day) && opening.closed_on(*day, timezone)) {
        match closures.last_mut().filter(|last| last.last.succ_opt() == Some(day)) {
            Some(closure) => closure.last = day,
            None => closures.push(Closure { first: day, last: day }),
        }
    }
    closures
}

const FIRST_TAKEN: &str = "
SELECT b.starts_at FROM booking b
WHERE b.site = $1 AND b.starts_at >= $3 AND b.starts_at < $4 AND b.state IN ('booked', 'arrived', 'fulfilled', 'noshow')
  AND EXISTS (SELECT FROM booking_slot s JOIN booking_resource r ON r.no = s.resource WHERE s.booking = b.id AND r.kind = $2)
ORDER BY b.starts_at LIMIT 1";

const FIRST_EARNED: &str = "
SELECT starts_at FROM booking
WHERE site = $1 AND starts_at >= $3 AND starts_at < $4 AND charge->'total'->>'currency' = $2
  AND (charge->'total'->>'cents')::bigint > 0 AND state NOT IN ('held', 'waitlist', 'pending')
ORDER BY starts_at LIMIT 1";

/// The first booking in a range of the kind of place at a site, or in the currency: before it nothing is known, which is not the same as
/// nothing wanted. A kind that is new at an old site has no past.
///
/// # Errors
/// When the database cannot answer.
pub async fn first_booking(
    pool: &PgPool,
    site: &SiteId,
    measure: Measure,
    range: Range,
) -> Result<Option<DateTime<Utc>>, DatabaseError> {
    let query = match measure {
        Measure::Taken(kind) => sqlx::query_scalar(FIRST_TAKEN).bind(site.as_str()).bind(kind.as_str()),
        Measure::Revenue(currency) => sqlx::query_scalar(FIRST_EARNED).bind(site.as_str()).bind(currency.code()),
    };
    Ok(query.bind(range.from).bind(range.to).fetch_optional(pool).await?)
}

#[derive(Debug, FromRow)]
struct Hour {
    at: DateTime<Utc>,
    value: f64,
}

/// No booking is longer than 366 days (`max_minutes` of policies and the import of past ones see to it), so what begins before that is
/// over: the index by the start is read from there on.
const TAKEN: &str = "
SELECT h.at, (sum(extract(epoch FROM least(b.ends_at, upper(s.during), h.at + interval '1 hour')
                                     - greatest(b.starts_at, h.at))) / 3600)::float8 AS value
FROM booking b
JOIN booking_slot s ON s.booking = b.id
JOIN booking_resource r ON r.no = s.resource AND r.kind = $2
CROSS JOIN LATERAL generate_series(date_bin('1 hour', greatest(b.starts_at, $3), 'epoch'),
                                   least(b.ends_at, upper(s.during), $4) - interval '1 microsecond', interval '1 hour') AS h(at)
WHERE b.site = $1 AND b.starts_at > $3 - interval '366 days' AND b.starts_at < $4 AND b.ends_at > $3 AND b.state IN ('booked', 'arrived', 'fulfilled', 'noshow')
GROUP BY h.at";

const EARNED: &str = "
SELECT date_bin('1 hour', starts_at, 'epoch') AS at,
       (sum((charge->'total'->>'cents')::bigint - COALESCE((refund->'price'->>'cents')::bigint, 0)) / $5)::float8 AS value
FROM booking
WHERE site = $1 AND starts_at >= $3 AND starts_at < $4 AND charge->'total'->>'currency' = $2
  AND state NOT IN ('held', 'waitlist', 'pending')
GROUP BY 1";

/// One value for each hour of a range. An hour without bookings is one with nothing taken and nothing earned.
///
/// # Errors
/// When the database cannot answer.
pub async fn hours(
    pool: &PgPool,
    site: &SiteId,
    measure: Measure,
    range: Range,
    most: f64,
) -> Result<Vec<Observation>, DatabaseError> {
    let rows: Vec<Hour> = match measure {
        Measure::Taken(kind) => {
            let query = sqlx::query_as(TAKEN).bind(site.as_str()).bind(kind.as_str());
            query.bind(range.from).bind(range.to).fetch_all(pool).await?
        }
        Measure::Revenue(currency) => {
            let query = sqlx::query_as(EARNED).bind(site.as_str()).bind(currency.code());
            query.bind(range.from).bind(range.to).bind(currency.minor_units() as f64).fetch_all(pool).await?
        }
    };
    let of_hour: HashMap<DateTime<Utc>, f64> = rows.into_iter().map(|row| (row.at, row.value)).collect();
    let step = TimeDelta::minutes(i64::from(STEP_MINUTES));
    let number = usize::try_from((range.to - range.from).num_minutes() / step.num_minutes()).unwrap_or(0);
    let starts = std::iter::successors(Some(range.from), |at| Some(*at + step)).take(number);
    Ok(starts.map(|at| Observation { at, value: of_hour.get(&at).copied().unwrap_or(0.0).clamp(0.0, most) }).collect())
}

const KINDS: &str = "SELECT DISTINCT site, kind FROM booking_resource WHERE NOT closed";
const CURRENCIES: &str = "
SELECT DISTINCT site, charge->'total'->>'currency' FROM booking
WHERE starts_at >= $1 AND starts_at < $2 AND (charge->'total'->>'cents')::bigint > 0";

/// The series that there are: each kind of place of each site, and each currency in which a site has lately earned something.
///
/// # Errors
/// When the database cannot answer.
pub async fn subjects(pool: &PgPool, at: DateTime<Utc>) -> Result<Vec<Subject>, DatabaseError> {
    let kinds: Vec<(String, String)> = sqlx::query_as(KINDS).fetch_all(pool).await?;
    let currencies: Vec<(String, String)> =
        sqlx::query_as(CURRENCIES).bind(at - EARNING).bind(at).fetch_all(pool).await?;
    let taken = kinds.into_iter().map(|(site, kind)| (site, resource::Kind::from_name(&kind).map(Measure::Taken)));
    let earned = currencies.into_iter().map(|(site, code)| (site, code.parse::<Currency>().ok().map(Measure::Revenue)));
    let mut subjects: Vec<Subject> = taken
        .chain(earned)
        .filter_map(|(site, measure)| Some(Subject::Coworking(site.parse().ok()?, measure?)))
        .collect();
    subjects.sort();
    Ok(subjects)
}

/// A piece of equipment that can be booked.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Equipment {
    /// Its id.
    pub resource: String,
    /// Where it is.
    pub site: String,
    /// Its name, for people.
    pub name: String,
    /// Those that live alike: its pool, or itself.
    pub group: String,
}

const EQUIPMENT: &str = r#"
SELECT id AS resource, site, details->>'name' AS name, COALESCE(pool, id) AS "group"
FROM booking_resource WHERE kind = 'equipment' AND NOT closed ORDER BY id"#;

/// All equipment in service.
///
/// # Errors
/// When the database cannot answer.
pub async fn equipment(pool: &PgPool) -> Result<Vec<Equipment>, DatabaseError> {
    Ok(sqlx::query_as(EQUIPMENT).fetch_all(pool).await?)
}

/// Hours for which a piece of equipment was used.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Use {
    /// Since its last failure or overhaul.
    pub age: f64,
    /// Lately.
    pub lately: f64,
}

#[derive(Debug, FromRow)]
struct UseRow {
    resource: String,
    age: f64,
    lately: f64,
}

const USED: &str = "
SELECT w.resource,
       COALESCE(sum(extract(epoch FROM greatest(u.ends - greatest(u.starts, w.since), '0'))), 0)::float8 / 3600 AS age,
       COALESCE(sum(extract(epoch FROM greatest(u.ends - greatest(u.starts, $3), '0'))), 0)::float8 / 3600 AS lately
FROM unnest($1::text[], $2::timestamptz[]) AS w(resource, since)
JOIN booking_resource r ON r.id = w.resource
LEFT JOIN LATERAL (
    SELECT b.starts_at AS starts, least(b.ends_at, upper(s.during), $4) AS ends
    FROM booking_slot s JOIN booking b ON b.id = s.booking
    WHERE s.resource = r.no AND b.state IN ('arrived', 'fulfilled') AND b.starts_at < $4) u ON true
GROUP BY w.resource";

/// Hours for which pieces were used until a moment: each since a moment of its own, and all since another.
///
/// # Errors
/// When the database cannot answer.
pub async fn used_hours(
    pool: &PgPool,
    pieces: &[(&str, Option<DateTime<Utc>>)],
    lately: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<HashMap<String, Use>, DatabaseError> {
    let (names, since): (Vec<&str>, Vec<DateTime<Utc>>) =
        pieces.iter().map(|(name, since)| (*name, since.unwrap_or(DateTime::UNIX_EPOCH))).unzip();
    let query = sqlx::query_as(USED).bind(names).bind(since).bind(lately).bind(to);
    let rows: Vec<UseRow> = query.fetch_all(pool).await?;
    Ok(rows.into_iter().map(|UseRow { resource, age, lately }| (resource, Use { age, lately })).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_closed_on_its_exceptions_and_open_on_its_days_off_as_ever() {
        let opening: OpeningHours = serde_json::from_str(
            r#"{"weekly": [{"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "08:00:00", "until": "19:00:00"}],
                "exceptions": [{"from": "2026-12-24", "to": "2026-12-28", "reason": "Works"},
                               {"from": "2026-07-14", "to": "2026-07-14", "yearly": true},
                               {"from": "2026-05-01", "to": "2026-05-01", "spans": [{"from": "09:00:00", "until": "12:00:00"}]}]}"#,
        )
        .unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let closures = closures(&opening, chrono_tz::Europe::Paris, day("2026-03-16"));
        let closed = |text: &str| closures.iter().any(|closure| closure.contains(day(text)));
        assert!(closed("2026-12-24") && closed("2026-12-25") && closed("2026-12-28"), "{closures:?}");
        // A Saturday is not open anyway; 14 July comes back; an open exception is none.
        assert!(!closed("2026-12-26") && closed("2025-07-14") && closed("2027-07-14") && !closed("2026-05-01"));
    }
}
