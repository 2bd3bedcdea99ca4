//! Permits and their series.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use parvis_kit::auth::{Caller, Role};
use parvis_kit::http::{Json, Path};
use parvis_kit::problem::{FieldError, Problem};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use parvis_rights::{Activation, Permit, PermitKind, Replacement, SeriesId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::quotes::plate;
use crate::error::{ApiResult, Refusal};
use crate::state::App;

/// The most plates on one permit: all of it is one transaction.
const MOST_PLATES: usize = 20;
/// The most permits in one request.
const MOST_PERMITS: usize = 500;

pub(super) fn router() -> Routes<App> {
    Routes::new()
        .routes(routes!(put_permit))
        .routes(routes!(activate_plate))
        .routes(routes!(fill_series))
        .routes(routes!(preview_series))
        .routes(routes!(activate_series))
}

/// Whose permit it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Lives in the zone.
    Resident,
    /// Works in the zone.
    Professional,
    /// Care worker on home visits.
    CareWorker,
}

impl From<Kind> for PermitKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Resident => Self::Resident,
            Kind::Professional => Self::Professional,
            Kind::CareWorker => Self::CareWorker,
        }
    }
}

/// A permit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PermitInput {
    /// Whose.
    kind: Kind,
    /// Where it holds.
    #[schema(value_type = Vec<String>)]
    zones: Vec<ZoneId>,
    /// The plates that may be active, 1 to 20; the first one is, from the permit's start on.
    plates: Vec<String>,
    /// From.
    start: DateTime<Utc>,
    /// Until.
    end: DateTime<Utc>,
    /// The subject of the holder's login: they are told of the permit and reminded of its end. Nobody is without it, nor of permits of series.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 128)]
    owner: Option<String>,
    /// What the holder calls it.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 80, example = "Abonnement résident")]
    title: Option<String>,
}

/// A permit as it is stored: plates are kept as hashes, so their number is all that is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermitView {
    /// Its id.
    id: Uuid,
    /// Rises with every change.
    version: u32,
    /// How many plates may be active.
    plates: usize,
    /// From.
    start: DateTime<Utc>,
    /// Until.
    end: DateTime<Utc>,
}

impl From<&Permit> for PermitView {
    fn from(permit: &Permit) -> Self {
        Self {
            id: permit.id,
            version: permit.version,
            plates: permit.plates.len(),
            start: permit.start,
            end: permit.end,
        }
    }
}

pub(super) fn staff(caller: &Caller) -> Result<(), Problem> {
    caller.require(&[Role::Admin, Role::Manager])
}

pub(super) fn invalid(field: &str, message: &str) -> Problem {
    Problem::invalid(vec![FieldError::new(field, message)])
}

/// Refuses zones in which nobody parks; `at` is where the list stands in the request.
pub(super) async fn known_zones(app: &App, at: &str, zones: &[ZoneId]) -> ApiResult<()> {
    if zones.is_empty() {
        return Err(invalid(&format!("{at}/zones"), "at least one").into());
    }
    let unknown = app.unknown_zones(zones).await?;
    let wrong = |place| FieldError::new(format!("{at}/zones/{place}"), "no tariff has this zone");
    let errors: Vec<FieldError> = unknown.into_iter().map(wrong).collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors).into()) }
}

/// The id of a series. Its parts make up keys, so no sign of them may be taken for what stands between parts.
fn series_id(domain: String, name: String) -> Result<SeriesId, Problem> {
    for part in [&domain, &name] {
        let plain = part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        if !plain || !(1..=64).contains(&part.len()) {
            return Err(Problem::bad_request("Domain and name are 1 to 64 letters, digits, `-`, `_` or `.`."));
        }
    }
    Ok(SeriesId { domain, name })
}

/// The id of a series that has a permit.
async fn known_series(app: &App, domain: String, name: String) -> ApiResult<SeriesId> {
    let series = series_id(domain, name)?;
    match app.store().has_series(&series).await? {
        true => Ok(series),
        false => Err(Problem::not_found("series").into()),
    }
}

