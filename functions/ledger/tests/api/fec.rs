//! The file of a year: in parts, with numbers that go on.

use chrono::TimeDelta;
use parvis_ledger_rules::Supply;

use super::{Books, at, sale};

/// Journal, number, date of each entry of a file, one line per line of the entry.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.split_terminator("\r\n").map(|row| row.split('\t').take(4).collect()).collect()
}

#[tokio::test]
async fn a_long_year_comes_in_parts_and_its_numbers_go_on() {
    let books = Books::open().await;
    // Last year's, January's, and February's; the last one of January arrives after those of February.
    let days = ["2025-12-31", "2026-01-10", "2026-01-20", "2026-02-01", "2026-02-02", "2026-01-31"];
    let sales: Vec<_> = days
        .iter()
        .map(|day| {
            let mut sold = sale(240, Supply::Street);
            sold.at = at(&format!("{day}T12:00:00Z"));
            sold.stay.start = sold.at;
            sold.stay.end = sold.at + TimeDelta::hours(1);
            sold
        })
        .collect();
    books.take(&sales.iter().collect::<Vec<_>>()).await;

    let whole = books.get("/v1/parking/fec?year=2026", "boss", "manager").await;
    assert!(!whole.headers.contains_key("link"));
    let numbers: Vec<_> = rows(whole.text()).iter().skip(1).step_by(2).map(|row| row[2].to_owned()).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5"], "one sequence, which begins with the year");

    let mut parts = String::new();
    let mut path = Some("/v1/parking/fec?year=2026&limit=2".to_owned());
    let mut count = 0;
    while let Some(asked) = path {
        let part = books.get(&asked, "boss", "manager").await;
        assert_eq!(part.status, 200);
        parts.push_str(part.text());
        count += 1;
        let link = part.headers.get("link").map(|link| link.to_str().unwrap());
        path = link.map(|link| link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned());
    }
    assert_eq!((count, parts.as_str()), (3, whole.text()), "the parts make up the file");

    let january = books.get("/v1/parking/fec?year=2026&month=1", "boss", "manager").await;
    let february = books.get("/v1/parking/fec?year=2026&month=2", "boss", "manager").await;
    let numbers =
        |text: &str| -> Vec<String> { rows(text).iter().skip(1).step_by(2).map(|row| row[2].to_owned()).collect() };
    assert_eq!(
        (numbers(january.text()), numbers(february.text())),
        (vec!["1".into(), "2".into(), "5".into()], vec!["3".into(), "4".into()])
    );
    for refused in ["year=2026&month=13", "year=999999"] {
        assert_eq!(books.get(&format!("/v1/parking/fec?{refused}"), "boss", "manager").await.status, 422);
    }
    assert_eq!(books.get("/v1/parking/fec?year=2026", "driver-1", "driver").await.status, 403);
}

#[tokio::test]
async fn who_does_not_ask_for_parts_gets_no_file_that_is_cut_off() {
    let books = Books::open().await;
    let pool = books.app.database().pool().await.unwrap();
    books.take(&[&sale(240, Supply::Street)]).await;
    // As many entries as it takes, all like the first.
    let copies = "INSERT INTO ledger_entry (id, date, validated_on, entry)
                  SELECT gen_random_uuid(), date, validated_on, entry FROM ledger_entry, generate_series(1, 9000)";
    sqlx::query(copies).execute(pool).await.unwrap();
    let path = "/v1/parking/fec?year=2026";
    assert_eq!(books.get(path, "boss", "manager").await.status, 422);
    let first = books.get(&format!("{path}&limit=9000"), "boss", "manager").await;
    assert_eq!((first.status.as_u16(), first.text().lines().count()), (200, 18_001));
    assert!(first.headers["link"].to_str().unwrap().ends_with("&limit=9000>; rel=\"next\""));
    assert_eq!(books.get(&format!("{path}&month=2"), "boss", "manager").await.text().lines().count(), 1);
}
