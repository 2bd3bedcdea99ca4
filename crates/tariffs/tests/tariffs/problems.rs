//! Every fault of a tariff file is reported, with its place.

use crate::common::{EVERY_RULE as SOUND, PARIS};
use parvis_tariffs::problem::ProblemKind;
use parvis_tariffs::{Problem, Severity, TariffBook, read_book};

fn problems(text: &str) -> Vec<Problem> {
    match read_book(text) {
        Ok((_, warnings)) => warnings,
        Err(problems) => problems,
    }
}

/// The sound book with one change must have exactly one problem, at the changed text.
fn one(from: &str, to: &str, kind: ProblemKind, path: &str, says: &str) {
    assert!(SOUND.contains(from), "{from}");
    let text = SOUND.replacen(from, to, 1);
    let found = problems(&text);
    let [problem] = found.as_slice() else { panic!("{to}: {found:#?}") };
    assert_eq!((problem.kind, problem.path.as_str()), (kind, path), "{to}: {problem}");
    assert!(problem.message.contains(says), "{to}: {problem}");
    let line = text.lines().nth(problem.location.unwrap().line - 1).unwrap();
    // The place is the line of the key; of an element of a list, the element.
    let key = path.rsplit('.').next().unwrap();
    assert!(line.contains(key) || (key.ends_with(']') && line.contains(['{', '"'])), "{problem}: {line}");
}

#[test]
fn files_are_sound() {
    assert_eq!(problems(SOUND), []);
    assert_eq!(problems(PARIS), []);
}

#[test]
fn tiers() {
    use ProblemKind::{Gap, Impossible, NoEffect, Overlap};
    let second = "{ from = \"1h\", to = \"2h30\", price = \"2.40\", every = \"1h\" }";
    let lines = "tables[0].rates[0].lines";
    one(
        second,
        "{ from = \"1h15\", to = \"2h30\", price = \"2.40\", every = \"1h\" }",
        Gap,
        &format!("{lines}[1].from"),
        "from 1h to 1h15",
    );
    one(
        second,
        "{ from = \"45min\", to = \"2h30\", price = \"2.40\", every = \"1h\" }",
        Overlap,
        &format!("{lines}[1].from"),
        "from 45min to 1h",
    );
    one(
        second,
        "{ from = \"1h\", to = \"2h\", price = \"2.40\", every = \"1h\" }",
        Gap,
        lines,
        "from 2h to the maximum stay of 2h30",
    );
    one(
        second,
        "{ from = \"1h\", to = \"2h30\", price = \"-2.40\", every = \"1h\" }",
        Impossible,
        &format!("{lines}[1].price"),
        "negative",
    );
    one(
        second,
        "{ from = \"1h\", to = \"2h30\", price = \"2.40\", every = \"0h\" }",
        Impossible,
        &format!("{lines}[1].every"),
        "no time",
    );
    one(
        second,
        "{ from = \"1h\", to = \"1h\", price = \"2.40\", every = \"1h\" }",
        Impossible,
        &format!("{lines}[1].to"),
        "empty",
    );
    one(
        second,
        "{ from = \"1h\", to = \"2h30\", price = \"2.40\", charge = \"started\" }",
        NoEffect,
        &format!("{lines}[1].charge"),
        "flat",
    );
    let third = format!("{second},\n    {{ from = \"2h30\", to = \"3h\", price = \"9.00\" }}");
    one(second, &third, Impossible, &format!("{lines}[2].from"), "maximum stay is 2h30");
}

#[test]
fn limits() {
    use ProblemKind::{Impossible, NoEffect};
    let street = "tables[0].rates[0]";
    one(
        "unit = \"15min\"\nmax_stay = \"2h30\"",
        "unit = \"20min\"\nmax_stay = \"2h30\"",
        Impossible,
        &format!("{street}.max_stay"),
        "units of 20min",
    );
    one("minimum = \"0.50\"", "minimum = \"5.00\"", Impossible, &format!("{street}.minimum"), "4.80 EUR");
    one("minimum = \"0.50\"", "fps = \"4.81\"", Impossible, &format!("{street}.fps"), "L.2333-87");
    one("minimum = \"0.50\"", "stay_cap = \"9.00\"", NoEffect, &format!("{street}.stay_cap"), "cap is above");
    one(
        "coin = \"0.10\"\nlines",
        "coin = \"0.00\"\nlines",
        Impossible,
        &format!("{street}.coin"),
        "multiples of nothing",
    );
    one("minimum = \"0.50\"", "free = { for = \"3h\" }", Impossible, &format!("{street}.free"), "maximum stay is 2h30");
    one(
        "minimum = \"0.50\"",
        "free = { for = \"0min\", once_a_day = true }",
        NoEffect,
        &format!("{street}.free"),
        "no free minutes",
    );
    one(
        "stay_cap = \"20.00\"",
        "stay_cap = \"20.00\"\nfps = \"20.00\"",
        Impossible,
        "tables[3].rates[0].fps",
        "street only",
    );
    one(
        "unit = \"15min\"\nmax_stay = \"16h\"",
        "unit = \"20min\"\nmax_stay = \"16h\"",
        Impossible,
        "tables[3].rates[0].unit",
        "units of 15min at most",
    );
}

