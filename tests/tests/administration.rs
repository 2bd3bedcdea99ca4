//! Anybody may read; only administrators and managers may change places.

use parvis_testkit::Platform;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn places_are_changed_by_the_right_roles_only() {
    let platform = Platform::start().await;
    let place = platform.new_place(&[("A", 1..=2)]).await;
    let change = json!({ "name": "Renamed" });
    let path = format!("/v1/places/{place}");

    let anonymous = platform.api();
    let (status, _) = anonymous.answer(anonymous.request(Method::PATCH, &path).json(&change)).await.unwrap();
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let driver = platform.login("driver").await;
    let (status, problem) = driver.answer(driver.request(Method::PATCH, &path).json(&change)).await.unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN, "{problem}");
    assert!(problem["type"].as_str().is_some_and(|t| t.starts_with("https://")), "{problem}");

    let manager = platform.login("manager").await;
    let before = manager.get(&path).await.unwrap();
    let version = before["version"].to_string();
    let request = || manager.request(Method::PATCH, &path).header("if-match", format!("\"{version}\"")).json(&change);
    let (status, body) = manager.answer(request()).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, problem) = manager.answer(request()).await.unwrap();
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "the version has moved on: {problem}");
    assert_eq!(anonymous.get(&path).await.unwrap()["name"], "Renamed");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_answered_with_a_problem() {
    let platform = Platform::start().await;
    let admin = platform.login("admin").await;
    let body = json!({ "id": "no spaces allowed", "name": "x" });
    let (status, problem) = admin.answer(admin.request(Method::POST, "/v1/places").json(&body)).await.unwrap();
    assert!(status.is_client_error(), "{status}");
    assert!(problem["title"].is_string() && problem["status"] == status.as_u16(), "{problem}");
    let (status, problem) = admin.answer(admin.request(Method::GET, "/v1/places/nowhere")).await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND, "{problem}");
}
