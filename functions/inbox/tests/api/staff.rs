//! The log and the texts.

use crate::support::Platform;

#[tokio::test]
async fn texts_are_shown_as_they_read() {
    let platform = Platform::start().await;
    platform.get("/v1/notification-texts", Some("driver")).await.refused(403);
    let texts = platform.get("/v1/notification-texts", Some("manager")).await.ok();
    let texts = texts["texts"].as_array().unwrap();
    let ending = texts
        .iter()
        .find(|one| one["text"] == "parking.session.ending" && one["type"] == "parvis.parking.session.started")
        .unwrap();
    assert_eq!(ending["before"], serde_json::json!(["15m", "5m"]));
    let preview = &ending["previews"][0];
    assert_eq!((preview["language"].as_str(), preview["sms_parts"].as_u64()), (Some("fr"), Some(1)));
    assert!(preview["sms"].as_str().unwrap().contains("10:30"), "{preview}");
}

#[tokio::test]
async fn the_log_is_for_managers_and_its_filters_are_checked() {
    let platform = Platform::start().await;
    platform.get("/v1/notification-log", Some("agent")).await.refused(403);
    platform.get("/v1/notification-log", None).await.refused(401);
    let log = platform.get("/v1/notification-log?day=2026-07-13", Some("manager")).await.ok();
    assert_eq!(log, serde_json::json!({ "letters": [], "next": null }));
    assert_eq!(platform.get("/v1/notification-log?state=lost", Some("manager")).await.fields(), ["state"]);
    platform.get("/v1/notification-log?day=today", Some("manager")).await.refused(400);
}

#[tokio::test]
async fn what_the_log_does_not_know_is_refused() {
    let platform = Platform::start().await;
    for query in ["date=rubbish", "day=rubbish"] {
        platform.get(&format!("/v1/notification-log?{query}"), Some("manager")).await.refused(400);
    }
}
