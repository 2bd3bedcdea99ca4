//! What handlers fail with.

use parvis_forecasts::StoreError;
pub use parvis_kit::api::Declined as Refusal;
use parvis_kit::problem::Problem;

parvis_kit::api_error!();

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self(if error.is_transient() { Problem::unavailable(error) } else { Problem::internal(error) })
    }
}
