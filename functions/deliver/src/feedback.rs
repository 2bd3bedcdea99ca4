//! What SES tells of bounces and complaints.

use chrono::{DateTime, Utc};
use parvis_kit::telemetry::chain;
use parvis_mailroom::{StoreError, Unreachable};
use serde::Deserialize;

use crate::delivery::Deliverer;

/// An event of SES, as far as it is read here
/// (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(alias = "notificationType")]
    event_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

/// The addresses that are to be left alone, and why. A full mailbox is none of them: it bounces as `Transient`.
fn to_be_left_alone(told: Told) -> (Vec<String>, Unreachable, &'static str) {
    let addresses = |recipients: Vec<Recipient>| recipients.into_iter().map(|one| one.email_address).collect();
    match (told.bounce, told.complaint) {
        (Some(bounce), _) if bounce.bounce_type == "Permanent" => {
            (addresses(bounce.bounced_recipients), Unreachable::Nobody, "it bounced")
        }
        (_, Some(complaint)) => {
            (addresses(complaint.complained_recipients), Unreachable::Unwanted, "its owner complained")
        }
        _ => (Vec::new(), Unreachable::Nobody, ""),
    }
}

impl Deliverer {
    /// Takes what SES tells; how many addresses are left alone from now on.
    ///
    /// # Errors
    /// When the table cannot be written.
    pub async fn hear(&self, message: &str, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let told: Told = match serde_json::from_str(message) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(error = %chain(&error), "SES told something that cannot be read");
                return Ok(0);
            }
        };
        tracing::info!(kind = told.event_type, "SES told");
        let (addresses, why, reason) = to_be_left_alone(told);
        for address in &addresses {
            self.store.suppress(address, why, reason, now).await?;
        }
        Ok(addresses.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> (Vec<String>, Unreachable, &'static str) {
        to_be_left_alone(serde_json::from_str(message).unwrap())
    }

    #[test]
    fn permanent_bounces_and_complaints_have_an_address_left_alone() {
        let bounce = |kind: &str| {
            format!(
                r#"{{"eventType":"Bounce","bounce":{{"bounceType":"{kind}","bouncedRecipients":[{{"emailAddress":"a@example.org","action":"failed"}}]}}}}"#
            )
        };
        assert_eq!(read(&bounce("Permanent")), (vec!["a@example.org".to_owned()], Unreachable::Nobody, "it bounced"));
        assert!(read(&bounce("Transient")).0.is_empty());
        let complaint = r#"{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"b@example.org"}]}}"#;
        assert_eq!(read(complaint), (vec!["b@example.org".to_owned()], Unreachable::Unwanted, "its owner complained"));
        assert!(read(r#"{"eventType":"Delivery"}"#).0.is_empty());
    }
}
