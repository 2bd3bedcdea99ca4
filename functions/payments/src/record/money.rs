//! What the provider's answers do to a session: pure, and the same however often they come.

use chrono::{DateTime, Utc};
use parvis_ledger_rules::{ParkingMovement, ParkingMovementKind, Payer, Stay};
use parvis_money::{Money, MoneyError};
use parvis_rights::{SessionRefusal, SessionState};
use parvis_tariffs::session::EarlyStop;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Charge, ChargeState, Refund, SessionRecord, Source};

/// A record that contradicts itself; never seen unless an item was changed by hand.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A charge or refund that is not there.
    #[error("the session has no charge or refund {0}")]
    Unknown(Uuid),
    /// The session does not take the step.
    #[error(transparent)]
    Refused(#[from] SessionRefusal),
    /// A sum beyond all bounds.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What a step has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it was known.
    Known,
    /// The record has changed; this is for the books, if money has moved.
    Changed(Option<Box<ParkingMovement>>),
}

impl SessionRecord {
    /// The provider has made the intent of a charge.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub fn opened(
        &mut self,
        charge: Uuid,
        intent: String,
        client_secret: Option<String>,
    ) -> Result<Outcome, RecordError> {
        let charge = self.charge_mut(charge)?;
        if charge.state != ChargeState::Created {
            return Ok(Outcome::Known);
        }
        charge.state = ChargeState::Open;
        charge.intent = Some(intent);
        charge.client_secret = client_secret;
        Ok(Outcome::Changed(None))
    }

    /// A charge is paid: the session begins, or goes on for longer.
    ///
    /// Money that comes for a session which cannot take it any more goes back at once: when the paid time ran out while an
    /// extension was being paid and the plate stands there anew (`free` is false), or when somebody has acted at the provider
    /// by hand.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub fn paid(&mut self, id: Uuid, free: bool, now: DateTime<Utc>) -> Result<Outcome, RecordError> {
        let charge = self.charge_mut(id)?;
        if charge.state == ChargeState::Succeeded {
            return Ok(Outcome::Known);
        }
        charge.state = ChargeState::Succeeded;
        charge.client_secret = None;
        charge.failure = None;
        let charge = charge.clone();
        let taken = match self.session.state {
            SessionState::Pending => self.session.confirm().is_ok(),
            _ => free && self.session.extend(charge.segment.clone()).is_ok(),
        };
        if !taken {
            self.refunds.push(Refund::new(not_taken(charge.id), charge.id, charge.amount, now));
        }
        Ok(Outcome::Changed(Some(Box::new(self.sale(&charge, now)))))
    }

    /// A charge will never be paid.
    ///
    /// # Errors
    /// [`RecordError::Unknown`].
    pub fn unpaid(&mut self, id: Uuid, failure: Option<String>) -> Result<Outcome, RecordError> {
        let charge = self.charge_mut(id)?;
        if !charge.is_under_way() {
            return Ok(Outcome::Known);
        }
        charge.state = ChargeState::Failed;
        charge.client_secret = None;
        charge.failure = failure;
        if self.session.state == SessionState::Pending {
            self.session.fail()?;
        }
        Ok(Outcome::Changed(None))
    }

    /// The driver leaves: what is given back becomes due.
    ///
    /// # Errors
    /// [`RecordError::Refused`] when it is over.
    pub fn stop(&mut self, at: DateTime<Utc>, early: &EarlyStop, now: DateTime<Utc>) -> Result<(), RecordError> {
        let parts: Vec<(Uuid, Money)> = early
            .parts
            .iter()
            .filter_map(|part| {
                let segment = self.session.segments.get(part.segment)?;
                let pays = |charge: &&Charge| self.was_taken(charge) && charge.segment.start == segment.start;
                Some((self.charges.iter().find(pays)?.id, part.amount))
            })
            .collect();
        self.session.stop(at)?;
        // One stop per session, so one refund per charge and stop.
        let id = |charge: &Uuid| Uuid::new_v5(charge, b"stopped-early");
        self.refunds.extend(parts.into_iter().map(|(charge, amount)| Refund::new(id(&charge), charge, amount, now)));
        Ok(())
    }

    /// Whether a charge was paid, and its time became a part of the session.
    fn was_taken(&self, charge: &Charge) -> bool {
        let returned = not_taken(charge.id);
        charge.state == ChargeState::Succeeded && !self.refunds.iter().any(|refund| refund.id == returned)
    }

    /// The movement of a charge.
    #[must_use]
    pub fn sale(&self, charge: &Charge, now: DateTime<Utc>) -> ParkingMovement {
        let payer = match &charge.source {
            Source::Card { .. } => Payer::Provider,
            Source::Wallet { payer } | Source::Invoice { payer } => payer.clone(),
        };
        self.movement(charge.id, charge.amount, payer, (charge.segment.start, charge.segment.end), now)
    }

    /// The movement of a session that costs nothing: for statistics only.
    #[must_use]
    pub fn free_stay(&self, now: DateTime<Utc>) -> ParkingMovement {
        let id = Uuid::new_v5(&self.session.id, format!("free {}", self.session.segments.len()).as_bytes());
        let zero = self.session.segments.first().map_or(Money::eur(0), |segment| Money::zero(segment.paid.currency));
        let last = self.session.segments.last().map_or((now, now), |segment| (segment.start, segment.end));
        self.movement(id, zero, Payer::Provider, last, now)
    }

    fn movement(
        &self,
        id: Uuid,
        gross: Money,
        payer: Payer,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
        now: DateTime<Utc>,
    ) -> ParkingMovement {
        let operator = match &self.session.source {
            parvis_rights::SessionSource::Driver => None,
            parvis_rights::SessionSource::Operator { operator, .. } => Some(operator.clone()),
        };
        ParkingMovement {
            id,
            at: now,
            kind: ParkingMovementKind::Sale,
            gross,
            supply: self.supply(),
            payer,
            stay: Stay {
                session: self.session.id,
                owner: self.owner.clone(),
                operator,
                zone: self.session.zone.clone(),
                class: word(&self.session.holder.class),
                qualification: word(&self.session.holder.qualification),
                electric: self.session.holder.electric,
                start,
                end,
            },
        }
    }

    fn charge_mut(&mut self, id: Uuid) -> Result<&mut Charge, RecordError> {
        self.charges.iter_mut().find(|charge| charge.id == id).ok_or(RecordError::Unknown(id))
    }
}

/// The refund of a charge whose time was not free any more.
fn not_taken(charge: Uuid) -> Uuid {
    Uuid::new_v5(&charge, b"not-taken")
}

/// An enumeration's word, as it serialises.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