fn permit(app: &App, id: Uuid, version: u32, input: PermitInput, series: Option<SeriesId>) -> Result<Permit, Problem> {
    if input.end <= input.start {
        return Err(invalid("/end", "must lie after `start`"));
    }
    for (field, text, most) in [("/owner", &input.owner, 128), ("/title", &input.title, 80)] {
        let fits = |text: &String| (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if !text.as_ref().is_none_or(fits) {
            return Err(invalid(field, "must be one line, and not too long"));
        }
    }
    let plates: Vec<PlateHash> =
        input.plates.iter().map(|text| Ok(plate(text)?.hash(app.plate_key()))).collect::<Result<_, Problem>>()?;
    let Some(first) = plates.first().filter(|_| plates.len() <= MOST_PLATES).cloned() else {
        return Err(invalid("/plates", "1 to 20"));
    };
    Ok(Permit {
        id,
        version,
        kind: input.kind.into(),
        zones: input.zones,
        plates,
        activations: vec![Activation { plate: first, from: input.start }],
        start: input.start,
        end: input.end,
        series,
        owner: input.owner,
        title: input.title,
    })
}

/// Issues a permit, or writes it anew.
#[utoipa::path(
    put,
    path = "/v1/parking/permits/{id}",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the permit, made by who issues it")),
    request_body = PermitInput,
    responses((status = 200, body = PermitView), Refusal)
)]
async fn put_permit(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<PermitInput>,
) -> ApiResult<Json<PermitView>> {
    staff(&caller)?;
    known_zones(&app, "", &input.zones).await?;
    let known = app.store().permit(id, None).await?;
    let version = known.as_ref().map_or(1, |(permit, _)| permit.version + 1);
    let permit = permit(&app, id, version, input, None)?;
    app.store().save_permit(known.as_ref().map(|(permit, revision)| (permit, *revision)), &permit, app.now()).await?;
    Ok(Json((&permit).into()))
}

/// A plate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlateInput {
    /// The plate.
    #[schema(example = "AB-123-CD")]
    pub(super) plate: String,
}

/// Makes a plate of a permit the active one; the one before it stops at the same instant.
///
/// Of a permit that came with series, that of the series in force changes; the next series begins as its issuer has sent it.
#[utoipa::path(
    post,
    path = "/v1/parking/permits/{id}/activate",
    tag = "Rights",
    security(("login" = [])),
    params(("id" = Uuid, Path, description = "Id of the permit")),
    request_body = PlateInput,
    responses((status = 200, body = PermitView), Refusal)
)]
async fn activate_plate(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<Uuid>,
    Json(input): Json<PlateInput>,
) -> ApiResult<Json<PermitView>> {
    staff(&caller)?;
    let forms = app.store().permit_in_all_series(id).await?;
    let register = app.store().series().await?;
    let in_force = forms.into_iter().filter(|(permit, _)| register.holds(permit.series.as_ref(), app.now()));
    let (before, revision) =
        in_force.max_by_key(|(permit, _)| permit.end).ok_or_else(|| Problem::not_found("permit in force"))?;
    let mut after = before.clone();
    let plate = plate(&input.plate)?.hash(app.plate_key());
    after.activate(&plate, app.now()).map_err(|refused| Problem::conflict(refused.to_string()))?;
    if after != before {
        app.store().save_permit(Some((&before, revision)), &after, app.now()).await?;
    }
    Ok(Json((&after).into()))
}

/// A permit of a series.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SeriesPermit {
    /// Its id, made by who issues it.
    id: Uuid,
    /// The permit.
    #[serde(flatten)]
    permit: PermitInput,
}

/// Permits of a series.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesInput {
    /// At most 500; send several requests for more.
    permits: Vec<SeriesPermit>,
}

/// How many permits were stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stored {
    /// So many.
    stored: usize,
}

