//! Resources and their rules.

use serde_json::json;

use crate::support::{ANNE, MANAGER, Platform};

#[tokio::test]
async fn only_staff_changes_the_catalogue_and_versions_keep_changes_apart() {
    let platform = Platform::start().await;
    let site = json!({ "name": "Lab", "timezone": "Europe/Paris" });
    let as_driver = platform.send("PUT", "/v1/sites/lab", Some(ANNE), &[], Some(site.clone())).await;
    as_driver.refused(403, "forbidden");
    let nobody = platform.send("PUT", "/v1/sites/lab", None, &[], Some(site.clone())).await;
    nobody.refused(401, "unauthorized");
    assert_eq!(platform.put("/v1/sites/lab", site.clone()).await["version"], 1);
    let change = json!({ "name": "Laboratory", "timezone": "Europe/Paris" });
    let as_seen = [("if-match", "\"1\"")];
    let put = async || platform.send("PUT", "/v1/sites/lab", Some(MANAGER), &as_seen, Some(change.clone())).await;
    assert_eq!(put().await.ok()["version"], 2);
    put().await.refused(412, "version-changed");
    let zone = json!({ "name": "x", "timezone": "Mars/Base" });
    platform.send("PUT", "/v1/sites/x", Some(MANAGER), &[], Some(zone)).await.refused(422, "invalid");
}

#[tokio::test]
async fn what_is_used_is_not_deleted() {
    let platform = Platform::start().await;
    let delete = async |path: &str| platform.send("DELETE", path, Some(MANAGER), &[], None).await;
    delete("/v1/policies/free").await.refused(409, "conflict");
    delete("/v1/sites/hq").await.refused(409, "conflict");
    platform.book(ANNE, "arago", "08:00", "09:00").await;
    delete("/v1/resources/arago").await.refused(409, "conflict");
    delete("/v1/resources/curie").await.ok();
    delete("/v1/resources/curie").await.refused(404, "not-found");
    let lost = json!({ "id": "x", "site": "nowhere", "kind": "room", "name": "x", "policy": "free" });
    let lost = platform.send("PUT", "/v1/resources/x", Some(MANAGER), &[], Some(lost)).await;
    assert_eq!(lost.refused(422, "invalid")["errors"][0]["field"], "/site");
    let seats = json!({ "count": 2, "like": { "policy": "nowhere" } });
    let lost = json!({ "site": "hq", "name": "Desk", "kind": "desk", "seats": seats });
    let lost = platform.send("PUT", "/v1/pools/desks", Some(MANAGER), &[], Some(lost)).await;
    assert_eq!(lost.refused(422, "invalid")["errors"][0]["field"], "/seats/like/policy");
    // Out of service: what is booked stays, nothing new is taken.
    platform.room("arago", json!({ "closed": true })).await;
    let slot = crate::support::slot("10:00", "11:00");
    let problem = platform.ask(ANNE, &["arago"], slot, json!({})).await.refused(422, "policy");
    assert_eq!(problem["refusals"][0]["code"], "out_of_service");
}

#[tokio::test]
async fn a_file_makes_and_changes_resources_or_nothing() {
    let platform = Platform::start().await;
    let import = async |text: &str| {
        let headers = [("content-type", "text/csv")];
        platform.send("POST", "/v1/resources/import", Some(MANAGER), &headers, Some(text.into())).await
    };
    let file = "id,site,kind,name,policy,floor,capacity,features,accessible\n\
                arago,hq,room,Salle Arago,free,1,4,screen,true\ndesk-1,hq,desk,Bureau 1,free,2,1,,\n";
    let expected = json!({ "created": 1, "changed": 1, "unchanged": 0 });
    assert_eq!(import(file).await.ok(), expected);
    assert_eq!(import(file).await.ok(), json!({ "created": 0, "changed": 0, "unchanged": 2 }));
    let arago = platform.get("/v1/resources/arago").await.ok();
    assert_eq!((&arago["name"], &arago["version"]), (&json!("Salle Arago"), &json!(2)), "changed once, and so already");
    // As spreadsheets write in French.
    assert_eq!(import(&file.replace(',', ";")).await.ok()["unchanged"], 2);
    let unknown =
        "id,site,kind,name,policy,pool\ndesk-2,hq,desk,Bureau 2,free,\ndesk-3,lab,desk,Bureau 3,nowhere,desks\n";
    let problem = import(unknown).await.refused(422, "invalid");
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["line 3, site", "line 3, policy", "line 3, pool"], "{problem}");
    let lacking = import("id,site,name\ndesk-2,hq,Bureau 2\n").await.refused(422, "invalid");
    assert_eq!(lacking["errors"][0]["field"], "line 1", "{lacking}");
    platform.get("/v1/resources/desk-2").await.refused(404, "not-found");
}
