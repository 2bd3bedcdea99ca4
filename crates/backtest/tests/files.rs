//! Files of all shapes through the whole command: table, JSON and report.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::fmt::Write as _;

use chrono::{NaiveDate, TimeDelta};
use clap::Parser;
use parvis_backtest::Arguments;
use rand::{Rng as _, SeedableRng as _};
use rand_distr::{Distribution as _, Poisson};
use serde_json::Value;
use tempfile::TempDir;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    arguments: Arguments,
}

/// Runs the command on a file of this text; gives its output and its report.
fn run(text: &str, arguments: &str) -> anyhow::Result<(String, String)> {
    let folder = TempDir::new()?;
    let (file, report) = (folder.path().join("data.csv"), folder.path().join("report.html"));
    std::fs::write(&file, text)?;
    let mut line = vec!["backtest".to_owned(), file.display().to_string()];
    line.extend(["--report".to_owned(), report.display().to_string()]);
    line.extend(arguments.split_whitespace().map(str::to_owned));
    let mut output = Vec::new();
    Cli::try_parse_from(line)?.arguments.run(&mut output)?;
    Ok((String::from_utf8(output)?, std::fs::read_to_string(report)?))
}

fn json(text: &str, arguments: &str) -> Value {
    serde_json::from_str(&run(text, &format!("{arguments} --json")).unwrap().0).unwrap()
}

fn local(step: i64) -> chrono::NaiveDateTime {
    NaiveDate::from_ymd_opt(2025, 1, 6).unwrap().and_hms_opt(0, 0, 0).unwrap() + TimeDelta::minutes(step)
}

/// Hourly counts of two desks, eight weeks, with a day's course.
fn wide() -> String {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut text = "when,north,south\n".to_owned();
    for hour in 0..56 * 24 {
        let mean = if (8..18).contains(&(hour % 24)) { 12.0 } else { 1.0 };
        let mut count = || Poisson::new(mean).unwrap().sample(&mut random);
        writeln!(text, "{},{},{}", local(60 * hour).format("%Y-%m-%d %H:%M:%S"), count(), count()).unwrap();
    }
    text
}

/// Percentages of two car parks and a stuck one, at irregular minutes.
fn long() -> String {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
    let mut text = "at,name,places,pct\n".to_owned();
    let mut minute = 0;
    while minute < 35 * 24 * 60 {
        let of_day = if (8..18).contains(&(minute / 60 % 24)) { 70.0 } else { 15.0 };
        for (name, places) in [("Gare", 400), ("Halles", 150)] {
            let percent = (of_day + random.random_range(-8.0..8.0_f64)).round();
            writeln!(text, "{},{name},{places},{percent}", local(minute).format("%Y-%m-%dT%H:%M")).unwrap();
        }
        let stuck = if minute < 7 * 24 * 60 { minute / 30 % 60 } else { 37 };
        writeln!(text, "{},Port,200,{stuck}", local(minute).format("%Y-%m-%dT%H:%M")).unwrap();
        minute += random.random_range(10..35);
    }
    text
}

fn model<'a>(series: &'a Value, name: &str) -> &'a Value {
    series["models"].as_array().unwrap().iter().find(|model| model["model"] == name).unwrap()
}

#[test]
fn a_wide_file_is_tested_column_by_column() {
    let plan = "--time when --value north,south --horizon 48 --every 24h --from 2025-02-17 --timezone Europe/Paris";
    let result = json(&wide(), plan);
    let series = result["series"].as_array().unwrap();
    assert_eq!(series.iter().map(|one| one["series"].as_str().unwrap()).collect::<Vec<_>>(), ["north", "south"]);
    for one in series {
        let (chosen, naive) = (model(one, "chosen"), model(one, "seasonal naive"));
        assert_eq!(chosen["origins"], 14);
        assert!(chosen["mae"].as_f64().unwrap() < 0.85 * naive["mae"].as_f64().unwrap());
        let covered = chosen["coverage_80"].as_f64().unwrap();
        assert!((0.73..0.87).contains(&covered), "{covered}");
    }
}