/// Stores permits of a series. They hold nothing before the series is put in force, and change nothing of the series that is,
/// though it has permits of the same ids. May be repeated.
#[utoipa::path(
    post,
    path = "/v1/parking/permit-series/{domain}/{name}/permits",
    tag = "Rights",
    security(("login" = [])),
    params(
        ("domain" = String, Path, description = "What series replace one another in", example = "residents"),
        ("name" = String, Path, description = "Which of them", example = "2026-03")
    ),
    request_body = SeriesInput,
    responses((status = 200, body = Stored), Refusal)
)]
async fn fill_series(
    State(app): State<App>,
    caller: Caller,
    Path((domain, name)): Path<(String, String)>,
    Json(input): Json<SeriesInput>,
) -> ApiResult<Json<Stored>> {
    staff(&caller)?;
    if input.permits.len() > MOST_PERMITS {
        return Err(invalid("/permits", "at most 500").into());
    }
    let series = series_id(domain, name)?;
    // Before the first is stored: of a slip of the pen nothing remains.
    for (place, one) in input.permits.iter().enumerate() {
        known_zones(&app, &format!("/permits/{place}"), &one.permit.zones).await?;
    }
    let stored = input.permits.len();
    for SeriesPermit { id, permit: input } in input.permits {
        let known = app.store().permit(id, Some(&series)).await?;
        let version = known.as_ref().map_or(1, |(permit, _)| permit.version + 1);
        let permit = permit(&app, id, version, input, Some(series.clone()))?;
        app.store()
            .save_permit(known.as_ref().map(|(permit, revision)| (permit, *revision)), &permit, app.now())
            .await?;
    }
    Ok(Json(Stored { stored }))
}

/// What putting a series in force would change, by plates.
#[derive(Debug, Serialize, ToSchema)]
pub struct Preview {
    /// The series in force now.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_force: Option<String>,
    /// Plates that lose their permit.
    lost: usize,
    /// Plates that gain one.
    gained: usize,
    /// Plates that keep theirs.
    kept: usize,
    /// Plates on more than one permit of the new series.
    doubled: usize,
}

/// What putting a series in force would change.
#[utoipa::path(
    get,
    path = "/v1/parking/permit-series/{domain}/{name}",
    tag = "Rights",
    security(("login" = [])),
    params(("domain" = String, Path, description = "Domain"), ("name" = String, Path, description = "Series")),
    responses((status = 200, body = Preview), Refusal)
)]
async fn preview_series(
    State(app): State<App>,
    caller: Caller,
    Path((domain, name)): Path<(String, String)>,
) -> ApiResult<Json<Preview>> {
    staff(&caller)?;
    let series = known_series(&app, domain, name).await?;
    let in_force = app.store().series().await?.in_force(&series.domain, app.now()).map(str::to_owned);
    let old = match &in_force {
        Some(name) => {
            let old = SeriesId { domain: series.domain.clone(), name: name.clone() };
            app.store().permits_of(&old).await?
        }
        None => Vec::new(),
    };
    let new = app.store().permits_of(&series).await?;
    let Replacement { lost, gained, kept, doubled } = Replacement::between(&old, &new);
    Ok(Json(Preview { in_force, lost: lost.len(), gained: gained.len(), kept, doubled: doubled.len() }))
}

/// Puts a series in force in place of whatever its domain had: one write, at one instant. 404 for a series without permits:
/// a slip of the pen would take everybody's right away.
#[utoipa::path(
    post,
    path = "/v1/parking/permit-series/{domain}/{name}/activate",
    tag = "Rights",
    security(("login" = [])),
    params(("domain" = String, Path, description = "Domain"), ("name" = String, Path, description = "Series")),
    responses((status = 204, description = "In force"), Refusal)
)]
async fn activate_series(
    State(app): State<App>,
    caller: Caller,
    Path((domain, name)): Path<(String, String)>,
) -> ApiResult<StatusCode> {
    staff(&caller)?;
    let series = known_series(&app, domain, name).await?;
    let (mut register, known) = match app.store().series_to_change().await? {
        Some((register, revision)) => (register, Some(revision)),
        None => Default::default(),
    };
    let refused = |refused: parvis_rights::SeriesError| Problem::conflict(refused.to_string());
    register.activate(&series, app.now()).map_err(refused)?;
    app.store().put_series(&register, known).await?;
    Ok(StatusCode::NO_CONTENT)
}
