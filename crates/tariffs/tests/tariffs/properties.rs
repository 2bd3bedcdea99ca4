//! What must hold for every stay: prices that never fall, extensions that cost what the whole costs, no quote above the
//! maximum stay's price, and demand within what the book allows.

use crate::common::{at, every_rule, paris};
use chrono::{DateTime, Duration, Utc};
use parvis_money::Money;
use parvis_parking::ZoneId;
use parvis_tariffs::{
    CritAir, ExpectedDemand, Holder, PaidSegment, PaidSession, Qualification, QuoteError, QuoteRequest, Tariffs,
    VehicleClass,
};
use proptest::prelude::*;

fn books() -> Vec<(&'static Tariffs, ZoneId)> {
    let zones = ["street", "short", "welcome", "garage", "hospital", "evening", "changing", "up"];
    let rules = zones.map(|zone| (every_rule(), zone.parse().unwrap()));
    let paris = ["Paris_1", "Paris_2"].map(|zone| (paris(), zone.parse().unwrap()));
    rules.into_iter().chain(paris).collect()
}

fn holder() -> impl Strategy<Value = Holder> {
    let class = prop::sample::select(vec![VehicleClass::Car, VehicleClass::TwoWheeler, VehicleClass::LightOther]);
    let critair = prop::option::of(prop::sample::select(vec![CritAir::Two, CritAir::Three, CritAir::Four]));
    let qualification = prop::sample::select(Qualification::ALL.to_vec());
    (class, any::<bool>(), critair, qualification).prop_map(|(class, electric, critair, qualification)| Holder {
        class,
        electric,
        critair,
        qualification,
    })
}

/// Any second of the year with both changes of clocks and the change of tariff.
fn start() -> impl Strategy<Value = DateTime<Utc>> {
    (0..360 * 86_400i64).prop_map(|seconds| at("2026-01-02T00:00+00:00") + Duration::seconds(seconds))
}

/// Lengths from seconds to days.
fn length() -> impl Strategy<Value = Duration> {
    prop_oneof![(1..7200i64), (1..86_400i64), (1..10 * 86_400i64)].prop_map(Duration::seconds)
}

/// Nothing known, or any factor, far beyond what tables allow.
fn demand() -> impl Strategy<Value = Option<ExpectedDemand>> {
    let some = (1..300u32, 0..=100u32);
    prop::option::of(some.prop_map(|(factor_percent, taken_percent)| ExpectedDemand { factor_percent, taken_percent }))
}

/// A question about any vehicle of the kind.
fn request(
    zone: &ZoneId,
    holder: Holder,
    demand: Option<ExpectedDemand>,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
) -> QuoteRequest<'_> {
    QuoteRequest { zone, holder, start, end, previous: None, demand }
}

