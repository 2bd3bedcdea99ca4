//! Least privilege: what each function's source does with AWS is what its role in the template allows, nothing missing and nothing
//! superfluous, resource by resource.
//!
//! A method of an adapter (a store in `crates/`) counts for a function that calls it, directly or through others. The two
//! tables below say what cannot be read from the source.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod source;

use std::{collections::BTreeSet, path::Path};

use parvis_sam::{
    Function, Resolution, Stack, Template,
    policy::{Grant, grants},
};
use source::Operation;

/// Which resources a type works on.
const RESOURCES: &[(&str, &str)] = &[
    ("ForecastStore", "ForecastsTable"),
    ("JobQueue", "ForecastQueue"),
    ("LiveStore", "LiveTable"),
    ("PlacesStore", "PlacesTable"),
    ("EventStore", "EventsTable"),
    ("PlatesStore", "PlatesTable"),
    ("DeadLetterQueue", "IngestDeadLetterQueue"),
    ("LevelStore", "AlertsTable"),
    ("IotPublisher", "iot:topic"),
    ("NoticeStore", "NotifyTable"),
    ("Idempotency", "NotifyTable"),
    ("LetterQueue", "LetterQueue"),
    ("RetryQueue", "LetterQueue"),
    ("RetryQueue", "WebhookQueue"),
    ("WebhookQueue", "WebhookQueue"),
    ("Sns", "sns"),
    ("Devices", "sns"),
    ("Mailer", "ses:identity/*"),
    ("MovementReader", "PaymentsTable"),
    ("PaymentsStore", "PaymentsTable"),
    ("ParkedPlates", "ParkedPlatesTable"),
];

/// The actions that an operation needs, by the service of its resource.
const ACTIONS: &[(&str, &str)] = &[
    ("batch_get_item", "dynamodb:BatchGetItem"),
    ("batch_write_item", "dynamodb:BatchWriteItem"),
    ("delete_item", "dynamodb:DeleteItem"),
    ("get_item", "dynamodb:GetItem"),
    ("put_item", "dynamodb:PutItem"),
    ("query", "dynamodb:Query"),
    ("scan", "dynamodb:Scan"),
    ("update_item", "dynamodb:UpdateItem"),
    ("ConditionCheck::builder", "dynamodb:ConditionCheckItem"),
    ("Delete::builder", "dynamodb:DeleteItem"),
    ("Put::builder", "dynamodb:PutItem"),
    ("Update::builder", "dynamodb:UpdateItem"),
    ("change_message_visibility", "sqs:ChangeMessageVisibility"),
    ("send_message", "sqs:SendMessage"),
    ("send_message_batch", "sqs:SendMessage"),
    ("receive_message", "sqs:ReceiveMessage"),
    ("delete_message", "sqs:DeleteMessage"),
    ("delete_message_batch", "sqs:DeleteMessage"),
    ("create_platform_endpoint", "sns:CreatePlatformEndpoint"),
    ("delete_endpoint", "sns:DeleteEndpoint"),
    ("publish", "sns:Publish"),
    ("set_endpoint_attributes", "sns:SetEndpointAttributes"),
    // Every e-mail is a raw message, for which SES asks for both.
    ("send_email", "ses:SendEmail"),
    ("send_email", "ses:SendRawEmail"),
    ("connect", "rds-db:connect"),
];

fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn resolution() -> Resolution {
    Resolution::default()
        .parameter("Stage", "test")
        .output("Identity", "Issuer", "https://issuer")
        .output("Identity", "WebClientId", "client")
        .output("Web", "Url", "https://web.example")
        .output("Identity", "OperatorClientId", "operator")
        .output("Database", "Host", "host")
        .output("Database", "Port", "5432")
        .output("Database", "AdminUser", "admin")
        .output("Database", "AdminSecretArn", "secret")
        .secrets(|_| Some(String::new()))
}

fn resolved(resolution: Resolution) -> Stack {
    Template::load(workspace().join("template.yaml")).unwrap().resolve(&resolution).unwrap()
}

/// The template with everything that may be allowed.
fn stack() -> Stack {
    let application = |platform: &str| format!("arn:aws:sns:eu-west-3:000000000000:app/{platform}/parvis");
    let resolution = resolution().parameter("PushFcmApplication", application("GCM"));
    resolved(resolution.parameter("PushApnsApplication", application("APNS")))
}

/// What an operation needs.
fn needed(operation: &Operation) -> Vec<Grant> {
    if operation.name == "connect" {
        return vec![Grant { resource: "Database".into(), action: "rds-db:connect".into() }];
    }
    let resources = named(RESOURCES, &operation.owner);
    assert!(!resources.is_empty(), "{operation:?}: add to RESOURCES what {} works on", operation.owner);
    let grants = resources.into_iter().flat_map(|resource| {
        let actions = match (operation.name.as_str(), resource) {
            ("publish", "iot:topic") => vec!["iot:Publish"],
            ("publish retained", "iot:topic") => vec!["iot:RetainPublish"],
            (name, _) => named(ACTIONS, name),
        };
        assert!(!actions.is_empty(), "{operation:?}: add to ACTIONS");
        actions.into_iter().map(move |action| Grant { resource: resource.into(), action: action.into() })
    });
    grants.collect()
}

