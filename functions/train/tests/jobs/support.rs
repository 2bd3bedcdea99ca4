//! Stores of a test's own, and ways to fill them.

use aws_sdk_dynamodb::Client;
use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use parvis_forecasting::{Calendar, Kind, Observation};
use parvis_forecasts::{Definition, ForecastStore, Job, Outcome, Outlook, Subject, Task};
use parvis_kit::{event_store::EventStore, postgres::Database};
use parvis_live::LiveStore;
use parvis_parking::{DeviceMessage, SpaceReading, Status};
use parvis_places::{Enrolment, Place, PlacesStore, Source, Zone};
use parvis_train::{Trainer, work::Done};

/// A Monday, 13:00 in Paris.
pub fn now() -> DateTime<Utc> {
    "2026-03-16T12:00:00Z".parse().unwrap()
}

pub struct City {
    pub trainer: Trainer,
    pub dynamodb: Client,
}

impl City {
    pub async fn new() -> Self {
        Self::over(parvis_test_postgres::database().await).await
    }

    pub async fn over(database: Database) -> Self {
        let dynamodb = parvis_test_tables::start(&["places", "forecasts", "events", "live"]).await.unwrap();
        let places = PlacesStore::new(dynamodb.clone(), "places");
        let events = EventStore::new(dynamodb.clone(), "events");
        let live = LiveStore::new(dynamodb.clone(), "live");
        Self {
            trainer: Trainer {
                places,
                store: ForecastStore::new(dynamodb.clone(), "forecasts"),
                events,
                live,
                database,
                battery_floor: 10.0,
            },
            dynamodb,
        }
    }

    pub fn store(&self) -> &ForecastStore {
        &self.trainer.store
    }

    pub async fn place(&self, id: &str, zones: Vec<Zone>) {
        let place = Place {
            id: id.parse().unwrap(),
            name: format!("Parking {id}"),
            timezone: chrono_tz::Europe::Paris,
            location: None,
            address: None,
            enrolment: Enrolment::Closed,
            thresholds: Default::default(),
            status: Default::default(),
            version: 1,
            created_at: now(),
            modified_at: now(),
        };
        self.trainer.places.put_place(&place).await.unwrap();
        for zone in zones {
            self.trainer.places.put_zone(&place.id, &zone).await.unwrap();
        }
    }

    /// A counter that fills by day: `most` vehicles from 08:00 to 19:00 of the local day, a tenth of them otherwise.
    pub async fn count(&self, place: &str, zone: &str, from: DateTime<Utc>, to: DateTime<Utc>, most: i32) {
        self.count_with_swing(place, zone, from, to, most, 0).await;
    }

    /// The same, with up to three times `swing` more or less for six hours at a time.
    pub async fn count_with_swing(
        &self,
        place: &str,
        zone: &str,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        most: i32,
        swing: i32,
    ) {
        let pool = self.trainer.database.pool().await.unwrap();
        sqlx::query(
            "SELECT parking_ensure_partitions(array(
                 SELECT generate_series(date_trunc('month', $1), $2, interval '1 month')::date))",
        )
        .bind(from)
        .bind(to)
        .execute(pool)
        .await
        .unwrap();
        sqlx::query(
            "INSERT INTO parking_reading (place, zone, at, occupied, capacity, version)
             SELECT $1, $2, at,
                    CASE WHEN extract(hour FROM at AT TIME ZONE 'Europe/Paris') BETWEEN 8 AND 18 THEN $5
                         ELSE $5 / 10 + 3 * $6 END + (extract(epoch FROM at)::bigint / 900 * 7919 % 5)::int
                         + $6 * ((extract(epoch FROM at)::bigint / 21600 * 7919 % 7)::int - 3), 100, 1
             FROM generate_series($3, $4, interval '15 minutes') AS g(at) WHERE at < $4",
        )
        .bind(place)
        .bind(zone)
        .bind(from)
        .bind(to)
        .bind(most)
        .bind(swing)
        .execute(pool)
        .await
        .unwrap();
    }

    pub async fn work(&self, subject: &str, task: Task, at: DateTime<Utc>) -> Done {
        self.trainer.work(&Job { subject: subject.parse().unwrap(), task, at }).await.unwrap()
    }

    pub async fn outcome(&self, subject: &str) -> Outcome {
        self.store().listed(&subject.parse().unwrap()).await.unwrap().unwrap().outcome.unwrap()
    }

    pub async fn outlook(&self, subject: &str) -> Outlook {
        self.store().outlook(&subject.parse().unwrap()).await.unwrap().unwrap()
    }

    pub async fn observed(&self, subject: &str) -> Vec<Observation> {
        let (subject, from) = (subject.parse().unwrap(), (now() - TimeDelta::days(60)).date_naive());
        let days = self.store().observations(&subject, from).await.unwrap();
        days.iter().flat_map(|day| day.observations().collect::<Vec<_>>()).collect()
    }
}

pub fn counter(id: &str, capacity: Option<u32>) -> Zone {
    Zone {
        id: id.parse().unwrap(),
        name: format!("Zone {id}"),
        source: Source::Counter,
        capacity,
        spaces: Vec::new(),
        status: Default::default(),
        thresholds: None,
        version: 1,
    }
}

pub fn weeks(number: i64) -> TimeDelta {
    TimeDelta::weeks(number)
}

pub fn hours(number: i64) -> TimeDelta {
    TimeDelta::hours(number)
}

pub fn arrivals() -> Definition {
    Definition {
        subject: Subject::Fed("arrivals".parse().unwrap()),
        title: "Emergency arrivals".to_owned(),
        kind: Kind::Count,
        step_minutes: 60,
        calendar: Calendar::new(chrono_tz::Europe::Paris),
    }
}

pub fn fed(from: DateTime<Utc>, number: i64) -> Vec<Observation> {
    // A course of the day, and something that no model can know.
    let noise = |at: DateTime<Utc>| (at.timestamp() / 3600 * 7919 % 1009 % 3) as f64;
    let value = |at: DateTime<Utc>| 4.0 + f64::from(at.hour() % 12) + noise(at);
    (0..number).map(|hour| from + hours(hour)).map(|at| Observation { at, value: value(at) }).collect()
}

/// A space of `lot`, zone `A`, free and with so many percent of its battery left.
pub fn reading(number: u32, battery: i64, at: DateTime<Utc>) -> DeviceMessage {
    DeviceMessage::Space(SpaceReading {
        place: "lot".parse().unwrap(),
        zone: "A".parse().unwrap(),
        space: number.try_into().unwrap(),
        status: Status::Free,
        at,
        sequence: None,
        confidence: None,
        battery: u8::try_from(battery).ok(),
        received_at: at,
    })
}
