//! Whose device an endpoint of SNS is: one that changes hands must not tell its new owner about the old one.

use serde::{Deserialize, Serialize};

use super::{NoticeStore, StoreError};

const HOLDER: &str = "holder";

/// Who holds a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Holder {
    person: String,
}

fn device(endpoint: &str) -> String {
    format!("device#{endpoint}")
}

impl NoticeStore {
    /// Who has registered a device last.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn device_holder(&self, endpoint: &str) -> Result<Option<String>, StoreError> {
        Ok(self.read::<Holder>(&device(endpoint), HOLDER).await?.map(|holder| holder.person))
    }

    /// Notes that a device is somebody's.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn hold_device(&self, endpoint: &str, person: &str) -> Result<(), StoreError> {
        self.write(&device(endpoint), HOLDER, &Holder { person: person.to_owned() }, None).await
    }

    /// Notes that a device is nobody's.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn release_device(&self, endpoint: &str) -> Result<(), StoreError> {
        self.remove(&device(endpoint), HOLDER).await
    }
}
