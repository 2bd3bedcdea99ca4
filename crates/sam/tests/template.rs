//! The real template resolves, and what it resolves to is kept as a snapshot: a change of the template shows as a change here.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::{path::Path, time::Duration};

use parvis_iot_sql::{Message, Statement};
use parvis_sam::{Event, LogicalId, QueueMapping, Resolution, RuleAction, Stack, StreamMapping, Template};
use serde_json::json;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");

fn resolution() -> Resolution {
    Resolution::default()
        .parameter("Stage", "local")
        .queue_endpoint("http://127.0.0.1:9324/")
        .output("Identity", "Issuer", "http://127.0.0.1:8080/_local/identity")
        .output("Identity", "WebClientId", "parvis-web")
        .output("Web", "Url", "https://web.example")
        .output("Identity", "OperatorClientId", "operator")
        .output("Database", "Host", "127.0.0.1")
        .output("Database", "Port", "5432")
        .output("Database", "AdminUser", "parvis_admin")
        .output("Database", "AdminSecretArn", "arn:aws:secretsmanager:eu-west-3:000000000000:secret:rds!cluster")
        .secrets(|secret| Some(format!("<{} {}>", secret.id, secret.json_key.as_deref().unwrap_or("*"))))
}

#[test]
fn the_template_resolves() {
    let mut stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    // Compared as values: the order of keys in their debug form depends on which features other crates ask of serde_json.
    for function in stack.functions.values_mut() {
        for event in &mut function.events {
            let (Event::Stream(StreamMapping { filters, .. }) | Event::Queue(QueueMapping { filters, .. })) = event
            else {
                continue;
            };
            for filter in std::mem::take(filters) {
                let events = |prefix: &str| {
                    json!({
                        "eventName": ["INSERT"],
                        "dynamodb": {"NewImage": {"type": {"S": [{"prefix": prefix}]}}},
                    })
                };
                let mut known = ["parvis.parking.alert.", "parvis.booking.", "parvis.waitlist."].map(events).to_vec();
                known.push(json!({ "eventName": ["INSERT"] }));
                known.push(json!({
                    "eventName": ["INSERT"],
                    "dynamodb": {"NewImage": {"kind": {"S": ["movement"]}}},
                }));
                assert!(known.contains(&filter), "{}: {filter}", function.logical_id);
            }
        }
    }
    insta::assert_debug_snapshot!("stack", stack);
}

#[test]
fn a_new_migration_is_run_by_the_next_deployment() {
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    let migrations = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/migrations")).unwrap();
    let numbers = migrations.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (number, _) = name.strip_suffix(".sql")?.split_once('_')?;
        Some(number.parse::<u32>().unwrap())
    });
    let migration = &stack.custom_resources["Migration"];
    assert_eq!(migration.function.as_str(), "MigrateFunction");
    assert_eq!(
        migration.properties["SchemaVersion"].as_str().map(str::to_owned),
        numbers.max().map(|newest| newest.to_string()),
        "CloudFormation calls the migration only when this value changes"
    );
}

#[test]
fn every_function_has_its_crate() {
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    for function in stack.functions.values() {
        let manifest = format!("{}/../../functions/{}/Cargo.toml", env!("CARGO_MANIFEST_DIR"), function.context);
        assert!(std::path::Path::new(&manifest).is_file(), "{} has no {manifest}", function.logical_id);
    }
}

#[test]
fn presets_and_parameters_reach_the_mappings() {
    let template = Template::load(TEMPLATE).unwrap();
    let resolution = resolution().parameter("Size", "city").parameter("IngestWindowSeconds", "0");
    let stack = template.resolve(&resolution).unwrap();
    let Some(Event::Queue(devices)) = stack.functions["IngestFunction"].events.first() else {
        panic!("no queue event")
    };
    // Without a window AWS allows batches of ten.
    assert_eq!((devices.maximum_concurrency, devices.window.as_secs(), devices.batch_size), (Some(10), 0, 10));
    let Some(Event::Stream(live)) = stack.functions["HistoryFunction"].events.first() else {
        panic!("no stream event")
    };
    assert_eq!(live.parallelization, 2);
}