#[test]
fn hours_zones_and_versions() {
    use ProblemKind::{Gap, Impossible, Name, NoEffect, Overlap};
    one(
        "from = \"14:00\", to = \"19:00\"",
        "from = \"11:30\", to = \"19:00\"",
        Overlap,
        "tables[0].hours[1]",
        "hours[0] on mon",
    );
    one(
        "days = \"fri-sat\", from = \"18:00\", to = \"03:00\"",
        "days = \"daily\", from = \"18:00\", to = \"19:00\" }, { days = \"sun\", from = \"18:30\", to = \"20:00\"",
        Overlap,
        "tables[5].hours[1]",
        "hours[0] on sun",
    );
    // Saturday's evening runs into Sunday's morning.
    one(
        "days = \"fri-sat\", from = \"18:00\", to = \"03:00\"",
        "days = \"fri-sat\", from = \"18:00\", to = \"03:00\" }, { days = \"sun\", from = \"02:00\", to = \"04:00\"",
        Overlap,
        "tables[5].hours[1]",
        "hours[0] on sun from 02:00 to 03:00",
    );
    one(
        "days = \"fri-sat\", from = \"18:00\", to = \"03:00\"",
        "days = \"fri-sat\", from = \"18:00\", to = \"18:00\"",
        Impossible,
        "tables[5].hours[0]",
        "empty",
    );
    one("days = \"fri-sat\", from", "days = \"fri,holiday\", from", NoEffect, "tables[5].hours[0].days", "no calendar");
    one("calendar = \"france\"", "calendar = \"belgium\"", Name, "tables[0].calendar", "belgium");
    one("until = \"2026-07-01\"", "until = \"2026-06-30\"", Gap, "tables[7].from", "from 2026-06-30");
    one(
        "until = \"2026-07-01\"",
        "until = \"2026-07-02\"",
        Overlap,
        "tables[7].from",
        "changing version 1 and changing version 2",
    );
    one("until = \"2026-07-01\"", "# for ever", Overlap, "tables[7].from", "from 2026-07-01 on");
    one("until = \"2027-01-01\"", "until = \"2026-06-01\"", Impossible, "tables[7].until", "before it begins");
    one("id = \"changing\"\nversion = 2", "id = \"changing\"\nversion = 1", Name, "tables[7].version", "exists twice");
    one(
        "zones = [\"up\", \"down\"]",
        "zones = [\"up\", \"down\", \"up\"]",
        Overlap,
        "tables[8].zones[2]",
        "named twice",
    );
    one("zones = [\"up\", \"down\"]", "zones = []", Gap, "tables[8].zones", "no zone");
    one(
        "on_street = true\ncalendar",
        "on_street = true\nvat_basis_points = 2000\ncalendar",
        Impossible,
        "tables[0].vat_basis_points",
        "outside VAT",
    );
}

#[test]
fn who_pays_what() {
    use ProblemKind::{Gap, Impossible, Name, NoEffect, Overlap};
    one(
        "classes = [\"two_wheeler\", \"light_other\", \"heavy\"]",
        "classes = [\"car\", \"two_wheeler\", \"light_other\", \"heavy\"]",
        Overlap,
        "tables[8].rates[1].for",
        "rates[0]",
    );
    one("id = \"care-worker\"", "id = \"visitor\"", Name, "tables[0].rates[2].id", "exists twice");
    one(
        "for = { electric = true }",
        "for = { electric = true, critair = [\"1\"] }",
        Impossible,
        "tables[0].modifiers[1].for",
        "nobody",
    );
    one("percent = 200", "percent = 2000", Impossible, "tables[0].modifiers[2].percent", "1000");
    one("percent = 50", "percent = 100", NoEffect, "tables[0].modifiers[1].percent", "no price");
    // One gap for each of the two kinds of drive.
    let text = SOUND.replace("not_admitted = [{ classes = [\"heavy\"] }]", "").replacen(
        "for = { qualifications = [\"visitor\"] }",
        "for = { classes = [\"car\", \"two_wheeler\", \"light_other\"], qualifications = [\"visitor\"] }",
        1,
    );
    let gaps = problems(&text);
    assert_eq!(gaps.iter().map(|gap| gap.kind).collect::<Vec<_>>(), [Gap, Gap], "{gaps:#?}");
    assert!(gaps.iter().all(|gap| gap.message.contains("Heavy") && gap.severity == Severity::Error));
}

