//! What a client asks for under an id of its own.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// All that a request says, as one value: under the same id only the very same is answered again. Nothing can be read off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wish(Uuid);

impl Wish {
    /// The wish that says `told`; plates by their hashes.
    #[must_use]
    pub fn of(told: &impl Serialize) -> Self {
        let told = serde_json::to_vec(told).unwrap_or_default();
        Self(Uuid::new_v5(&Uuid::NAMESPACE_OID, &told))
    }
}
