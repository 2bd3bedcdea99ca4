//! Sites, policies, pools, resources and plans. Each has a version, so that two people who change it at the same time find out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_booking::ResourceId;
use parvis_booking::policy::Policy;
use parvis_booking::resource::{Kind, Resource, ResourcePool, Site};
use parvis_kit::http::Expected;
use parvis_kit::postgres::DatabaseError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::PgExecutor;
use utoipa::ToSchema;

use super::people::Plan;
use super::{bad, document, json};
use crate::views::Given;

/// Something of the catalogue with its version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Versioned<T> {
    /// The thing.
    #[serde(flatten)]
    pub value: T,
    /// Counts its changes; the `If-Match` of a change.
    pub version: i64,
}

/// What a write expects to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The versions of what is there; any when `None`.
    versions: Option<Vec<i64>>,
    /// Whether there may be nothing.
    absent: bool,
}

impl Condition {
    /// Whatever there is.
    #[must_use]
    pub const fn none() -> Self {
        Self { versions: None, absent: true }
    }
}

impl From<Expected> for Condition {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Unsaid => Self::none(),
            Expected::Any => Self { versions: None, absent: false },
            Expected::Absent => Self { versions: Some(Vec::new()), absent: true },
            Expected::Versions(versions) => {
                let versions = versions.into_iter().filter_map(|version| i64::try_from(version).ok());
                Self { versions: Some(versions.collect()), absent: false }
            }
        }
    }
}

/// Something that is kept as a document under an id.
pub trait Kept: Serialize + DeserializeOwned + Send + Unpin {
    /// Its table.
    const TABLE: &'static str;
}

impl Kept for Site {
    const TABLE: &'static str = "booking_site";
}

impl Kept for Plan {
    const TABLE: &'static str = "booking_plan";
}

impl Kept for ResourcePool {
    const TABLE: &'static str = "booking_pool";
}

impl Kept for Policy {
    const TABLE: &'static str = "booking_policy";
}

/// All of a kind, by id, with their ids.
///
/// # Errors
/// When the database fails.
pub async fn list<T: Kept>(sql: impl PgExecutor<'_>) -> Result<Vec<(String, Versioned<T>)>, DatabaseError> {
    let query = format!("SELECT id, details, version FROM {} ORDER BY id", T::TABLE);
    let rows: Vec<(String, Value, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(sql).await?;
    rows.into_iter().map(|(id, details, version)| Ok((id, Versioned { value: document(details)?, version }))).collect()
}

/// One of a kind.
///
/// # Errors
/// When the database fails.
pub async fn get<T: Kept>(sql: impl PgExecutor<'_>, id: &str) -> Result<Option<Versioned<T>>, DatabaseError> {
    let query = format!("SELECT details, version FROM {} WHERE id = $1", T::TABLE);
    let row: Option<(Value, i64)> = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(id).fetch_optional(sql).await?;
    let Some((details, version)) = row else { return Ok(None) };
    Ok(Some(Versioned { value: document(details)?, version }))
}

/// Writes a site or a plan; `None` when `expected` does not hold.
///
/// # Errors
/// When the database fails.
pub async fn put<T: Kept>(
    sql: impl PgExecutor<'_>,
    id: &str,
    value: &T,
    expected: &Condition,
) -> Result<Option<i64>, sqlx::Error> {
    let table = T::TABLE;
    let query = format!(
        "INSERT INTO {table} AS k (id, details)
         SELECT $1, $2 WHERE $4 OR EXISTS (SELECT FROM {table} WHERE id = $1)
         ON CONFLICT (id) DO UPDATE SET details = excluded.details, version = k.version + 1
         WHERE $3::bigint[] IS NULL OR k.version = ANY($3) RETURNING version"
    );
    let query = sqlx::query_scalar(sqlx::AssertSqlSafe(query)).bind(id).bind(json(value));
    query.bind(&expected.versions).bind(expected.absent).fetch_optional(sql).await
}

/// Writes a pool; `None` when `expected` does not hold.
///
/// # Errors
/// When the database fails, or its site does not exist (SQLSTATE 23503).
pub async fn put_pool(
    sql: impl PgExecutor<'_>,
    pool: &ResourcePool,
    expected: &Condition,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO booking_pool AS k (id, site, details)
         SELECT $1, $2, $3 WHERE $5 OR EXISTS (SELECT FROM booking_pool WHERE id = $1)
         ON CONFLICT (id) DO UPDATE SET site = excluded.site, details = excluded.details, version = k.version + 1
         WHERE $4::bigint[] IS NULL OR k.version = ANY($4) RETURNING version",
    )
    .bind(pool.id.as_str())
    .bind(pool.site.as_str())
    .bind(json(pool))
    .bind(&expected.versions)
    .bind(expected.absent)
    .fetch_optional(sql)
    .await
}

