//! From resolved properties to the typed model.

mod data;
mod events;
mod functions;
mod http;
mod iot;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    error::{Error, Location, Problem},
    model::{CustomResource, LogicalId, Secret, Stack, Subscription, Topic},
    raw,
    scope::Scope,
    template::type_of,
};

type Result<T> = std::result::Result<T, Error>;

/// Resource types that the deployment needs and that change nothing for whoever runs the model: permissions, networks,
/// databases and identity providers (which the caller stands in for), alarms.
pub const WITHOUT_LOCAL_EFFECT: &[&str] = &[
    "AWS::IAM::",
    "AWS::Serverless::Application",
    "AWS::Lambda::Permission",
    "AWS::Logs::",
    "AWS::CloudWatch::",
    "AWS::SQS::QueuePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SES::",
    "AWS::IoT::Policy",
    "AWS::IoT::Logging",
    "AWS::ApiGatewayV2::",
    "AWS::KMS::",
    "AWS::CloudFormation::",
];

/// Builds the model of every resource whose condition holds.
pub fn stack(scope: &Scope<'_>) -> Result<Stack> {
    let mut stack = Stack::default();
    let mut functions = Vec::new();
    for (id, resource) in scope.template.section("Resources") {
        if !scope.applies(resource, &Location::of(id))? {
            continue;
        }
        let id = LogicalId::from(id.as_str());
        match type_of(resource, id.as_str())? {
            "AWS::Serverless::Function" => functions.push(id),
            kind => resource_of(scope, &mut stack, kind, id)?,
        }
    }
    // Routes of the functions join their API, which therefore has to be there first.
    for id in functions {
        let function = functions::function(scope, &id)?;
        http::attach(&mut stack, &function)?;
        stack.functions.insert(id, function);
    }
    Ok(stack)
}

fn resource_of(scope: &Scope<'_>, stack: &mut Stack, kind: &str, id: LogicalId) -> Result<()> {
    match kind {
        "AWS::Serverless::HttpApi" => drop(stack.http_apis.insert(id.clone(), http::api(scope, id)?)),
        "AWS::SQS::Queue" => drop(stack.queues.insert(id.clone(), data::queue(scope, id)?)),
        "AWS::DynamoDB::Table" => drop(stack.tables.insert(id.clone(), data::table(scope, id)?)),
        "AWS::IoT::TopicRule" => drop(stack.rules.insert(id.clone(), iot::rule(scope, id)?)),
        "AWS::IoT::Authorizer" => drop(stack.authorizers.insert(id.clone(), iot::authorizer(scope, id)?)),
        "AWS::SNS::Topic" => drop(stack.topics.insert(id.clone(), topic(scope, id)?)),
        "AWS::SNS::Subscription" => drop(stack.subscriptions.insert(id.clone(), subscription(scope, id)?)),
        "AWS::SecretsManager::Secret" => drop(stack.secrets.insert(id.clone(), secret(scope, id)?)),
        kind if kind.starts_with("Custom::") => {
            drop(stack.custom_resources.insert(id.clone(), custom_resource(scope, kind, id)?));
        }
        other if WITHOUT_LOCAL_EFFECT.iter().any(|prefix| other.starts_with(prefix)) => {}
        other => return Err(Location::of(&id).error(Problem::UnsupportedType(other.to_owned()))),
    }
    Ok(())
}

impl Scope<'_> {
    /// The properties of a resource, resolved and typed; those in `ignored` are neither resolved nor looked at.
    pub fn properties<T: DeserializeOwned>(&self, id: &LogicalId, ignored: &[&str]) -> Result<T> {
        let properties = self.template.entry("Resources", id.as_str()).and_then(|resource| resource.get("Properties"));
        let properties = properties.and_then(Value::as_object).cloned().unwrap_or_default();
        self.typed(properties, &Location::of(id), ignored)
    }

    /// As [`Scope::properties`], of a mapping that is at hand.
    pub fn typed<T: DeserializeOwned>(
        &self,
        mut properties: Map<String, Value>,
        at: &Location,
        ignored: &[&str],
    ) -> Result<T> {
        properties.retain(|name, _| !ignored.contains(&name.as_str()));
        read(Value::Object(self.map(&properties, at)?), at)
    }
}

/// Reads a resolved value as a type; an error names the property's path.
pub fn read<T: DeserializeOwned>(value: Value, at: &Location) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let at = if path == "." { at.clone() } else { at.join(path) };
        at.invalid(error.into_inner().to_string())
    })
}

fn topic(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Topic> {
    Ok(Topic { name: scope.physical_name(logical_id.as_str())?, arn: scope.arn(logical_id.as_str())?, logical_id })
}

fn subscription(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Subscription> {
    let raw: raw::Subscription = scope.properties(&logical_id, raw::SUBSCRIPTION_IGNORED)?;
    let at = Location::of(&logical_id);
    if raw.filter_policy_scope.is_some_and(|scope| scope != "MessageAttributes") {
        return Err(at.join("FilterPolicyScope").invalid("only MessageAttributes is supported"));
    }
    Ok(Subscription {
        topic: scope.find("AWS::SNS::Topic", &raw.topic_arn, &at.join("TopicArn"))?,
        protocol: raw.protocol,
        endpoint: raw.endpoint,
        filter: raw.filter_policy,
        logical_id,
    })
}

fn custom_resource(scope: &Scope<'_>, kind: &str, logical_id: LogicalId) -> Result<CustomResource> {
    let mut properties: Map<String, Value> = scope.properties(&logical_id, raw::CUSTOM_IGNORED)?;
    let at = Location::of(&logical_id).join("ServiceToken");
    let token = properties.remove("ServiceToken").ok_or_else(|| at.invalid("is missing"))?;
    Ok(CustomResource {
        kind: kind.to_owned(),
        function: scope.find("AWS::Serverless::Function", token.as_str().unwrap_or_default(), &at)?,
        properties,
        logical_id,
    })
}

fn secret(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Secret> {
    Ok(Secret { arn: scope.arn(logical_id.as_str())?, generate: scope.generated(&logical_id)?, logical_id })
}
