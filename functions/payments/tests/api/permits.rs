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
async fn filling_the_next_series_with_the_same_permits_leaves_the_present_one_alone() {
    let platform = Platform::start().await;
    let series = |name: &str| format!("/v1/parking/permit-series/residents/{name}");
    let (stays, leaves, moves) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let body = |permits: &[(Uuid, &[&str])]| {
        let permits: Vec<Value> = permits
            .iter()
            .map(|(id, plates)| {
                let mut permit = permit(plates);
                permit["id"] = json!(id);
                permit
            })
            .collect();
        json!({ "permits": permits })
    };
    let fill = async |name: &str, permits: &[(Uuid, &[&str])]| {
        platform.send("POST", &format!("{}/permits", series(name)), BOSS, Some(body(permits))).await.ok()
    };
    let activate = async |name: &str| platform.send("POST", &format!("{}/activate", series(name)), BOSS, None).await;
    let allowed = async |expected: [bool; 4]| {
        for (plate, expected) in ["AA001AA", "AA002AA", "AA003AA", "AA004AA"].into_iter().zip(expected) {
            assert_eq!(platform.is_allowed(plate).await, expected, "{plate}");
        }
    };
    fill("2026-02", &[(stays, &["AA001AA"]), (leaves, &["AA002AA"]), (moves, &["AA003AA", "AA004AA"])]).await;
    assert_eq!(activate("2026-02").await.status, 204);
    fill("2026-03", &[(stays, &["AA001AA"]), (moves, &["AA004AA"])]).await;
    fill("2026-03", &[(stays, &["AA001AA"]), (moves, &["AA004AA"])]).await;
    allowed([true, true, true, false]).await;

    // A plate is changed meanwhile: in the series that is in force.
    let path = format!("/v1/parking/permits/{moves}/activate");
    platform.pass(TimeDelta::minutes(1));
    platform.send("POST", &path, BOSS, Some(json!({ "plate": "AA004AA" }))).await.ok();
    allowed([true, true, false, true]).await;

    // Slips of the pen.
    activate("2026-3").await.refused(404);
    platform.send("GET", &series("2026-3"), BOSS, None).await.refused(404);
    platform.send("POST", "/v1/parking/permit-series/residents/2026%2F3/activate", BOSS, None).await.refused(400);
    allowed([true, true, false, true]).await;

    let preview = platform.send("GET", &series("2026-03"), BOSS, None).await.ok();
    assert_eq!(preview, json!({ "in_force": "2026-02", "lost": 2, "gained": 0, "kept": 2, "doubled": 0 }));
    platform.pass(TimeDelta::minutes(1));
    assert_eq!(activate("2026-03").await.status, 204);
    allowed([true, false, false, true]).await;
}

fn exemption(plate: &str, end: &str) -> Value {
    json!({ "plate": plate, "zones": ["Zone_B"], "start": "2026-01-01T00:00:00Z", "end": end })
}

#[tokio::test]
async fn an_exempt_vehicle_need_not_pay() {
    let platform = Platform::start().await;
    let path = format!("/v1/parking/exemptions/{}", Uuid::new_v4());
    let put = async |body: Value| assert_eq!(platform.send("PUT", &path, BOSS, Some(body)).await.status, 204);
    put(exemption("18-SP-75", "2027-01-01T00:00:00Z")).await;
    assert!(platform.is_allowed("18SP75").await);

    // Given to another vehicle, and then made shorter.
    put(exemption("19-SP-75", "2027-01-01T00:00:00Z")).await;
    assert!(!platform.is_allowed("18SP75").await && platform.is_allowed("19SP75").await);
    put(exemption("19-SP-75", "2026-03-03T08:00:00Z")).await;
    assert!(!platform.is_allowed("19SP75").await);
}

#[tokio::test]
async fn a_revoked_exemption_holds_no_more_and_is_known_to_have_held() {
    let platform = Platform::start().await;
    let path = format!("/v1/parking/exemptions/{}", Uuid::new_v4());
    platform.send("DELETE", &path, BOSS, None).await.refused(404);
    platform.send("PUT", &path, BOSS, Some(exemption("18-SP-75", "2027-01-01T00:00:00Z"))).await;
    platform.send("DELETE", &path, Some(("driver-1", "driver")), None).await.refused(403);
    platform.pass(TimeDelta::hours(1));
    let before = platform.now() - TimeDelta::minutes(30);
    assert_eq!(platform.send("DELETE", &path, BOSS, None).await.status, 204);
    assert!(!platform.is_allowed("18SP75").await);
    let question = json!({ "plate": "18SP75", "zone": "Zone_B", "at": before });
    let then = platform.send("POST", "/v1/parking/rights/check", BOSS, Some(question)).await.ok();
    assert_eq!(then["covering"]["kind"], "exemption");
    platform.pass(TimeDelta::hours(1));
    assert_eq!(platform.send("DELETE", &path, BOSS, None).await.status, 204, "again changes nothing");

    // One that has not begun leaves nothing.
    let path = format!("/v1/parking/exemptions/{}", Uuid::new_v4());
    let mut later = exemption("20-SP-75", "2027-01-01T00:00:00Z");
    later["start"] = json!("2026-06-01T00:00:00Z");
    platform.send("PUT", &path, BOSS, Some(later)).await;
    assert_eq!(platform.send("DELETE", &path, BOSS, None).await.status, 204);
    platform.send("DELETE", &path, BOSS, None).await.refused(404);
}