/// Deletes one of a kind; false when there was none.
///
/// # Errors
/// When the database fails, or something refers to it (SQLSTATE 23503).
pub async fn delete<T: Kept>(sql: impl PgExecutor<'_>, id: &str) -> Result<bool, sqlx::Error> {
    let query = format!("DELETE FROM {} WHERE id = $1", T::TABLE);
    Ok(sqlx::query(sqlx::AssertSqlSafe(query)).bind(id).execute(sql).await?.rows_affected() == 1)
}

/// Writes a policy; `None` when `expected` does not hold.
///
/// # Errors
/// When the database fails.
pub async fn put_policy(
    sql: impl PgExecutor<'_>,
    policy: &Policy,
    expected: &Condition,
) -> Result<Option<i64>, sqlx::Error> {
    let (before, after) = policy.padding();
    let minutes = |minutes: u32| i32::try_from(minutes).unwrap_or(i32::MAX);
    sqlx::query_scalar(
        "INSERT INTO booking_policy AS k (id, details, pad_before, pad_after)
         SELECT $1, $2, $4, $5 WHERE $6 OR EXISTS (SELECT FROM booking_policy WHERE id = $1)
         ON CONFLICT (id) DO UPDATE
         SET details = excluded.details, pad_before = excluded.pad_before, pad_after = excluded.pad_after, version = k.version + 1
         WHERE $3::bigint[] IS NULL OR k.version = ANY($3) RETURNING version",
    )
    .bind(policy.id.as_str())
    .bind(json(policy))
    .bind(&expected.versions)
    .bind(minutes(before))
    .bind(minutes(after))
    .bind(expected.absent)
    .fetch_optional(sql)
    .await
}

/// A resource with its site's clocks and its version.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ResourceView {
    /// The resource.
    #[serde(flatten)]
    pub resource: Resource,
    /// IANA zone of its site.
    #[schema(example = "Europe/Paris")]
    pub timezone: String,
    /// Counts its changes; the `If-Match` of a change.
    pub version: i64,
}

/// Which resources.
#[derive(Clone, Debug, Default)]
pub struct ResourceFilter {
    /// These only; all when empty.
    pub ids: Vec<String>,
    /// At this site.
    pub site: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this pool.
    pub pool: Option<String>,
    /// For at least so many people.
    pub capacity: Option<i32>,
    /// With all of these features.
    pub features: Vec<String>,
    /// Only what a wheelchair gets to.
    pub accessible: bool,
}

/// The condition of a [`ResourceFilter`] on `booking_resource r`; its parameters are `$1` to `$7`.
pub(super) const MATCHES: &str = "
    (cardinality($1::text[]) = 0 OR r.id = ANY($1)) AND ($2::text IS NULL OR r.site = $2) AND ($3::text IS NULL OR r.kind = $3)
    AND ($4::text IS NULL OR r.pool = $4) AND ($5::int IS NULL OR r.capacity >= $5) AND r.features @> $6
    AND (r.accessible OR NOT $7)";

/// Binds the parameters of [`MATCHES`].
macro_rules! bind_filter {
    ($query:expr, $filter:expr) => {
        $query
            .bind(&$filter.ids)
            .bind(&$filter.site)
            .bind($filter.kind.map(parvis_booking::resource::Kind::as_str))
            .bind(&$filter.pool)
            .bind($filter.capacity)
            .bind(&$filter.features)
            .bind($filter.accessible)
    };
}
pub(super) use bind_filter;

/// Resources by id.
///
/// # Errors
/// When the database fails.
pub async fn resources(sql: impl PgExecutor<'_>, filter: &ResourceFilter) -> Result<Vec<ResourceView>, DatabaseError> {
    let query = format!(
        "SELECT r.details, s.details->>'timezone', r.version FROM booking_resource r JOIN booking_site s ON s.id = r.site
         WHERE {MATCHES} ORDER BY r.id"
    );
    let query = sqlx::query_as::<_, (Value, String, i64)>(sqlx::AssertSqlSafe(query));
    let rows = bind_filter!(query, filter).fetch_all(sql).await?;
    let view = |(details, timezone, version)| Ok(ResourceView { resource: document(details)?, timezone, version });
    rows.into_iter().map(view).collect()
}