#[test]
fn a_range_of_columns_is_all_from_one_to_the_other() {
    let plan = "--time when --horizon 24 --every 24h --from 2025-02-27 --timezone Europe/Paris --value";
    let names = |value: &str| -> Vec<String> {
        let result = json(&wide(), &format!("{plan} {value}"));
        result["series"].as_array().unwrap().iter().map(|one| one["series"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("north..south"), ["north", "south"]);
    assert_eq!(names("south..south"), ["south"]);
    assert!(run(&wide(), &format!("{plan} south..north")).unwrap_err().to_string().contains("behind the last"));
}

#[test]
fn a_long_irregular_file_is_tested_group_by_group_and_a_stuck_one_says_so() {
    let plan = "--time at --value pct --capacity places --group name --horizon 24h --every 24h --from 2025-01-27 \
                --timezone Europe/Paris";
    let result = json(&long(), plan);
    let series = result["series"].as_array().unwrap();
    assert_eq!(series[0]["capacity"], 400.0);
    let (chosen, naive) = (model(&series[0], "chosen"), model(&series[0], "seasonal naive"));
    assert!(chosen["mae"].as_f64().unwrap() < 0.9 * naive["mae"].as_f64().unwrap());
    assert!(chosen["mae"].as_f64().unwrap() > 4.0, "in spaces, not in percent");
    let refused = model(&series[2], "chosen")["refused"].as_str().unwrap();
    assert!(refused.starts_with("cannot be forecast because its source has been stuck at 74"), "{refused}");
    assert_eq!(result["means"][0]["series"], 2);
}

#[test]
fn the_table_and_the_report_say_the_same() {
    let plan = "--time when --value north --horizon 24 --every 24h --from 2025-02-20 --timezone Europe/Paris";
    let (table, report) = run(&wide(), plan).unwrap();
    let line = table.lines().find(|line| line.starts_with("chosen")).unwrap();
    let mae = line.split_whitespace().nth(1).unwrap();
    assert!(report.contains(&format!("<td>{mae}</td>")), "{mae} is missing");
    assert!(report.contains("<svg") && report.contains("polyline") && !report.contains("<script"));
}

#[test]
fn markup_in_names_does_not_reach_the_report() {
    let text = wide().replacen("north", "<b>north</b>", 1);
    let (_, report) =
        run(&text, "--time when --value <b>north</b> --horizon 24 --every 48h --from 2025-02-25 --timezone UTC")
            .unwrap();
    assert!(!report.contains("<b>north") && report.contains("&lt;b&gt;north"));
}

#[test]
fn mistakes_are_told() {
    let error = |arguments: &str| run(&wide(), arguments).unwrap_err().to_string();
    assert!(error("--time when --value west").contains("no column \"west\"; there are: when, north, south"));
    assert!(error("--time when --value north --from 2031-01-01").contains("outside of the data"));
    assert!(error("--time when --value north --step 7").contains("divide an hour"));
    assert!(error("--time north --value south").contains("no value could be read"));
}

#[test]
fn the_first_weeks_are_forecast_with_bands_and_what_is_not_defined_is_not_a_number() {
    // Ten days, tested from the eighth on: nothing can be set against the week before yet.
    let text: String = wide().lines().take(1 + 10 * 24).map(|line| format!("{line}\n")).collect();
    let plan = "--time when --value north --horizon 24 --every 24h --from 2025-01-13 --timezone Europe/Paris";
    let whole = json(&text, plan);
    let chosen = model(&whole["series"][0], "chosen");
    assert!(chosen["coverage_80"].as_f64().unwrap() > 0.75, "{chosen}");
    let one_day: String = text.lines().take(1 + 8 * 24).map(|line| format!("{line}\n")).collect();
    let result = json(&one_day, plan);
    assert!(model(&result["series"][0], "chosen")["mase"].is_null() && result["means"][3]["mase"].is_null());
    let (table, _) = run(&one_day, plan).unwrap();
    let line = table.lines().find(|line| line.starts_with("chosen")).unwrap();
    assert_eq!(line.split_whitespace().nth(3), Some("-"), "{line}");
}

#[test]
fn a_short_past_can_be_played() {
    let plan = "--time when --value north --horizon 24 --every 48h --from 2025-02-10 --timezone Europe/Paris";
    let result = json(&wide(), &format!("{plan} --history 8d"));
    assert_eq!(result["plan"]["history_minutes"], 8 * 24 * 60);
    let (young, old) = (model(&result["series"][0], "chosen")["mae"].as_f64().unwrap(), json(&wide(), plan));
    assert!(young > model(&old["series"][0], "chosen")["mae"].as_f64().unwrap());
}

#[test]
fn files_with_semicolons_decimal_commas_and_french_dates_are_read() {
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(3);
    let mut text = "quand;taux\n".to_owned();
    for hour in 0..28 * 24 {
        let share = if (8..18).contains(&(hour % 24)) { 60 } else { 10 } + random.random_range(0..9);
        writeln!(text, "{};{share},5", local(60 * hour).format("%d/%m/%Y %H:%M")).unwrap();
    }
    let plan = "--time quand --value taux --capacity 100 --horizon 24 --every 24h --timezone Europe/Paris";
    let result = json(&text, &format!("{plan} --delimiter ; --from 27/01/2025"));
    assert!(model(&result["series"][0], "chosen")["mae"].as_f64().unwrap() < 5.0, "{result}");
    assert!(run(&text, plan).is_err());
    assert!(run(&text, &format!("{plan} --delimiter ;;")).unwrap_err().to_string().contains("one sign"));
}
