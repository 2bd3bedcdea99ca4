//! The store over a real table in the process.

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::{Calendar, Grid, Kind, Observation, Options, Series, Step, StepForecast, Unforecastable, fit};
use parvis_forecasts::{Definition, ForecastStore, Issued, Outcome, Outlook, Scored, StoredModel, Subject};

async fn store() -> Result<ForecastStore> {
    Ok(ForecastStore::new(parvis_test_tables::start(&["forecasts"]).await?, "forecasts"))
}

fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_222_000, 0).unwrap_or_default() // midnight in Paris of 1 January 2026
}

fn definition(subject: &Subject) -> Definition {
    Definition {
        subject: subject.clone(),
        title: "Emergency arrivals".to_owned(),
        kind: Kind::Count,
        step_minutes: 60,
        calendar: Calendar::new(chrono_tz::Europe::Paris),
    }
}

fn hourly(hours: i32) -> Vec<Observation> {
    let value = |hour: i32| f64::from((hour % 24 - 12).abs());
    (0..hours).map(|hour| Observation { at: start() + TimeDelta::hours(1) * hour, value: value(hour) }).collect()
}

#[tokio::test]
async fn observations_come_back_and_once_is_as_good_as_twice() -> Result<()> {
    let (store, subject) = (store().await?, Subject::Fed("er".parse()?));
    let observations = hourly(100);
    assert_eq!(store.observe(&subject, &observations[..60], 60).await?, 4);
    assert_eq!(store.observe(&subject, &observations[..60], 60).await?, 0);
    store.observe(&subject, &observations[40..], 60).await?;
    let days = store.observations(&subject, start().date_naive()).await?;
    let held: Vec<_> = days.iter().flat_map(parvis_forecasts::Day::observations).collect();
    assert_eq!(held, observations);
    let late = store.observations(&subject, (start() + TimeDelta::days(3)).date_naive()).await?;
    assert_eq!(late.len(), 3);
    assert!(store.observations(&Subject::Fed("er2".parse()?), start().date_naive()).await?.is_empty());
    Ok(())
}

/// Two writers of one day: both are there in the end.
#[tokio::test]
async fn writers_of_one_day_do_not_undo_each_other() -> Result<()> {
    let (store, subject) = (store().await?, Subject::Fed("er".parse()?));
    let observations = hourly(20);
    let (even, odd): (Vec<_>, Vec<_>) = observations.iter().enumerate().partition(|(place, _)| place % 2 == 0);
    let of = |list: Vec<(usize, &Observation)>| list.into_iter().map(|(_, one)| *one).collect::<Vec<_>>();
    let (even, odd) = (of(even), of(odd));
    let (first, second) = tokio::join!(store.observe(&subject, &even, 60), store.observe(&subject, &odd, 60));
    first?;
    second?;
    let days = store.observations(&subject, start().date_naive()).await?;
    assert_eq!(days.iter().flat_map(parvis_forecasts::Day::observations).count(), 20);
    Ok(())
}

#[tokio::test]
async fn the_list_keeps_definition_and_outcome_apart() -> Result<()> {
    let store = store().await?;
    let (fed, place) = (Subject::Fed("er".parse()?), Subject::Place("er".parse()?));
    assert_eq!(store.listed(&fed).await?, None);
    store.define(&definition(&fed)).await?;
    store.define(&definition(&place)).await?;
    let refused = Outcome::Refused { at: start(), reason: Unforecastable::TooShort { days: 2.0 } };
    store.conclude(&fed, &refused).await?;
    store.define(&Definition { title: "Arrivals".to_owned(), ..definition(&fed) }).await?;
    let entries = store.entries("fed/").await?;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].definition.title.as_str(), &entries[0].outcome), ("Arrivals", &Some(refused)));
    Ok(())
}

#[tokio::test]
async fn a_model_and_its_forecast_survive_the_table() -> Result<()> {
    let (store, subject) = (store().await?, Subject::Fed("er".parse()?));
    let grid = Grid::new(start(), Step::Minutes(60), chrono_tz::Europe::Paris);
    let values: Vec<_> = hourly(24 * 40).iter().map(|one| Some(one.value)).collect();
    let series = Series::new(grid, Kind::Count, &values)?;
    let fitted = fit(&series, &Calendar::new(chrono_tz::Europe::Paris), &Options::new(48, 24))?;
    let forecast = fitted.forecast(48);
    let at = series.end();
    let model =
        StoredModel { trained_at: at, grid_start: start(), definition: definition(&subject), borrowed: false, fitted };
    store.put_model(&subject, &model).await?;
    let read = store.model(&subject).await?.map(|model| model.fitted.forecast(48).steps).unwrap_or_default();
    // JSON may move the last digit of a number.
    let means = |steps: &[StepForecast]| steps.iter().map(|step| (step.mean * 1e9).round()).collect::<Vec<_>>();
    assert_eq!(means(&read), means(&forecast.steps));
    let outlook = Outlook {
        definition: definition(&subject),
        origin: forecast.origin,
        trained_at: at,
        model_version: model.fitted.version(),
        span: model.fitted.span(),
        borrowed: false,
        known: None,
        rehearsed: model.fitted.rehearsed().to_vec(),
        steps: forecast.steps.clone(),
        explanation: forecast.explanation,
    };
    store.put_outlook(&outlook).await?;
    let read = store.outlook(&subject).await?.map(|read| (means(&read.steps), read.definition, read.span));
    assert_eq!(read, Some((means(&outlook.steps), outlook.definition, outlook.span)));
    let day = at.date_naive();
    let issued = Issued { day, origin: at, scale: None, reconstructed: false, steps: forecast.steps };
    store.put_issued(&subject, &issued).await?;
    assert_eq!(store.issued(&subject, day).await?.map(|read| means(&read.steps)), Some(means(&issued.steps)));
    let scored = issued.score(|_| Some(5.0)).ok_or_else(|| anyhow::anyhow!("nothing to score"))?;
    store.put_scored(&subject, &scored).await?;
    let told = |one: &Scored| {
        (one.day, one.steps, one.points.len(), [one.mae, one.inside_80].map(|part| (part * 1e9).round()))
    };
    assert_eq!(store.scored(&subject, day).await?.iter().map(told).collect::<Vec<_>>(), [told(&scored)]);
    Ok(())
}
