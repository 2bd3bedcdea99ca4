//! The steps in the life of a booking.

use axum::extract::State;
use parvis_booking::ResourceId;
use parvis_booking::life::{Action, State as Life};
use parvis_kit::http::{Json, Path};
use parvis_kit::routes;
use parvis_kit::routes::Routes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::bookings::{find, view};
use super::writes::Writer;
use crate::commands::Act;
use crate::error::{ApiResult, CheckInRefusal, Declined, Refused};
use crate::state::App;
use crate::store::bookings::{self, Filter};
use crate::views::BookingView;

pub(super) fn router() -> Routes<App> {
    Routes::new().routes(routes!(act)).routes(routes!(check_in_at_door))
}

/// What can be done to a booking.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Step {
    /// Wants what is held or offered.
    Confirm,
    /// Gives it up.
    Cancel,
    /// Approves a request.
    Approve,
    /// Does not approve it.
    Reject,
    /// Is there.
    CheckIn,
    /// Nobody came.
    NoShow,
    /// The place is empty and goes back to the others.
    Release,
    /// Leaves early.
    Finish,
}

impl Step {
    const fn action(self) -> Action {
        match self {
            Self::Confirm => Action::Confirm,
            Self::Cancel => Action::Cancel,
            Self::Approve => Action::Approve,
            Self::Reject => Action::Reject,
            Self::CheckIn => Action::CheckIn,
            Self::NoShow => Action::MarkNoShow,
            Self::Release => Action::Release,
            Self::Finish => Action::Finish,
        }
    }
}

/// What a step may say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StepInput {
    /// At a check-in: the code on the door.
    #[serde(default)]
    code: Option<String>,
}

/// Does a step: confirm, cancel, approve, reject, check-in, no-show, release, finish. A step that is not for the present state is
/// refused (409 `wrong-state`).
#[utoipa::path(
    post, path = "/v1/bookings/{booking}/{step}", tag = "Bookings", security(("login" = [])), request_body = StepInput,
    params(
        ("booking" = Uuid, Path, description = "Id of the booking"),
        ("step" = Step, Path, description = "What is done"),
        ("idempotency-key" = String, Header, description = "New for each step, repeated with each repetition")
    ),
    responses((status = 200, body = BookingView), Declined)
)]
async fn act(
    State(app): State<App>,
    writer: Writer,
    Path((id, step)): Path<(Uuid, Step)>,
    Json(input): Json<StepInput>,
) -> ApiResult<Json<BookingView>> {
    let by_code = match &input.code {
        Some(code) => {
            let record = find(&app, id, &writer.actor).await?;
            let right = record.booking.resources.iter().any(|one| app.key().is_door_code(one.as_str(), code));
            if !right {
                return Err(Refused::CheckIn(CheckInRefusal::WrongCode).into());
            }
            true
        }
        None => false,
    };
    let act = Act { id, actor: writer.actor.clone(), action: step.action(), by_code };
    let record = app.execute(Some(&writer.key(&input)), &act).await?;
    Ok(Json(view(&app, record, &writer.actor).await?))
}

/// What the QR code on the door says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DoorInput {
    /// The resource.
    resource: ResourceId,
    /// The code.
    code: String,
}

/// Checks the caller in to their booking that is on, or about to be, where the code hangs.
#[utoipa::path(
    post, path = "/v1/check-in", tag = "Bookings", security(("login" = [])), request_body = DoorInput,
    params(("idempotency-key" = String, Header, description = "New for each check-in, repeated with each repetition")),
    responses((status = 200, body = BookingView), Declined)
)]
async fn check_in_at_door(
    State(app): State<App>,
    writer: Writer,
    Json(door): Json<DoorInput>,
) -> ApiResult<Json<BookingView>> {
    if !app.key().is_door_code(door.resource.as_str(), &door.code) {
        return Err(Refused::CheckIn(CheckInRefusal::WrongCode).into());
    }
    let now = app.now();
    let filter = Filter {
        owner: Some(writer.actor.subject.clone()),
        from: Some(now),
        to: Some(now + chrono::TimeDelta::hours(12)),
        states: vec![Life::Booked, Life::Arrived],
        resource: Some(door.resource.to_string()),
        ..Filter::default()
    };
    let coming = bookings::list(app.store().database().pool().await?, &filter, 1).await?;
    let record = coming.into_iter().next().ok_or(Refused::CheckIn(CheckInRefusal::NothingToCheckIn))?;
    let (id, actor) = (record.booking.id, writer.actor.clone());
    if record.booking.state == Life::Arrived {
        // Read twice: they are there, and that is what they wanted to say.
        return Ok(Json(view(&app, record, &writer.actor).await?));
    }
    let act = Act { id, actor, action: Action::CheckIn, by_code: true };
    let record = app.execute(Some(&writer.key(&door)), &act).await?;
    Ok(Json(view(&app, record, &writer.actor).await?))
}
