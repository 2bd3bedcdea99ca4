//! Equipment that is booked: hours of use against the lives of its kind.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use parvis_forecasting::lifetime::Life;
use parvis_forecasts::Thing;
use parvis_maintenance::equipment::{Piece, look};

use crate::{
    bookings::{self, Equipment},
    inspect::{Found, HORIZON},
    work::{Trainer, WorkError},
};

/// Use a day is that of so many days.
const USUAL: TimeDelta = TimeDelta::days(28);

impl Trainer {
    /// Equipment that is likely to fail, by hours of use since its last failure or overhaul and the lives of its group.
    pub(crate) async fn equipment(&self, at: DateTime<Utc>) -> Result<Vec<Found>, WorkError> {
        let pool = self.database.pool().await?;
        let mut groups: BTreeMap<String, Vec<Equipment>> = BTreeMap::new();
        for piece in bookings::equipment(pool).await? {
            groups.entry(piece.group.clone()).or_default().push(piece);
        }
        let mut found = Vec::new();
        for (group, pieces) in groups {
            let past = self.store.lives(&group).await?;
            let mut lives: Vec<Life> = past.iter().map(|(_, past)| past.life).collect();
            let mut ages = HashMap::new();
            for piece in &pieces {
                let ends =
                    past.iter().filter(|(resource, _)| *resource == piece.resource).map(|(_, past)| past.ended_at);
                let age = bookings::used_hours(pool, &piece.resource, ends.max(), at).await?;
                ages.insert(piece.resource.clone(), age);
                // A piece at work says as much as one that failed.
                lives.extend((age > 0.0).then_some(Life { age, failed: false }));
            }
            for piece in pieces {
                let lately = bookings::used_hours(pool, &piece.resource, Some(at - USUAL), at).await?;
                let age = ages.get(&piece.resource).copied().unwrap_or(0.0);
                let at_work = Piece { age, per_day: lately / USUAL.num_days() as f64 };
                // Too few failures say nothing, which is no finding.
                if let Ok(Some(finding)) = look(at_work, &lives, HORIZON, at) {
                    found.push(Found {
                        thing: Thing::Equipment { site: piece.site, resource: piece.resource },
                        title: piece.name,
                        age_hours: Some(age),
                        group: Some(piece.group),
                        finding,
                    });
                }
            }
        }
        Ok(found)
    }
}
