//! Permits, series and exemptions.

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Platform, session};

const BOSS: Option<(&str, &str)> = Some(("boss", "manager"));

fn permit(plates: &[&str]) -> Value {
    json!({
        "kind": "resident", "zones": ["Zone_B"], "plates": plates,
        "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z",
    })
}

#[tokio::test]
async fn of_several_plates_one_is_active() {
    let platform = Platform::start().await;
    let path = format!("/v1/parking/permits/{}", Uuid::new_v4());
    platform.send("PUT", &path, Some(("driver-1", "driver")), Some(permit(&["AB123CD"]))).await.refused(403);
    platform.send("PUT", &path, BOSS, Some(permit(&["AB123CD", "XY987ZZ"]))).await.ok();
    assert!(platform.is_allowed("AB123CD").await && !platform.is_allowed("XY987ZZ").await);
    let activate = format!("{path}/activate");
    platform.send("POST", &activate, BOSS, Some(json!({ "plate": "xy-987-zz" }))).await.ok();
    assert!(!platform.is_allowed("AB123CD").await && platform.is_allowed("XY987ZZ").await);
    platform.send("POST", &activate, BOSS, Some(json!({ "plate": "QQ111QQ" }))).await.refused(409);
}

#[tokio::test]
async fn a_resident_pays_the_residents_price() {
    let platform = Platform::start().await;
    let path = format!("/v1/parking/permits/{}", Uuid::new_v4());
    platform.send("PUT", &path, BOSS, Some(permit(&["AB123CD"]))).await.ok();
    let begun = platform.begin(&session("AB123CD", 120)).await.ok();
    assert_eq!((&begun["qualification"], &begun["paid"]["cents"]), (&json!("resident"), &json!(150)));
}

#[tokio::test]
async fn a_series_replaces_another_in_one_step() {
    let platform = Platform::start().await;
    let series = |name: &str| format!("/v1/parking/permit-series/residents/{name}");
    let fill = |name: &'static str, plates: &'static [&'static str]| {
        let permits: Vec<Value> = plates
            .iter()
            .map(|plate| {
                let mut permit = permit(&[plate]);
                permit["id"] = json!(Uuid::new_v4());
                permit
            })
            .collect();
        let (platform, path) = (&platform, format!("{}/permits", series(name)));
        async move { platform.send("POST", &path, BOSS, Some(json!({ "permits": permits }))).await.ok() }
    };
    fill("2025", &["AA001AA", "AA002AA"]).await;
    assert!(!platform.is_allowed("AA001AA").await, "nothing holds before the series is in force");
    let activate = |name: &str| format!("{}/activate", series(name));
    assert_eq!(platform.send("POST", &activate("2025"), BOSS, None).await.status, 204);
    assert!(platform.is_allowed("AA001AA").await && platform.is_allowed("AA002AA").await);

    fill("2026", &["AA002AA", "AA003AA"]).await;
    let preview = platform.send("GET", &series("2026"), BOSS, None).await.ok();
    assert_eq!(preview, json!({ "in_force": "2025", "lost": 1, "gained": 1, "kept": 1, "doubled": 0 }));
    platform.pass(TimeDelta::minutes(1));
    assert_eq!(platform.send("POST", &activate("2026"), BOSS, None).await.status, 204);
    for (plate, allowed) in [("AA001AA", false), ("AA002AA", true), ("AA003AA", true)] {
        assert_eq!(platform.is_allowed(plate).await, allowed, "{plate}");
    }
}

#[tokio::test]
async fn an_exempt_vehicle_need_not_pay() {
    let platform = Platform::start().await;
    let body = json!({
        "plate": "18-SP-75", "zones": ["Zone_B"], "start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z",
    });
    let path = format!("/v1/parking/exemptions/{}", Uuid::new_v4());
    assert_eq!(platform.send("PUT", &path, BOSS, Some(body)).await.status, 204);
    assert!(platform.is_allowed("18SP75").await);
}