/// The price; `None` when the tariff refuses the stay.
fn price(tariffs: &Tariffs, request: &QuoteRequest<'_>) -> Option<Money> {
    match tariffs.quote(request) {
        Ok(quote) => Some(quote.total),
        Err(QuoteError::Refused(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_price_never_falls_with_duration(
        holder in holder(), demand in demand(), start in start(), a in length(), b in length(),
    ) {
        let (short, long) = (a.min(b), a.max(b));
        for (tariffs, zone) in books() {
            let until = |length: Duration| price(tariffs, &request(&zone, holder, demand, (start, start + length)));
            let prices = (until(short), until(long));
            if let (Some(short), Some(long)) = prices {
                prop_assert!(short.cents <= long.cents, "{zone}: {short} then {long}");
            }
        }
    }

    #[test]
    fn an_extended_stay_costs_what_the_whole_costs(
        holder in holder(), demand in demand(), start in start(), a in length(), b in length(),
    ) {
        let (first, whole) = (start + a.min(b), start + a.max(b));
        for (tariffs, zone) in books() {
            let until = |end| request(&zone, holder, demand, (start, end));
            let (Ok(begun), Some(at_once)) = (tariffs.quote(&until(first)), price(tariffs, &until(whole))) else {
                continue;
            };
            let segments = vec![PaidSegment { start: begun.start, end: begun.end, paid: begun.total }];
            let session = PaidSession { zone: zone.clone(), holder, previous: None, demand, segments };
            if let Ok(extension) = tariffs.quote_extension(&session, whole, begun.start) {
                prop_assert_eq!(begun.total.cents + extension.due.cents, at_once.cents, "{}", zone);
            }
        }
    }

    #[test]
    fn no_quote_exceeds_the_price_of_the_maximum_stay(holder in holder(), start in start(), length in length()) {
        for (tariffs, zone) in books() {
            let Some(price) = price(tariffs, &request(&zone, holder, None, (start, start + length))) else { continue };
            // Across a change of tariff it is the higher of both; a dated modifier counts by its own day.
            let days = (0..=length.num_days() + 1).map(|day| start + Duration::days(day));
            let most = days.filter_map(|day| tariffs.max_stay_price(&zone, &holder, day).ok()).map(|most| most.cents).max();
            prop_assert!(price.cents <= most.unwrap(), "{zone}: {price} above {most:?}");
        }
    }

    #[test]
    fn demand_never_asks_for_more_than_the_book_allows(
        holder in holder(), demand in demand(), more in 0..200u32, start in start(), length in length(),
    ) {
        for (tariffs, zone) in books() {
            let ask = |demand| tariffs.quote(&request(&zone, holder, demand, (start, start + length)));
            let (Ok(usual), Ok(moved)) = (ask(None), ask(demand)) else { continue };
            let (table, price) = (usual.total.cents, moved.total.cents);
            match zone.as_str() {
                // They fall, and never rise.
                "street" | "hospital" => prop_assert!(price <= table, "{zone}: {price} instead of {table}"),
                // They rise as far as the book says that the law allows, to the cent.
                "garage" | "up" => prop_assert!(100 * price <= 130 * table, "{zone}: {price} instead of {table}"),
                // As far as its own table says; a cent of rounding on either side.
                "changing" => prop_assert!(100 * price <= 110 * table + 200, "{zone}: {price} instead of {table}"),
                _ => prop_assert_eq!(&moved, &usual, "{}: nothing is said of demand", zone),
            }
            let higher = demand.map(|demand| ExpectedDemand { factor_percent: demand.factor_percent + more, ..demand });
            prop_assert!(demand.is_none() || ask(higher).is_ok_and(|higher| higher.total.cents >= price), "{zone}");
        }
    }

    #[test]
    fn lines_add_up_and_an_early_end_never_gains(
        holder in holder(), demand in demand(), start in start(), a in length(), b in length(),
    ) {
        for (tariffs, zone) in books() {
            let request = request(&zone, holder, demand, (start, start + a.max(b)));
            let Ok(quote) = tariffs.quote(&request) else { continue };
            prop_assert_eq!(quote.lines.iter().map(|line| line.amount.cents).sum::<i64>(), quote.total.cents);
            prop_assert!(quote.total.cents >= 0 && quote.end >= request.end && quote.covered_until >= quote.end);
            let segments = vec![PaidSegment { start: quote.start, end: quote.end, paid: quote.total }];
            let session = PaidSession { zone: zone.clone(), holder, previous: None, demand, segments };
            if let Ok(stop) = tariffs.stop_early(&session, start + a.min(b)) {
                prop_assert!(stop.refund.cents >= 0 && stop.refund.cents <= quote.total.cents);
                prop_assert_eq!(stop.parts.iter().map(|part| part.amount.cents).sum::<i64>(), stop.refund.cents);
                prop_assert!(stop.used.cents + stop.refund.cents >= quote.total.cents.min(stop.used.cents));
            }
        }
    }

    #[test]
    fn the_latest_end_is_possible_and_nothing_later_is(holder in holder(), start in start()) {
        for (tariffs, zone) in books() {
            let Ok(latest) = tariffs.latest_end(&zone, &holder, start) else { continue };
            if latest <= start {
                continue;
            }
            let later = request(&zone, holder, None, (start, latest + Duration::seconds(1)));
            prop_assert!(tariffs.quote(&later).is_err(), "{zone}: longer than {latest}");
            let until = QuoteRequest { end: latest, ..later };
            let quote = tariffs.quote(&until);
            prop_assert!(quote.is_ok() || latest - start > Duration::days(366), "{zone}: {quote:?}");
        }
    }
}
