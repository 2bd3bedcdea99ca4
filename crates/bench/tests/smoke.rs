//! The bench itself works: every part runs in small, and what can be lost is not.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_part_runs_in_small_and_loses_nothing() {
    let output = Command::new(env!("CARGO_BIN_EXE_parvis-bench")).args(["--quick", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = report["figures"].as_array().unwrap();
    let value = |name: &str| {
        let named = figures.iter().filter(|figure| figure["name"].as_str().is_some_and(|text| text.contains(name)));
        named.map(|figure| figure["value"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(value("told differently than reported"), [0.0, 0.0]);
    assert_eq!(value("unaccounted"), [0.0]);
    assert_eq!(value("missing in the history"), [0.0]);
    assert_eq!(value("dead-letter"), [0.0]);
    assert!(value("write units").iter().all(|units| *units > 0.0));
    assert!(value("total with Basic Ingest")[0] > 0.0);
    assert_eq!(value("overlapping bookings"), [0.0, 0.0]);
    assert_eq!(value("deadlocks and other failures"), [0.0, 0.0]);
    assert_eq!(value("p99").len(), 9);
    assert!(!report["machine"]["cpu"].as_str().unwrap().is_empty());
}
