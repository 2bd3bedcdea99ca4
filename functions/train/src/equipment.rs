//! Equipment that is booked: hours of use against the lives of its kind.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::lifetime::Life;
use parvis_forecasts::{Thing, Watched};
use parvis_maintenance::equipment::{Piece, look};

use crate::{
    bookings::{self, Equipment, Use},
    inspect::{Found, HORIZON},
    work::{Trainer, WorkError},
};

/// Use a day is that of so many days.
const USUAL: TimeDelta = TimeDelta::days(28);

impl Trainer {
    /// Equipment that is likely to fail, by hours of use since its last failure or overhaul and the lives of its group.
    pub(crate) async fn equipment(&self, at: DateTime<Utc>) -> Result<Vec<Found>, WorkError> {
        let pool = self.database.pool().await?;
        let all = bookings::equipment(pool).await?;
        let mut groups: BTreeMap<&str, Vec<&Equipment>> = BTreeMap::new();
        for piece in &all {
            groups.entry(&piece.group).or_default().push(piece);
        }
        let mut past = BTreeMap::new();
        for group in groups.keys() {
            past.insert(*group, self.store.lives(group).await?);
        }
        let ended = |piece: &Equipment| {
            let lives = past.get(piece.group.as_str())?.iter().filter(|(resource, _)| *resource == piece.resource);
            lives.map(|(_, past)| past.ended_at).max()
        };
        let since: Vec<_> = all.iter().map(|piece| (piece.resource.as_str(), ended(piece))).collect();
        let used = bookings::used_hours(pool, &since, at - USUAL, at).await?;
        let of = |piece: &Equipment| used.get(&piece.resource).copied().unwrap_or_default();
        let mut found = Vec::new();
        // Time alone brings no failures.
        let mut watched = Watched { at, things: 0, foretold: 0, too_little: 0, from: None };
        for (group, pieces) in groups {
            let mut lives: Vec<Life> = past.get(group).into_iter().flatten().map(|(_, past)| past.life).collect();
            // A piece at work says as much as one that failed.
            let at_work = pieces.iter().map(|piece| of(piece).age).filter(|age| *age > 0.0);
            lives.extend(at_work.map(|age| Life { age, failed: false }));
            for piece in pieces {
                let Use { age, lately } = of(piece);
                let at_work = Piece { age, per_day: lately / USUAL.num_days() as f64 };
                // Too few failures say nothing, which is no finding.
                let looked = look(at_work, &lives, HORIZON, at);
                watched.things += 1;
                watched.foretold += u32::from(looked.is_ok());
                watched.too_little += u32::from(looked.is_err());
                if let Ok(Some(finding)) = looked {
                    found.push(Found {
                        thing: Thing::Equipment { site: piece.site.clone(), resource: piece.resource.clone() },
                        title: piece.name.clone(),
                        age_hours: Some(age),
                        group: Some(piece.group.clone()),
                        finding,
                    });
                }
            }
        }
        self.store.put_watched(None, &watched).await?;
        Ok(found)
    }
}
