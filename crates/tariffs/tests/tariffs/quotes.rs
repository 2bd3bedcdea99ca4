//! Quotes computed by hand, over every rule. The arithmetic is beside each.

use crate::common::{at, car, every_rule, paris, with};
use chrono::Duration;
use parvis_money::{Language, Money};
use parvis_tariffs::quote::PreviousStay;
use parvis_tariffs::{
    CritAir, ExpectedDemand, Holder, Qualification, Quote, QuoteError, QuoteLine, QuoteRequest, RefusalReason, Tariffs,
    VehicleClass,
};

fn quote(tariffs: &Tariffs, zone: &str, holder: Holder, start: &str, end: &str) -> Result<Quote, QuoteError> {
    tariffs.quote(&QuoteRequest {
        zone: &zone.parse().unwrap(),
        holder,
        start: at(start),
        end: at(end),
        previous: None,
        demand: None,
    })
}

fn cents(tariffs: &Tariffs, zone: &str, holder: Holder, start: &str, end: &str) -> i64 {
    let quote =
        quote(tariffs, zone, holder, start, end).unwrap_or_else(|error| panic!("{zone} {start} {end}: {error}"));
    let lines: i64 = quote.lines.iter().map(|line| line.amount.cents).sum();
    assert_eq!(lines, quote.total.cents, "the lines explain the total of {zone} {start} {end}");
    quote.total.cents
}

#[test]
fn paris_two_wheelers() {
    let tariffs = paris();
    let motorcycle = Holder::visitor(VehicleClass::TwoWheeler);
    let zones = [("Paris_1", [300, 600, 1200, 1950, 2850, 3750]), ("Paris_2", [200, 400, 800, 1300, 1900, 2500])];
    for (zone, cumulative) in zones {
        for (hours, expected) in (1..).zip(cumulative) {
            // Monday 2026-03-02, 09:00 to 10:00 and so on.
            let end = format!("2026-03-02T{:02}:00+01:00", 9 + hours);
            assert_eq!(cents(tariffs, zone, motorcycle, "2026-03-02T09:00+01:00", &end), expected, "{zone} {hours} h");
            let electric = Holder { electric: true, ..motorcycle };
            assert_eq!(cents(tariffs, zone, electric, "2026-03-02T09:00+01:00", &end), 0);
            for class in [VehicleClass::Car, VehicleClass::LightOther] {
                // L4, L6 and L7 pay the car's rate: twice the two-wheelers'.
                let whole = cents(tariffs, zone, Holder::visitor(class), "2026-03-02T09:00+01:00", &end);
                assert_eq!(whole, expected * 2);
            }
        }
        let start = at("2026-03-02T09:00+01:00");
        let most = tariffs.max_stay_price(&zone.parse().unwrap(), &motorcycle, start).unwrap();
        assert_eq!(most.cents, cumulative[5]);
    }
}

