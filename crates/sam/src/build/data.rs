//! Queues and tables.

use std::time::Duration;

use super::Result;
use crate::{
    error::Location,
    model::{Attribute, AttributeType, Index, LogicalId, Queue, Redrive, StreamView, Table},
    raw,
    scope::Scope,
};

/// AWS's default of `VisibilityTimeout`, in seconds.
const DEFAULT_VISIBILITY: u32 = 30;
/// AWS's default of `MessageRetentionPeriod`, in seconds (four days).
const DEFAULT_RETENTION: u32 = 345_600;

pub fn queue(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Queue> {
    let raw: raw::Queue = scope.properties(&logical_id, raw::QUEUE_IGNORED)?;
    let seconds = |given: Option<raw::Int>, default| Duration::from_secs(given.map_or(default, |given| given.0).into());
    let redrive = match raw.redrive_policy {
        Some(policy) => Some(Redrive {
            target: scope.find(
                "AWS::SQS::Queue",
                &policy.dead_letter_target_arn,
                &Location::of(&logical_id).join("RedrivePolicy.deadLetterTargetArn"),
            )?,
            maximum_receives: policy.max_receive_count.0,
        }),
        None => None,
    };
    Ok(Queue {
        name: scope.physical_name(logical_id.as_str())?,
        url: scope.resource_reference(logical_id.as_str(), &Location::of(&logical_id))?,
        arn: scope.attribute(logical_id.as_str(), "Arn", &Location::of(&logical_id))?,
        visibility: seconds(raw.visibility_timeout, DEFAULT_VISIBILITY),
        retention: seconds(raw.message_retention_period, DEFAULT_RETENTION),
        delay: seconds(raw.delay_seconds, 0),
        redrive,
        logical_id,
    })
}

pub fn table(scope: &Scope<'_>, logical_id: LogicalId) -> Result<Table> {
    let raw: raw::Table = scope.properties(&logical_id, raw::TABLE_IGNORED)?;
    let at = Location::of(&logical_id);
    let (hash, range) = keys(&raw.key_schema, &raw.attribute_definitions, &at.join("KeySchema"))?;
    let mut indexes = Vec::new();
    for index in raw.global_secondary_indexes {
        let at = at.join("GlobalSecondaryIndexes").join(&index.index_name);
        let (hash, range) = keys(&index.key_schema, &raw.attribute_definitions, &at.join("KeySchema"))?;
        indexes.push(Index {
            name: index.index_name,
            hash,
            range,
            projection: index.projection.projection_type,
            non_key_attributes: index.projection.non_key_attributes,
        });
    }
    let stream = match raw.stream_specification {
        Some(stream) => Some(view(&stream.stream_view_type, &at.join("StreamSpecification.StreamViewType"))?),
        None => None,
    };
    Ok(Table {
        name: scope.resource_reference(logical_id.as_str(), &at)?,
        arn: scope.attribute(logical_id.as_str(), "Arn", &at)?,
        hash,
        range,
        indexes,
        stream,
        ttl_attribute: raw.time_to_live_specification.filter(|ttl| ttl.enabled.0).map(|ttl| ttl.attribute_name),
        logical_id,
    })
}

fn keys(
    schema: &[raw::KeyElement],
    definitions: &[raw::AttributeDefinition],
    at: &Location,
) -> Result<(Attribute, Option<Attribute>)> {
    let key = |kind: &str| -> Result<Option<Attribute>> {
        let Some(element) = schema.iter().find(|element| element.key_type == kind) else { return Ok(None) };
        let name = element.attribute_name.clone();
        let definition = definitions.iter().find(|definition| definition.attribute_name == name);
        let kind = match definition.map(|definition| definition.attribute_type.as_str()) {
            Some("S") => AttributeType::String,
            Some("N") => AttributeType::Number,
            Some("B") => AttributeType::Binary,
            _ => return Err(at.invalid(format!("AttributeDefinitions give no type S, N or B for {name}"))),
        };
        Ok(Some(Attribute { name, kind }))
    };
    Ok((key("HASH")?.ok_or_else(|| at.invalid("has no HASH key"))?, key("RANGE")?))
}

fn view(text: &str, at: &Location) -> Result<StreamView> {
    Ok(match text {
        "KEYS_ONLY" => StreamView::KeysOnly,
        "NEW_IMAGE" => StreamView::NewImage,
        "OLD_IMAGE" => StreamView::OldImage,
        "NEW_AND_OLD_IMAGES" => StreamView::NewAndOldImages,
        other => return Err(at.invalid(format!("{other} is not a stream view type"))),
    })
}
