//! Alerts before saturation: a car park or zone that will probably reach its threshold within two hours.
//!
//! One alert per crossing: whether it was raised is kept, and forgotten only when saturation has become unlikely again. State and event
//! are written in one transaction, so that a job that comes again alerts nobody again.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_events::{
    CloudEvent, EventId,
    alert::{Alert, AlertLevel, EXPECTED},
    place_subject,
};
use parvis_forecasting::{Kind, PROBABILITIES, StepForecast};
use parvis_forecasts::{Outlook, Warning};
use parvis_parking::Level;
use parvis_places::{OpenStatus, PlaceRecord};

use crate::work::{Trainer, WorkError};

/// How far ahead is looked.
const AHEAD: TimeDelta = TimeDelta::hours(2);
/// From this probability on saturation is expected.
const PROBABLE: f64 = 0.6;
/// Below this one it is not any more. What lies between changes nothing.
const DOUBTFUL: f64 = 0.4;
/// The source of the events.
const SOURCE: &str = "/parvis/train";

/// What follows from a forecast for whether saturation is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Verdict {
    /// It is from now on: an alert for this moment, with its probability.
    Raise(DateTime<Utc>, f64),
    /// It has come already: nobody needs to be warned of it.
    Known,
    /// It is not any more.
    Lower,
    /// As before.
    Keep,
}

/// Judges the probabilities of being saturated in the steps ahead, the first of which is the present.
fn judge(raised: bool, ahead: &[(DateTime<Utc>, f64)]) -> Verdict {
    let now = ahead.first().is_some_and(|(_, chance)| *chance >= PROBABLE);
    let expected = ahead.iter().find(|(_, chance)| *chance >= PROBABLE);
    match (raised, expected) {
        (false, Some(_)) if now => Verdict::Known,
        (false, Some((at, chance))) => Verdict::Raise(*at, *chance),
        (true, None) if ahead.iter().all(|(_, chance)| *chance < DOUBTFUL) => Verdict::Lower,
        _ => Verdict::Keep,
    }
}

/// The probability that a step's value is at least `value`, between its quantiles along straight lines.
fn chance_of_at_least(step: &StepForecast, value: f64) -> f64 {
    let known: Vec<(f64, f64)> = step.quantiles.iter().copied().zip(PROBABILITIES).collect();
    let above = known.iter().position(|(quantile, _)| *quantile >= value);
    match above {
        None => 0.0,
        Some(0) => 1.0,
        Some(place) => {
            let ((low, below), (high, up_to)) = (known[place - 1], known[place]);
            let share = if high > low { (value - low) / (high - low) } else { 0.0 };
            1.0 - (below + share * (up_to - below))
        }
    }
}

impl Trainer {
    /// Alerts when saturation has become probable, once; tells whether it did.
    ///
    /// # Errors
    /// When the state or the event cannot be written; nothing is then.
    pub(crate) async fn warn(&self, outlook: &Outlook) -> Result<bool, WorkError> {
        let definition = &outlook.definition;
        let (Some(place), Kind::Bounded { capacity }) = (definition.subject.place(), definition.kind) else {
            return Ok(false);
        };
        // What similar places lend is not sure enough to send people elsewhere, nor is what was known before the source fell silent.
        let sure = !outlook.borrowed && !outlook.is_silent();
        let Some(record) = self.places.get(place).await?.filter(|_| sure) else { return Ok(false) };
        let threshold = f64::from(record.thresholds(definition.subject.zone()).of(Level::Saturated));
        let limit = capacity * threshold / 100.0;
        let until = outlook.origin + AHEAD;
        let open = record.place.status == OpenStatus::Open;
        let ahead: Vec<(DateTime<Utc>, f64)> = outlook
            .steps
            .iter()
            .filter(|step| step.open && open && step.start <= until)
            .map(|step| (step.start, chance_of_at_least(step, limit)))
            .collect();
        let before = self.store.warning(&definition.subject).await?;
        let after = |raised| Warning { raised, version: before.version + 1 };
        match judge(before.raised, &ahead) {
            Verdict::Keep => Ok(false),
            silent @ (Verdict::Known | Verdict::Lower) => {
                let warning = after(silent == Verdict::Known);
                self.store.put_warning(&definition.subject, &warning, None).await?;
                Ok(false)
            }
            Verdict::Raise(at, chance) => {
                let warning = after(true);
                let alert = alert(outlook, &record, (at, chance), (capacity, threshold));
                let facts = [&definition.subject.to_string(), EXPECTED, &warning.version.to_string()];
                let event = CloudEvent::new(
                    EventId::of_facts(outlook.origin, &facts),
                    SOURCE,
                    EXPECTED,
                    place_subject(place.as_str()),
                    outlook.origin,
                    alert,
                );
                let put = self.events.put_in_transaction(&event)?;
                Ok(self.store.put_warning(&definition.subject, &warning, Some(put)).await?)
            }
        }
    }
}