/// Zone, holder, start, end, cents.
type Case = (&'static str, Holder, &'static str, &'static str, i64);

fn check(tariffs: &Tariffs, cases: &[Case]) {
    for (zone, holder, start, end, expected) in cases {
        assert_eq!(cents(tariffs, zone, *holder, start, end), *expected, "{zone} {holder:?} {start} {end}");
    }
}

#[test]
fn street_hours_tiers_and_rights() {
    let critair = |class| Holder { critair: Some(class), ..car() };
    let electric = Holder { electric: true, ..car() };
    // Monday 2026-03-02 is an ordinary day; 1.20 per hour, then 2.40 per hour.
    let cases: &[Case] = &[
        // 1 h: 1.20
        ("street", car(), "2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 120),
        // 1 h 30: 1.20 + 0.5 x 2.40
        ("street", car(), "2026-03-02T09:00+01:00", "2026-03-02T10:30+01:00", 240),
        // 2 h 30, the maximum: 1.20 + 1.5 x 2.40
        ("street", car(), "2026-03-02T09:00+01:00", "2026-03-02T11:30+01:00", 480),
        // 40 min -> 45 min: 0.75 x 1.20
        ("street", car(), "2026-03-02T09:00+01:00", "2026-03-02T09:40+01:00", 90),
        // 15 min: 0.30, minimum 0.50
        ("street", car(), "2026-03-02T09:00+01:00", "2026-03-02T09:15+01:00", 50),
        // Over the midday pause: 11:30-12:00 and 14:00-15:00 = 1 h 30
        ("street", car(), "2026-03-02T11:30+01:00", "2026-03-02T15:00+01:00", 240),
        // 11:50-12:00: a unit is not filled over a pause; 10 min = 0.20, minimum 0.50
        ("street", car(), "2026-03-02T11:50+01:00", "2026-03-02T12:30+01:00", 50),
        // Over the night: 18:00-19:00 Monday, 09:00-10:00 Tuesday: 1.20 + 2.40
        ("street", car(), "2026-03-02T18:00+01:00", "2026-03-03T10:00+01:00", 360),
        // Over Sunday: Saturday 18:00-19:00, Monday 09:00-10:30: 1.20 + 1.5 x 2.40
        ("street", car(), "2026-02-28T18:00+01:00", "2026-03-02T10:30+01:00", 480),
        // Easter Monday 2026-04-06 has its own hours, 14:00-16:00: 15:00-16:00 = 1.20
        ("street", car(), "2026-04-06T15:00+02:00", "2026-04-06T18:00+02:00", 120),
        // 2026-05-01, a Friday: 1 h 30 of 14:00-16:00 = 2.40, and Saturday 09:00-10:00 = 2.40
        ("street", car(), "2026-05-01T14:30+02:00", "2026-05-02T10:00+02:00", 480),
        // Before opening: from 09:00, 1 h
        ("street", car(), "2026-03-02T07:00+01:00", "2026-03-02T10:00+01:00", 120),
        // Crit'Air 4: 1.20 x 1.5
        ("street", critair(CritAir::Four), "2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 180),
        // Unclassified, 45 min: 0.90 x 1.5 = 1.35, coin of 0.10 half up = 1.40
        ("street", critair(CritAir::Unclassified), "2026-03-02T09:00+01:00", "2026-03-02T09:45+01:00", 140),
        // Electric: half of 1.20 + 1.20
        ("street", electric, "2026-03-02T09:00+01:00", "2026-03-02T10:30+01:00", 120),
        // Crit'Air 3 pays double in September only; Monday 2026-08-31 and Tuesday 2026-09-01
        ("street", critair(CritAir::Three), "2026-08-31T09:00+02:00", "2026-08-31T10:00+02:00", 120),
        ("street", critair(CritAir::Three), "2026-09-01T09:00+02:00", "2026-09-01T10:00+02:00", 240),
        // Over that night: 18:00-19:00 at 1.20, 09:00-10:00 at 2 x 2.40
        ("street", critair(CritAir::Three), "2026-08-31T18:00+02:00", "2026-09-01T10:00+02:00", 600),
        // Crit'Air 2: the rule is switched off
        ("street", critair(CritAir::Two), "2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 120),
        // Professional: 3.00 flat, whether 10 minutes or the whole day
        ("street", with(Qualification::Professional), "2026-03-02T09:00+01:00", "2026-03-02T09:10+01:00", 300),
        ("street", with(Qualification::Professional), "2026-03-02T09:00+01:00", "2026-03-02T19:00+01:00", 300),
        // Care worker: nothing, two hours
        ("street", with(Qualification::CareWorker), "2026-03-02T09:00+01:00", "2026-03-02T11:00+01:00", 0),
    ];
    check(every_rule(), cases);
}

#[test]
fn free_minutes_coins_and_caps() {
    let two_wheeler = Holder::visitor(VehicleClass::TwoWheeler);
    let cases: &[Case] = &[
        // 20 min: free
        ("short", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:20+01:00", 0),
        // 21 min -> 25 min, charged from the first: one half hour begun
        ("short", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:21+01:00", 100),
        // 30 min: one; 31 -> 35 min: two
        ("short", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:30+01:00", 100),
        ("short", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:31+01:00", 200),
        // 2 h: four
        ("short", car(), "2026-03-02T10:00+01:00", "2026-03-02T12:00+01:00", 400),
        // 30 free minutes, then 3.00 per hour: 30 min = 0; 1 h = 1.50
        ("welcome", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:30+01:00", 0),
        ("welcome", car(), "2026-03-02T10:00+01:00", "2026-03-02T11:00+01:00", 150),
        // 31 min: 1 min = 0.05
        ("welcome", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:31+01:00", 5),
        // 4 h: 3.5 x 3.00
        ("welcome", car(), "2026-03-02T10:00+01:00", "2026-03-02T14:00+01:00", 1050),
        // 0.80 per 15 min: 1 h = 3.20; 1 h 01 -> 1 h 15 = 4.00
        ("garage", car(), "2026-03-02T08:00+01:00", "2026-03-02T09:00+01:00", 320),
        ("garage", car(), "2026-03-02T08:00+01:00", "2026-03-02T09:01+01:00", 400),
        // 6 h 15: 25 x 0.80 = 20.00, the stay cap; 16 h: 51.20, capped
        ("garage", car(), "2026-03-02T06:00+01:00", "2026-03-02T12:15+01:00", 2000),
        ("garage", car(), "2026-03-02T06:00+01:00", "2026-03-02T22:00+01:00", 2000),
        // 2.00 for the first hour, 1.50 per begun hour after it: 1 h 15 = 3.50; 3 h = 5.00
        ("hospital", car(), "2026-03-02T08:00+01:00", "2026-03-02T08:10+01:00", 200),
        ("hospital", car(), "2026-03-02T08:00+01:00", "2026-03-02T09:05+01:00", 350),
        ("hospital", car(), "2026-03-02T08:00+01:00", "2026-03-02T11:00+01:00", 500),
        // 08:00-24:00: 2.00 + 15 x 1.50 = 24.50, capped to 12.00
        ("hospital", car(), "2026-03-02T08:00+01:00", "2026-03-03T00:00+01:00", 1200),
        // and until 04:00: 12.00 + 4 x 1.50
        ("hospital", car(), "2026-03-02T08:00+01:00", "2026-03-03T04:00+01:00", 1800),
        // three whole days: 3 x 12.00
        ("hospital", car(), "2026-03-02T00:00+01:00", "2026-03-05T00:00+01:00", 3600),
        // 1.00 per 3 h, 20 min: 0.111.. -> 0.20 up, 0.10 down
        ("up", car(), "2026-03-02T10:00+01:00", "2026-03-02T10:20+01:00", 20),
        ("down", two_wheeler, "2026-03-02T10:00+01:00", "2026-03-02T10:20+01:00", 10),
        // 3 h: exactly 1.00 both ways
        ("up", car(), "2026-03-02T10:00+01:00", "2026-03-02T13:00+01:00", 100),
        ("down", two_wheeler, "2026-03-02T10:00+01:00", "2026-03-02T13:00+01:00", 100),
    ];
    check(every_rule(), cases);
}

#[test]
fn nights_clock_changes_and_changes_of_tariff() {
    let cases: &[Case] = &[
        // Friday 2026-03-06 18:00 to Saturday 03:00: 9 x 2.00
        ("evening", car(), "2026-03-06T18:00+01:00", "2026-03-07T03:00+01:00", 1800),
        // Friday 23:00 to Saturday 02:00: 3 x 2.00
        ("evening", car(), "2026-03-06T23:00+01:00", "2026-03-07T02:00+01:00", 600),
        // Saturday 02:00 to 19:00: 02-03 and 18-19 = 2 x 2.00
        ("evening", car(), "2026-03-07T02:00+01:00", "2026-03-07T19:00+01:00", 400),
        // Sunday 02:00-05:00: the end of Saturday's evening, 1 h
        ("evening", car(), "2026-03-08T02:00+01:00", "2026-03-08T05:00+01:00", 200),
        // Night of summer time: Saturday 2026-03-28 23:00 to Sunday 03:00 has 3 hours (02:00 is 03:00)
        ("evening", car(), "2026-03-28T23:00+01:00", "2026-03-29T05:00+02:00", 600),
        // Night of winter time: Saturday 2026-10-24 23:00 to Sunday 03:00 has 5 hours
        ("evening", car(), "2026-10-24T23:00+02:00", "2026-10-25T05:00+01:00", 1000),
        // 00:00-06:00 on the day of 23 hours: 5 x 1.00; of 25 hours, at 2.00: 7 x 2.00
        ("changing", car(), "2026-03-29T00:00+01:00", "2026-03-29T06:00+02:00", 500),
        ("changing", car(), "2026-10-25T00:00+02:00", "2026-10-25T06:00+01:00", 1400),
        // Between the two 02:30 of that night lies one hour
        ("changing", car(), "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", 200),
        // Over the change: 22:00-24:00 at 1.00, 00:00-03:00 at 2.00
        ("changing", car(), "2026-06-30T22:00+02:00", "2026-07-01T03:00+02:00", 800),
        // Until the last second of the last tariff
        ("changing", car(), "2026-12-31T22:00+01:00", "2027-01-01T00:00+01:00", 400),
    ];
    check(every_rule(), cases);
}

#[test]
fn paris_over_time() {
    let motorcycle = Holder::visitor(VehicleClass::TwoWheeler);
    let cases: &[Case] = &[
        // 18:00 + 6 h of paid time: 18-20 and 9-13: the whole 75.00
        ("Paris_1", car(), "2026-03-02T18:00+01:00", "2026-03-03T13:00+01:00", 7500),
        // Two-wheelers were free until 2022-08-31, a Wednesday: 19-20 free; 09-10 on Thursday is the second hour: 6.00 / 2
        ("Paris_1", motorcycle, "2022-08-31T19:00+02:00", "2022-09-01T10:00+02:00", 300),
        // A professional has no rate of his own in zone 2 and pays as a visitor: 2 x 4.00
        ("Paris_2", with(Qualification::Professional), "2026-03-02T09:00+01:00", "2026-03-02T11:00+01:00", 800),
        // Resident, a day of eleven hours: 1.50; a minute more, next morning: 3.00
        ("Paris_1", with(Qualification::Resident), "2026-03-02T09:00+01:00", "2026-03-03T08:00+01:00", 150),
        ("Paris_1", with(Qualification::Resident), "2026-03-02T09:00+01:00", "2026-03-03T09:01+01:00", 300),
        // Monday to the next Monday evening: 7 x 1.50
        ("Paris_1", with(Qualification::Resident), "2026-03-02T09:00+01:00", "2026-03-09T20:00+01:00", 1050),
        // 14 July is free: Monday 13, 19-20, then Wednesday 15, 09-10
        ("Paris_1", car(), "2026-07-13T19:00+02:00", "2026-07-15T10:00+02:00", 1200),
    ];
    check(paris(), cases);
}

#[test]
fn refusals_are_typed_and_say_what_is_possible() {
    let tariffs = every_rule();
    let refused = |zone: &str, holder, start: &str, end: &str| {
        let error = quote(tariffs, zone, holder, start, end).unwrap_err();
        let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
        serde_json::to_value(refusal).unwrap()
    };
    // 2 h 30 from 18:00: one hour today, 1 h 30 tomorrow.
    assert_eq!(
        refused("street", car(), "2026-03-02T18:00+01:00", "2026-03-03T11:00+01:00"),
        serde_json::json!({"reason": "maxStayReached", "latest_end": "2026-03-03T09:30:00Z"})
    );
    assert_eq!(
        refused("street", car(), "2026-03-02T19:00+01:00", "2026-03-03T08:00+01:00"),
        serde_json::json!({"reason": "outsideOperatingHours", "opens_at": "2026-03-03T08:00:00Z"})
    );
    // The car park is closed at night: neither begin, nor end, nor stay over it.
    for (start, end) in [
        ("2026-03-02T05:00+01:00", "2026-03-02T08:00+01:00"),
        ("2026-03-02T20:00+01:00", "2026-03-02T23:00+01:00"),
        ("2026-03-02T20:00+01:00", "2026-03-03T08:00+01:00"),
    ] {
        assert_eq!(refused("garage", car(), start, end)["reason"], "outsideOperatingHours", "{start} {end}");
    }
    let lorry = Holder::visitor(VehicleClass::Heavy);
    let monday = ("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00");
    assert_eq!(refused("street", lorry, monday.0, monday.1)["reason"], "noAvailability");
    assert_eq!(refused("nowhere", car(), monday.0, monday.1)["reason"], "noAvailability");
    // After the last table, and into the time after it.
    assert_eq!(
        refused("changing", car(), "2027-01-02T09:00+01:00", "2027-01-02T10:00+01:00")["reason"],
        "noAvailability"
    );
    assert_eq!(
        refused("changing", car(), "2026-12-31T22:00+01:00", "2027-01-01T01:00+01:00")["reason"],
        "noAvailability"
    );
    // The second table's maximum stay is shorter, and counts from the beginning of the stay.
    assert_eq!(
        refused("changing", car(), "2026-06-30T14:00+02:00", "2026-07-01T03:00+02:00"),
        serde_json::json!({"reason": "maxStayReached", "latest_end": "2026-07-01T00:00:00Z"})
    );
    let backwards = quote(tariffs, "street", car(), monday.1, monday.0);
    assert!(matches!(backwards, Err(QuoteError::BadInterval)));
}

#[test]
fn the_same_vehicle_may_not_return_too_soon() {
    let tariffs = every_rule();
    let zone = "street".parse().unwrap();
    let previous = Some(PreviousStay { start: at("2026-03-02T09:00+01:00"), end: at("2026-03-02T10:00+01:00") });
    let ask = |start: &str| {
        let start = at(start);
        let end = start + Duration::hours(1);
        tariffs.quote(&QuoteRequest { zone: &zone, holder: car(), start, end, previous, demand: None })
    };
    let error = ask("2026-03-02T10:59+01:00").unwrap_err();
    assert_eq!(error.refusal().unwrap().reason(), RefusalReason::NoReturnPeriod);
    assert!(ask("2026-03-02T11:00+01:00").is_ok());
}

#[test]
fn free_minutes_are_given_once_a_day() {
    let tariffs = every_rule();
    let zone = "welcome".parse().unwrap();
    let previous = Some(PreviousStay { start: at("2026-03-02T09:00+01:00"), end: at("2026-03-02T09:10+01:00") });
    let cents = |start: &str, previous| {
        let start = at(start);
        let end = start + Duration::hours(1);
        let request = QuoteRequest { zone: &zone, holder: car(), start, end, previous, demand: None };
        tariffs.quote(&request).unwrap().total.cents
    };
    // The whole hour at 3.00 on the same day; half of it on the next.
    assert_eq!(cents("2026-03-02T23:30+01:00", previous), 300);
    assert_eq!(cents("2026-03-03T00:30+01:00", previous), 150);
    assert_eq!(cents("2026-03-02T23:30+01:00", None), 150);
}

#[test]
fn the_end_moves_to_the_unit_and_cover_to_the_next_opening() {
    let tariffs = every_rule();
    let asked = quote(tariffs, "street", car(), "2026-03-02T09:00+01:00", "2026-03-02T09:40+01:00").unwrap();
    assert_eq!((asked.end, asked.covered_until), (at("2026-03-02T09:45+01:00"), at("2026-03-02T09:45+01:00")));
    assert_eq!(asked.chargeable_seconds, 45 * 60);
    let evening = quote(tariffs, "street", car(), "2026-02-28T18:00+01:00", "2026-02-28T19:00+01:00").unwrap();
    assert_eq!(evening.covered_until, at("2026-03-02T09:00+01:00"), "Saturday evening covers until Monday");
    // A unit goes on over midnight where the hours do.
    let night = quote(tariffs, "hospital", car(), "2026-03-02T23:50+01:00", "2026-03-02T23:55+01:00").unwrap();
    assert_eq!(night.end, at("2026-03-03T00:05+01:00"));
}

#[test]
fn a_quote_explains_itself() {
    let tariffs = every_rule();
    let holder = Holder { critair: Some(CritAir::Four), electric: false, ..car() };
    let quote = quote(tariffs, "street", holder, "2026-03-02T11:30+01:00", "2026-03-02T14:45+01:00").unwrap();
    let lines: Vec<(String, i64)> =
        quote.lines.iter().map(|line| (line.explain(Language::Fr, tariffs.timezone()), line.amount.cents)).collect();
    // 30 min and 30 min at 1.20 per hour, 15 min at 2.40 per hour, and half as much again: 1.80 x 1.5 = 2.70
    let expected = [
        ("02/03 11:30–12:00 : 1,20\u{a0}€ par 1h", 60),
        ("02/03 14:00–14:30 : 1,20\u{a0}€ par 1h", 60),
        ("02/03 14:30–14:45 : 2,40\u{a0}€ par 1h", 60),
        ("Crit'Air 4, 5 et non classés : 150 % du prix", 90),
    ];
    assert_eq!(lines, expected.map(|(text, cents)| (text.to_owned(), cents)));
    assert_eq!(quote.total, Money::eur(270));
    let json = serde_json::to_string(&quote).unwrap();
    assert_eq!(serde_json::from_str::<Quote>(&json).unwrap(), quote);
    assert_eq!((quote.tables[0].table.as_str(), quote.tables[0].version), ("street", 1));
}

/// What a car's stay costs with demand that makes so many percent of prices, as each table allows.
fn moved(zone: &str, factor_percent: u32, start: &str, end: &str) -> Quote {
    let demand = Some(ExpectedDemand { factor_percent, taken_percent: 12 });
    let zone = zone.parse().unwrap();
    let request = QuoteRequest { zone: &zone, holder: car(), start: at(start), end: at(end), previous: None, demand };
    every_rule().quote(&request).unwrap()
}

#[test]
fn demand_moves_prices_between_the_bounds_of_their_table() {
    let (nine, eleven) = ("2026-03-02T09:00+01:00", "2026-03-02T11:00+01:00");
    for (zone, factor, start, end, cents) in [
        // 1.20 + 2.40 = 3.60, of which 85 % are 3.06; the coin is 0.10.
        ("street", 85, nine, eleven, 310),
        // The floor of 80 % is 2.88.
        ("street", 60, nine, eleven, 290),
        // Never above the table.
        ("street", 130, nine, eleven, 360),
        // A quarter of an hour is 0.30, and 0.50 at least.
        ("street", 85, nine, "2026-03-02T09:15+01:00", 50),
        // 8 x 0.80 = 6.40; the law is said to allow 130 %.
        ("garage", 115, nine, eleven, 736),
        ("garage", 200, nine, eleven, 832),
        ("garage", 50, nine, eleven, 576),
        // 64 x 0.80 = 51.20, but a stay costs 20.00 at most.
        ("garage", 130, "2026-03-02T06:00+01:00", "2026-03-02T22:00+01:00", 2000),
        // 2.00 + 4 x 1.50 = 8.00; ten hours are 15.50 and 13.18, but a day costs 12.00 at most.
        ("hospital", 85, nine, "2026-03-02T14:00+01:00", 680),
        ("hospital", 85, nine, "2026-03-02T19:00+01:00", 1200),
        // 4 x 1.00 before the change, 2 x 2.00 after it, where demand moves nothing.
        ("changing", 130, "2026-06-30T20:00+02:00", "2026-07-01T02:00+02:00", 840),
        // 0.30 and 0.40, of which 130 % are 0.39 and 0.52: coins of 0.10 upwards would go beyond the law.
        ("up", 130, nine, "2026-03-02T09:54+01:00", 30),
        ("up", 130, nine, "2026-03-02T10:12+01:00", 50),
        ("up", 130, nine, "2026-03-02T12:00+01:00", 130),
        ("up", 85, nine, "2026-03-02T09:54+01:00", 30),
        // Nothing is said of demand.
        ("welcome", 85, nine, "2026-03-02T10:00+01:00", 150),
    ] {
        let quote = moved(zone, factor, start, end);
        assert_eq!(quote.total.cents, cents, "{zone} at {factor} % from {start} to {end}");
        assert_eq!(quote.lines.iter().map(|line| line.amount.cents).sum::<i64>(), cents);
    }
}

#[test]
fn demand_is_explained_where_it_moves_a_price() {
    let said = |factor, language| -> Vec<(String, i64)> {
        let quote = moved("street", factor, "2026-03-02T09:00+01:00", "2026-03-02T11:00+01:00");
        let zone = every_rule().timezone();
        let line = |line: &QuoteLine| (line.explain(language, zone), line.amount.cents);
        quote.lines.iter().skip(2).map(line).collect()
    };
    let french = [("affluence prévue (12 % des places occupées) : −15 %", -54), ("arrondi", 4)];
    assert_eq!(said(85, Language::Fr), french.map(|(text, cents)| (text.to_owned(), cents)));
    assert_eq!(said(85, Language::En)[0].0, "expected demand (12 % of the spaces taken) : −15 %");
    assert!(said(130, Language::Fr).is_empty(), "held at the price of the table");
}

#[test]
fn it_is_known_where_demand_moves_prices_and_by_whose_forecasts() {
    let tariffs = every_rule();
    let place =
        |zone: &str, start: &str| tariffs.demand_place(&zone.parse().unwrap(), at(start)).map(ToString::to_string);
    assert_eq!(place("garage", "2026-03-02T09:00+01:00").as_deref(), Some("garage"));
    assert_eq!(place("changing", "2026-06-30T23:59+02:00").as_deref(), Some("town"));
    assert_eq!(place("changing", "2026-07-01T00:00+02:00"), None);
    assert_eq!(place("nowhere", "2026-03-02T09:00+01:00"), None);
    let zones = |from: &str, until: &str| -> Vec<String> {
        tariffs
            .zones_with_demand(at(from), at(until))
            .iter()
            .map(|(zone, place)| format!("{zone} by {place}"))
            .collect()
    };
    let always = ["down by town", "garage by garage", "hospital by hospital", "street by town", "up by town"];
    assert_eq!(zones("2026-07-01T00:00+02:00", "2026-07-02T02:00+02:00"), always);
    let before = zones("2026-06-30T22:00+02:00", "2026-07-02T00:00+02:00");
    let both: Vec<&str> = ["changing by town"].into_iter().chain(always).collect();
    assert_eq!(before, both);
    assert!(paris().zones_with_demand(at("2026-03-02T09:00+01:00"), at("2026-03-03T09:00+01:00")).is_empty());
}

#[test]
fn vat_is_in_the_price_of_car_parks() {
    let tariffs = every_rule();
    let quote = quote(tariffs, "garage", car(), "2026-03-02T08:00+01:00", "2026-03-02T09:00+01:00").unwrap();
    // 3.20 / 1.2 = 2.666..
    let vat = quote.vat().unwrap();
    assert_eq!((vat.net.cents, vat.vat.cents), (267, 53));
}

#[test]
fn the_price_curve_has_a_point_per_step() {
    let tariffs = paris();
    let zone = "Paris_1".parse().unwrap();
    let points = tariffs.price_points(&zone, &car(), at("2026-03-02T18:00+01:00"), None, 200).unwrap();
    let hours: Vec<(i64, i64)> = points
        .iter()
        .filter(|point| point.minutes % 60 == 0)
        .map(|point| (point.minutes / 60, point.price.cents))
        .collect();
    assert_eq!(hours, [(1, 600), (2, 1200), (3, 2400), (4, 3900), (5, 5700), (6, 7500)]);
    assert_eq!(points.last().unwrap().end, at("2026-03-03T13:00+01:00"));
    assert!(points.len() <= 200);
}

#[test]
fn the_price_curve_may_be_asked_for_between_two_seconds() {
    let tariffs = paris();
    let zone = "Paris_1".parse().unwrap();
    let start = at("2026-03-02T10:00+01:00");
    let curve = |start| tariffs.price_points(&zone, &car(), start, None, 200).unwrap();
    let later = start + chrono::TimeDelta::milliseconds(750);
    assert_eq!(curve(later), curve(start));
    assert_eq!(tariffs.latest_end(&zone, &car(), later), tariffs.latest_end(&zone, &car(), start));
}
