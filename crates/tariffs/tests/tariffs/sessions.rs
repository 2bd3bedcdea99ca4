//! Extensions, early ends, and the FPS.

use crate::common::{EVERY_RULE, at, book, car, every_rule, paris, with};
use parvis_money::Money;
use parvis_tariffs::fps::{FpsOutcome, FpsRequest, NotDue, Receipt, ReceiptForm};
use parvis_tariffs::{
    ExpectedDemand, Holder, PaidSegment, PaidSession, Qualification, RefusalReason, Tariffs, VehicleClass, read_rules,
};

fn session(zone: &str, segments: &[(&str, &str, i64)]) -> PaidSession {
    let segment = |(start, end, cents): &(&str, &str, i64)| PaidSegment {
        start: at(start),
        end: at(end),
        paid: Money::eur(*cents),
    };
    let segments = segments.iter().map(segment).collect();
    PaidSession { zone: zone.parse().unwrap(), holder: car(), previous: None, demand: None, segments }
}

#[test]
fn an_extension_is_priced_as_a_part_of_the_whole() {
    let tariffs = every_rule();
    let paid = session("street", &[("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 120)]);
    let quote = tariffs.quote_extension(&paid, at("2026-03-02T11:00+01:00"), at("2026-03-02T09:50+01:00")).unwrap();
    // 1.20 + 2.40 - 1.20: the second hour costs the second tier.
    assert_eq!((quote.total.cents, quote.paid.cents, quote.due.cents), (360, 120, 240));
}

#[test]
fn a_stay_is_extended_and_ended_at_the_demand_that_it_was_sold_under() {
    let tariffs = every_rule();
    let (nine, ten, eleven) = ("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", "2026-03-02T11:00+01:00");
    let demand = Some(ExpectedDemand { factor_percent: 85, taken_percent: 20 });
    // 85 % of 1.20 is 1.02; of 3.60 it is 3.06. The coin is 0.10.
    let paid = PaidSession { demand, ..session("street", &[(nine, ten, 100)]) };
    let extension = tariffs.quote_extension(&paid, at(eleven), at("2026-03-02T09:50+01:00")).unwrap();
    assert_eq!((extension.total.cents, extension.due.cents), (310, 210));
    let whole = PaidSession { demand, ..session("street", &[(nine, ten, 100), (ten, eleven, 210)]) };
    let stopped = tariffs.stop_early(&whole, at(ten)).unwrap();
    assert_eq!((stopped.used.cents, stopped.refund.cents), (100, 210));
}

#[test]
fn extensions_are_refused_with_a_reason() {
    let tariffs = every_rule();
    let paid = session("street", &[("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 120)]);
    let reason = |session: &PaidSession, end: &str, now: &str| {
        tariffs.quote_extension(session, at(end), at(now)).unwrap_err().refusal().unwrap().reason()
    };
    let (later, during) = ("2026-03-02T11:00+01:00", "2026-03-02T09:50+01:00");
    assert_eq!(reason(&paid, later, "2026-03-02T10:00+01:00"), RefusalReason::NoExtensionPossible);
    assert_eq!(reason(&paid, "2026-03-02T10:00+01:00", during), RefusalReason::NoExtensionPossible);
    assert_eq!(reason(&paid, "2026-03-02T11:45+01:00", during), RefusalReason::MaxStayReached);
    let short = session("short", &[("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 200)]);
    assert_eq!(reason(&short, later, during), RefusalReason::NoExtensionPossible);
    assert_eq!(reason(&session("street", &[]), later, during), RefusalReason::NoExtensionPossible);
}

#[test]
fn an_early_end_gives_back_what_was_not_used_the_last_payment_first() {
    let tariffs = every_rule();
    let paid = session(
        "street",
        &[
            ("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 120),
            ("2026-03-02T10:00+01:00", "2026-03-02T11:30+01:00", 360),
        ],
    );
    let stop = |at_: &str| {
        let stop = tariffs.stop_early(&paid, at(at_)).unwrap();
        let parts: Vec<_> = stop.parts.iter().map(|part| (part.segment, part.amount.cents)).collect();
        (stop.used.cents, stop.refund.cents, parts)
    };
    // 1 h 07 -> 1 h 15: 1.20 + 0.25 x 2.40 = 1.80; 4.80 - 1.80
    assert_eq!(stop("2026-03-02T10:07+01:00"), (180, 300, vec![(1, 300)]));
    // 20 min -> 30 min: 0.60; 4.20 back: 3.60 of the extension, 0.60 of the beginning
    assert_eq!(stop("2026-03-02T09:20+01:00"), (60, 420, vec![(1, 360), (0, 60)]));
    // Before the beginning: all
    assert_eq!(stop("2026-03-02T08:20+01:00"), (0, 480, vec![(1, 360), (0, 120)]));
    // At the end: nothing
    assert_eq!(stop("2026-03-02T11:30+01:00"), (480, 0, vec![]));
}

#[test]
fn no_refund_where_the_tariff_gives_none() {
    let tariffs = every_rule();
    let paid = session("short", &[("2026-03-02T09:00+01:00", "2026-03-02T11:00+01:00", 400)]);
    let stop = tariffs.stop_early(&paid, at("2026-03-02T09:01+01:00")).unwrap();
    assert_eq!((stop.refund.cents, stop.parts.len()), (0, 0));
}

fn receipt(start: &str, end: &str, cents: i64, form: ReceiptForm) -> Receipt {
    Receipt { paid: Money::eur(cents), start: at(start), end: at(end), form }
}

fn fps(tariffs: &Tariffs, zone: &str, holder: Holder, at_: &str, receipts: &[Receipt]) -> FpsOutcome {
    tariffs.fps(&FpsRequest { zone: &zone.parse().unwrap(), holder, at: at(at_), receipts }).unwrap()
}

fn due(outcome: FpsOutcome) -> (i64, i64, i64) {
    match outcome {
        FpsOutcome::Due(fps) => (fps.full.cents, fps.deducted.cents, fps.amount.cents),
        FpsOutcome::NotDue { why } => panic!("{why:?}"),
    }
}

const MONDAY_NOON: &str = "2026-03-02T12:00+01:00";

#[test]
fn the_fps_is_the_longest_stay_less_the_last_receipt() {
    let tariffs = paris();
    let motorcycle = Holder::visitor(VehicleClass::TwoWheeler);
    assert_eq!(due(fps(tariffs, "Paris_1", car(), MONDAY_NOON, &[])), (7500, 0, 7500));
    assert_eq!(due(fps(tariffs, "Paris_1", motorcycle, MONDAY_NOON, &[])), (3750, 0, 3750));
    assert_eq!(due(fps(tariffs, "Paris_2", motorcycle, MONDAY_NOON, &[])), (2500, 0, 2500));
    // A resident's subscription does not count: as a visitor.
    assert_eq!(due(fps(tariffs, "Paris_1", with(Qualification::Resident), MONDAY_NOON, &[])), (7500, 0, 7500));

    let morning = |form| receipt("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 600, form);
    for form in [ReceiptForm::Electronic, ReceiptForm::Displayed] {
        assert_eq!(due(fps(tariffs, "Paris_1", car(), MONDAY_NOON, &[morning(form)])), (7500, 600, 6900));
    }
    for form in [ReceiptForm::NotDisplayed, ReceiptForm::Subscription] {
        assert_eq!(due(fps(tariffs, "Paris_1", car(), MONDAY_NOON, &[morning(form)])), (7500, 0, 7500));
    }
    // Only the last of two counts, in whatever order they are known.
    let later = receipt("2026-03-02T10:30+01:00", "2026-03-02T11:30+01:00", 601, ReceiptForm::Electronic);
    let both = [later, morning(ReceiptForm::Electronic)];
    assert_eq!(due(fps(tariffs, "Paris_1", car(), MONDAY_NOON, &both)), (7500, 601, 6899));
    // One that begins after the finding does not.
    let after = receipt("2026-03-02T12:01+01:00", "2026-03-02T13:00+01:00", 600, ReceiptForm::Electronic);
    assert_eq!(due(fps(tariffs, "Paris_1", car(), MONDAY_NOON, &[after])), (7500, 0, 7500));
}

#[test]
fn a_receipt_counts_until_the_longest_stay_is_exceeded() {
    let tariffs = paris();
    let morning = [receipt("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 600, ReceiptForm::Electronic)];
    assert_eq!(due(fps(tariffs, "Paris_1", car(), "2026-03-02T15:00+01:00", &morning)), (7500, 600, 6900));
    assert_eq!(due(fps(tariffs, "Paris_1", car(), "2026-03-02T15:01+01:00", &morning)), (7500, 0, 7500));
    // Free time does not count: 19:00-20:00 on Saturday, and 09:00-14:00 on Monday are six hours.
    let saturday = [receipt("2026-02-28T19:00+01:00", "2026-02-28T20:00+01:00", 600, ReceiptForm::Electronic)];
    assert_eq!(due(fps(tariffs, "Paris_1", car(), "2026-03-02T14:00+01:00", &saturday)), (7500, 600, 6900));
    assert_eq!(due(fps(tariffs, "Paris_1", car(), "2026-03-02T14:01+01:00", &saturday)), (7500, 0, 7500));
}

#[test]
fn no_fps_where_none_is_due() {
    let why = |tariffs: &Tariffs, zone: &str, holder, at_: &str, receipts: &[Receipt]| match fps(
        tariffs, zone, holder, at_, receipts,
    ) {
        FpsOutcome::NotDue { why } => why,
        FpsOutcome::Due(fps) => panic!("{fps:?}"),
    };
    let paris = paris();
    let electric = Holder { electric: true, ..Holder::visitor(VehicleClass::TwoWheeler) };
    assert_eq!(why(paris, "Paris_1", electric, MONDAY_NOON, &[]), NotDue::FreeOfCharge);
    assert_eq!(why(paris, "Paris_1", car(), "2026-03-02T20:00+01:00", &[]), NotDue::OutsideOperatingHours);
    assert_eq!(why(paris, "Paris_1", car(), "2026-03-01T12:00+01:00", &[]), NotDue::OutsideOperatingHours);
    let paid = [receipt("2026-03-02T11:00+01:00", "2026-03-02T12:01+01:00", 625, ReceiptForm::Electronic)];
    let until = at("2026-03-02T12:01+01:00");
    assert_eq!(why(paris, "Paris_1", car(), MONDAY_NOON, &paid), NotDue::Paid { until });
    assert_eq!(why(every_rule(), "garage", car(), MONDAY_NOON, &[]), NotDue::OffStreet);
    // Paid more than the FPS: nothing is left.
    let dear = [receipt("2026-03-02T09:00+01:00", "2026-03-02T10:00+01:00", 9900, ReceiptForm::Electronic)];
    assert_eq!(why(paris, "Paris_1", car(), MONDAY_NOON, &dear), NotDue::NothingLeft);
}

#[test]
fn reduction_and_increase_are_configuration() {
    let rules = read_rules(include_str!("../../files/fps_rules.toml")).unwrap();
    let schedule = rules[0].schedule(Money::eur(3750), at("2026-03-02T12:00+01:00")).unwrap();
    // 37.50 x 0.7 = 26.25 within 96 h
    assert_eq!(schedule.reduced, Some((Money::eur(2625), at("2026-03-06T12:00+01:00"))));
    assert_eq!(schedule.full.1, at("2026-06-02T13:00+02:00"), "three months later, in UTC");
    // 20 % are 7.50, the minimum is 50.00
    assert_eq!(schedule.increased, Money::eur(8750));
    // 20 % of 300.00 are more than it
    assert_eq!(rules[0].schedule(Money::eur(30_000), at(MONDAY_NOON)).unwrap().increased, Money::eur(36_000));
    assert!(rules[0].apply_on("2026-03-02".parse().unwrap()) && !rules[0].apply_on("2017-12-31".parse().unwrap()));
    assert!(read_rules("[[rules]]\nfrom = 3\n").unwrap_err().location.is_some());
}

#[test]
fn an_fps_follows_the_tariff_of_its_day() {
    let text = EVERY_RULE.replace("zones = [\"street\"]", "zones = [\"street\", \"twin\"]");
    let tariffs = book(&text);
    // 1.20 + 1.5 x 2.40 = 4.80: the price of the longest stay, for no FPS is set.
    assert_eq!(due(fps(&tariffs, "twin", car(), "2026-03-02T10:00+01:00", &[])), (480, 0, 480));
}