#[test]
fn conditional_resources_follow_their_condition() {
    let template = Template::load(TEMPLATE).unwrap();
    assert!(!template.resolve(&resolution()).unwrap().subscriptions.contains_key("AlertEmailSubscription"));
    let stack = template.resolve(&resolution().parameter("AlertEmail", "ops@example.org")).unwrap();
    let subscription = &stack.subscriptions["AlertEmailSubscription"];
    assert_eq!((subscription.topic.as_str(), subscription.endpoint.as_str()), ("AlertsTopic", "ops@example.org"));
}

#[test]
fn what_only_a_deployment_knows_must_be_given() {
    let error = Template::load(TEMPLATE).unwrap().resolve(&Resolution::default()).unwrap_err();
    assert!(error.to_string().contains("has no value here (add an override for it)"), "{error}");
}

#[test]
fn a_secret_of_the_template_comes_with_how_to_generate_it() {
    let resolution = resolution().secrets(|secret| {
        let Some(generate) = &secret.generate else {
            assert_eq!(
                (secret.json_key.as_deref(), secret.id.ends_with(":secret:rds!cluster")),
                (Some("password"), true)
            );
            return Some("given".into());
        };
        let known =
            ["PlateHashKey", "BookingsKey", "NotifyKey", "PaymentKey", "PaymentWebhookKey"].map(LogicalId::from);
        assert!(secret.logical_id.as_ref().is_some_and(|id| known.contains(id)), "{:?}", secret.logical_id);
        Some("x".repeat(generate.length as usize))
    });
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution).unwrap();
    assert_eq!(stack.functions["IngestFunction"].environment["PLATE_HASH_KEY"].len(), 64);
}

/// The template without anything resolved.
#[expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]
fn source() -> serde_norway::Value {
    serde_norway::from_str(&std::fs::read_to_string(TEMPLATE).unwrap()).unwrap()
}

/// The characters of the classes of a pattern such as `[a-z][a-z0-9]{0,15}`.
fn characters(pattern: &str) -> Vec<char> {
    let classes = pattern.split('[').skip(1).filter_map(|part| part.split_once(']'));
    let mut found = Vec::new();
    for (class, _) in classes {
        let mut rest = class;
        while let Some(first) = rest.chars().next() {
            let range = rest[1..].strip_prefix('-').and_then(|range| range.chars().next());
            found.extend(first..=range.unwrap_or(first));
            rest = &rest[if range.is_some() { 3 } else { 1 }..];
        }
    }
    found
}

/// AWS takes `^[a-zA-Z0-9_]+$` up to 128 characters as the name of a rule; a stage it would refuse must not pass the parameter.
#[test]
fn every_stage_makes_names_of_rules_that_aws_takes() {
    assert_eq!(characters("[a-c][-x0]{0,15}"), ['a', 'b', 'c', '-', 'x', '0'], "the test reads patterns");
    let source = source();
    let pattern = source["Parameters"]["Stage"]["AllowedPattern"].as_str().unwrap();
    let allowed = characters(pattern);
    assert!(allowed.len() > 30, "{pattern}");
    for character in allowed {
        let stage: String = std::iter::once('a').chain(std::iter::repeat_n(character, 15)).collect();
        let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution().parameter("Stage", &stage)).unwrap();
        for rule in stack.rules.values() {
            let taken = rule.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && rule.name.len() <= 128;
            assert!(taken && rule.name.contains(&stage), "{} of stage {stage}", rule.name);
        }
    }
}

/// Without the dependency CloudFormation updates the functions before, or while, the schema changes.
#[test]
fn functions_that_speak_sql_wait_for_the_migration() {
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    let migrates = stack.custom_resources["Migration"].function.clone();
    let source = source();
    let mut speakers = 0;
    for function in stack.functions.values().filter(|f| f.environment.contains_key("PGHOST")) {
        let waits = source["Resources"][function.logical_id.as_str()]["DependsOn"].as_str() == Some("Migration");
        assert_eq!(waits, function.logical_id != migrates, "{}", function.logical_id);
        speakers += 1;
    }
    assert_eq!(speakers, 6, "history, occupancy, bookings, ledger, train and migrate");
}

