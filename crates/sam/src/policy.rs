//! What the template allows each function, in the terms of the template, for the least-privilege test.

use std::collections::BTreeSet;

use crate::model::{Function, Stack};

/// One action on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The logical id of a resource of the template; for others the ARN without partition, region and account, for
    /// example `iot:topic/live/*`.
    pub resource: String,
    /// For example `dynamodb:PutItem`.
    pub action: String,
}

/// What a function's role allows, beyond what SAM adds by itself (event sources, logs, tracing, network interfaces).
#[must_use]
pub fn grants(stack: &Stack, function: &Function) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for statement in function.statements.iter().filter(|statement| statement.allow) {
        for resource in &statement.resources {
            let resource = name(stack, resource);
            grants.extend(
                statement.actions.iter().map(|action| Grant { resource: resource.clone(), action: action.clone() }),
            );
        }
    }
    grants
}

fn name(stack: &Stack, arn: &str) -> String {
    let tables = stack.tables.values().map(|table| (&table.arn, &table.logical_id));
    let queues = stack.queues.values().map(|queue| (&queue.arn, &queue.logical_id));
    let topics = stack.topics.values().map(|topic| (&topic.arn, &topic.logical_id));
    let known = tables.chain(queues).chain(topics).find(|(known, _)| known.as_str() == arn);
    match (known, arn.splitn(6, ':').collect::<Vec<_>>().as_slice()) {
        (Some((_, id)), _) => id.to_string(),
        (None, [_, _, service, _, _, rest]) => format!("{service}:{rest}"),
        (None, _) => arn.to_owned(),
    }
}
