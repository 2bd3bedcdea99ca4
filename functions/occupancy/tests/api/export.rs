//! Files.

use axum::http::StatusCode;

use crate::support::Platform;

#[tokio::test]
async fn events_are_exported_as_csv() {
    let platform = Platform::with_lot().await;
    platform.stay("Zone_A", 3, "2026-01-31T08:00:00Z", Some("2026-01-31T08:45:30.5Z")).await;
    let file = platform.invoke(include_str!("../../../../events/occupancy/export-events-csv.json")).await;
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(file.header("content-disposition"), "attachment; filename=\"default-events-2026-01-31.csv\"");
    assert_eq!(file.header("link"), "");
    let plain = platform.get("/v1/places/default/export.csv").await;
    insta::assert_snapshot!(plain.text(), @r"
    at,place,zone,space,type,dwell_seconds
    2026-01-31T08:45:30.500Z,default,Zone_A,3,park_end,2730
    2026-01-31T08:00:00Z,default,Zone_A,3,park_start,
    ");
}

#[tokio::test]
async fn history_is_exported_as_csv_and_workbook() {
    let platform = Platform::with_lot().await;
    platform.stay("Zone_A", 3, "2026-01-31T08:00:00Z", Some("2026-01-31T08:45:00Z")).await;
    let query = "content=history&step=hour&from=2026-01-31T08:00:00Z&to=2026-01-31T10:00:00Z&zone=Zone_A";
    let csv = platform.get(&format!("/v1/places/default/export.csv?{query}")).await;
    insta::assert_snapshot!(csv.text(), @r"
    at,place,zone,occupied,total,rate
    2026-01-31T08:00:00Z,default,Zone_A,0.75,8.00,9.38
    2026-01-31T09:00:00Z,default,Zone_A,0.00,8.00,0.00
    ");
    let workbook = platform.get(&format!("/v1/places/default/export.xlsx?{query}")).await;
    assert_eq!(workbook.header("content-type"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    assert_eq!(workbook.header("content-disposition"), "attachment; filename=\"default-history-2026-01-31.xlsx\"");
    assert!(workbook.body.starts_with(b"PK"));
    platform.get("/v1/places/default/export.csv?content=everything").await.refused(StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_large_export_goes_on_in_the_next_file() {
    let platform = Platform::with_lot().await;
    platform.months(&[crate::support::now()]).await;
    let rows = 90_000;
    sqlx::query(
        "INSERT INTO parking_transition (place, zone, space, at, kind, version)
         SELECT 'default', 'Zone_A', 1 + n % 8, '2026-01-01T00:00:00Z'::timestamptz + n / 4 * interval '1 second',
                CASE WHEN n % 2 = 0 THEN 'park_start' ELSE 'park_end' END, 1
         FROM generate_series(0, $1 - 1) AS n",
    )
    .bind(rows)
    .execute(platform.database.pool().await.unwrap())
    .await
    .unwrap();
    let mut path = "/v1/places/default/export.csv?content=events&zone=Zone_A".to_owned();
    let mut lines = std::collections::BTreeSet::new();
    let mut files = 0;
    loop {
        let file = platform.get(&path).await;
        assert!(file.body.len() < 5_000_000, "an answer of {} bytes", file.body.len());
        lines.extend(file.text().lines().skip(1).map(str::to_owned));
        files += 1;
        let link = file.header("link");
        if link.is_empty() {
            break;
        }
        path = link.strip_prefix('<').unwrap().split_once(">; rel=\"next\"").unwrap().0.to_owned();
    }
    assert_eq!((files, lines.len()), (2, rows as usize));
}
