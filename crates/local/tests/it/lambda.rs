//! Functions as real processes behind the Runtime API and the Invoke API.

use std::{sync::Arc, time::Duration};

use super::support::probe;
use parvis_local::{faults::Faults, lambda::InvokeError};
use serde_json::{Value, json};

const FUNCTION: &str = "ProbeFunction";

async fn ask(host: &parvis_local::lambda::Host, event: Value) -> Result<Value, InvokeError> {
    Ok(serde_json::from_slice(&host.invoke(FUNCTION, event.to_string()).await?).unwrap())
}

#[tokio::test]
async fn an_event_goes_in_and_the_answer_comes_out_of_a_sandbox_that_is_kept() {
    let (_directory, _, host) = probe(10, "").await;
    let event = json!({ "anything": ["goes", 1, null, "é"] });
    assert_eq!(ask(&host, event.clone()).await.unwrap(), event);
    let first = host.process_ids(FUNCTION);
    assert_eq!(ask(&host, event.clone()).await.unwrap(), event);
    assert_eq!((first.len(), host.process_ids(FUNCTION)), (1, first));
    host.shutdown().await;
    assert_eq!(host.sandboxes(FUNCTION), 0);
    assert!(matches!(ask(&host, event).await, Err(InvokeError::ShuttingDown)));
}

#[tokio::test]
async fn a_sandbox_sees_what_lambda_shows_and_nothing_of_the_host() {
    let (_directory, _, host) = probe(10, "").await;
    let environment = ask(&host, json!({ "probe": "environment" })).await.unwrap();
    for (name, value) in [
        ("WHO", "probe"),
        ("AWS_REGION", "eu-west-3"),
        ("AWS_LAMBDA_FUNCTION_NAME", FUNCTION),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
    ] {
        assert_eq!(environment[name], value, "{name}");
    }
    // Cargo sets this one for the test.
    assert!(std::env::var("CARGO_MANIFEST_DIR").is_ok() && environment.get("CARGO_MANIFEST_DIR").is_none());

    let context = ask(&host, json!({ "probe": "context" })).await.unwrap();
    assert_eq!(context["arn"], "arn:aws:lambda:eu-west-3:000000000000:function:ProbeFunction");
    assert_eq!(context["memory"], 256);
    let left = context["deadline"].as_i64().unwrap() - chrono::Utc::now().timestamp_millis();
    assert!((8_000..=10_000).contains(&left), "{left}");
    host.shutdown().await;
}

