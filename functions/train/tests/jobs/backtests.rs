//! Backtests that somebody asked for.

use parvis_forecasting::Unforecastable;
use parvis_forecasts::{Asked, StoredBacktest, Tested, Trial};
use parvis_train::work::Done;

use crate::support::{City, arrivals, fed, hours, now, weeks};

fn asked(weeks_back: i64) -> Asked {
    let trial = Trial { from: now() - weeks(weeks_back), every_hours: 24, horizon_hours: 48, at: now() };
    Asked { subject: arrivals().subject, backtest: trial }
}

async fn stored(city: &City, asked: &Asked) -> StoredBacktest {
    city.store().backtest(&asked.subject, &asked.backtest.name()).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_live_series_is_tested_on_its_past_once() {
    let city = City::new().await;
    let asked = asked(2);
    assert_eq!(city.trainer.test(&asked).await.unwrap(), Done::Gone);
    city.store().define(&arrivals()).await.unwrap();
    city.store().observe(&asked.subject, &fed(now() - weeks(8), 8 * 7 * 24), 60).await.unwrap();
    assert_eq!(city.trainer.test(&asked).await.unwrap(), Done::Tested);
    let Some(Tested::Measured { origins, contenders, line }) = stored(&city, &asked).await.tested else {
        panic!("nothing was measured")
    };
    // The last day's forecast reaches beyond what came.
    assert_eq!((origins, line.len()), (14, 14 * 24));
    let error = |name: &str| contenders.iter().find(|one| one.name == name).unwrap().accuracy.mae();
    // Noise of 0, 1 or 2 around a known course: nobody can do better than two thirds.
    assert!(error("chosen") < 0.9 && error("chosen") < error("seasonal naive"), "{contenders:?}");
    assert!(contenders.last().unwrap().name == "chosen" && contenders.last().unwrap().by_day_ahead.len() == 2);
    assert_eq!(city.trainer.test(&asked).await.unwrap(), Done::Already);
}

#[tokio::test]
async fn a_series_that_cannot_be_tested_says_why() {
    let city = City::new().await;
    city.store().define(&arrivals()).await.unwrap();
    city.store().observe(&arrivals().subject, &fed(now() - hours(60), 60), 60).await.unwrap();
    let asked = asked(1);
    assert_eq!(city.trainer.test(&asked).await.unwrap(), Done::Refused);
    let tested = stored(&city, &asked).await.tested;
    assert!(
        matches!(tested, Some(Tested::Refused { reason: Unforecastable::TooShort { .. } | Unforecastable::Empty })),
        "{tested:?}"
    );
}