/// SAM writes a statement of about 400 bytes into the function's resource policy for each route, and Lambda takes 20 KB of them.
#[test]
fn the_permissions_of_a_functions_routes_fit_into_its_policy() {
    let source = source();
    let mut most = 0;
    for (_, resource) in source["Resources"].as_mapping().unwrap() {
        let Some(events) = resource["Properties"]["Events"].as_mapping() else { continue };
        let routes = events.values().filter(|event| event["Type"].as_str() == Some("HttpApi")).count();
        most = most.max(routes);
    }
    assert!((20..=46).contains(&most), "{most} routes of one function");
}

/// Whoever stood in the server's place would get a token that logs in.
#[test]
fn functions_verify_the_server_that_gets_their_token() {
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    let speakers: Vec<_> = stack.functions.values().filter(|f| f.environment.contains_key("PGHOST")).collect();
    assert!(speakers.len() >= 3);
    for function in speakers {
        assert_eq!(function.environment["PGSSLMODE"], "verify-full", "{}", function.logical_id);
    }
}

/// The settings that the pages get: JSON, and `null` where they are to poll.
#[test]
fn the_pages_settings_name_a_broker_only_where_there_is_one() {
    let settings = |endpoint: &str| -> serde_json::Value {
        let resolution = resolution()
            .parameter("MqttEndpoint", endpoint)
            .output("Web", "Url", "https://d123.cloudfront.net")
            .output("Web", "BucketName", "pages")
            .output("Web", "DistributionId", "D123")
            .output("Identity", "UserPoolId", "pool")
            .output("Observability", "DashboardUrl", "https://console");
        let outputs = Template::load(TEMPLATE).unwrap().outputs(&resolution).unwrap();
        serde_json::from_str(&outputs["WebConfig"]).unwrap()
    };
    assert_eq!(settings("")["mqtt"], serde_json::Value::Null);
    assert_eq!(
        settings("abc-ats.iot.eu-west-3.amazonaws.com")["mqtt"],
        json!({"url": "wss://abc-ats.iot.eu-west-3.amazonaws.com/mqtt", "authorizer": "parvis-local-browsers"})
    );
    assert_eq!(settings("")["oidc"]["client_id"], "parvis-web");
}

/// What is kept when the stack goes must not stay behind when its first deployment fails, nor stand in the way of the rollback.
#[test]
fn a_first_deployment_that_fails_can_be_rolled_back() {
    let root = Path::new(TEMPLATE).parent().unwrap();
    let nested = std::fs::read_dir(root.join("infra")).unwrap().map(|file| file.unwrap().path());
    let templates =
        nested.filter(|path| path.extension().is_some_and(|e| e == "yaml") && !path.ends_with("checkov.yaml"));
    let mut kept = 0;
    for path in templates.chain([root.join("template.yaml")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let template: serde_norway::Value = serde_norway::from_str(&text).unwrap();
        for (id, resource) in template["Resources"].as_mapping().unwrap() {
            let at = format!("{} in {}", id.as_str().unwrap(), path.display());
            assert_ne!(resource["DeletionPolicy"].as_str(), Some("Retain"), "{at}");
            kept += usize::from(resource["DeletionPolicy"].as_str() == Some("RetainExceptOnCreate"));
            let protection = &resource["Properties"]["DeletionProtection"];
            assert!(
                protection.is_null() || matches!(protection, serde_norway::Value::Tagged(_)),
                "{at}: always protected"
            );
        }
    }
    assert!(kept >= 4, "the test finds what is kept");
}

/// The alarms on lost messages name the rules one by one; one that is added must not be forgotten there.
#[test]
fn alarms_on_lost_messages_name_every_rule() {
    let alarms = Path::new(TEMPLATE).with_file_name("infra").join("observability.yaml");
    let text = std::fs::read_to_string(alarms).unwrap();
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution().parameter("Stage", "${Stage}")).unwrap();
    assert_eq!(stack.rules.len(), 6);
    for rule in stack.rules.values() {
        let named = text.matches(&format!("RuleName = '{}'", rule.name)).count();
        assert_eq!(named, 3, "{}: lost by the rule, by throttling, by parsing", rule.name);
    }
    assert_eq!(text.matches("RuleName = '").count(), 3 * stack.rules.len());
}

