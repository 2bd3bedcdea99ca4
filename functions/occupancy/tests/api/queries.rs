//! Whatever a client writes into a query, it is answered or refused: never a failure.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::Platform;

/// Routes with their parameters.
const ROUTES: [(&str, &[&str]); 8] = [
    ("/v1/places/default/events", &["from", "to", "cursor", "zone", "space", "limit", "type"]),
    ("/v1/places/default/history", &["from", "to", "step", "zone"]),
    ("/v1/places/default/export.csv", &["from", "to", "cursor", "content", "zone"]),
    ("/v1/places/default/statistics/hourly", &["from", "to", "zone"]),
    ("/v1/places/default/statistics/zones", &["from", "to", "zone"]),
    ("/v1/places/default/statistics/turnover", &["from", "to", "zone"]),
    ("/open-data/cds/events", &["start_time", "end_time", "cursor", "place", "zone", "limit"]),
    ("/open-data/apds/places", &["modified_since"]),
];

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).into() } else { format!("%{byte:02X}") })
        .collect()
}

/// Values that are nearly right, far out, or nothing at all.
fn any_value() -> impl Strategy<Value = String> {
    let date = (-262_143..262_143_i32, 1..13_u32, 1..32_u32);
    let date = date.prop_map(|(year, month, day)| format!("{year:+05}-{month:02}-{day:02}T00:00:00Z"));
    let cursor = (any::<i64>(), ".{0,4}", any::<i32>()).prop_map(|(at, zone, space)| {
        URL_SAFE_NO_PAD.encode(serde_json::json!([at, zone, space, "park_end"]).to_string())
    });
    let usual = prop::sample::select(vec!["2026-01-31T00:00:00Z", "raw", "day", "history", "Zone_A", "default", "7"]);
    prop_oneof![
        date,
        cursor,
        any::<i64>().prop_map(|number| number.to_string()),
        ".{0,12}",
        usual.prop_map(str::to_owned)
    ]
}

fn any_query() -> impl Strategy<Value = String> {
    prop::sample::select(ROUTES.to_vec()).prop_flat_map(|(route, parameters)| {
        let pairs = prop::collection::vec((prop::sample::select(parameters), any_value()), 1..3);
        pairs.prop_map(move |pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
            format!("{route}?{}", pairs.join("&"))
        })
    })
}

#[tokio::test]
async fn no_query_is_a_failure() {
    let platform = Platform::with_lot().await;
    let mut runner = TestRunner::default();
    for _ in 0..400 {
        let query = any_query().new_tree(&mut runner).unwrap().current();
        let answer = platform.get(&query).await;
        assert!(
            !answer.status.is_server_error(),
            "{query}: {}: {}",
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
}

#[tokio::test]
async fn instants_far_out_are_refused_by_name() {
    let platform = Platform::with_lot().await;
    for (query, field) in [
        ("/v1/places/default/history?to=-262143-01-01T00:00:00Z", "to"),
        ("/v1/places/default/events?from=-200000-01-01T00:00:00Z", "from"),
        ("/v1/places/default/export.csv?to=%2B200000-01-01T00:00:00Z", "to"),
        ("/v1/places/default/statistics/hourly?from=2201-01-01T00:00:00Z", "from"),
        ("/open-data/apds/places?modified_since=1969-12-31T23:59:59Z", "modified_since"),
        ("/open-data/cds/events?end_time=-8334601228800000", "end_time"),
        ("/open-data/cds/events?start_time=9223372036854775807", "start_time"),
    ] {
        let problem = platform.get(query).await.refused(StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
}
