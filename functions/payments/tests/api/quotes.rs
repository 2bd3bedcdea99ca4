//! Quotes, prices and zones.

use chrono::TimeDelta;
use serde_json::json;

use crate::support::{Platform, session};

#[tokio::test]
async fn a_quote_explains_itself_in_both_languages() {
    let platform = Platform::start().await;
    let question = json!({ "zone": "Zone_B", "vehicle": { "class": "two_wheeler" }, "minutes": 150 });
    let answer = platform.send("POST", "/v1/parking/quotes", None, Some(question)).await.ok();
    // Half of 2 x 2.40 + 3.60.
    assert_eq!(answer["quote"]["due"]["cents"], 420);
    insta::assert_json_snapshot!(answer["explained"]);
}

#[tokio::test]
async fn a_quote_for_a_plate_knows_its_drivers_last_stay() {
    let platform = Platform::start().await;
    platform.begin(&session("AB123CD", 30)).await.ok();
    platform.pass(TimeDelta::minutes(40));
    let question = json!({ "zone": "Zone_B", "plate": "AB 123 CD", "minutes": 30 });
    let path = "/v1/parking/session-quotes";
    assert_eq!(platform.post(path, question.clone()).await.refused(422)["reason"], "noReturnPeriod");
    // Who has not paid for that stay is told nothing of it; without a login nobody is told anything of a plate.
    let stranger = platform.send("POST", path, Some(("stranger", "driver")), Some(question.clone())).await.ok();
    assert_eq!(stranger["quote"]["due"]["cents"], 120);
    platform.send("POST", path, None, Some(question.clone())).await.refused(401);
    let refused = platform.send("POST", "/v1/parking/quotes", None, Some(question)).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let platform = Platform::start().await;
    for (question, status) in [
        (json!({ "zone": "Zone_B" }), 422),
        (json!({ "zone": "Zone_B", "minutes": 5, "end": "2026-03-03T10:00:00Z" }), 422),
        (json!({ "zone": "Zone_B", "end": "2026-03-03T08:00:00Z" }), 400),
        (json!({ "zone": "Nowhere", "minutes": 5 }), 422),
        (json!({ "zone": "Zone_B", "minutes": 5, "plate": "---" }), 422),
    ] {
        let answer = platform.send("POST", "/v1/parking/quotes", None, Some(question.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{question}");
    }
}

#[tokio::test]
async fn the_curve_reaches_the_latest_end() {
    let platform = Platform::start().await;
    let prices = platform.get("/v1/parking/zones/Zone_B/prices?points=8").await.ok();
    let points = prices["points"].as_array().unwrap();
    assert_eq!(points.len(), 8);
    assert_eq!(points.last().unwrap()["end"], prices["latest_end"]);
    assert_eq!(points.last().unwrap()["price"]["cents"], 1920);
    platform.get("/v1/parking/zones/Zone_B/prices?points=0").await.refused(422);
    let zones = platform.get("/v1/parking/zones").await.ok();
    assert_eq!(zones["zones"], json!(["Zone_A", "Zone_B", "Zone_C"]));
}
