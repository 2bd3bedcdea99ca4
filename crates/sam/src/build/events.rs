//! Event sources of functions.

use std::time::Duration;

use serde_json::Value;

use super::{Result, http};
use crate::{
    error::Location,
    model::{Event, LogicalId, QueueMapping, Route, Schedule, ScheduleExpression, StartingPosition, StreamMapping},
    raw,
    scope::Scope,
};

/// Lambda's default batch size for queues.
const DEFAULT_QUEUE_BATCH: u32 = 10;
/// Lambda's default batch size for streams.
const DEFAULT_STREAM_BATCH: u32 = 100;
/// SAM's word for a route without authorizer although the API has a default one.
const NO_AUTHORIZER: &str = "NONE";

pub fn event(
    scope: &Scope<'_>,
    function: &LogicalId,
    id: String,
    source: raw::EventSource,
    at: &Location,
) -> Result<Event> {
    Ok(match source {
        raw::EventSource::Queue(raw) => Event::Queue(queue(scope, id, raw, at)?),
        raw::EventSource::Stream(raw) => Event::Stream(stream(scope, id, raw, at)?),
        raw::EventSource::Schedule(raw) | raw::EventSource::ScheduleV2(raw) => Event::Schedule(schedule(id, raw, at)?),
        raw::EventSource::Http(raw) => Event::Http(route(scope, function, id, raw, at)?),
    })
}

fn queue(scope: &Scope<'_>, id: String, raw: raw::QueueEvent, at: &Location) -> Result<QueueMapping> {
    Ok(QueueMapping {
        id,
        queue: scope.find("AWS::SQS::Queue", &raw.queue, &at.join("Queue"))?,
        batch_size: raw.batch_size.map_or(DEFAULT_QUEUE_BATCH, |size| size.0),
        window: seconds(raw.maximum_batching_window_in_seconds),
        maximum_concurrency: raw.scaling_config.map(|config| config.maximum_concurrency.0),
        filters: filters(raw.filter_criteria, at)?,
        partial_responses: partial(&raw.function_response_types, at)?,
        enabled: raw.enabled.is_none_or(|enabled| enabled.0),
    })
}

fn stream(scope: &Scope<'_>, id: String, raw: raw::StreamEvent, at: &Location) -> Result<StreamMapping> {
    let on_failure = match raw.destination_config {
        Some(config) if config.on_failure.kind.as_deref().is_none_or(|kind| kind == "SQS") => {
            let at = at.join("DestinationConfig.OnFailure.Destination");
            Some(scope.find("AWS::SQS::Queue", &config.on_failure.destination, &at)?)
        }
        Some(_) => return Err(at.join("DestinationConfig.OnFailure.Type").invalid("only SQS is supported")),
        None => None,
    };
    Ok(StreamMapping {
        id,
        table: scope.find("AWS::DynamoDB::Table", &raw.stream, &at.join("Stream"))?,
        starting_position: match raw.starting_position.as_str() {
            "TRIM_HORIZON" => StartingPosition::TrimHorizon,
            "LATEST" => StartingPosition::Latest,
            other => return Err(at.join("StartingPosition").invalid(format!("{other} is not supported"))),
        },
        batch_size: raw.batch_size.map_or(DEFAULT_STREAM_BATCH, |size| size.0),
        window: seconds(raw.maximum_batching_window_in_seconds),
        parallelization: raw.parallelization_factor.map_or(1, |factor| factor.0),
        // -1 stands for no limit in both.
        maximum_retries: raw.maximum_retry_attempts.and_then(|retries| u32::try_from(retries.0).ok()),
        maximum_age: raw
            .maximum_record_age_in_seconds
            .and_then(|age| u64::try_from(age.0).ok())
            .map(Duration::from_secs),
        bisect: raw.bisect_batch_on_function_error.0,
        on_failure,
        filters: filters(raw.filter_criteria, at)?,
        partial_responses: partial(&raw.function_response_types, at)?,
        enabled: raw.enabled.is_none_or(|enabled| enabled.0),
    })
}