/// The time zones in which resources lie, by name.
///
/// # Errors
/// When the database fails.
pub async fn zones(sql: impl PgExecutor<'_>, filter: &ResourceFilter) -> Result<Vec<Tz>, DatabaseError> {
    let query = format!(
        "SELECT DISTINCT s.details->>'timezone' AS zone FROM booking_resource r JOIN booking_site s ON s.id = r.site
         WHERE {MATCHES} ORDER BY zone"
    );
    let query = sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(query));
    let names = bind_filter!(query, filter).fetch_all(sql).await?;
    names.iter().map(|name| name.parse().map_err(|_| bad(format!("{name} is no time zone")))).collect()
}

/// How resources are called.
///
/// # Errors
/// When the database fails.
pub async fn named(
    sql: impl PgExecutor<'_>,
    ids: impl Iterator<Item = &ResourceId>,
) -> Result<BTreeMap<ResourceId, Given>, DatabaseError> {
    let ids: BTreeSet<&str> = ids.map(ResourceId::as_str).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let query = "SELECT id, details->>'name', details->>'floor' FROM booking_resource WHERE id = ANY($1)";
    let rows: Vec<(String, String, Option<String>)> =
        sqlx::query_as(query).bind(Vec::from_iter(ids)).fetch_all(sql).await?;
    let given = |(id, name, floor): (String, String, Option<String>)| {
        let id: ResourceId = id.parse().map_err(|error| bad(format!("{error}")))?;
        Ok((id.clone(), Given { id, name, floor }))
    };
    rows.into_iter().map(given).collect()
}

/// How resources and sites are called where people have to find them.
#[derive(Clone, Debug, Default)]
pub struct Signposts {
    resources: BTreeMap<String, String>,
    sites: BTreeMap<String, String>,
}

/// The signposts to `resources` and `sites`.
///
/// # Errors
/// When the database fails.
pub async fn signposts(sql: impl PgExecutor<'_>, resources: &[&str], sites: &[&str]) -> Result<Signposts, sqlx::Error> {
    let rows: Vec<(bool, String, String)> = sqlx::query_as(
        "SELECT false, id, details->>'name' FROM booking_resource WHERE id = ANY($1)
         UNION ALL SELECT true, id, concat_ws(', ', details->>'name', nullif(details->>'address', '')) FROM booking_site WHERE id = ANY($2)",
    )
    .bind(resources)
    .bind(sites)
    .fetch_all(sql)
    .await?;
    let mut signposts = Signposts::default();
    for (is_site, id, name) in rows {
        let named = if is_site { &mut signposts.sites } else { &mut signposts.resources };
        named.insert(id, name);
    }
    Ok(signposts)
}

impl Signposts {
    /// Where a booking of `resources` at `site` is: the places in their order, the site and its address.
    #[must_use]
    pub fn location<'a>(&self, site: &str, resources: impl Iterator<Item = &'a str>) -> String {
        let names = resources.filter_map(|id| self.resources.get(id)).chain(self.sites.get(site));
        names.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// Writes a resource; `None` when `expected` does not hold.
///
/// # Errors
/// When the database fails, or its site, policy or pool does not exist (SQLSTATE 23503).
pub async fn put_resource(
    sql: impl PgExecutor<'_>,
    resource: &Resource,
    expected: &Condition,
    now: DateTime<Utc>,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO booking_resource AS k (id, site, pool, policy, kind, capacity, features, accessible, closed, details, modified_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
         WHERE $13 OR EXISTS (SELECT FROM booking_resource WHERE id = $1)
         ON CONFLICT (id) DO UPDATE
         SET site = excluded.site, pool = excluded.pool, policy = excluded.policy, kind = excluded.kind,
             capacity = excluded.capacity, features = excluded.features, accessible = excluded.accessible,
             closed = excluded.closed, details = excluded.details, modified_at = excluded.modified_at, version = k.version + 1
         WHERE $12::bigint[] IS NULL OR k.version = ANY($12) RETURNING version",
    )
    .bind(resource.id.as_str())
    .bind(resource.site.as_str())
    .bind(resource.pool.as_ref().map(|pool| pool.as_str()))
    .bind(resource.policy.as_str())
    .bind(resource.kind.as_str())
    .bind(i32::try_from(resource.capacity).unwrap_or(i32::MAX))
    .bind(&resource.features)
    .bind(resource.accessible)
    .bind(resource.closed)
    .bind(json(resource))
    .bind(now)
    .bind(&expected.versions)
    .bind(expected.absent)
    .fetch_optional(sql)
    .await
}

/// Deletes a resource that was never booked; false when there was none.
///
/// # Errors
/// When the database fails, or bookings refer to it (SQLSTATE 23503).
pub async fn delete_resource(sql: impl PgExecutor<'_>, id: &str) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query("DELETE FROM booking_resource WHERE id = $1").bind(id).execute(sql).await?;
    Ok(deleted.rows_affected() == 1)
}
