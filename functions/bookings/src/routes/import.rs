//! Resources from a CSV file, and busy times from a calendar file.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::body::Bytes;
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
use parvis_kit::table::{self, Row};
use serde::Serialize;
use utoipa::ToSchema;

use super::input::{file_faults, staff};
use super::resources::find;
use crate::error::{ApiResult, Declined};
use crate::state::App;
use crate::store::catalog::{self, ResourceFilter};
use crate::store::catalog_import::{self, ImportError, Imported, Missing};
use crate::store::imported;

/// Rows of one file at most.
const MOST_ROWS: usize = 5000;
/// How far ahead busy times are taken over.
const AHEAD: TimeDelta = TimeDelta::days(366);

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(import_resources)).routes(routes!(put_busy_calendar))
}

/// The columns of a file, in any order.
const COLUMNS: [&str; 12] = [
    "id",
    "site",
    "kind",
    "name",
    "policy",
    "pool",
    "floor",
    "section",
    "capacity",
    "features",
    "accessible",
    "description",
];
/// Those that every file has.
const WANTED: [&str; 5] = ["id", "site", "kind", "name", "policy"];

/// Reads the columns of one row and collects what is wrong with them.
struct Reader<'a> {
    row: &'a Row,
    errors: &'a mut Vec<FieldError>,
}

impl Reader<'_> {
    fn wrong(&mut self, column: &str, message: impl Into<String>) {
        self.errors.push(self.row.wrong(column, message));
    }

    fn text(&self, column: &str) -> &str {
        self.row.text(column).unwrap_or_default()
    }

    fn filled(&self, column: &str) -> Option<String> {
        self.row.text(column).map(str::to_owned)
    }

    fn id<T: FromStr>(&mut self, column: &str) -> Option<T> {
        let read = self.text(column).parse().ok();
        if read.is_none() {
            self.wrong(column, "1 to 64 letters, digits, `_`, `.` or `-`");
        }
        read
    }

    fn resource(&mut self) -> Option<Resource> {
        let kind = Kind::from_name(self.text("kind"));
        if kind.is_none() {
            self.wrong("kind", "room, desk, shared, parking or equipment");
        }
        let capacity = self.row.text("capacity").map_or(Ok(1), str::parse);
        if capacity.is_err() {
            self.wrong("capacity", "a whole number");
        }
        let accessible = match self.text("accessible").to_ascii_lowercase().as_str() {
            "" | "false" | "no" | "non" | "0" => Some(false),
            "true" | "yes" | "oui" | "1" => Some(true),
            _ => None,
        };
        if accessible.is_none() {
            self.wrong("accessible", "true or false");
        }
        let pool = self.row.text("pool").map(|_| self.id("pool"));
        let (id, site, policy) = (self.id("id"), self.id("site"), self.id("policy"));
        let features = self.text("features").split('|').map(str::trim).filter(|one| !one.is_empty());
        let resource = Resource {
            id: id?,
            site: site?,
            kind: kind?,
            name: self.text("name").to_owned(),
            policy: policy?,
            pool: match pool {
                Some(pool) => Some(pool?),
                None => None,
            },
            floor: self.filled("floor"),
            section: self.filled("section"),
            capacity: capacity.ok()?,
            features: features.map(str::to_owned).collect(),
            accessible: accessible?,
            photos: Vec::new(),
            description: self.filled("description"),
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

/// The resources of a file with their rows, or everything that is wrong with it.
fn read(body: &[u8]) -> Result<Vec<(Row, Resource)>, Problem> {
    let rows = table::read(body, &COLUMNS, &WANTED)?;
    if let Some(row) = rows.get(MOST_ROWS) {
        let message = format!("at most {MOST_ROWS} rows");
        return Err(Problem::invalid(vec![FieldError::new(format!("line {}", row.line), message)]));
    }
    let (mut resources, mut errors) = (Vec::new(), Vec::new());
    let mut lines = BTreeMap::new();
    for row in rows {
        let Some(resource) = (Reader { row: &row, errors: &mut errors }).resource() else { continue };
        if let Some(before) = lines.insert(resource.id.clone(), row.line) {
            errors.push(row.wrong("id", format!("is on line {before} already")));
        }
        resources.push((row, resource));
    }
    if errors.is_empty() && resources.is_empty() {
        errors.push(FieldError::new("line 1", "no rows"));
    }
    if errors.is_empty() { Ok(resources) } else { Err(file_faults(errors)) }
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
/// Columns, between commas or semicolons: id, site, kind, name, policy, and pool, floor, section, capacity, features (separated by `|`),
/// accessible, description. What is so already stays as it is.
#[utoipa::path(
    post, path = "/v1/resources/import", tag = "Resources", security(("login" = [])),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, body = Imported), Declined)
)]
async fn import_resources(State(app): State<App>, caller: Caller, body: Bytes) -> ApiResult<Json<Imported>> {
    staff(&caller)?;
    let (rows, new): (Vec<Row>, Vec<Resource>) = read(&body)?.into_iter().unzip();
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
    match catalog_import::import(pool, &merged, app.now()).await {
        Ok(imported) => Ok(Json(imported)),
        Err(ImportError::Missing(missing)) => {
            let wrong = |one: &Missing| Some(rows.get(one.index)?.wrong(one.what, one.message()));
            Err(file_faults(missing.iter().filter_map(wrong).collect()).into())
        }
        Err(ImportError::Database(error)) => Err(error.into()),
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
        let (row, resource) = read(good.as_bytes()).unwrap().remove(0);
        assert_eq!((row.line, resource.accessible), (2, true));
        assert_eq!(resource.features, ["screen", "whiteboard"]);
        let bad = "id,site,kind,name,policy,capacity\nroom 1,hq,castle,,rooms,many\nroom-2,hq,room,ok,rooms,0\nroom-2,hq,room,ok,rooms,1\n";
        let problem = serde_json::to_value(read(bad.as_bytes()).unwrap_err()).unwrap();
        let fields: Vec<&str> =
            problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["line 2, kind", "line 2, capacity", "line 2, id", "line 3, capacity", "line 4, id"]);
    }
}