/// Every queue on which a message of this topic can come to lie, whatever fails.
fn queues_of<'a>(stack: &'a Stack, topic: &str) -> Vec<&'a parvis_sam::Queue> {
    let mut queues = Vec::new();
    for rule in stack.rules.values() {
        let statement = Statement::parse(&rule.sql).unwrap();
        let message = Message { topic, payload: b"{}", client_id: None, received_at: 0 };
        if !statement.filter().matches(topic) || statement.evaluate(&message).unwrap().is_none() {
            continue;
        }
        for action in rule.actions.iter().chain(&rule.error_action) {
            let RuleAction::Sqs { queue, .. } = action else { continue };
            let mut next = Some(queue);
            while let Some(id) = next {
                let queue = &stack.queues[id];
                queues.push(queue);
                next = queue.redrive.as_ref().map(|redrive| &redrive.target);
            }
        }
    }
    queues
}

/// Observations of plates may be kept for 24 hours (CNIL); in clear they lie on queues until ingest has hashed them.
#[test]
fn plates_in_clear_lie_on_no_queue_for_longer_than_a_day() {
    const DAY: Duration = Duration::from_hours(24);
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution()).unwrap();
    let spots = ["place_3", "north-gate"];
    for topic in ["parking/Zone_A/{}/plate", "north/parking/Zone_A/{}/plate"] {
        for topic in spots.map(|spot| topic.replace("{}", spot)) {
            let queues = queues_of(&stack, &topic);
            assert_eq!(queues.len(), 3, "{topic}: the queue, its dead letters, and the error action's letters");
            for queue in queues {
                assert!(queue.retention <= DAY, "{topic} lies on {} for {:?}", queue.name, queue.retention);
            }
        }
    }
    for topic in
        ["parking/Zone_A/place_3", "parking/Zone_A/place_3/heartbeat", "north/parking/Zone_A/place_3/heartbeat"]
    {
        let queues = queues_of(&stack, topic);
        assert!(!queues.is_empty() && queues.iter().all(|queue| queue.retention > DAY), "{topic}");
    }
}

/// What our own code counts because nobody else would tell is counted for somebody.
#[test]
fn metrics_of_left_out_data_have_alarms() {
    let text = std::fs::read_to_string(Path::new(TEMPLATE).with_file_name("infra").join("observability.yaml")).unwrap();
    let functions = Path::new(TEMPLATE).with_file_name("functions");
    for (metric, alarm) in [
        ("ImagesRejected", "MetricName: ImagesRejected"),
        ("ImagesUnreadable", "SELECT SUM(ImagesUnreadable) FROM SCHEMA(\"Parvis/${Stage}\", function)"),
    ] {
        assert!(text.contains(alarm), "{metric} has no alarm");
        let counted = ["history/src/stream.rs"].map(|file| std::fs::read_to_string(functions.join(file)).unwrap());
        assert!(counted.iter().any(|source| source.contains(&format!("\"{metric}\""))), "{metric} is counted nowhere");
    }
}

#[test]
fn each_operators_app_has_a_client_of_its_own() {
    let audience = |resolution: Resolution| {
        let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution).unwrap();
        stack.http_apis.values().next().unwrap().authorizers["Operators"].audience.clone()
    };
    assert_eq!(audience(resolution()), ["operator"]);
    assert_eq!(audience(resolution().parameter("OperatorClients", "easy,park")), ["operator", "easy", "park"]);
}
