//! Timers: `rate(..)` and `cron(..)` of EventBridge Scheduler. A rate fires first after one period, not at the start.

use std::{str::FromStr as _, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_sam::{Event, LogicalId, Schedule, ScheduleExpression, Stack};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::lambda::{Host, InvokeError};

/// Why a schedule cannot be run.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// A cron expression outside what is understood.
    #[error("schedule {id}: cron({expression}): {reason}")]
    Cron {
        /// The schedule.
        id: String,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A zone that is not in the IANA database.
    #[error("schedule {id}: unknown time zone {zone}")]
    Zone {
        /// The schedule.
        id: String,
        /// The zone.
        zone: String,
    },
}

/// When a schedule fires.
#[derive(Debug, Clone)]
enum Timetable {
    Every(Duration),
    Cron(Box<cron::Schedule>, Tz),
}

impl Timetable {
    fn of(schedule: &Schedule) -> Result<Self, ScheduleError> {
        let expression = match &schedule.expression {
            ScheduleExpression::Rate(period) => return Ok(Self::Every(*period)),
            ScheduleExpression::Cron(expression) => expression,
        };
        let error =
            |reason: String| ScheduleError::Cron { id: schedule.id.clone(), expression: expression.clone(), reason };
        let fields: Vec<_> = expression.split_whitespace().collect();
        let [_, _, day_of_month, _, day_of_week, _] = fields[..] else {
            return Err(error("six fields are wanted: minutes hours day-of-month month day-of-week year".into()));
        };
        if day_of_month.contains(['L', 'W']) || day_of_week.contains('#') || day_of_week.ends_with('L') {
            return Err(error("L, W and # are not supported locally".into()));
        }
        let zone = schedule.timezone.as_deref().unwrap_or("UTC");
        let zone =
            Tz::from_str(zone).map_err(|_| ScheduleError::Zone { id: schedule.id.clone(), zone: zone.to_owned() })?;
        let parsed =
            cron::Schedule::from_str(&format!("0 {expression}")).map_err(|reason| error(reason.to_string()))?;
        Ok(Self::Cron(Box::new(parsed), zone))
    }

    /// The next time after `last`; none when a cron expression names no more.
    fn next(&self, last: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(period) => Some(last + *period),
            Self::Cron(schedule, zone) => {
                schedule.after(&last.with_timezone(zone)).next().map(|at| at.with_timezone(&Utc))
            }
        }
    }
}

/// The timers of a template.
pub struct Schedules {
    host: Host,
    all: Vec<(LogicalId, Schedule)>,
    stop: CancellationToken,
    tasks: tokio::sync::Mutex<JoinSet<()>>,
}

impl Schedules {
    /// Starts every enabled timer of the template.
    ///
    /// # Errors
    /// See [`ScheduleError`].
    pub fn start(template: &Stack, host: &Host) -> Result<Self, ScheduleError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let mut all = Vec::new();
        for function in template.functions.values() {
            for event in &function.events {
                let Event::Schedule(schedule) = event else { continue };
                let timetable = Timetable::of(schedule)?;
                if schedule.enabled {
                    tasks.spawn(run(
                        timetable,
                        function.logical_id.clone(),
                        payload(schedule),
                        host.clone(),
                        stop.clone(),
                    ));
                }
                all.push((function.logical_id.clone(), schedule.clone()));
            }
        }
        Ok(Self { host: host.clone(), all, stop, tasks: tokio::sync::Mutex::new(tasks) })
    }

    /// Fires a timer now, by function and the event's name; what the function answered.
    ///
    /// # Errors
    /// See [`InvokeError`]; a timer that the template does not have is an unknown function.
    pub async fn fire(&self, function: &str, event: &str) -> Result<Bytes, InvokeError> {
        let found = self.all.iter().find(|(id, schedule)| id.as_str() == function && schedule.id == event);
        let (function, schedule) = found.ok_or_else(|| InvokeError::UnknownFunction(format!("{function}.{event}")))?;
        self.host.invoke(function, payload(schedule)).await
    }

    /// Stops all timers and waits for what they started. Idempotent.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }
}

impl Drop for Schedules {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The configured input, else an empty event.
fn payload(schedule: &Schedule) -> Bytes {
    schedule.input.clone().unwrap_or_else(|| "{}".to_owned()).into()
}

async fn run(timetable: Timetable, function: LogicalId, payload: Bytes, host: Host, stop: CancellationToken) {
    let mut last = Utc::now();
    while let Some(next) = timetable.next(last) {
        let wait = (next - Utc::now()).to_std().unwrap_or_default();
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        if let Err(error) = host.invoke(&function, payload.clone()).await {
            tracing::error!(%function, %error, "scheduled invocation failed");
        }
        // A slow function or a sleeping laptop must not make the missed times come all at once.
        last = next.max(Utc::now());
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn schedule(expression: &str, timezone: Option<&str>) -> Schedule {
        Schedule {
            id: "S".into(),
            expression: ScheduleExpression::Cron(expression.into()),
            input: None,
            timezone: timezone.map(Into::into),
            enabled: true,
        }
    }

    fn next(expression: &str, timezone: Option<&str>) -> String {
        let from = Utc.with_ymd_and_hms(2026, 3, 28, 12, 0, 0).unwrap();
        Timetable::of(&schedule(expression, timezone)).unwrap().next(from).unwrap().to_rfc3339()
    }

    #[test]
    fn cron_means_what_aws_means() {
        assert_eq!(next("0 9 * * ? *", None), "2026-03-29T09:00:00+00:00");
        assert_eq!(next("0/15 * * * ? *", None), "2026-03-28T12:15:00+00:00");
        // 28 March 2026 is a Saturday, the day before the clocks change; 2 is Monday in AWS.
        assert_eq!(next("0 9 ? * 2 *", None), "2026-03-30T09:00:00+00:00");
        assert_eq!(next("0 9 ? * MON-FRI *", Some("Europe/Paris")), "2026-03-30T07:00:00+00:00");
        assert_eq!(next("30 8 1 JUL ? 2027", None), "2027-07-01T08:30:00+00:00");
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (expression, named) in [
            ("0 9 * * ?", "six fields"),
            ("0 9 L * ? *", "not supported"),
            ("0 9 ? * 6#3 *", "not supported"),
            ("99 9 * * ? *", "99"),
        ] {
            let error = Timetable::of(&schedule(expression, None)).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert!(matches!(Timetable::of(&schedule("0 9 * * ? *", Some("Mars/Base"))), Err(ScheduleError::Zone { .. })));
    }

    #[test]
    fn a_rate_fires_first_after_one_period() {
        let schedule = Schedule { expression: ScheduleExpression::Rate(Duration::from_secs(60)), ..schedule("", None) };
        let now = Utc::now();
        assert_eq!(Timetable::of(&schedule).unwrap().next(now), Some(now + Duration::from_secs(60)));
    }
}