#[test]
fn demand() {
    use ProblemKind::{Impossible, NoEffect};
    let (floor, cap) = ("tables[0].demand.floor_percent", "tables[3].demand.cap_percent");
    one("floor_percent = 80", "floor_percent = 0", Impossible, floor, "between 1 % and 100 %");
    one("floor_percent = 80", "floor_percent = 101", Impossible, floor, "between 1 % and 100 %");
    one("floor_percent = 80", "floor_percent = 100", NoEffect, "tables[0].demand", "moves no price");
    one("cap_percent = 130", "cap_percent = 90", Impossible, cap, "nobody ever pays");
    one("cap_percent = 130", "cap_percent = 131", Impossible, cap, "above the legal rate, 130 %");
    one(
        "floor_percent = 80 }",
        "floor_percent = 80, cap_percent = 110 }",
        Impossible,
        "tables[0].demand.cap_percent",
        "on the street",
    );
    let limit = "law.highest_demand_percent";
    one("highest_demand_percent = 130", "highest_demand_percent = 2000", Impossible, limit, "1000 %");
    // Without the law's leave no price rises above its table.
    let strict = problems(&SOUND.replacen("highest_demand_percent = 130", "", 1));
    let paths: Vec<&str> = strict.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, [3, 6, 8].map(|table| format!("tables[{table}].demand.cap_percent")));
    assert!(strict.iter().all(|problem| problem.severity == Severity::Error));
    // A limit that nothing comes near.
    let lowering = SOUND.replace(", cap_percent = 130", "").replace(", cap_percent = 110", "");
    let idle = problems(&lowering);
    assert_eq!(idle.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), [limit]);
    assert_eq!(idle[0].kind, NoEffect);
}

#[test]
fn demand_counts_among_what_compounds() {
    let four = SOUND
        .replacen("for = { critair = [\"4\", \"5\", \"unclassified\"] }", "for = {}", 1)
        .replacen("for = { critair = [\"3\"] }", "for = {}", 1)
        .replacen("for = { critair = [\"2\"] }", "for = {}", 1)
        .replacen("enabled = false", "enabled = true", 1);
    let found = problems(&four);
    assert_eq!(found.iter().map(|problem| problem.path.as_str()).collect::<Vec<_>>(), ["tables[0].modifiers"]);
    assert_eq!(problems(&four.replacen("demand = { place = \"town\", floor_percent = 80 }", "", 1)), []);
}

#[test]
fn all_problems_at_once_in_the_order_of_the_file() {
    let text = SOUND
        .replacen("minimum = \"0.50\"", "minimum = \"5.00\"", 1)
        .replacen("calendar = \"france\"", "calendar = \"belgium\"", 1)
        .replacen("until = \"2026-07-01\"", "until = \"2026-06-30\"", 1)
        .replacen("{ from = \"1h\", to = \"30d\"", "{ from = \"2h\", to = \"30d\"", 1);
    let found = problems(&text);
    let paths: Vec<&str> = found.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        ["tables[0].calendar", "tables[0].rates[0].minimum", "tables[4].rates[0].lines[1].from", "tables[7].from"]
    );
    let places: Vec<&str> = found.iter().map(|p| text.lines().nth(p.location.unwrap().line - 1).unwrap()).collect();
    assert_eq!(places[0], "calendar = \"belgium\"");
    assert_eq!(places[1], "minimum = \"5.00\"");
    assert!(places[2].contains("from = \"2h\""));
    assert_eq!(places[3], "from = \"2026-07-01\"");
    assert!(
        found[0]
            .to_string()
            .starts_with(&format!("{}:1: error: tables[0].calendar: ", found[0].location.unwrap().line))
    );
}

#[test]
fn what_cannot_be_read_has_a_place_too() {
    let broken = problems("name = \"x\n[law\n");
    assert!(
        broken.len() >= 2 && broken.iter().all(|p| p.kind == ProblemKind::Unreadable && p.location.is_some()),
        "{broken:#?}"
    );
    // One wrong value in each of two tables: both are reported.
    let text = SOUND.replacen("max_stay = \"2h30\"", "max_stay = \"long\"", 1).replacen(
        "stay_cap = \"20.00\"",
        "stay_cap = 20",
        1,
    );
    let found = problems(&text);
    let lines: Vec<&str> = found.iter().map(|p| text.lines().nth(p.location.unwrap().line - 1).unwrap()).collect();
    assert_eq!(lines, ["max_stay = \"long\"", "stay_cap = 20"], "{found:#?}");
    let unknown = problems(&SOUND.replacen("minimum = \"0.50\"", "minimun = \"0.50\"", 1));
    assert!(unknown[0].message.contains("minimun"), "{unknown:#?}");
}

#[test]
fn books_round_trip_through_json_and_toml() {
    for text in [SOUND, PARIS] {
        let book: TariffBook = toml::from_str(text).unwrap();
        let json = serde_json::to_string(&book).unwrap();
        assert_eq!(serde_json::from_str::<TariffBook>(&json).unwrap(), book);
        let written = toml::to_string(&book).unwrap();
        assert_eq!(toml::from_str::<TariffBook>(&written).unwrap(), book);
    }
}
