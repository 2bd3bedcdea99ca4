//! The manager's overview: what was booked, against what was open and what the sensors saw.

use parvis_booking::Slot;
use parvis_kit::postgres::DatabaseError;
use sqlx::PgExecutor;

/// What a resource was used for.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct UseRow {
    /// The resource.
    pub id: String,
    /// Bookings that were used, are on or are to come.
    pub bookings: i64,
    /// Minutes of theirs within the range, buffers left out.
    pub booked_minutes: i64,
    /// Nobody came.
    pub no_shows: i64,
    /// Given up, or given back by the house.
    pub given_up: i64,
    /// Cents of what was booked, less what was refunded; a booking of several places counts on its first.
    pub revenue_cents: i64,
    /// Minutes within the range in which the sensor saw somebody; none without a sensor.
    pub sensed_minutes: Option<i64>,
}

/// Use by resource. Sensed minutes are read from the history of the parking context, whose sensors see rooms as they see
/// spaces.
///
/// # Errors
/// When the database fails.
pub async fn by_resource(
    sql: impl PgExecutor<'_>,
    resources: &[String],
    range: Slot,
) -> Result<Vec<UseRow>, DatabaseError> {
    let rows = sqlx::query_as(
        "WITH used AS (
             SELECT s.resource, s.item, b.state, b.charge, b.refund,
                    tstzrange(b.starts_at, least(b.ends_at, upper(s.during))) * tstzrange($2, $3) AS span
             FROM booking b JOIN booking_slot s ON s.booking = b.id
             WHERE b.starts_at < $3 AND b.ends_at > $2 AND b.state NOT IN ('held', 'waitlist')
               AND b.starts_at < least(b.ends_at, upper(s.during))),
         sensed AS (
             SELECT r.no, round(sum(extract(epoch FROM least(t.at, $3) - greatest(t.at - make_interval(secs => t.dwell_seconds), $2)))
                                / 60)::bigint AS minutes
             FROM booking_resource r JOIN parking_transition t
                  ON t.place = r.details->'sensor'->>'place' AND t.zone = r.details->'sensor'->>'zone'
                     AND t.space = (r.details->'sensor'->>'space')::int
             WHERE t.kind = 'park_end' AND t.dwell_seconds IS NOT NULL
               AND t.at > $2 AND t.at - make_interval(secs => t.dwell_seconds) < $3 AND t.at < $3 + interval '2 days'
             GROUP BY r.no)
         SELECT r.id,
                count(u.resource) FILTER (WHERE u.state IN ('pending', 'booked', 'arrived', 'fulfilled')) AS bookings,
                COALESCE(sum(extract(epoch FROM upper(u.span) - lower(u.span)) / 60)
                         FILTER (WHERE u.state IN ('booked', 'arrived', 'fulfilled', 'noshow')), 0)::bigint AS booked_minutes,
                count(*) FILTER (WHERE u.state = 'noshow') AS no_shows,
                count(*) FILTER (WHERE u.state IN ('cancelled', 'released')) AS given_up,
                COALESCE(sum((u.charge->'total'->>'cents')::bigint - COALESCE((u.refund->'price'->>'cents')::bigint, 0))
                         FILTER (WHERE u.item = 0 AND u.state <> 'pending'), 0)::bigint AS revenue_cents,
                CASE WHEN jsonb_typeof(r.details->'sensor') = 'object' THEN COALESCE(max(n.minutes), 0) END AS sensed_minutes
         FROM booking_resource r LEFT JOIN used u ON u.resource = r.no LEFT JOIN sensed n ON n.no = r.no
         WHERE r.id = ANY($1)
         GROUP BY r.no ORDER BY r.id",
    )
    .bind(resources)
    .bind(range.start)
    .bind(range.end)
    .fetch_all(sql)
    .await?;
    Ok(rows)
}

/// Minutes booked in each hour of the local day, all resources together.
///
/// # Errors
/// When the database fails.
pub async fn by_hour(
    sql: impl PgExecutor<'_>,
    resources: &[String],
    range: Slot,
) -> Result<Vec<(i32, i64)>, DatabaseError> {
    let rows: Vec<(i32, i64)> = sqlx::query_as(
        "SELECT extract(hour FROM h.hour AT TIME ZONE b.zone)::int AS hour,
                sum(extract(epoch FROM least(b.ends_at, upper(s.during), h.hour + interval '1 hour', $3)
                                       - greatest(b.starts_at, h.hour, $2)) / 60)::bigint
         FROM booking b JOIN booking_slot s ON s.booking = b.id JOIN booking_resource r ON r.no = s.resource
              CROSS JOIN LATERAL generate_series(date_trunc('hour', greatest(b.starts_at, $2)),
                                                 least(b.ends_at, upper(s.during), $3) - interval '1 second',
                                                 interval '1 hour') AS h(hour)
         WHERE b.starts_at < $3 AND b.ends_at > $2 AND b.state IN ('booked', 'arrived', 'fulfilled', 'noshow')
           AND r.id = ANY($1)
         GROUP BY 1 ORDER BY 1",
    )
    .bind(resources)
    .bind(range.start)
    .bind(range.end)
    .fetch_all(sql)
    .await?;
    Ok(rows)
}