#[tokio::test]
async fn a_holder_is_told_of_the_permit_its_renewal_and_that_it_was_withdrawn() {
    let platform = Platform::start().await;
    let id = Uuid::new_v4();
    let path = format!("/v1/parking/permits/{id}");
    let put = async |change: Value| {
        let mut permit = permit(&["AB123CD", "XY987ZZ"]);
        permit.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        platform.send("PUT", &path, BOSS, Some(permit)).await
    };
    let told = async || {
        let events = platform.told_of(&format!("permit/{id}")).await;
        events.into_iter().map(|event| (event.kind.clone(), event.data)).collect::<Vec<_>>()
    };
    put(json!({})).await.ok();
    assert_eq!(told().await, [], "nobody to tell");
    put(json!({ "owner": "driver-1", "title": "Abonnement" })).await.ok();
    put(json!({ "owner": "driver-1", "title": "Abonnement" })).await.ok();
    platform.send("POST", &format!("{path}/activate"), BOSS, Some(json!({ "plate": "XY987ZZ" }))).await.ok();
    let ready = told().await;
    assert_eq!(ready.len(), 1, "plates are nothing to tell: {ready:?}");
    assert_eq!((ready[0].0.as_str(), &ready[0].1["owner"]), ("parvis.parking.permit.ready", &json!("driver-1")));
    assert!(!json!(ready).to_string().contains("AB123CD"));
    put(json!({ "owner": "driver-1", "end": "2028-01-01T00:00:00Z" })).await.ok();
    put(json!({ "owner": "driver-2" })).await.ok();
    put(json!({ "owner": "driver-2", "end": "2026-02-01T00:00:00Z" })).await.ok();
    let told = told().await;
    let lines: Vec<_> = told
        .iter()
        .map(|(kind, data)| {
            format!(
                "{} {} {}",
                &kind[kind.rfind('.').unwrap() + 1..],
                data["owner"].as_str().unwrap(),
                &data["valid_until"].as_str().unwrap()[..4]
            )
        })
        .collect();
    let wanted = [
        "ready driver-1 2027",
        "ready driver-1 2028",
        "ended driver-1 2028",
        "ready driver-2 2027",
        "ended driver-2 2027",
    ];
    assert_eq!(lines, wanted);
    assert_eq!(put(json!({ "owner": "" })).await.refused(422)["errors"][0]["field"], "/owner");
}

#[tokio::test]
async fn what_is_for_a_zone_that_is_not_there_is_refused_whole() {
    let platform = Platform::start().await;
    let put = async |path: &str, body: Value| {
        platform.send("PUT", &format!("{path}/{}", Uuid::new_v4()), BOSS, Some(body)).await
    };
    let field = |problem: Value| problem["errors"][0]["field"].as_str().unwrap().to_owned();
    for (path, body) in [
        ("/v1/parking/permits", permit(&["AB123CD"])),
        ("/v1/parking/exemptions", exemption("AB123CD", "2027-01-01T00:00:00Z")),
    ] {
        for (zones, wrong) in [(json!([]), "/zones"), (json!(["Zone_B", "Zone_X"]), "/zones/1")] {
            let mut body = body.clone();
            body["zones"] = zones;
            assert_eq!(field(put(path, body).await.refused(422)), wrong);
        }
    }
    assert!(!platform.is_allowed("AB123CD").await);

    let (mut good, mut bad) = (permit(&["AB123CD"]), permit(&["XY987ZZ"]));
    (good["id"], bad["id"]) = (json!(Uuid::new_v4()), json!(Uuid::new_v4()));
    bad["zones"] = json!(["Zone_X"]);
    let series = "/v1/parking/permit-series/residents/2026";
    let permits = Some(json!({ "permits": [good, bad] }));
    let refused = platform.send("POST", &format!("{series}/permits"), BOSS, permits).await.refused(422);
    assert_eq!(field(refused), "/permits/1/zones/0");
    platform.send("GET", series, BOSS, None).await.refused(404);

    // Once the tariffs have it, it is there.
    let path = "/v1/parking/tariffs";
    let before = platform.send("GET", path, BOSS, None).await;
    let tariffs = String::from_utf8(before.body.clone()).unwrap().replace("\"Zone_B\"", "\"Zone_B\", \"Zone_X\"");
    let version = before.headers["etag"].to_str().unwrap();
    platform.send_with("PUT", path, BOSS, &[("if-match", version)], Some(tariffs.into())).await.ok();
    let mut late = permit(&["AB123CD"]);
    late["zones"] = json!(["Zone_X"]);
    put("/v1/parking/permits", late).await.ok();
}
