//! Others who want, or had, the same plate in the same zone.
//!
//! Whoever sees a plate can ask for it. So nobody keeps one by asking and not paying, and which stay stands in the way, and until
//! when, is told to who has paid for it.

use chrono::{DateTime, Utc};
use parvis_parking::plate::PlateHash;
use parvis_rights::{RightKind, Segment, Session, SessionRefusal, SessionState};
use parvis_tariffs::quote::PreviousStay;
use parvis_tariffs::{Quote, QuoteError, QuoteRequest, Refusal};
use uuid::Uuid;

use super::start::first_charge;
use super::{Start, refuse_more};
use crate::error::{ApiError, ApiResult};
use crate::record::{PATIENCE, SessionRecord};
use crate::state::{App, Book};
use crate::store::LastStay;

/// How a plate stands in a zone.
pub(super) struct Standing {
    /// Its last stay there, with the revision.
    pub last: Option<(LastStay, u64)>,
    /// The session of that stay, if it is somebody else's and not paid: it gives way to who pays, and no sooner than everything else
    /// about that is in order.
    pub rival: Option<SessionRecord>,
}

impl Standing {
    /// The stay that was before what is to begin.
    pub fn stay(&self) -> Option<&LastStay> {
        self.last.as_ref().map(|(last, _)| last).filter(|_| self.rival.is_none())
    }

    /// The same for tariffs.
    pub fn previous(&self) -> Option<PreviousStay> {
        match &self.rival {
            Some(_) => self.last.as_ref()?.0.before,
            None => self.stay().map(LastStay::as_previous),
        }
    }
}

impl App {
    /// How a plate stands in a zone for who wants to begin there.
    pub(super) async fn standing(
        &self,
        start: &Start,
        plate: &PlateHash,
        begins: DateTime<Utc>,
    ) -> ApiResult<Standing> {
        let last = self.store().last_stay(plate, &start.zone).await?;
        let Some((stay, _)) = last.as_ref().filter(|(last, _)| last.end > begins) else {
            return Ok(Standing { last, rival: None });
        };
        let rival = self.store().session(stay.session).await?;
        match rival.filter(|rival| rival.session.state == SessionState::Pending && !rival.is_of(&start.owner)) {
            Some(rival) => Ok(Standing { last, rival: Some(rival) }),
            None => Err(self.parked(stay.session, stay.end, &start.owner).await?),
        }
    }

    /// The refusal of a time in which the plate stands in the zone under another session.
    async fn parked(&self, other: Uuid, until: DateTime<Utc>, asks: &str) -> ApiResult<ApiError> {
        let own = self.store().session(other).await?.is_some_and(|record| record.is_of(asks));
        Ok(if own { SessionRefusal::AlreadyParked { id: other, until }.into() } else { ApiError::ParkedByAnother })
    }

    /// Refuses a time in which the plate stands in the zone under another session: the last one, paid or not yet, or one of
    /// those before it, since operators tell of sessions in any order.
    ///
    /// Whoever writes on the strength of this does so on the condition of the last stay that was read before.
    pub(super) async fn refuse_overlap(
        &self,
        session: &Session,
        time: Segment,
        last: Option<&LastStay>,
        asks: &str,
    ) -> ApiResult<()> {
        if let Some(last) = last.filter(|last| last.session != session.id && last.overlaps(time.start, time.end)) {
            return Err(self.parked(last.session, last.end, asks).await?);
        }
        for right in self.store().rights(&session.plate, time.start).await? {
            let another = right.kind == RightKind::Session && right.id != session.id;
            if another && right.place.holds_at(&session.zone, None) {
                let overlapping = right.segments.iter().filter(|segment| segment.overlaps(&time));
                if let Some(until) = overlapping.map(|segment| segment.end).max() {
                    return Err(self.parked(right.id, until, asks).await?);
                }
            }
        }
        Ok(())
    }

    /// A quote for a vehicle whose last stay counts.
    pub(super) async fn quote_after(
        &self,
        book: &Book,
        request: &QuoteRequest<'_>,
        last: Option<&LastStay>,
        asks: &str,
    ) -> ApiResult<Quote> {
        match book.tariffs.quote(request) {
            Err(QuoteError::Refused(Refusal::NoReturnPeriod { .. })) if !self.is_own(last, asks).await? => {
                Err(ApiError::BackTooSoon)
            }
            other => Ok(other?),
        }
    }

    /// Whether a stay is a session of whoever asks.
    pub(crate) async fn is_own(&self, stay: Option<&LastStay>, asks: &str) -> ApiResult<bool> {
        let Some(stay) = stay else { return Ok(false) };
        Ok(self.store().session(stay.session).await?.is_some_and(|record| record.is_of(asks)))
    }

    /// Refuses another payment by card to who has begun some and brought none of them to an end.
    pub(super) async fn refuse_too_many(&self, owner: &str) -> ApiResult<()> {
        let since = self.now() - PATIENCE;
        let ids = self.store().unpaid_since(owner, since).await?;
        let records = futures::future::try_join_all(ids.iter().map(|id| self.store().session(*id))).await?;
        let first = |record: SessionRecord| Some(record.charge(first_charge(record.session.id))?.state);
        let sessions = records.into_iter().flatten().filter_map(first);
        // Whoever tries out cards tries them where they can: what is paid into a wallet counts as well.
        let top_ups = self.store().top_ups_of(owner, since).await?;
        refuse_more(sessions.chain(top_ups.iter().map(|top_up| top_up.state)))
    }
}
