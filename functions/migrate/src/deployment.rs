//! The function as a custom resource of CloudFormation, and invoked by hand.

use std::time::Duration;

use chrono::{Months, Utc};
use parvis_kit::{
    lambda::Failure,
    postgres::{Database, DatabaseError},
    telemetry::chain,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgConnectOptions};

use crate::{
    bootstrap::Administrator,
    retention::{RetentionReport, drop_old},
    schema::{MigrateError, SchemaReport, migrate},
};

/// The resource's identity: a deployment has one schema, whatever its version.
const PHYSICAL_ID: &str = "parvis-schema";

/// Aurora wakes up from a pause in about 15 seconds; each attempt waits for a connection by itself.
const ATTEMPTS: u32 = 8;
const PAUSE: Duration = Duration::from_secs(2);

/// What the function needs.
pub(crate) struct Migration {
    pub(crate) administrator: Option<Administrator>,
    pub(crate) database: Database,
    pub(crate) http: reqwest::Client,
    /// Months of history that are kept; all without.
    pub(crate) retention: Option<Months>,
}

/// What the schedule, or somebody by hand, asks for.
#[derive(Debug, Deserialize)]
struct Job {
    task: Task,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Task {
    DropOldHistory,
}

/// What CloudFormation asks, as far as it matters here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    request_type: RequestType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

/// The answer, put to the request's URL.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    physical_resource_id: &'static str,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<SchemaReport>,
}

impl Migration {
    /// Handles an event: a request of CloudFormation is answered at its URL, a task is done, anything else asks for a migration
    /// and gets the report.
    pub(crate) async fn handle(&self, event: Value) -> Result<Value, Failure> {
        if event.get("task").is_some() {
            let Job { task: Task::DropOldHistory } = serde_json::from_value(event).map_err(Failure::permanent)?;
            let report = self.drop_old_history().await.map_err(Failure::retryable)?;
            return serde_json::to_value(report).map_err(Failure::permanent);
        }
        if event.get("RequestType").is_none() {
            let report = self.apply().await.map_err(Failure::retryable)?;
            return serde_json::to_value(report).map_err(Failure::permanent);
        }
        let request: Request = serde_json::from_value(event).map_err(Failure::permanent)?;
        let outcome = match request.request_type {
            RequestType::Create | RequestType::Update => self.apply().await.map(Some),
            // The data outlive the stack: deleting it takes nothing from the database.
            RequestType::Delete => Ok(None),
        };
        if let Err(error) = &outcome {
            // Logged here, since the invocation itself succeeds: CloudFormation is told, and rolls back.
            tracing::error!(error = %chain(error), "the deployment's migration failed");
        }
        self.send(request, outcome.map_err(drop)).await?;
        Ok(Value::Null)
    }

    async fn drop_old_history(&self) -> Result<RetentionReport, DatabaseError> {
        match self.retention {
            Some(retention) => drop_old(self.database.pool().await?, retention, Utc::now()).await,
            None => Ok(RetentionReport::default()),
        }
    }

    async fn apply(&self) -> Result<SchemaReport, MigrateError> {
        let pool = self.database.pool().await?;
        // The administrator's password is that of the first deployment: RDS changes it soon after, so it is used only while the
        // functions' role cannot log in yet.
        if let Some(administrator) = &self.administrator
            && !may_log_in(pool).await?
        {
            administrator.ensure_role(PgConnectOptions::new().get_username()).await?;
        }
        let report = migrate(pool).await?;
        tracing::info!(version = report.version, applied = report.applied, "the schema is up to date");
        Ok(report)
    }

    /// Answers CloudFormation. It waits an hour for that, so a failure here is worth a retry of the invocation.
    async fn send(&self, request: Request, outcome: Result<Option<SchemaReport>, ()>) -> Result<(), Failure> {
        let url = request.response_url.clone();
        let body = serde_json::to_vec(&answer(request, outcome)).map_err(Failure::permanent)?;
        // No content type: the URL is signed without one. The URL is a credential, so it is kept out of the error.
        let sent = self.http.put(url).body(body).send().await.and_then(reqwest::Response::error_for_status);
        sent.map(drop).map_err(|error| Failure::retryable(error.without_url()))
    }
}

/// Whether the server lets the functions' role in. Waits for a server that is starting or has to wake up.
async fn may_log_in(pool: &PgPool) -> Result<bool, DatabaseError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match pool.acquire().await {
            Ok(_) => return Ok(true),
            // Class 28: invalid authorization, which is also what a role that does not exist gets.
            Err(sqlx::Error::Database(refusal)) if refusal.code().is_some_and(|code| code.starts_with("28")) => {
                return Ok(false);
            }
            Err(error) => {
                let error = DatabaseError::from(error);
                if !error.is_transient() || attempts == ATTEMPTS {
                    return Err(error);
                }
                tracing::info!(error = %chain(&error), attempts, "the database is not there yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn answer(request: Request, outcome: Result<Option<SchemaReport>, ()>) -> Answer {
    let (status, reason, data) = match outcome {
        Ok(data) => ("SUCCESS", None, data),
        // What failed is in the function's log; the stack's events are read by more people.
        Err(()) => ("FAILED", Some("The migration failed; see the log of the migrate function."), None),
    };
    Answer {
        status,
        reason,
        physical_resource_id: PHYSICAL_ID,
        stack_id: request.stack_id,
        request_id: request.request_id,
        logical_resource_id: request.logical_resource_id,
        data,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_asks_for_a_task_that_there_is() {
        let Job { task: Task::DropOldHistory } =
            serde_json::from_str(include_str!("../../../events/migrate/drop-old-history.json")).unwrap();
        let by_hand: Value = serde_json::from_str(include_str!("../../../events/migrate/manual.json")).unwrap();
        assert!(by_hand.get("task").is_none() && by_hand.get("RequestType").is_none(), "a migration by hand");
    }

    const CREATE: &str = include_str!("../../../events/migrate/create.json");

    #[test]
    fn cloudformation_gets_the_schema_version() {
        let request: Request = serde_json::from_str(CREATE).unwrap();
        assert_eq!(request.request_type, RequestType::Create);
        let answer = answer(request, Ok(Some(SchemaReport { version: 1, applied: 1 })));
        insta::assert_json_snapshot!(answer, @r#"
        {
          "Status": "SUCCESS",
          "PhysicalResourceId": "parvis-schema",
          "StackId": "arn:aws:cloudformation:eu-west-3:000000000000:stack/parvis/5b3e7c10-0000-11f0-8000-0a0000000000",
          "RequestId": "c3a8e1a2-6a0b-4a3c-9a0e-0d4f5b7d2f10",
          "LogicalResourceId": "Migration",
          "Data": {
            "version": 1,
            "applied": 1
          }
        }
        "#);
    }

    #[test]
    fn a_failure_names_the_log_and_no_more() {
        let request: Request = serde_json::from_str(CREATE).unwrap();
        let answer = answer(request, Err(()));
        assert_eq!(answer.status, "FAILED");
        assert_eq!(answer.reason, Some("The migration failed; see the log of the migrate function."));
    }
}
