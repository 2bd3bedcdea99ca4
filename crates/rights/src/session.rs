//! Parking sessions: their states, what may happen in each, and what may not.

use chrono::{DateTime, Utc};
use parvis_money::Money;
use parvis_parking::ZoneId;
use parvis_parking::plate::PlateHash;
use parvis_tariffs::quote::{PreviousStay, TableVersion};
use parvis_tariffs::{ExpectedDemand, Holder, PaidSegment, PaidSession};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::right::{AssignedRight, RightKind, Segment, Where};

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Quoted; the payment is under way. It gives no right.
    Pending,
    /// Paid and running.
    Active,
    /// Ended by the driver before its time.
    Stopped,
    /// Ended by its time.
    Ended,
    /// The payment failed; it never gave a right.
    Failed,
}

/// What can be asked of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The payment of its beginning succeeded.
    Confirm,
    /// The payment of its beginning failed.
    Fail,
    /// The payment of an extension succeeded.
    Extend,
    /// The driver leaves.
    Stop,
    /// Its time is over.
    End,
}

/// Why a session refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum SessionRefusal {
    /// The payment of the beginning is still under way.
    #[error("the session is not paid yet")]
    NotPaidYet,
    /// The beginning was paid before.
    #[error("the session was confirmed before")]
    AlreadyConfirmed,
    /// It was stopped or has ended.
    #[error("the session is over")]
    Over,
    /// Its payment failed.
    #[error("the session never began")]
    NeverBegan,
    /// Its time is not over yet.
    #[error("the session runs until {until}")]
    StillRunning {
        /// The end of the paid time.
        until: DateTime<Utc>,
    },
    /// The extension does not begin where the paid time ends.
    #[error("an extension begins at {expected}, where the paid time ends")]
    NotContiguous {
        /// The end of the paid time.
        expected: DateTime<Utc>,
    },
    /// A segment that does not end after it begins.
    #[error("a segment ends after it begins")]
    EmptySegment,
    /// Another session of the plate in the zone at the same time.
    #[error("session {id} runs until {until}")]
    AlreadyParked {
        /// The other session.
        id: Uuid,
        /// The end of its paid time.
        until: DateTime<Utc>,
    },
}

impl SessionState {
    /// The transition table: the state after a command, or why there is none.
    ///
    /// # Errors
    /// [`SessionRefusal`] without times; those are judged by [`Session`]'s methods.
    pub fn after(self, command: Command) -> Result<Self, SessionRefusal> {
        use Command::{Confirm, End, Extend, Fail, Stop};
        match (self, command) {
            (Self::Pending, Confirm) => Ok(Self::Active),
            (Self::Pending, Fail) => Ok(Self::Failed),
            (Self::Pending, Extend | Stop | End) => Err(SessionRefusal::NotPaidYet),
            (Self::Active, Confirm | Fail) => Err(SessionRefusal::AlreadyConfirmed),
            (Self::Active, Extend) => Ok(Self::Active),
            (Self::Active, Stop) => Ok(Self::Stopped),
            (Self::Active, End) => Ok(Self::Ended),
            (Self::Stopped | Self::Ended, _) => Err(SessionRefusal::Over),
            (Self::Failed, _) => Err(SessionRefusal::NeverBegan),
        }
    }
}

/// Who made a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum SessionSource {
    /// A driver through our pages.
    Driver,
    /// An operator's app through the operator API.
    Operator {
        /// The operator.
        operator: String,
        /// Its receipt.
        receipt: String,
    },
}

/// A paid part of a session (APDS: Segment).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSegment {
    /// From.
    pub start: DateTime<Utc>,
    /// Until.
    pub end: DateTime<Utc>,
    /// What was paid for it.
    pub paid: Money,
    /// The tariffs its price comes from.
    pub tables: Vec<TableVersion>,
}

/// A parking session (APDS: Session).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Made by the client, so that asking twice makes one session.
    pub id: Uuid,
    /// Rises with every change.
    pub version: u32,
    /// The plate's keyed hash.
    pub plate: PlateHash,
    /// Where.
    pub zone: ZoneId,
    /// Who, for the tariff.
    pub holder: Holder,
    /// The stay before, as known when this one was quoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousStay>,
    /// The demand that it was sold under, where demand moves prices: all its parts are priced by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<ExpectedDemand>,
    /// The paid parts, in order; those of a pending session are not paid yet.
    pub segments: Vec<SessionSegment>,
    /// Where it is in its life.
    pub state: SessionState,
    /// When it was stopped early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<DateTime<Utc>>,
    /// Who made it.
    pub source: SessionSource,
}

impl Session {
    /// When it began, and when it ends or ended: the paid time, or the moment it was stopped.
    #[must_use]
    pub fn bounds(&self) -> Option<Segment> {
        let (start, paid) = (self.segments.first()?.start, self.segments.last()?.end);
        Some(Segment { start, end: self.stopped_at.map_or(paid, |stop| stop.clamp(start, paid)) })
    }

