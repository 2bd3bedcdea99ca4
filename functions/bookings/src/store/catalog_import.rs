//! Writing many resources at once: what files and pools bring.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use parvis_booking::resource::Resource;
use parvis_kit::postgres::{DatabaseError, begin};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use utoipa::ToSchema;

use super::catalog::{Condition, put_resource};
use super::document;

/// What an import has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// How many are new.
    pub created: u32,
    /// How many were there and are different now.
    pub changed: u32,
    /// How many were there just so.
    pub unchanged: u32,
}

/// What a resource refers to and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Index of the resource.
    pub index: usize,
    /// `site`, `policy` or `pool`.
    pub what: &'static str,
    /// Its id.
    pub id: String,
}

impl Missing {
    /// What is wrong, for the field.
    #[must_use]
    pub fn message(&self) -> String {
        format!("there is no {} {}", self.what, self.id)
    }
}

/// Why resources are not written.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Some refer to what is not there.
    #[error("some refer to what is not there")]
    Missing(Vec<Missing>),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Writes resources, each named once, in one transaction, all or none. What is so already gets no new version.
///
/// # Errors
/// See [`ImportError`].
pub async fn import(pool: &PgPool, resources: &[Resource], now: DateTime<Utc>) -> Result<Imported, ImportError> {
    let mut tx = begin(pool).await?;
    let missing = missing(&mut tx, resources).await?;
    if !missing.is_empty() {
        return Err(ImportError::Missing(missing));
    }
    let old = existing(&mut tx, resources).await?;
    let mut imported = Imported::default();
    for resource in resources {
        match old.get(resource.id.as_str()) {
            Some(old) if old == resource => {
                imported.unchanged += 1;
                continue;
            }
            Some(_) => imported.changed += 1,
            None => imported.created += 1,
        }
        put_resource(&mut *tx, resource, &Condition::none(), now).await?;
    }
    tx.commit().await?;
    Ok(imported)
}

/// What `resources` refer to, by what it is.
fn references(resource: &Resource) -> impl Iterator<Item = (&'static str, &str)> {
    let pool = resource.pool.as_ref().map(|pool| ("pool", pool.as_str()));
    [("site", resource.site.as_str()), ("policy", resource.policy.as_str())].into_iter().chain(pool)
}

/// What resources refer to and is not there, in their order.
async fn missing(sql: &mut PgConnection, resources: &[Resource]) -> Result<Vec<Missing>, sqlx::Error> {
    let wanted: BTreeSet<(&str, &str)> = resources.iter().flat_map(references).collect();
    let (kinds, ids): (Vec<&str>, Vec<&str>) = wanted.into_iter().unzip();
    let absent: Vec<(String, String)> = sqlx::query_as(
        "SELECT what, id FROM unnest($1::text[], $2::text[]) AS w(what, id)
         WHERE NOT CASE what WHEN 'site' THEN EXISTS (SELECT FROM booking_site s WHERE s.id = w.id)
                             WHEN 'policy' THEN EXISTS (SELECT FROM booking_policy p WHERE p.id = w.id)
                             ELSE EXISTS (SELECT FROM booking_pool p WHERE p.id = w.id) END",
    )
    .bind(kinds)
    .bind(ids)
    .fetch_all(sql)
    .await?;
    let is_absent = |(what, id): &(&str, &str)| absent.iter().any(|(kind, name)| kind == what && name == id);
    let of = |(index, resource): (usize, &Resource)| -> Vec<Missing> {
        let absent = references(resource).filter(is_absent);
        absent.map(|(what, id)| Missing { index, what, id: id.to_owned() }).collect()
    };
    Ok(resources.iter().enumerate().flat_map(of).collect())
}

/// Those of `resources` that are there, as they are.
async fn existing(sql: &mut PgConnection, resources: &[Resource]) -> Result<BTreeMap<String, Resource>, DatabaseError> {
    let ids: Vec<&str> = resources.iter().map(|resource| resource.id.as_str()).collect();
    let rows: Vec<(String, Value)> =
        sqlx::query_as("SELECT id, details FROM booking_resource WHERE id = ANY($1) ORDER BY id FOR UPDATE")
            .bind(ids)
            .fetch_all(sql)
            .await?;
    rows.into_iter().map(|(id, details)| Ok((id, document(details)?))).collect()
}
