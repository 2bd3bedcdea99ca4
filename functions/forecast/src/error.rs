//! What handlers fail with.

use parvis_forecasts::StoreError;
pub use parvis_kit::api::Declined as Refusal;
use parvis_kit::problem::Problem;
use parvis_places::RegisterError;

use crate::plan::PlanError;

parvis_kit::api_error!();

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(if error.is_transient() { Problem::unavailable(error) } else { Problem::internal(error) })
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        Self(Problem::unavailable(error))
    }
}

impl From<PlanError> for ApiError {
    fn from(error: PlanError) -> Self {
        Self(Problem::unavailable(error))
    }
}