    /// The payment of its beginning succeeded.
    ///
    /// # Errors
    /// [`SessionRefusal`].
    pub fn confirm(&mut self) -> Result<(), SessionRefusal> {
        let state = self.state.after(Command::Confirm)?;
        let empty = self.segments.is_empty() || self.segments.iter().any(|segment| segment.start >= segment.end);
        if empty {
            return Err(SessionRefusal::EmptySegment);
        }
        self.change(state);
        Ok(())
    }

    /// The payment of its beginning failed.
    ///
    /// # Errors
    /// [`SessionRefusal`].
    pub fn fail(&mut self) -> Result<(), SessionRefusal> {
        let state = self.state.after(Command::Fail)?;
        self.change(state);
        Ok(())
    }

    /// The payment of an extension succeeded.
    ///
    /// Whether the session may still be extended is judged when the extension is quoted; money that was taken is
    /// honoured even when the paid time ran out meanwhile.
    ///
    /// # Errors
    /// [`SessionRefusal`].
    pub fn extend(&mut self, segment: SessionSegment) -> Result<(), SessionRefusal> {
        let state = self.state.after(Command::Extend)?;
        let expected = self.bounds().ok_or(SessionRefusal::NotPaidYet)?.end;
        if segment.start != expected {
            return Err(SessionRefusal::NotContiguous { expected });
        }
        if segment.end <= segment.start {
            return Err(SessionRefusal::EmptySegment);
        }
        self.segments.push(segment);
        self.change(state);
        Ok(())
    }

    /// The driver leaves at `at`.
    ///
    /// # Errors
    /// [`SessionRefusal::Over`] also when the paid time has run out.
    pub fn stop(&mut self, at: DateTime<Utc>) -> Result<(), SessionRefusal> {
        let state = self.state.after(Command::Stop)?;
        if self.bounds().is_none_or(|bounds| at >= bounds.end) {
            return Err(SessionRefusal::Over);
        }
        self.stopped_at = Some(at);
        self.change(state);
        Ok(())
    }

    /// Its time is over.
    ///
    /// # Errors
    /// [`SessionRefusal::StillRunning`] when it is not.
    pub fn end(&mut self, now: DateTime<Utc>) -> Result<(), SessionRefusal> {
        let state = self.state.after(Command::End)?;
        if let Some(bounds) = self.bounds()
            && now < bounds.end
        {
            return Err(SessionRefusal::StillRunning { until: bounds.end });
        }
        self.change(state);
        Ok(())
    }

    /// Takes back that its time ran out, for what was done before that and is only told of now.
    pub fn reopen(&mut self) {
        if self.state == SessionState::Ended {
            self.change(SessionState::Active);
        }
    }

    fn change(&mut self, state: SessionState) {
        self.state = state;
        self.version += 1;
    }

    /// Refuses a session that would overlap another of the same plate in the same zone.
    ///
    /// Failed sessions never stood in the way; pending ones do, so that two taps on a button do not pay twice. Sessions are
    /// held against one another by their own times, whenever they arrive.
    ///
    /// # Errors
    /// [`SessionRefusal::AlreadyParked`].
    pub fn conflict<'a>(&self, others: impl IntoIterator<Item = &'a Self>) -> Result<(), SessionRefusal> {
        let Some(own) = self.bounds() else { return Ok(()) };
        for other in others {
            let same = other.plate == self.plate && other.zone == self.zone;
            if !same || other.id == self.id || other.state == SessionState::Failed {
                continue;
            }
            if let Some(bounds) = other.bounds().filter(|bounds| bounds.overlaps(&own)) {
                return Err(SessionRefusal::AlreadyParked { id: other.id, until: bounds.end });
            }
        }
        Ok(())
    }

    /// The right that the session gives; none while it is pending, or when its payment failed.
    #[must_use]
    pub fn right(&self) -> Option<AssignedRight> {
        if matches!(self.state, SessionState::Pending | SessionState::Failed) {
            return None;
        }
        let bounds = self.bounds()?;
        let segments =
            self.segments.iter().map(|segment| Segment { start: segment.start, end: segment.end.min(bounds.end) });
        Some(AssignedRight {
            id: self.id,
            version: self.version,
            plate: self.plate.clone(),
            kind: RightKind::Session,
            place: Where::Zones { zones: vec![self.zone.clone()] },
            segments: segments.filter(|segment| segment.start < segment.end).collect(),
            series: None,
        })
    }

    /// The session as tariffs see it, to quote an extension or a refund.
    #[must_use]
    pub fn as_paid(&self) -> PaidSession {
        let segment =
            |segment: &SessionSegment| PaidSegment { start: segment.start, end: segment.end, paid: segment.paid };
        PaidSession {
            zone: self.zone.clone(),
            holder: self.holder,
            previous: self.previous,
            demand: self.demand,
            segments: self.segments.iter().map(segment).collect(),
        }
    }
}
