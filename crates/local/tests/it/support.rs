//! What the crate's integration tests share: a host that runs the probe function, and a template around it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parvis_local::{
    faults::Faults,
    lambda::{Config, Host, probe},
};
use parvis_sam::{Resolution, Stack, Template};
use tempfile::TempDir;

/// A template of one function, `ProbeFunction`, with the given events below it, and a queue, a dead-letter queue and a table.
pub fn template(directory: &Path, timeout: u32, events: &str) -> Stack {
    let text = format!(
        r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 30
      RedrivePolicy: {{ deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2 }}
  Dead:
    Type: AWS::SQS::Queue
    Properties: {{ MessageRetentionPeriod: 1209600 }}
  Items:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{{ AttributeName: pk, AttributeType: S }}, {{ AttributeName: sk, AttributeType: S }}]
      KeySchema: [{{ AttributeName: pk, KeyType: HASH }}, {{ AttributeName: sk, KeyType: RANGE }}]
      StreamSpecification: {{ StreamViewType: NEW_AND_OLD_IMAGES }}
  ProbeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/probe
      Runtime: provided.al2023
      Handler: bootstrap
      MemorySize: 256
      Timeout: {timeout}
      Environment: {{ Variables: {{ WHO: probe }} }}
{events}
"#
    );
    let path = directory.join("template.yaml");
    std::fs::write(&path, text).unwrap();
    Template::load(&path).unwrap().resolve(&Resolution::default()).unwrap()
}

/// A host for the template's functions; the probe writes what it handled to [`handled`].
pub async fn host(directory: &Path, template: &Stack, faults: Arc<Faults>) -> Host {
    let host = Host::start(Config {
        functions: template.functions.clone(),
        binary: PathBuf::from(env!("CARGO_BIN_EXE_parvis")),
        concurrency: 4,
        logs: directory.join("logs"),
        verbose: false,
        region: "eu-west-3".into(),
        faults,
    })
    .await
    .unwrap();
    let path = |name: &str| directory.join(name).to_str().unwrap().to_owned();
    host.set_services(BTreeMap::from([
        (probe::LOG.to_owned(), path("handled")),
        (probe::HEALED.to_owned(), path("healed")),
    ]));
    host
}

/// A directory, a template and its host.
pub async fn probe(timeout: u32, events: &str) -> (TempDir, Stack, Host) {
    let directory = tempfile::tempdir().unwrap();
    let template = template(directory.path(), timeout, events);
    let host = host(directory.path(), &template, Arc::default()).await;
    (directory, template, host)
}

/// The texts of the records that the probe has handled, in order.
pub fn handled(directory: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(directory.join("handled")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Lets records that begin with `heal` succeed from now on.
pub fn heal(directory: &Path) {
    std::fs::write(directory.join("healed"), "").unwrap();
}

/// Waits up to 20 seconds for a condition.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what}: not within 20 seconds");
}
