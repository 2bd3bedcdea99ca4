//! A person's data: gathering and erasing it.

use chrono::DateTime;
use parvis_kit::problem::Problem;

use crate::error::ApiResult;
use crate::record::{SessionRecord, nameless};
use crate::state::App;
use crate::store::Key;

/// Sessions read at a time.
const PAGE: i32 = 100;

impl App {
    /// All sessions of an owner, the latest first.
    ///
    /// # Errors
    /// When the table is away.
    pub async fn all_sessions_of(&self, owner: &str) -> ApiResult<Vec<SessionRecord>> {
        let mut sessions = Vec::new();
        let mut cursor = None;
        loop {
            let page = self.store().sessions_of(owner, PAGE, cursor).await?;
            let found = futures::future::try_join_all(page.ids.iter().map(|id| self.store().session(*id))).await?;
            sessions.extend(found.into_iter().flatten());
            cursor = page.next;
            if cursor.is_none() {
                return Ok(sessions);
            }
        }
    }

    /// Takes a person off all sessions that are over and off their movements, and forgets their plates, the wallet, and what is known of
    /// their bookings. May be repeated.
    ///
    /// # Errors
    /// 409 as long as a session runs, money is under way or the wallet holds some; failures of the table.
    pub async fn erase(&self, owner: &str) -> ApiResult<()> {
        let sessions = self.all_sessions_of(owner).await?;
        if sessions.iter().any(|record| record.due().is_some()) {
            return Err(Problem::conflict("A session runs, or money is under way; stop it first.").into());
        }
        let top_ups = self.store().top_ups_of(owner, DateTime::UNIX_EPOCH).await?;
        if top_ups.iter().any(|top_up| top_up.due().is_some()) {
            return Err(Problem::conflict("Money is on its way into the wallet or out of it; stop it first.").into());
        }
        if self.store().wallet(owner).await? > 0 {
            return Err(Problem::conflict(
                "The wallet holds money; have it paid back first, by hand what no card takes back.",
            )
            .into());
        }
        for record in sessions {
            self.plates().forget(record.session.id).await?;
            self.store().blank_movements(record.session.id, nameless).await?;
            let mut after = record.clone();
            after.forget_person();
            self.write(&record, &mut after, None).await?;
            let start = record.session.bounds().map_or(record.created_at, |bounds| bounds.start);
            self.store().unlist(Key::of_owner(owner, start, record.session.id)).await?;
        }
        for top_up in top_ups {
            let id = top_up.id;
            self.store().blank_movements(id, nameless).await?;
            let mut after = top_up.clone();
            after.forget_person();
            self.store().save_top_up(&top_up, &mut after, None, None).await?;
            self.store().unlist(Key::top_up_of(owner, top_up.created_at, id)).await?;
        }
        for given in self.store().by_hand_of(owner).await? {
            self.store().blank_movements(given.id, nameless).await?;
            self.store().forget_by_hand(&given, owner).await?;
        }
        for (mut booking, revision) in self.store().bookings_of(owner).await? {
            let change = booking.name_plate(None, self.now()).unwrap_or_default();
            self.store().forget_booking(&booking, revision, &change).await?;
        }
        self.store().forget_wallet(owner).await?;
        Ok(())
    }
}
