//! What comes back when a booking ends early.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_money::{Money, MoneyError, Rounding};
use serde::{Deserialize, Serialize};

use super::Policy;
use crate::booking::Charge;

/// A deadline with what comes back before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CancellationRule {
    /// Cancelled at least so many minutes before the start...
    pub minutes_before: u32,
    /// ... so much of the price comes back, in percent.
    pub refund_percent: u8,
}

/// How a booking ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its owner gave it up at this time.
    CancelledByOwner(DateTime<Utc>),
    /// The house took it back, or did not approve: everything comes back.
    CancelledByHouse,
    /// Nobody came: nothing comes back, and the deposit is kept.
    NoShow,
    /// It was used: the deposit comes back.
    Used,
}

/// What comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Refund {
    /// Part of the price, in percent.
    pub percent: u8,
    /// Of the price.
    pub price: Money,
    /// Of the deposit.
    pub deposit: Money,
    /// Credits; a part of one is not given back.
    pub credits: u32,
    /// Included minutes of the subscription.
    pub included_minutes: u32,
}

/// What comes back of `charge` for a booking that was to start at `start`.
///
/// # Errors
/// [`MoneyError::Overflow`] for amounts near the limits of 64 bits.
pub fn refund(policy: &Policy, charge: &Charge, start: DateTime<Utc>, ending: Ending) -> Result<Refund, MoneyError> {
    let percent = match ending {
        Ending::CancelledByHouse => 100,
        Ending::CancelledByOwner(now) => percent_at(&policy.cancellation, start - now),
        Ending::NoShow | Ending::Used => 0,
    };
    let deposit = if ending == Ending::NoShow { Money::zero(charge.deposit.currency) } else { charge.deposit };
    let part = |whole: u32| u32::try_from(u64::from(whole) * u64::from(percent) / 100).unwrap_or(whole);
    Ok(Refund {
        percent,
        price: charge.total.share(i64::from(percent), 100, Rounding::HalfUp)?,
        deposit,
        credits: part(charge.credits),
        included_minutes: part(charge.included_minutes),
    })
}

/// The best rule whose deadline has not passed.
fn percent_at(rules: &[CancellationRule], ahead: TimeDelta) -> u8 {
    if rules.is_empty() {
        return 100;
    }
    let in_time = |rule: &&CancellationRule| ahead >= TimeDelta::minutes(i64::from(rule.minutes_before));
    rules.iter().filter(in_time).map(|rule| rule.refund_percent).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge() -> Charge {
        Charge { total: Money::eur(4005), deposit: Money::eur(5000), credits: 7, ..Charge::nothing() }
    }

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn policy() -> Policy {
        let rule = |hours: u32, refund_percent| CancellationRule { minutes_before: hours * 60, refund_percent };
        Policy { cancellation: vec![rule(2, 50), rule(24, 100)], ..Policy::usual("p".parse().unwrap()) }
    }

    #[test]
    fn deadlines_decide() {
        let back = |hours_before: i64| {
            let refund = refund(&policy(), &charge(), at(100), Ending::CancelledByOwner(at(100 - hours_before)));
            let refund = refund.unwrap();
            (refund.price.cents, refund.credits, refund.deposit.cents)
        };
        assert_eq!(back(24), (4005, 7, 5000));
        assert_eq!(back(23), (2003, 3, 5000), "half a cent up, half a credit down");
        assert_eq!(back(1), (0, 0, 5000));
    }

    #[test]
    fn a_no_show_loses_the_deposit_and_the_house_gives_all_back() {
        let end = |ending| refund(&policy(), &charge(), at(100), ending).unwrap();
        assert_eq!(end(Ending::NoShow).deposit.cents, 0);
        assert_eq!(end(Ending::Used).deposit.cents, 5000);
        assert_eq!(end(Ending::CancelledByHouse).price.cents, 4005);
        let lenient = Policy { cancellation: vec![], ..policy() };
        let any_time = refund(&lenient, &charge(), at(1), Ending::CancelledByOwner(at(1))).unwrap();
        assert_eq!(any_time.percent, 100, "no rules: everything comes back");
    }
}
