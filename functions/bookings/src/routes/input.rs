//! Validation at the boundary.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_booking::Slot;
use parvis_booking::booking::Guest;
use parvis_booking::resource::Kind;
use parvis_kit::auth::{Caller, Role};
use parvis_kit::moment::Moment;
use parvis_kit::problem::{FieldError, Problem};

use crate::error::ApiResult;
use crate::state::App;
use crate::store::catalog::{self, ResourceFilter};

/// Guests of one booking at most.
const MOST_GUESTS: usize = 200;
/// Errors of a file told at most: one of something else has some in each row.
const MOST_ERRORS: usize = 200;

/// Goes on only for those who manage places.
pub fn staff(caller: &Caller) -> Result<(), Problem> {
    caller.require(&[Role::Admin, Role::Manager])
}

/// The range from `from` to `to`, at most `longest`.
pub fn range(from: DateTime<Utc>, to: DateTime<Utc>, longest: TimeDelta) -> Result<Slot, Problem> {
    let wrong = |field: &str, message: String| Problem::invalid(vec![FieldError::new(field, message)]);
    let range = Slot::new(from, to).map_err(|_| wrong("to", "must be after `from`".to_owned()))?;
    if range.length() > longest {
        return Err(wrong("to", format!("at most {} days after `from`", longest.num_days())));
    }
    Ok(range)
}

/// The range that the parameters `from` and `to` mean for the resources of a filter, at most `longest`.
pub async fn asked(app: &App, filter: &ResourceFilter, [from, to]: [Moment; 2], longest: TimeDelta) -> ApiResult<Slot> {
    let zone = match from.is_day() || to.is_day() {
        true => zone(app, filter).await?,
        false => Tz::UTC,
    };
    Ok(range(from.begin(zone), to.end(zone), longest)?)
}

/// By whose clocks the resources of a filter live.
async fn zone(app: &App, filter: &ResourceFilter) -> ApiResult<Tz> {
    let zones = catalog::zones(app.store().database().pool().await?, filter).await?;
    if zones.len() > 1 {
        let names: Vec<&str> = zones.iter().map(|zone| zone.name()).collect();
        let several = format!("a day is not the same in {}; say instants, or ask for one site", names.join(" and "));
        return Err(Problem::invalid(vec![FieldError::new("from", several)]).into());
    }
    // Where there is no resource, there is nothing to be told, of any day.
    Ok(zones.first().copied().unwrap_or(Tz::UTC))
}

/// What people write about a booking.
pub fn words(title: &str, participants: u32, guests: &[Guest]) -> Result<(), Problem> {
    let mut errors = Vec::new();
    if title.trim().is_empty() || title.chars().count() > 200 || title.chars().any(char::is_control) {
        errors.push(FieldError::new("/title", "must have 1 to 200 printable characters"));
    }
    if !(1..=100_000).contains(&participants) {
        errors.push(FieldError::new("/participants", "must be 1 to 100000"));
    }
    if guests.len() > MOST_GUESTS {
        errors.push(FieldError::new("/guests", format!("at most {MOST_GUESTS}")));
    }
    for (index, _) in guests.iter().enumerate().filter(|(_, guest)| !guest.is_valid()) {
        errors.push(FieldError::new(
            format!("/guests/{index}"),
            "needs a name, and an address like name@example.org if any",
        ));
    }
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}

/// The parts of a list between commas, without empty ones.
pub fn list(text: Option<&str>) -> Vec<String> {
    let parts = text.unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// The parameters of a resource filter.
#[derive(Debug, Default, serde::Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FilterParams {
    /// These resources only, between commas.
    #[param(example = "room-1,room-2")]
    pub resource: Option<String>,
    /// At this site.
    pub site: Option<String>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// In this pool.
    pub pool: Option<String>,
    /// For at least so many people.
    pub capacity: Option<u32>,
    /// With all of these features, between commas.
    #[param(example = "screen,whiteboard")]
    pub features: Option<String>,
    /// Only what a wheelchair gets to.
    pub accessible: Option<bool>,
}

impl From<&FilterParams> for ResourceFilter {
    fn from(params: &FilterParams) -> Self {
        Self {
            ids: list(params.resource.as_deref()),
            site: params.site.clone(),
            kind: params.kind,
            pool: params.pool.clone(),
            capacity: params.capacity.map(|capacity| i32::try_from(capacity).unwrap_or(i32::MAX)),
            features: list(params.features.as_deref()),
            accessible: params.accessible.unwrap_or(false),
        }
    }
}

/// What is wrong with something of the catalogue, as a problem.
pub fn faults(faults: Vec<(&'static str, String)>) -> Result<(), Problem> {
    if faults.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid(faults.into_iter().map(|(field, message)| FieldError::new(field, message)).collect()))
}

/// What is wrong with a file, of which nothing is taken over.
pub fn file_faults(mut errors: Vec<FieldError>) -> Problem {
    errors.truncate(MOST_ERRORS);
    Problem::invalid(errors)
}
