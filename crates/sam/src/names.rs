//! Deterministic physical names: what `Ref` and `GetAtt` of a resource give, and the way back from an ARN or URL.

use serde_json::Value;

use crate::{
    error::{Error, Location, Problem},
    model::{GenerateSecret, LogicalId},
    raw,
    resolution::SecretReference,
    scope::{Scope, Unknown},
    template::type_of,
};

type Result<T> = std::result::Result<T, Error>;

impl Scope<'_> {
    /// What `Ref` gives for a resource.
    pub fn resource_reference(&self, id: &str, at: &Location) -> Result<String> {
        if let Some(value) = self.resolution.overrides.get(id) {
            return Ok(value.clone());
        }
        let unknown = || at.error(Problem::UnknownReference(id.to_owned()));
        let resource = self.template.entry("Resources", id).ok_or_else(unknown)?;
        match type_of(resource, id)? {
            "AWS::SQS::Queue" => self.queue_url(id),
            "AWS::SNS::Topic" | "AWS::SecretsManager::Secret" => self.arn(id),
            _ => self.physical_name(id),
        }
    }

    /// What `GetAtt` gives for a resource.
    pub fn attribute(&self, id: &str, attribute: &str, at: &Location) -> Result<String> {
        let full = format!("{id}.{attribute}");
        if let Some(value) = self.resolution.overrides.get(&full) {
            return Ok(value.clone());
        }
        let resource = self.template.entry("Resources", id);
        let resource = resource.ok_or_else(|| at.error(Problem::UnknownReference(id.to_owned())))?;
        match (type_of(resource, id)?, attribute) {
            ("AWS::SQS::Queue", "QueueUrl") => self.queue_url(id),
            ("AWS::SQS::Queue", "QueueName") | ("AWS::SNS::Topic", "TopicName") => self.physical_name(id),
            ("AWS::DynamoDB::Table", "StreamArn") => Ok(format!("{}/stream/local", self.arn(id)?)),
            ("AWS::SNS::Topic", "TopicArn") | ("AWS::SecretsManager::Secret", "Id") => self.arn(id),
            (kind, "Arn") if arn_of(kind, "", "", "", "").is_some() => self.arn(id),
            _ if self.unknown == Unknown::Placeholder => Ok(format!("${{{full}}}")),
            _ => Err(at.error(Problem::UnknownAttribute(full))),
        }
    }

    /// The name a resource has once deployed: its name property, else its logical id.
    pub fn physical_name(&self, id: &str) -> Result<String> {
        let resource = self.template.entry("Resources", id).unwrap_or(&Value::Null);
        let property = match type_of(resource, id)? {
            "AWS::SQS::Queue" => "QueueName",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::Serverless::Function" => "FunctionName",
            "AWS::IoT::TopicRule" => "RuleName",
            "AWS::IoT::Authorizer" => "AuthorizerName",
            "AWS::SecretsManager::Secret" => "Name",
            _ => return Ok(id.to_owned()),
        };
        match resource.get("Properties").and_then(|properties| properties.get(property)) {
            Some(name) => self.text(name, &Location::of(id).join(property)),
            None => Ok(id.to_owned()),
        }
    }

    /// The ARN of a resource of a type that has one here.
    pub fn arn(&self, id: &str) -> Result<String> {
        let kind = type_of(self.template.entry("Resources", id).unwrap_or(&Value::Null), id)?;
        let pseudo = &self.resolution.pseudo;
        let name = self.physical_name(id)?;
        let arn = arn_of(kind, &pseudo.partition, &pseudo.region, &pseudo.account_id, &name);
        arn.ok_or_else(|| Location::of(id).error(Problem::UnknownAttribute(format!("{id}.Arn"))))
    }

    /// The URL of a queue.
    pub fn queue_url(&self, id: &str) -> Result<String> {
        Ok(format!(
            "{}/{}/{}",
            self.resolution.queue_endpoint,
            self.resolution.pseudo.account_id,
            self.physical_name(id)?
        ))
    }

    /// The resource of a type to which a resolved name, ARN, URL or stream ARN belongs.
    pub fn find(&self, kind: &str, resolved: &str, at: &Location) -> Result<LogicalId> {
        for (id, resource) in self.template.section("Resources") {
            if type_of(resource, id)? != kind {
                continue;
            }
            // Not every type has every attribute; one that only a deployment knows cannot match.
            let mut attributes = ["Arn", "StreamArn"].into_iter().filter_map(|name| self.attribute(id, name, at).ok());
            if self.resource_reference(id, at)? == resolved || attributes.any(|attribute| attribute == resolved) {
                return Ok(LogicalId::from(id.as_str()));
            }
        }
        Err(at.error(Problem::NotInTemplate(resolved.to_owned())))
    }

    /// Replaces the dynamic references within a text. With placeholders wanted, they stay as they are.
    pub fn dynamic(&self, text: &str, at: &Location) -> Result<String> {
        if self.unknown == Unknown::Placeholder || !text.contains("{{resolve:") {
            return Ok(text.to_owned());
        }
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{resolve:") {
            let (reference, tail) = after.split_once("}}").ok_or_else(|| at.invalid("{{resolve: without }}"))?;
            result.push_str(before);
            result.push_str(&self.secret(reference, at)?);
            rest = tail;
        }
        result.push_str(rest);
        Ok(result)
    }

    fn secret(&self, reference: &str, at: &Location) -> Result<String> {
        let unresolved = || at.error(Problem::UnresolvedReference(format!("{{{{resolve:{reference}}}}}")));
        let reference_text = reference.strip_prefix("secretsmanager:").ok_or_else(unresolved)?;
        let (id, key) = match reference_text.split_once(":SecretString") {
            Some((id, rest)) => (id, rest.trim_start_matches(':').split(':').next().filter(|key| !key.is_empty())),
            None => (reference_text, None),
        };
        let logical_id = self.find("AWS::SecretsManager::Secret", id, at).ok();
        let generate = match &logical_id {
            Some(logical_id) => self.generated(logical_id)?,
            None => None,
        };
        let secret = SecretReference { id: id.to_owned(), logical_id, json_key: key.map(str::to_owned), generate };
        (self.resolution.secrets)(&secret).ok_or_else(unresolved)
    }

    /// How the template says to generate a secret.
    pub fn generated(&self, id: &LogicalId) -> Result<Option<GenerateSecret>> {
        let secret: raw::Secret = self.properties(id, raw::SECRET_IGNORED)?;
        Ok(secret.generate_secret_string.map(|generate| GenerateSecret {
            length: generate.password_length.map_or(32, |length| length.0),
            exclude_punctuation: generate.exclude_punctuation.0,
            exclude_characters: generate.exclude_characters,
        }))
    }
}

/// The ARN of a resource, for types whose ARN follows from the name alone.
fn arn_of(kind: &str, partition: &str, region: &str, account: &str, name: &str) -> Option<String> {
    let tail = match kind {
        "AWS::SQS::Queue" => format!("sqs:{region}:{account}:{name}"),
        "AWS::DynamoDB::Table" => format!("dynamodb:{region}:{account}:table/{name}"),
        "AWS::SNS::Topic" => format!("sns:{region}:{account}:{name}"),
        "AWS::Serverless::Function" => format!("lambda:{region}:{account}:function:{name}"),
        "AWS::IoT::TopicRule" => format!("iot:{region}:{account}:rule/{name}"),
        "AWS::IoT::Authorizer" => format!("iot:{region}:{account}:authorizer/{name}"),
        "AWS::SecretsManager::Secret" => format!("secretsmanager:{region}:{account}:secret:{name}"),
        "AWS::IAM::Role" => format!("iam::{account}:role/{name}"),
        _ => return None,
    };
    Some(format!("arn:{partition}:{tail}"))
}
