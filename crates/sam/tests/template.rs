//! The real template resolves, and what it resolves to is kept as a snapshot: a change of the template shows as a change here.

use parvis_sam::{Event, LogicalId, QueueMapping, Resolution, StreamMapping, Template};
use serde_json::json;

const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml");

fn resolution() -> Resolution {
    Resolution::default()
        .parameter("Stage", "local")
        .queue_endpoint("http://127.0.0.1:9324/")
        .output("Identity", "Issuer", "http://127.0.0.1:8080/_local/identity")
        .output("Identity", "WebClientId", "parvis-web")
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
                let alerts = json!({
                    "eventName": ["INSERT"],
                    "dynamodb": {"NewImage": {"type": {"S": [{"prefix": "parvis.parking.alert."}]}}},
                });
                assert_eq!(filter, alerts, "{}", function.logical_id);
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
    assert!(template.resolve(&resolution()).unwrap().subscriptions.is_empty());
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
        assert_eq!(secret.logical_id, Some(LogicalId::from("PlateHashKey")));
        Some("x".repeat(generate.length as usize))
    });
    let stack = Template::load(TEMPLATE).unwrap().resolve(&resolution).unwrap();
    assert_eq!(stack.functions["IngestFunction"].environment["PLATE_HASH_KEY"].len(), 64);
}
