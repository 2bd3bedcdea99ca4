//! Limits per person or group in a day, week, month or year.
//!
//! A quota is counted under keys, one per person (or group), period and what it is about. The store adds to the count of a
//! key only while it stays within the limit, so that two bookings at the same time cannot both take the last one.

use chrono::Datelike;
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{Policy, Refusal};
use crate::Slot;
use crate::resource::Resource;

/// The stretch in which a quota counts, by the site's calendar. A booking counts in the period in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// ISO week, Monday to Sunday.
    Week,
    /// Calendar month.
    Month,
    /// Calendar year.
    Year,
}

/// What a quota counts together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All resources of the policy.
    #[default]
    Policy,
    /// Each resource by itself.
    Resource,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// So many bookings.
    Bookings(u32),
    /// So many minutes.
    Minutes(u32),
}

impl Limit {
    /// The number.
    #[must_use]
    pub const fn value(self) -> u32 {
        match self {
            Self::Bookings(value) | Self::Minutes(value) => value,
        }
    }
}

/// A limit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quota {
    /// The group it is for, such as `driver`; everybody when absent.
    #[serde(default)]
    pub group: Option<String>,
    /// Whether the members of the group share it. Otherwise each person has it.
    #[serde(default)]
    pub shared: bool,
    /// What is counted together.
    #[serde(default)]
    pub scope: Scope,
    /// In which stretch.
    pub period: Period,
    /// How much.
    pub limit: Limit,
}

/// What a booking adds to the count of one key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage {
    /// The key.
    pub key: String,
    /// What is added.
    pub amount: i64,
    /// What the count may reach.
    pub limit: i64,
    /// `bookings` or `minutes`.
    pub unit: &'static str,
    /// `day`, `week`, `month` or `year`.
    pub period: &'static str,
}

impl Usage {
    /// The refusal when the key is full.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        Refusal::QuotaReached { limit: self.limit, unit: self.unit.to_owned(), period: self.period.to_owned() }
    }
}

/// What a booking of `slot` on `resource` by `owner`, member of `groups`, adds to the quotas of `policy`.
#[must_use]
pub fn usages(policy: &Policy, resource: &Resource, owner: &str, groups: &[&str], slot: Slot, zone: Tz) -> Vec<Usage> {
    let applies = |quota: &&Quota| quota.group.as_deref().is_none_or(|group| groups.contains(&group));
    policy.quotas.iter().filter(applies).map(|quota| usage(quota, policy, resource, owner, slot, zone)).collect()
}

fn usage(quota: &Quota, policy: &Policy, resource: &Resource, owner: &str, slot: Slot, zone: Tz) -> Usage {
    let day = slot.start.with_timezone(&zone).date_naive();
    let (period, label) = match quota.period {
        Period::Day => ("day", day.format("%Y-%m-%d").to_string()),
        Period::Week => ("week", format!("{}-W{:02}", day.iso_week().year(), day.iso_week().week())),
        Period::Month => ("month", day.format("%Y-%m").to_string()),
        Period::Year => ("year", day.format("%Y").to_string()),
    };
    let group = quota.group.as_deref().unwrap_or("*");
    let who = if quota.shared { "" } else { owner };
    let what = match quota.scope {
        Scope::Policy => "*",
        Scope::Resource => resource.id.as_str(),
    };
    let (unit, amount) = match quota.limit {
        Limit::Bookings(_) => ("bookings", 1),
        Limit::Minutes(_) => ("minutes", slot.minutes()),
    };
    // The limit is no part of the key: raising it must not forget what was used.
    let key = format!("{}|{unit}|{group}|{what}|{label}|{who}", policy.id);
    Usage { key, amount, limit: i64::from(quota.limit.value()), unit, period }
}

#[cfg(test)]
mod tests {
    use chrono_tz::Europe::Paris;

    use super::*;
    use crate::resource::Kind;
    use crate::to_utc;

    fn desk() -> Resource {
        serde_json::from_value(serde_json::json!({
            "id": "desk-1", "site": "hq", "kind": Kind::Desk, "name": "Desk 1", "policy": "desks",
        }))
        .unwrap()
    }

    fn quota(group: Option<&str>, shared: bool, scope: Scope, period: Period, limit: Limit) -> Quota {
        Quota { group: group.map(str::to_owned), shared, scope, period, limit }
    }

    #[test]
    fn each_quota_that_applies_has_a_key() {
        let mut policy = Policy::usual("desks".parse().unwrap());
        policy.quotas = vec![
            quota(None, false, Scope::Policy, Period::Week, Limit::Minutes(600)),
            quota(Some("driver"), false, Scope::Resource, Period::Day, Limit::Bookings(1)),
            quota(Some("manager"), true, Scope::Policy, Period::Year, Limit::Bookings(9)),
        ];
        // Monday 00:30 in Paris is still Sunday in UTC: the local calendar counts.
        let at = |text: &str| to_utc(text.parse().unwrap(), Paris);
        let slot = Slot::new(at("2026-07-13T00:30:00"), at("2026-07-13T02:00:00")).unwrap();
        let keys = |groups: &[&str]| -> Vec<(String, i64)> {
            let found = usages(&policy, &desk(), "u1", groups, slot, Paris);
            found.into_iter().map(|usage| (usage.key, usage.amount)).collect()
        };
        assert_eq!(
            keys(&["driver"]),
            [
                ("desks|minutes|*|*|2026-W29|u1".to_owned(), 90),
                ("desks|bookings|driver|desk-1|2026-07-13|u1".to_owned(), 1)
            ]
        );
        assert_eq!(keys(&["manager"])[1].0, "desks|bookings|manager|*|2026|", "shared by the group");
    }
}