/// What a table says of a name.
fn named(table: &[(&str, &'static str)], name: &str) -> Vec<&'static str> {
    table.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect()
}

/// Topics and database users are matters of tests that run: here they count as one resource each.
fn allowed(stack: &Stack, function: &Function) -> BTreeSet<Grant> {
    let coarse = |grant: Grant| match grant.resource.as_str() {
        topic if topic.starts_with("iot:topic/") => Grant { resource: "iot:topic".into(), ..grant },
        user if user.starts_with("rds-db:dbuser:") && user.ends_with("/parvis_app") => {
            Grant { resource: "Database".into(), ..grant }
        }
        // The topic, phones and devices: all are published to by one operation. Which they are, a test of its own says.
        _ if grant.action.starts_with("sns:") => Grant { resource: "sns".into(), ..grant },
        ses if ses.starts_with("ses:") => Grant { resource: "ses:identity/*".into(), ..grant },
        _ => grant,
    };
    grants(stack, function).into_iter().map(coarse).collect()
}

#[test]
fn every_function_is_allowed_what_it_does_and_not_more() {
    let stack = stack();
    let mut differences = Vec::new();
    for function in stack.functions.values() {
        let operations = source::operations(workspace(), &format!("parvis-{}", function.context));
        let needed: BTreeSet<_> = operations.iter().flat_map(needed).collect();
        let allowed = allowed(&stack, function);
        let say = |what: &str, grant: &Grant| {
            format!("{}: {what} {} on {}", function.logical_id, grant.action, grant.resource)
        };
        differences.extend(needed.difference(&allowed).map(|grant| say("is not allowed", grant)));
        differences.extend(allowed.difference(&needed).map(|grant| say("does not need", grant)));
    }
    assert!(differences.is_empty(), "template.yaml and the source differ:\n{}", differences.join("\n"));
}

/// What SNS and SES may be asked for, to the letter: the comparison above takes all their resources for one.
#[test]
fn what_is_published_to_and_mailed_from_is_named() {
    let stack = stack();
    let mut allowed = BTreeSet::new();
    for function in stack.functions.values() {
        for statement in &function.statements {
            let about_messages = |action: &&String| action.starts_with("sns:") || action.starts_with("ses:");
            for action in statement.actions.iter().filter(about_messages) {
                let resources = statement.resources.iter();
                allowed.extend(resources.map(|resource| format!("{} {action} {resource}", function.logical_id)));
            }
        }
    }
    insta::assert_snapshot!(allowed.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Without applications there is nothing that devices could be registered with.
#[test]
fn where_push_is_not_offered_nobody_may_register_devices() {
    let stack = resolved(resolution());
    let statements = stack.functions.values().flat_map(|function| &function.statements);
    for statement in statements {
        assert!(!statement.actions.iter().any(|action| action.contains("Endpoint")), "{statement:?}");
        assert!(!statement.resources.iter().any(|resource| resource.contains("endpoint/")), "{statement:?}");
    }
}

/// The analysis sees what it is meant to see: a test of the test, so that it cannot pass by finding nothing.
#[test]
fn operations_are_found_through_adapters() {
    let of = |package: &str| source::operations(workspace(), package);
    let operation = |owner: &str, name: &str| Operation { owner: owner.into(), name: name.into() };
    let ingest = of("parvis-ingest");
    assert!(ingest.contains(&operation("LiveStore", "put_item")), "{ingest:?}");
    assert!(ingest.contains(&operation("PlacesStore", "query")), "{ingest:?}");
    assert!(!ingest.contains(&operation("PlacesStore", "put_item")), "{ingest:?}");
    let occupancy = of("parvis-occupancy");
    assert!(occupancy.contains(&operation("PlacesStore", "delete_item")), "{occupancy:?}");
    assert!(!occupancy.contains(&operation("LiveStore", "put_item")), "{occupancy:?}");
}

/// Wildcards in actions would make the comparison above blind.
#[test]
fn no_policy_has_a_wildcard_action_or_resource() {
    let stack = stack();
    for function in stack.functions.values() {
        for statement in &function.statements {
            assert!(statement.allow, "{}: {statement:?}", function.logical_id);
            assert!(
                statement.actions.iter().all(|action| !action.contains('*')),
                "{}: {statement:?}",
                function.logical_id
            );
            // An SMS goes to a phone number, which has no ARN: the statement for it takes all ARNs of SNS away.
            let to_phones = statement.actions == ["sns:Publish"] && statement.resources == ["not arn:aws:sns:*:*:*"];
            assert!(
                to_phones
                    || statement.resources.iter().all(|resource| resource != "*" && !resource.starts_with("not ")),
                "{}: {statement:?}",
                function.logical_id
            );
        }
    }
}
