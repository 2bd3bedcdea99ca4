//! Partial batch responses (`ReportBatchItemFailures`) of queues and of streams.
//!
//! The two differ: a queue retries exactly the messages named, a stream retries everything from the first record named,
//! since the order of a shard is kept.

use aws_lambda_events::{
    dynamodb::EventRecord,
    sqs::SqsBatchResponse,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};

/// The response of a queue's batch of which the messages `failed` are to come again. One bad message fails alone.
pub fn queue_response<I, S>(failed: I) -> SqsBatchResponse
where
    I: IntoIterator<Item = S>,
    S: Into<String>,
{
    let mut response = SqsBatchResponse::default();
    for message_id in failed {
        response.add_failure(message_id);
    }
    response
}

/// The response of a stream's batch that has to come again from `first_failed` on; `None` when all of it is done.
#[must_use]
pub fn stream_response(first_failed: Option<&EventRecord>) -> DynamoDbEventResponse {
    let mut response = DynamoDbEventResponse::default();
    if let Some(record) = first_failed {
        // An empty identifier fails the whole batch: the safe reading of a record without a sequence number.
        let mut failure = DynamoDbBatchItemFailure::default();
        failure.item_identifier = Some(record.change.sequence_number.clone().unwrap_or_default());
        response.batch_item_failures.push(failure);
    }
    response
}

/// Handles the records of a stream's batch one after the other and stops at the first that fails: that record and all
/// after it come again, those before it do not.
pub async fn in_order<'a, H, F, E>(records: &'a [EventRecord], mut handler: H) -> (DynamoDbEventResponse, Option<E>)
where
    H: FnMut(&'a EventRecord) -> F,
    F: Future<Output = Result<(), E>>,
{
    for record in records {
        if let Err(error) = handler(record).await {
            return (stream_response(Some(record)), Some(error));
        }
    }
    (stream_response(None), None)
}

/// The name of the table whose stream a record comes from, from `arn:aws:dynamodb:<region>:<account>:table/<name>/stream/..`.
#[must_use]
pub fn table_of(record: &EventRecord) -> Option<&str> {
    record.event_source_arn.as_deref()?.split_once(":table/")?.1.split('/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: &str) -> EventRecord {
        serde_json::from_value(serde_json::json!({
            "awsRegion": "eu-west-3",
            "eventID": sequence,
            "eventName": "MODIFY",
            "eventSourceARN": "arn:aws:dynamodb:eu-west-3:000000000000:table/Live-1A/stream/2026-01-01T00:00:00.000",
            "dynamodb": { "SequenceNumber": sequence, "SizeBytes": 1 },
        }))
        .unwrap()
    }

    fn named(response: &DynamoDbEventResponse) -> Vec<&str> {
        response.batch_item_failures.iter().filter_map(|item| item.item_identifier.as_deref()).collect()
    }

    #[test]
    fn a_queue_gets_back_only_what_failed() {
        let response = queue_response(["b", "d"]);
        insta::assert_json_snapshot!(response, @r#"
        {
          "batchItemFailures": [
            {
              "itemIdentifier": "b"
            },
            {
              "itemIdentifier": "d"
            }
          ]
        }
        "#);
    }

    #[tokio::test]
    async fn a_stream_stops_at_the_first_failure() {
        let records = [record("1"), record("2"), record("3")];
        let mut seen = Vec::new();
        let (response, error) = in_order(&records, |record| {
            seen.push(record.event_id.clone());
            let fails = record.event_id == "2";
            async move { if fails { Err("away") } else { Ok(()) } }
        })
        .await;
        assert_eq!(seen, ["1", "2"]);
        assert_eq!(named(&response), ["2"]);
        assert_eq!(error, Some("away"));
    }

    #[test]
    fn nothing_failed_is_an_empty_list() {
        assert!(named(&stream_response(None)).is_empty());
    }

    #[test]
    fn the_table_is_read_from_the_arn() {
        assert_eq!(table_of(&record("1")), Some("Live-1A"));
    }
}