fn alert(
    outlook: &Outlook,
    record: &PlaceRecord,
    (at, chance): (DateTime<Utc>, f64),
    (capacity, threshold): (f64, f64),
) -> Alert {
    let zone = outlook.definition.subject.zone();
    let expected = outlook.steps.iter().find(|step| step.start == at).map_or(0.0, |step| step.mean);
    // Capacities are whole numbers of spaces, far below 2^32.
    let spaces = |value: f64| value.round().clamp(0.0, f64::from(u32::MAX)) as u32;
    Alert {
        place: record.place.id.to_string(),
        place_name: Some(record.place.name.clone()),
        zone: zone.map(ToString::to_string),
        zone_name: zone.and_then(|id| record.zone(id)).map(|zone| zone.name.clone()),
        level: AlertLevel::Saturated,
        previous: Level::Normal.as_str().to_owned(),
        occupancy_rate: (1000.0 * expected / capacity).round() / 10.0,
        occupied: spaces(expected),
        total: spaces(capacity),
        threshold,
        at,
        chance: Some((chance * 100.0).round() / 100.0),
        timezone: Some(record.place.timezone.name().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(quarter: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(15 * quarter)
    }

    fn ahead(chances: &[f64]) -> Vec<(DateTime<Utc>, f64)> {
        (0..).map(at).zip(chances.iter().copied()).collect()
    }

    #[test]
    fn the_first_probable_moment_is_alerted_and_what_is_there_already_is_not() {
        assert_eq!(judge(false, &ahead(&[0.1, 0.5, 0.6, 0.9])), Verdict::Raise(at(2), 0.6));
        assert_eq!(judge(false, &ahead(&[0.7, 0.9])), Verdict::Known);
        assert_eq!(judge(true, &ahead(&[0.1, 0.9])), Verdict::Keep);
        assert_eq!(judge(false, &[]), Verdict::Keep);
    }

    #[test]
    fn it_is_forgotten_only_when_it_is_unlikely() {
        assert_eq!(judge(true, &ahead(&[0.1, 0.5])), Verdict::Keep);
        assert_eq!(judge(true, &ahead(&[0.1, 0.39])), Verdict::Lower);
        // A zone that was closed is not expected to fill.
        assert_eq!(judge(true, &[]), Verdict::Lower);
    }

    proptest! {
        #[test]
        fn a_tremble_between_the_bounds_alerts_once(chances in prop::collection::vec(0.401_f64..0.9, 1..50)) {
            let mut raised = false;
            let mut alerts = 0;
            for chance in chances {
                match judge(raised, &ahead(&[0.0, chance])) {
                    Verdict::Raise(..) => { raised = true; alerts += 1; }
                    Verdict::Known => raised = true,
                    Verdict::Lower => raised = false,
                    Verdict::Keep => {}
                }
            }
            prop_assert!(alerts <= 1);
        }

        #[test]
        fn more_is_never_more_likely(mut quantiles in prop::collection::vec(0.0_f64..100.0, 9), low in 0.0_f64..100.0, more in 0.0_f64..50.0) {
            quantiles.sort_by(f64::total_cmp);
            let step = StepForecast { start: at(0), open: true, mean: 50.0, quantiles, chance_below_capacity: None };
            let (one, other) = (chance_of_at_least(&step, low), chance_of_at_least(&step, low + more));
            prop_assert!((0.0..=1.0).contains(&one) && other <= one + 1e-12);
        }
    }
}
