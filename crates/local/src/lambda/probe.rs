//! A function without a purpose: the no-op against which the bench measures the others, and the one that tests break.
//!
//! It runs as context `probe`, which no template deploys.

use std::{io::Write as _, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

/// File to which the text of every record handled is appended, one a line.
pub const LOG: &str = "PROBE_LOG";
/// While this file does not exist, records that begin with `heal` fail.
pub const HEALED: &str = "PROBE_HEALED";

/// Runs the function until the Lambda service ends the sandbox.
///
/// # Errors
/// When the Runtime API fails.
pub async fn run() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    if let Some(records) = event.payload.get("Records").and_then(Value::as_array) {
        return batch(records).await;
    }
    match event.payload.get("probe").and_then(Value::as_str) {
        Some("fail") => Err("asked to fail".into()),
        Some("exit") => std::process::exit(3),
        Some("panic") => panic!("asked to panic"),
        Some("sleep") => {
            let wait = event.payload.get("ms").and_then(Value::as_u64).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
            Ok(json!(std::process::id()))
        }
        Some("environment") => Ok(json!(std::env::vars().collect::<std::collections::BTreeMap<_, _>>())),
        Some("context") => Ok(json!({
            "request_id": event.context.request_id,
            "deadline": event.context.deadline,
            "arn": event.context.invoked_function_arn,
            "memory": event.context.env_config.memory,
        })),
        _ => Ok(event.payload),
    }
}

/// Handles records in order and reports those that fail. Their text decides: `fail..` always fails, `heal..` until healed,
/// `crash..` ends the process, `slow..` takes 300 ms.
async fn batch(records: &[Value]) -> Result<Value, Error> {
    let mut failures = Vec::new();
    for record in records {
        let stream = &record["dynamodb"];
        let (id, text) = match record["messageId"].as_str() {
            Some(id) => (id, record["body"].as_str()),
            None => (stream["SequenceNumber"].as_str().unwrap_or_default(), stream["Keys"]["sk"]["S"].as_str()),
        };
        let text = text.unwrap_or_default();
        let word = text.split('-').next().unwrap_or_default();
        let failed = match word {
            "fail" => true,
            "heal" => !std::env::var_os(HEALED).is_some_and(|path| std::path::Path::new(&path).exists()),
            "crash" => std::process::exit(3),
            "slow" => {
                tokio::time::sleep(Duration::from_millis(300)).await;
                false
            }
            _ => false,
        };
        if failed {
            failures.push(json!({ "itemIdentifier": id }));
            continue;
        }
        log(text)?;
    }
    Ok(json!({ "batchItemFailures": failures }))
}

fn log(text: &str) -> std::io::Result<()> {
    let Some(path) = std::env::var_os(LOG) else { return Ok(()) };
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    // One write, so that sandboxes side by side do not mix their lines.
    file.write_all(format!("{text}\n").as_bytes())
}
