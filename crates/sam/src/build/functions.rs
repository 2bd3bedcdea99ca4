//! Functions: globals, environment, policies, event sources.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{Result, events, read};
use crate::{
    error::Location,
    model::{Function, LogicalId, Statement},
    raw,
    scope::Scope,
};

/// Folder that holds the functions' crates.
const FUNCTIONS: &str = "functions/";
/// SAM's defaults.
const DEFAULT_MEMORY_MB: u32 = 128;
const DEFAULT_TIMEOUT_SECONDS: u32 = 3;

pub fn function(scope: &Scope<'_>, logical_id: &LogicalId) -> Result<Function> {
    let at = Location::of(logical_id);
    let properties = with_globals(scope, logical_id);
    let statements = statements(scope, properties.get("Policies"), &at.join("Policies"))?;
    let vpc = properties.contains_key("VpcConfig");
    let raw: raw::Function = scope.typed(properties, &at, raw::FUNCTION_IGNORED)?;
    let context = raw.code_uri.trim_start_matches("./").trim_end_matches('/').strip_prefix(FUNCTIONS);
    let context = context.filter(|context| !context.contains('/'));
    let mut events = Vec::new();
    for (id, source) in raw.events {
        let at = at.join("Events").join(&id);
        events.push(events::event(scope, logical_id, id, source, &at)?);
    }
    Ok(Function {
        name: raw.function_name.unwrap_or_else(|| logical_id.to_string()),
        context: context.ok_or_else(|| at.join("CodeUri").invalid("must be functions/<context>"))?.to_owned(),
        memory_mb: raw.memory_size.map_or(DEFAULT_MEMORY_MB, |size| size.0),
        timeout: Duration::from_secs(raw.timeout.map_or(DEFAULT_TIMEOUT_SECONDS, |timeout| timeout.0).into()),
        reserved_concurrency: raw.reserved_concurrent_executions.map(|concurrency| concurrency.0),
        environment: raw.environment.variables.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
        statements,
        vpc,
        events,
        logical_id: logical_id.clone(),
    })
}

/// The function's properties merged with `Globals.Function` as SAM merges them: mappings are united (the function's own
/// entries win), lists are concatenated, anything else is replaced.
fn with_globals(scope: &Scope<'_>, id: &LogicalId) -> Map<String, Value> {
    let own = scope.template.entry("Resources", id.as_str()).and_then(|resource| resource.get("Properties"));
    let mut properties = scope.template.globals("Function").cloned().unwrap_or_default();
    for (key, value) in own.and_then(Value::as_object).into_iter().flatten() {
        merge(properties.entry(key.clone()).or_insert(Value::Null), value);
    }
    properties
}

fn merge(global: &mut Value, own: &Value) {
    match (global, own) {
        (Value::Object(global), Value::Object(own)) => {
            for (key, value) in own {
                merge(global.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(global), Value::Array(own)) => global.extend(own.iter().cloned()),
        (global, own) => *global = own.clone(),
    }
}

fn statements(scope: &Scope<'_>, policies: Option<&Value>, at: &Location) -> Result<Vec<Statement>> {
    let Some(policies) = policies else { return Ok(Vec::new()) };
    let lenient = scope.lenient();
    let policies = lenient.value(policies, at)?.unwrap_or_default();
    let policies = if let Value::Array(list) = policies { list } else { vec![policies] };
    let mut statements = Vec::new();
    for (i, policy) in policies.into_iter().enumerate() {
        let at = at.join(i);
        // SAM's policy templates and managed policies allow more than a reader of this file sees.
        if policy.get("Statement").is_none() {
            return Err(at.invalid("must be a policy document with Statement"));
        }
        let document: raw::PolicyDocument = read(policy, &at)?;
        for statement in document.statement.into_vec() {
            statements.push(Statement {
                allow: match statement.effect.as_str() {
                    "Allow" => true,
                    "Deny" => false,
                    other => return Err(at.invalid(format!("Effect {other} is neither Allow nor Deny"))),
                },
                actions: statement.action.into_vec(),
                resources: match (statement.resource, statement.not_resource) {
                    (Some(resource), None) => resource.into_vec(),
                    (None, Some(others)) => others.into_vec().iter().map(|arn| format!("not {arn}")).collect(),
                    _ => return Err(at.invalid("must have one of Resource and NotResource")),
                },
                condition: statement.condition,
            });
        }
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn globals_merge_as_sam_merges_them() {
        let mut global = json!({"Timeout": 3, "Tags": ["a"], "Environment": {"Variables": {"A": "1", "B": "1"}}});
        merge(&mut global, &json!({"Timeout": 5, "Tags": ["b"], "Environment": {"Variables": {"B": "2"}}}));
        assert_eq!(
            global,
            json!({"Timeout": 5, "Tags": ["a", "b"], "Environment": {"Variables": {"A": "1", "B": "2"}}})
        );
    }
}
