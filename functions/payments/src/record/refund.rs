//! Money that goes back, and what becomes of it at the provider.

use chrono::{DateTime, TimeDelta, Utc};
use parvis_ledger_rules::{ParkingMovement, ParkingMovementKind, Stay};
use parvis_money::Money;
use parvis_stripe::RefundStatus;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ABANDONED, Outcome, RecordError, SessionRecord};

/// The wait after a first failure; it doubles with each further one.
const FIRST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// The longest wait between two attempts.
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(24);
/// After so many failures of a refund (with their pauses, most of a day) the next will not be another.
pub(super) const MOST_FAILURES: u32 = 5;
/// From so many failures on somebody should know of a refund.
const FAILING: u32 = 2;
/// What is owed for so long without having been sent is told of as well, whatever holds it up.
const OVERDUE: TimeDelta = TimeDelta::days(1);

/// Where a refund is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Owed; the provider may or may not know of it.
    Due,
    /// The provider has taken it on, and does not know yet whether the payer's bank takes it.
    Sent,
    /// Given.
    Done,
    /// Of a wallet's money: it could not be given, and is in the wallet again.
    GivenUp,
}

/// Money that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// Made before anything is done; the movement's id.
    pub id: Uuid,
    /// The charge that it gives back.
    pub charge: Uuid,
    /// How much; above zero.
    pub amount: Money,
    /// Where it is in its life.
    pub state: RefundState,
    /// When it was decided.
    pub created_at: DateTime<Utc>,
    /// How often the provider has failed at it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u32,
    /// Until when the next attempt waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// Whether the books have it as given. What the bank sends back and what is given in its place cancel out there, so they
    /// hear of it once.
    #[serde(default)]
    pub booked: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Refund {
    /// Money that is owed from now on.
    #[must_use]
    pub fn new(id: Uuid, charge: Uuid, amount: Money, now: DateTime<Utc>) -> Self {
        Self {
            id,
            charge,
            amount,
            state: RefundState::Due,
            created_at: now,
            failed: 0,
            not_before: None,
            booked: false,
        }
    }

    /// Under which key the provider is asked. It repeats its answer under a key, a failure too, so each attempt has its own.
    #[must_use]
    pub fn key(&self) -> Uuid {
        match self.failed {
            0 => self.id,
            failed => Uuid::new_v5(&self.id, format!("attempt {failed}").as_bytes()),
        }
    }

    /// Whether it is neither given nor given up.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        matches!(self.state, RefundState::Due | RefundState::Sent)
    }

    /// From when on somebody else than the present process should see to it; `None` when it is not owed.
    #[must_use]
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let due = self.created_at + ABANDONED;
        self.is_owed().then(|| self.not_before.map_or(due, |at| at.max(due)))
    }

    /// Whether it has failed at the provider and is still owed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failed > 0 && self.is_owed()
    }

    /// Whether a person should know of it: it fails again and again, or does not get as far as to fail. One that waits for a bank
    /// may do so for days.
    #[must_use]
    pub fn is_stuck(&self, now: DateTime<Utc>) -> bool {
        let overdue = self.state == RefundState::Due && self.created_at < now - OVERDUE;
        self.is_owed() && (self.failed >= FAILING || overdue)
    }

    /// Takes in how its present attempt stands at the provider; false when that is known.
    pub(super) fn take(&mut self, status: RefundStatus, now: DateTime<Utc>) -> bool {
        if self.state == RefundState::GivenUp {
            return false;
        }
        let state = match status {
            RefundStatus::Failed | RefundStatus::Canceled => {
                let pause = FIRST_PAUSE.checked_mul(1_i32.checked_shl(self.failed).unwrap_or(i32::MAX));
                self.not_before =
                    Some(now + pause.map_or(LONGEST_PAUSE, |pause| pause.clamp(FIRST_PAUSE, LONGEST_PAUSE)));
                self.failed = self.failed.saturating_add(1);
                self.state = RefundState::Due;
                return true;
            }
            RefundStatus::Succeeded => RefundState::Done,
            // It was given before; nothing takes it back but a failure.
            RefundStatus::Pending | RefundStatus::RequiresAction if self.state == RefundState::Done => self.state,
            RefundStatus::Pending | RefundStatus::RequiresAction => RefundState::Sent,
        };
        std::mem::replace(&mut self.state, state) != state
    }
}

impl SessionRecord {
    /// The refund of this id.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub fn refund(&self, id: Uuid) -> Result<&Refund, RecordError> {
        self.refunds.iter().find(|refund| refund.id == id).ok_or(RecordError::Unknown(id))
    }

    /// Takes in how a refund's present attempt stands at the provider. The books hear of it when it is given for the first time.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub fn repaid(&mut self, id: Uuid, status: RefundStatus, now: DateTime<Utc>) -> Result<Outcome, RecordError> {
        let refund = self.refunds.iter_mut().find(|refund| refund.id == id).ok_or(RecordError::Unknown(id))?;
        if !refund.take(status, now) {
            return Ok(Outcome::Known);
        }
        if refund.booked || refund.state != RefundState::Done {
            return Ok(Outcome::Changed(None));
        }
        refund.booked = true;
        let refund = refund.clone();
        Ok(Outcome::Changed(Some(Box::new(self.repayment(&refund, now)?))))
    }

    /// The movement of a refund.
    fn repayment(&self, refund: &Refund, now: DateTime<Utc>) -> Result<ParkingMovement, RecordError> {
        let charge = self.charge(refund.charge).ok_or(RecordError::Unknown(refund.charge))?;
        let sale = self.sale(charge, now);
        let end = self.end().clamp(charge.segment.start, charge.segment.end);
        Ok(ParkingMovement {
            id: refund.id,
            kind: ParkingMovementKind::Refund { sale: charge.id },
            gross: refund.amount,
            stay: Stay { start: end, ..sale.stay.clone() },
            ..sale
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + i64::from(hour) * 3600, 0).unwrap()
    }

    #[test]
    fn each_attempt_has_its_own_key_and_waits_longer() {
        let mut refund = Refund::new(Uuid::from_u128(1), Uuid::from_u128(2), Money::eur(240), at(0));
        let (mut keys, mut pauses) = (vec![refund.key()], Vec::new());
        for _ in 0..40 {
            assert!(refund.take(RefundStatus::Failed, at(0)));
            keys.push(refund.key());
            pauses.push((refund.due().unwrap() - at(0)).num_hours());
        }
        assert_eq!(&pauses[..7], [1, 2, 4, 8, 16, 24, 24]);
        assert_eq!(pauses[39], 24);
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 41);
    }

    #[test]
    fn what_is_given_can_only_fail() {
        let mut refund = Refund::new(Uuid::from_u128(1), Uuid::from_u128(2), Money::eur(240), at(0));
        assert!(refund.take(RefundStatus::Pending, at(0)) && !refund.take(RefundStatus::Pending, at(0)));
        assert_eq!(refund.state, RefundState::Sent);
        assert!(refund.take(RefundStatus::Succeeded, at(0)) && !refund.take(RefundStatus::Succeeded, at(0)));
        assert!(!refund.take(RefundStatus::Pending, at(0)));
        assert_eq!((refund.state, refund.due()), (RefundState::Done, None));
        assert!(refund.take(RefundStatus::Failed, at(0)));
        assert_eq!(refund.state, RefundState::Due);
    }
}
