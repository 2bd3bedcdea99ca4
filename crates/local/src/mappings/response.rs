//! What a function's answer says about its batch, by the rules of AWS for `ReportBatchItemFailures`.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Deserialize;

use crate::lambda::InvokeError;

/// The fate of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Every record is done.
    Done,
    /// These records (message ids, or sequence numbers) failed, the others are done.
    Failed(BTreeSet<String>),
    /// Nothing is known to be done.
    AllFailed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    batch_item_failures: Option<Vec<Failure>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: Option<String>,
}

/// Reads an invocation's outcome. `ids` are those of the batch; `partial` is whether the mapping reports item failures.
///
/// An absent or empty list is a success. An answer that is not JSON, an empty identifier, or one that is not of the batch
/// fails the whole batch (Lambda developer guide, "Success and failure conditions").
pub(super) fn verdict(outcome: Result<Bytes, InvokeError>, partial: bool, ids: &[&str]) -> Verdict {
    let payload = match outcome {
        Ok(payload) => payload,
        Err(error) => return Verdict::AllFailed(error.to_string()),
    };
    if !partial || payload.is_empty() {
        return Verdict::Done;
    }
    let failures = match serde_json::from_slice::<Option<Answer>>(&payload) {
        Ok(answer) => answer.and_then(|answer| answer.batch_item_failures).unwrap_or_default(),
        Err(error) => return Verdict::AllFailed(format!("the answer is not a batch response: {error}")),
    };
    let mut failed = BTreeSet::new();
    for failure in failures {
        match failure.item_identifier {
            Some(id) if ids.contains(&id.as_str()) => failed.insert(id),
            other => {
                return Verdict::AllFailed(format!("the answer names {other:?}, which is not an item of the batch"));
            }
        };
    }
    if failed.is_empty() { Verdict::Done } else { Verdict::Failed(failed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &'static str) -> Verdict {
        verdict(Ok(Bytes::from_static(answer.as_bytes())), true, &["a", "b"])
    }

    #[test]
    fn nothing_reported_is_success() {
        for answer in ["", "null", "{}", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#] {
            assert_eq!(read(answer), Verdict::Done, "{answer}");
        }
    }

    #[test]
    fn reported_items_fail_alone() {
        assert_eq!(
            read(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#),
            Verdict::Failed(BTreeSet::from(["b".to_owned()]))
        );
    }

    #[test]
    fn a_report_that_cannot_be_understood_fails_the_batch() {
        for answer in [
            "nonsense",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"wrong":"b"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
        ] {
            assert!(matches!(read(answer), Verdict::AllFailed(_)), "{answer}");
        }
    }

    #[test]
    fn without_item_reports_the_answer_does_not_matter() {
        assert_eq!(verdict(Ok(Bytes::from_static(b"nonsense")), false, &[]), Verdict::Done);
        assert!(matches!(verdict(Err(InvokeError::ShuttingDown), true, &[]), Verdict::AllFailed(_)));
    }
}
