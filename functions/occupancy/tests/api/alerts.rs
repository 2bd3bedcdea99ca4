//! Threshold crossings, as `announce` wrote them.

use axum::http::StatusCode;
use chrono::TimeDelta;
use parvis_events::alert::{Alert, AlertLevel, CLEARED, RAISED};
use parvis_events::{CloudEvent, EventId, place_subject};
use serde_json::json;

use crate::support::{Platform, now};

async fn lot() -> Platform {
    let platform = Platform::with_lot().await;
    for minute in 0..12_i64 {
        let time = now() - TimeDelta::minutes(60 - minute);
        let id = EventId::of_facts(time, &["default", &minute.to_string()]);
        let subject = place_subject("default");
        if minute % 3 == 2 {
            let other =
                CloudEvent::new(id, "/parvis/payments", "parvis.payments.paid", subject, time, json!({ "cents": 150 }));
            platform.event(&other).await;
            continue;
        }
        let kind = if minute % 3 == 0 { RAISED } else { CLEARED };
        let alert = Alert {
            place: "default".into(),
            place_name: None,
            zone: (minute < 6).then(|| "Zone_A".into()),
            zone_name: None,
            level: AlertLevel::Busy,
            previous: "normal".into(),
            occupancy_rate: 75.0,
            occupied: 6,
            total: 8,
            threshold: 70.0,
            at: time,
            chance: None,
            timezone: None,
        };
        platform.event(&CloudEvent::new(id, "/parvis/announce", kind, subject, time, alert)).await;
    }
    platform
}

#[tokio::test]
async fn alerts_are_told_newest_first_and_nothing_else() {
    let platform = lot().await;
    let all = platform.invoke(include_str!("../../../../events/occupancy/list-alerts.json")).await.ok();
    let all = all["alerts"].as_array().unwrap();
    assert_eq!(all.len(), 8);
    insta::assert_json_snapshot!("alerts", all[..2]);
    for limit in 1..8 {
        let some = platform.get(&format!("/v1/places/default/alerts?limit={limit}")).await.ok();
        assert_eq!(some["alerts"].as_array().unwrap().as_slice(), &all[..limit], "other events are read over");
    }
    platform.get("/v1/places/default/alerts?limit=0").await.refused(StatusCode::UNPROCESSABLE_ENTITY);
}