fn schedule(id: String, raw: raw::ScheduleEvent, at: &Location) -> Result<Schedule> {
    let at_expression = at.join("ScheduleExpression");
    let expression = expression(&raw.schedule_expression).ok_or_else(|| {
        at_expression.invalid(format!("{} is neither rate(n unit) nor cron(six fields)", raw.schedule_expression))
    })?;
    if let Some(input) = &raw.input {
        serde_json::from_str::<Value>(input)
            .map_err(|error| at.join("Input").invalid(format!("is not JSON: {error}")))?;
    }
    Ok(Schedule {
        id,
        expression,
        input: raw.input,
        timezone: raw.schedule_expression_timezone,
        enabled: raw.state.is_none_or(|state| state == "ENABLED") && raw.enabled.is_none_or(|enabled| enabled.0),
    })
}

fn expression(text: &str) -> Option<ScheduleExpression> {
    if let Some(fields) = text.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')) {
        return (fields.split_whitespace().count() == 6).then(|| ScheduleExpression::Cron(fields.trim().to_owned()));
    }
    let (count, unit) = text.strip_prefix("rate(")?.strip_suffix(')')?.trim().split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let unit = match (unit.trim(), count) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3_600,
        ("day", 1) | ("days", 2..) => 86_400,
        _ => return None,
    };
    Some(ScheduleExpression::Rate(Duration::from_secs(count * unit)))
}

fn route(scope: &Scope<'_>, function: &LogicalId, id: String, raw: raw::HttpEvent, at: &Location) -> Result<Route> {
    if raw.payload_format_version.is_some_and(|version| version != "2.0") {
        return Err(at.join("PayloadFormatVersion").invalid("only 2.0 is supported"));
    }
    let api = scope.find("AWS::Serverless::HttpApi", &raw.api_id, &at.join("ApiId"))?;
    let authorizer = match raw.auth.and_then(|auth| auth.authorizer) {
        Some(name) if name == NO_AUTHORIZER => None,
        Some(name) => Some(name),
        None => http::default_authorizer(scope, &api)?,
    };
    let method = raw.method.to_uppercase();
    let method = if matches!(method.as_str(), "ANY" | "*" | "X-AMAZON-APIGATEWAY-ANY-METHOD") {
        "ANY".to_owned()
    } else {
        method
    };
    Ok(Route { id, api, method, path: raw.path, function: function.clone(), authorizer })
}

fn seconds(given: Option<raw::Int>) -> Duration {
    Duration::from_secs(given.map_or(0, |seconds| seconds.0).into())
}

fn filters(criteria: Option<raw::FilterCriteria>, at: &Location) -> Result<Vec<Value>> {
    let filters = criteria.map(|criteria| criteria.filters).unwrap_or_default();
    let parse = |filter: raw::Filter| {
        serde_json::from_str(&filter.pattern)
            .map_err(|error| at.join("FilterCriteria").invalid(format!("a pattern is not JSON: {error}")))
    };
    filters.into_iter().map(parse).collect()
}

fn partial(types: &[String], at: &Location) -> Result<bool> {
    match types {
        [] => Ok(false),
        [only] if only == "ReportBatchItemFailures" => Ok(true),
        _ => Err(at.join("FunctionResponseTypes").invalid("only ReportBatchItemFailures is supported")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_rates_or_cron_expressions() {
        assert_eq!(expression("rate(1 minute)"), Some(ScheduleExpression::Rate(Duration::from_secs(60))));
        assert_eq!(expression("rate(2 days)"), Some(ScheduleExpression::Rate(Duration::from_secs(172_800))));
        assert_eq!(expression("cron(0 3 * * ? *)"), Some(ScheduleExpression::Cron("0 3 * * ? *".into())));
        for wrong in [
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(0 minutes)",
            "rate(minute)",
            "cron(0 3 * * ?)",
            "at(2026-01-01T00:00:00)",
        ] {
            assert_eq!(expression(wrong), None, "{wrong}");
        }
    }
}
