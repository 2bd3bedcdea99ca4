//! What is booked, and what it earns.

use serde_json::Value;

use crate::support::{Platform, car_park};

#[tokio::test]
async fn demand_is_for_staff_and_revenue_for_managers() {
    let platform = Platform::empty().await;
    platform.forecast("coworking/parvis/desk").await;
    for other in ["coworking/parvis/revenue-EUR", "coworking/annexe/desk", "parking/gare"] {
        platform.store.define(&car_park(other)).await.unwrap();
    }
    let list = async |role, query: &str| -> Vec<Value> {
        let answer = platform.send("GET", &format!("/v1/demand{query}"), Some(role), None).await.ok();
        answer["series"].as_array().unwrap().iter().map(|one| one["series"].clone()).collect()
    };
    assert_eq!(list("agent", "").await, ["coworking/annexe/desk", "coworking/parvis/desk"]);
    assert_eq!(list("manager", "?site=parvis").await, ["coworking/parvis/desk", "coworking/parvis/revenue-EUR"]);
    platform.send("GET", "/v1/demand", Some("driver"), None).await.refused(403);
    platform.get("/v1/demand/parvis/desk").await.refused(401);
    platform.send("GET", "/v1/demand/parvis/revenue-EUR", Some("agent"), None).await.refused(403);
    let pending = platform.send("GET", "/v1/demand/parvis/revenue-EUR", Some("manager"), None).await.ok();
    assert_eq!(pending["state"], "pending");
    // Places that are taken, not those that are free, unlike car parks.
    let event = include_str!("../../../../events/forecast/read-demand.json");
    let demand = platform.invoke(event).await.ok();
    assert_eq!((&demand["unit"], &demand["capacity"]), (&"bounded".into(), &100.0.into()));
    assert!(demand["steps"][0]["median"].as_f64().unwrap() > 95.0, "{}", demand["steps"][0]);
    let accuracy = platform.send("GET", "/v1/demand/parvis/desk/accuracy", Some("agent"), None).await.ok();
    assert_eq!(accuracy["days"].as_array().unwrap().len(), 0);
    for unknown in ["/v1/demand/parvis/bed", "/v1/demand/parvis/room"] {
        platform.send("GET", unknown, Some("agent"), None).await.refused(404);
    }
}