#[tokio::test]
async fn a_failure_or_a_panic_is_the_functions_answer_and_the_sandbox_lives_on() {
    let (_directory, _, host) = probe(10, "").await;
    for command in ["fail", "panic"] {
        match ask(&host, json!({ "probe": command })).await {
            Err(InvokeError::Function { message, .. }) => assert!(message.contains("asked to"), "{message}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(host.sandboxes(FUNCTION), 1);
    host.shutdown().await;
}

#[tokio::test]
async fn a_crash_loses_one_invocation_and_the_next_has_a_new_sandbox() {
    let (_directory, _, host) = probe(10, "").await;
    ask(&host, json!(1)).await.unwrap();
    let before = host.process_ids(FUNCTION);
    match ask(&host, json!({ "probe": "exit" })).await {
        Err(InvokeError::Crashed { function, detail }) => {
            assert!(function == FUNCTION && detail.contains('3'), "{function}: {detail}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ask(&host, json!(2)).await.unwrap(), json!(2));
    assert_ne!(host.process_ids(FUNCTION), before);
    host.shutdown().await;
}

#[tokio::test]
async fn an_invocation_beyond_its_timeout_is_killed() {
    let (_directory, _, host) = probe(1, "").await;
    let error = ask(&host, json!({ "probe": "sleep", "ms": 60_000 })).await.unwrap_err();
    assert!(matches!(&error, InvokeError::Timeout { limit, .. } if *limit == Duration::from_secs(1)), "{error}");
    assert_eq!(error.to_string(), "ProbeFunction: task timed out after 1.00 seconds");
    assert_eq!(ask(&host, json!(2)).await.unwrap(), json!(2));
    host.shutdown().await;
}

#[tokio::test]
async fn invocations_at_once_get_sandboxes_up_to_the_cap_and_then_wait() {
    let (_directory, _, host) = probe(10, "").await;
    let all = (0..6).map(|_| ask(&host, json!({ "probe": "sleep", "ms": 300 })));
    let processes: std::collections::BTreeSet<_> =
        futures::future::try_join_all(all).await.unwrap().iter().map(Value::to_string).collect();
    assert_eq!((processes.len(), host.sandboxes(FUNCTION)), (4, 4));
    host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_can_be_killed_mid_invocation_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let template = super::support::template(directory.path(), 10, "");
    let faults = Arc::new(Faults::default());
    let host = super::support::host(directory.path(), &template, faults.clone()).await;
    faults.kill_next(FUNCTION, Duration::from_millis(50));
    let slow = json!({ "probe": "sleep", "ms": 5_000 });
    assert!(matches!(ask(&host, slow.clone()).await, Err(InvokeError::Crashed { .. })));

    let running = tokio::spawn({
        let host = host.clone();
        async move { ask(&host, slow).await }
    });
    super::support::until("the sandbox is there", async || host.sandboxes(FUNCTION) == 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(host.kill_one(FUNCTION));
    assert!(matches!(running.await.unwrap(), Err(InvokeError::Crashed { .. })));
    host.shutdown().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_sandbox_to_the_next_one() {
    let (_directory, _, host) = probe(10, "").await;
    let impatient =
        tokio::time::timeout(Duration::from_millis(300), ask(&host, json!({ "probe": "sleep", "ms": 600 })));
    assert!(impatient.await.is_err());
    super::support::until("the sandbox is idle again", async || ask(&host, json!(1)).await.is_ok()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    ask(&host, json!(1)).await.unwrap();
    assert!(host.sandboxes(FUNCTION) <= 2);
    host.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_invoked_is_said() {
    let (_directory, _, host) = probe(10, "").await;
    assert!(matches!(host.invoke("NoFunction", "{}").await, Err(InvokeError::UnknownFunction(_))));
    let large = vec![b' '; parvis_local::lambda::MAX_PAYLOAD_BYTES + 1];
    assert!(matches!(host.invoke(FUNCTION, large).await, Err(InvokeError::PayloadTooLarge(_))));
    host.shutdown().await;
}

#[tokio::test]
async fn the_invoke_api_is_lambdas_own() {
    let (_directory, _, host) = probe(10, "").await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let call = async |name: &str, kind: &str, event: Value| {
        let url = format!("{}/2015-03-31/functions/{name}/invocations", host.endpoint());
        let answer =
            client.post(url).header("x-amz-invocation-type", kind).body(event.to_string()).send().await.unwrap();
        let failed = answer.headers().get("x-amz-function-error").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), failed, answer.text().await.unwrap())
    };
    for name in ["ProbeFunction", "probe", "arn:aws:lambda:eu-west-3:000000000000:function:ProbeFunction"] {
        assert_eq!(
            call(name, "RequestResponse", json!({"a": 1})).await,
            (200, None, r#"{"a":1}"#.to_owned()),
            "{name}"
        );
    }
    let (status, failed, body) = call("probe", "RequestResponse", json!({"probe": "fail"})).await;
    assert_eq!((status, failed.as_deref()), (200, Some("Unhandled")));
    assert!(body.contains("errorMessage") && body.contains("asked to fail"), "{body}");
    assert_eq!(call("probe", "Event", json!(1)).await.0, 202);
    assert_eq!(call("probe", "DryRun", json!(1)).await.0, 204);
    assert_eq!(call("nobody", "RequestResponse", json!(1)).await.0, 404);
    host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_ends_when_its_host_does() {
    let (_directory, _, host) = probe(10, "").await;
    ask(&host, json!(1)).await.unwrap();
    let process = host.process_ids(FUNCTION)[0];
    // What happens when the host is killed: nobody stops the sandbox, only its standard input closes.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_parvis"))
        .args(["__function", "probe"])
        .env("AWS_LAMBDA_RUNTIME_API", host.endpoint() + "/nobody")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "probe"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ])
        .spawn()
        .unwrap();
    drop(child.stdin.take());
    super::support::until("the orphan ends", async || child.try_wait().unwrap().is_some()).await;
    assert_eq!(host.process_ids(FUNCTION), [process]);
    host.shutdown().await;
}
