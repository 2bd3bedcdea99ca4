//! Resources from a CSV file, and busy times from a calendar file.

use std::str::FromStr;

use axum::extract::State;
use chrono::TimeDelta;
use parvis_booking::calendar::read_busy;
use parvis_booking::resource::{Kind, Resource};
use parvis_booking::{ResourceId, Slot};
use parvis_kit::auth::Caller;
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::input::staff;
use super::resources::find;
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::catalog::{self, Imported, ResourceFilter};
use crate::store::imported;

/// Rows of one file at most.
const MOST_ROWS: usize = 5000;
/// How far ahead busy times are taken over.
const AHEAD: TimeDelta = TimeDelta::days(366);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(import_resources)).routes(routes!(put_busy_calendar))
}

/// A row of the file. Columns may be in any order and missing ones are empty.
#[derive(Debug, Deserialize)]
struct Row {
    id: String,
    site: String,
    kind: String,
    name: String,
    policy: String,
    #[serde(default)]
    pool: String,
    #[serde(default)]
    floor: String,
    #[serde(default)]
    section: String,
    #[serde(default)]
    capacity: String,
    #[serde(default)]
    features: String,
    #[serde(default)]
    accessible: String,
    #[serde(default)]
    description: String,
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads the columns of one row and collects what is wrong with them.
struct Reader<'a> {
    line: u64,
    errors: &'a mut Vec<FieldError>,
}

impl Reader<'_> {
    fn wrong(&mut self, column: &str, message: impl Into<String>) {
        self.errors.push(FieldError::new(format!("line {}, {column}", self.line), message));
    }

    fn id<T: FromStr>(&mut self, column: &str, text: &str) -> Option<T> {
        let read = text.trim().parse().ok();
        if read.is_none() {
            self.wrong(column, "1 to 64 letters, digits, `_`, `.` or `-`");
        }
        read
    }

    fn row(&mut self, row: &Row) -> Option<Resource> {
        let kind = Kind::from_name(row.kind.trim());
        if kind.is_none() {
            self.wrong("kind", "room, desk, shared, parking or equipment");
        }
        let capacity = filled(&row.capacity).map_or(Ok(1), |text| text.parse());
        if capacity.is_err() {
            self.wrong("capacity", "a whole number");
        }
        let accessible = match row.accessible.trim().to_ascii_lowercase().as_str() {
            "" | "false" | "no" | "non" | "0" => Some(false),
            "true" | "yes" | "oui" | "1" => Some(true),
            _ => None,
        };
        if accessible.is_none() {
            self.wrong("accessible", "true or false");
        }
        let pool = filled(&row.pool).map(|pool| self.id("pool", &pool));
        let (id, site, policy) = (self.id("id", &row.id), self.id("site", &row.site), self.id("policy", &row.policy));
        let resource = Resource {
            id: id?,
            site: site?,
            kind: kind?,
            name: row.name.trim().to_owned(),
            policy: policy?,
            pool: match pool {
                Some(pool) => Some(pool?),
                None => None,
            },
            floor: filled(&row.floor),
            section: filled(&row.section),
            capacity: capacity.ok()?,
            features: row.features.split('|').filter_map(filled).collect(),
            accessible: accessible?,
            photos: Vec::new(),
            description: filled(&row.description),
            opening: None,
            rates: None,
            sensor: None,
            plan: None,
            closed: false,
        };
        for (field, message) in resource.faults() {
            self.wrong(field.trim_start_matches('/'), message);
        }
        Some(resource)
    }
}

/// The resources of a file, or everything that is wrong with it.
fn read(text: &str) -> Result<Vec<Resource>, Problem> {
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let (mut resources, mut errors) = (Vec::new(), Vec::new());
    for (index, row) in reader.deserialize::<Row>().enumerate() {
        let line = index as u64 + 2;
        if index >= MOST_ROWS {
            return Err(Problem::invalid(vec![FieldError::new(
                format!("line {line}"),
                format!("at most {MOST_ROWS} rows"),
            )]));
        }
        match row {
            Ok(row) => resources.extend(Reader { line, errors: &mut errors }.row(&row)),
            Err(error) => errors.push(FieldError::new(format!("line {line}"), error.to_string())),
        }
    }
    if errors.is_empty() && resources.is_empty() {
        errors.push(FieldError::new("line 1", "no rows"));
    }
    if errors.is_empty() { Ok(resources) } else { Err(Problem::invalid(errors)) }
}

