//! Ranges of time in requests.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use parvis_kit::problem::{FieldError, Problem};

use crate::sql::Window;

/// How long a range is without `from`, and how long it may be.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Length when only the end, or nothing, is given.
    pub default: TimeDelta,
    /// The longest allowed: what one answer can hold.
    pub longest: TimeDelta,
}

/// The window that `from` (inclusive) and `to` (exclusive, at most now) describe.
///
/// # Errors
/// 422 when it is empty or longer than allowed.
pub fn window(
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    timezone: Tz,
    span: Span,
) -> Result<Window, Problem> {
    // The future has no history: beyond now the last state would be drawn on as if it were known.
    let to = to.map_or(now, |to| to.min(now));
    let from = from.unwrap_or(to - span.default);
    if from >= to {
        return Err(Problem::invalid(vec![FieldError::new("from", "must lie before `to` and before now")]));
    }
    if to - from > span.longest {
        let message = format!("at most {} before `to` at this step; ask for several ranges", in_words(span.longest));
        return Err(Problem::invalid(vec![FieldError::new("from", message)]));
    }
    Ok(Window { from, to, timezone })
}

fn in_words(length: TimeDelta) -> String {
    if length.num_days() > 0 { format!("{} days", length.num_days()) } else { format!("{} hours", length.num_hours()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span { default: TimeDelta::hours(24), longest: TimeDelta::days(7) };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn ask(from: Option<i64>, to: Option<i64>) -> Result<(i64, i64), Problem> {
        let window = window(from.map(at), to.map(at), at(1000), Tz::UTC, SPAN)?;
        let hours = |instant: DateTime<Utc>| (instant - at(0)).num_hours();
        Ok((hours(window.from), hours(window.to)))
    }

    #[test]
    fn what_is_not_said_is_the_latest_stretch() {
        assert_eq!(ask(None, None).unwrap(), (976, 1000));
        assert_eq!(ask(None, Some(500)).unwrap(), (476, 500));
        assert_eq!(ask(Some(990), None).unwrap(), (990, 1000));
    }

    #[test]
    fn the_future_is_cut_off() {
        assert_eq!(ask(Some(990), Some(2000)).unwrap(), (990, 1000));
        assert!(ask(Some(1500), Some(2000)).is_err());
    }

    #[test]
    fn empty_and_long_ranges_are_refused() {
        assert!(ask(Some(10), Some(10)).is_err());
        assert_eq!(ask(Some(0), Some(168)).unwrap(), (0, 168));
        assert!(ask(Some(0), Some(169)).is_err());
    }
}
