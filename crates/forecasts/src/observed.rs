//! Observations: `day#<date>` under the subject of the series.

use std::collections::HashMap;

use aws_sdk_dynamodb::{operation::put_item::PutItemError, primitives::Blob, types::AttributeValue};
use chrono::NaiveDate;
use parvis_forecasting::Observation;

use crate::{
    days::Day,
    store::{ForecastStore, Item, KEEP_OBSERVATIONS, StoreError, dated, expiry, text},
    subject::Subject,
};

const DAY: &str = "day#";
const VALUES: &str = "values";
const VERSION: &str = "version";
/// Attempts to write a day that others write too.
const ATTEMPTS: usize = 5;
/// More days than these are first compared with what is stored of them.
const FEW_DAYS: usize = 4;

impl ForecastStore {
    /// Adds observations; the same ones again change nothing. Returns the days that changed.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub async fn observe(
        &self,
        subject: &Subject,
        observations: &[Observation],
        step_minutes: u16,
    ) -> Result<usize, StoreError> {
        let mut days = Day::of(observations, step_minutes);
        if let Some(first) = days.first().map(|day| day.day).filter(|_| days.len() > FEW_DAYS) {
            // Of many days most are known already, and one query tells which.
            let known = self.observations(subject, first).await?;
            let known: HashMap<NaiveDate, Day> = known.into_iter().map(|day| (day.day, day)).collect();
            days.retain(|day| known.get(&day.day).is_none_or(|held| held.clone().merge(day)));
        }
        let mut changed = 0;
        for day in days {
            changed += usize::from(self.merge(subject, &day).await?);
        }
        Ok(changed)
    }

    /// Merges a day into what is known of it, on the condition that nobody else wrote in between.
    async fn merge(&self, subject: &Subject, newer: &Day) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let stored = self.get(&subject.to_string(), &dated(DAY, newer.day)).await?;
            let version = stored.as_ref().and_then(|item| item.get(VERSION)?.as_n().ok()?.parse::<u64>().ok());
            let mut day = newer.clone();
            if let Some(held) = stored.as_ref().and_then(|item| read_day(newer.day, item)) {
                day = held;
                if !day.merge(newer) {
                    return Ok(false);
                }
            }
            if self.put_day(subject, &day, version).await? {
                return Ok(true);
            }
        }
        Err(StoreError::Contended)
    }

    async fn put_day(&self, subject: &Subject, day: &Day, version: Option<u64>) -> Result<bool, StoreError> {
        let put = self
            .client()
            .put_item()
            .table_name(self.table())
            .item("pk", text(&subject.to_string()))
            .item("sk", text(&dated(DAY, day.day)))
            .item(VALUES, AttributeValue::B(Blob::new(day.to_bytes())))
            .item(VERSION, AttributeValue::N((version.unwrap_or(0) + 1).to_string()))
            .item("expires_at", expiry(day.start() + KEEP_OBSERVATIONS));
        let put = match version {
            Some(version) => put
                .condition_expression("#version = :version")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":version", AttributeValue::N(version.to_string())),
            None => put.condition_expression("attribute_not_exists(pk)"),
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(Box::new(error).into()),
            },
        }
    }

    /// The observations from a day on (UTC), oldest first.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub async fn observations(&self, subject: &Subject, from: NaiveDate) -> Result<Vec<Day>, StoreError> {
        let items = self.query_between(&subject.to_string(), &dated(DAY, from), &format!("{DAY}~")).await?;
        let day = |item: &Item| read_day(date_of(item)?, item);
        Ok(items.iter().filter_map(day).collect())
    }
}

fn date_of(item: &Item) -> Option<NaiveDate> {
    item.get("sk")?.as_s().ok()?.strip_prefix(DAY)?.parse().ok()
}

fn read_day(day: NaiveDate, item: &Item) -> Option<Day> {
    Some(Day::from_bytes(day, item.get(VALUES)?.as_b().ok()?.as_ref()))
}