/// Takes over what the file does not have from the resource that is there: opening hours, rates, pictures.
fn kept(mut new: Resource, old: Option<&Resource>) -> Resource {
    if let Some(old) = old.cloned() {
        new.photos = old.photos;
        new.opening = old.opening;
        new.rates = old.rates;
        new.sensor = old.sensor;
        new.plan = old.plan;
        new.closed = old.closed;
        new.description = new.description.or(old.description);
    }
    new
}

/// Makes and changes resources from a CSV file: all of it or, with any error, nothing.
///
/// Columns: id, site, kind, name, policy, and pool, floor, section, capacity, features (separated by `|`), accessible, description.
#[utoipa::path(
    post, path = "/v1/resources/import", tag = "Resources", security(("login" = [])),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Imported), Declined)
)]
async fn import_resources(State(app): State<App>, caller: Caller, text: String) -> ApiResult<Json<Imported>> {
    staff(&caller)?;
    let new = read(&text)?;
    let pool = app.store().database().pool().await?;
    let ids = new.iter().map(|resource| resource.id.to_string()).collect();
    let old = catalog::resources(pool, &ResourceFilter { ids, ..ResourceFilter::default() }).await?;
    let of = |id: &ResourceId| old.iter().map(|view| &view.resource).find(|old| old.id == *id);
    let merged: Vec<Resource> = new
        .into_iter()
        .map(|one| {
            let old = of(&one.id);
            kept(one, old)
        })
        .collect();
    match catalog::import(pool, &merged, app.now()).await {
        Ok(imported) => Ok(Json(imported)),
        Err(parvis_kit::postgres::DatabaseError::Sql(error)) => {
            super::catalog::written(Err(error)).map(|_| Json(Imported::default()))
        }
        Err(error) => Err(error.into()),
    }
}

/// A busy time that overlaps a booking.
#[derive(Debug, Serialize, ToSchema)]
struct BusyConflict {
    /// The event of the calendar.
    uid: String,
    /// When.
    #[serde(flatten)]
    slot: Slot,
}

/// What was taken over from a calendar.
#[derive(Debug, Serialize, ToSchema)]
struct BusyImported {
    /// Busy times taken over.
    imported: usize,
    /// Busy times that overlap bookings, which stay: somebody has to decide.
    conflicts: Vec<BusyConflict>,
}

/// Takes over the busy times of a calendar kept elsewhere, from now on for a year, instead of those taken over before.
#[utoipa::path(
    put, path = "/v1/resources/{resource}/busy-calendar", tag = "Resources", security(("login" = [])),
    params(("resource" = String, Path, description = "Id of the resource")),
    request_body(content = String, content_type = "text/calendar"),
    responses((status = 200, body = BusyImported), Declined)
)]
async fn put_busy_calendar(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ResourceId>,
    text: String,
) -> ApiResult<Json<BusyImported>> {
    staff(&caller)?;
    let zone = find(&app, &id).await?.timezone.parse().map_err(|_| Problem::not_found("time zone"))?;
    let range = Slot::lasting(app.now(), AHEAD);
    let busy = read_busy(&text, zone, range)
        .map_err(|error| Problem::invalid(vec![FieldError::new("", error.to_string())]))?;
    let pool = app.store().database().pool().await?;
    let conflicts = imported::replace(pool, &id, &busy, app.now()).await?;
    let conflicts = conflicts.ok_or_else(|| Problem::not_found("resource"))?;
    let imported = busy.len() - conflicts.len();
    let conflicts = conflicts.into_iter().map(|one| BusyConflict { uid: one.uid, slot: one.slot }).collect();
    Ok(Json(BusyImported { imported, conflicts }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_refused_with_every_error() {
        let good = "\u{feff}id,site,kind,name,policy,capacity,features,accessible\nroom-1,hq,room,Salle Arago,rooms,12,screen|whiteboard,oui\n";
        let read_back = read(good).unwrap();
        assert_eq!(read_back[0].features, ["screen", "whiteboard"]);
        assert!(read_back[0].accessible);
        let bad = "id,site,kind,name,policy,capacity\nroom 1,hq,castle,,rooms,many\nroom-2,hq,room,ok,rooms,0\n";
        let problem = serde_json::to_value(read(bad).unwrap_err()).unwrap();
        let fields: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["line 2, kind", "line 2, capacity", "line 2, id", "line 3, capacity"]);
    }
}
