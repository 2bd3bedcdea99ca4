//! The state of one space, and the reorder window that keeps history true when readings come late.

use chrono::{DateTime, Duration, Utc};

use super::Outcome;
use crate::change::{Change, Changes};
use crate::ids::SpaceNumber;
use crate::message::{Connectivity, Heartbeat, SpaceReading, Status};

/// Readings kept per space whatever their age: the newest and three before it.
///
/// A reading that at most three newer ones have overtaken therefore always finds its neighbours.
pub const KEPT: usize = 4;

/// Readings kept per space while an older one may still be on its way; see [`ON_ITS_WAY`].
///
/// A bound, so that a block stays at two or three write units even when its sensors report every second.
pub const KEPT_AT_MOST: usize = 16;

/// How long after its receipt a reading may still come: batches that run side by side overtake each other, and the batch
/// of a sandbox that died comes again after the queue's visibility timeout (180 s in the template).
pub const ON_ITS_WAY: Duration = Duration::minutes(4);

/// The unit in which a reading's receipt is kept.
const LAG_UNIT: Duration = Duration::seconds(15);

/// A reading, as far as history is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Device time.
    pub at: DateTime<Utc>,
    /// Orders readings of the same millisecond.
    pub sequence: Option<u64>,
    /// The state.
    pub status: Status,
    /// From device time to receipt, in whole units of 15 s: 0 for a sensor that is online and whose clock is right.
    pub(super) lag: i64,
}

impl Point {
    fn of(reading: &SpaceReading) -> Self {
        let lag = (reading.received_at - reading.at).num_milliseconds().div_euclid(LAG_UNIT.num_milliseconds());
        Self { at: reading.at, sequence: reading.sequence, status: reading.status, lag }
    }

    /// What identifies and orders readings.
    fn key(&self) -> (DateTime<Utc>, Option<u64>) {
        (self.at, self.sequence)
    }

    /// Whether it was received so long ago that whatever was received before it has come.
    fn is_settled(&self, now: DateTime<Utc>) -> bool {
        let age = (now - self.at).num_milliseconds();
        let received_by = self.lag.saturating_add(1).saturating_mul(LAG_UNIT.num_milliseconds());
        age.saturating_sub(received_by) > ON_ITS_WAY.num_milliseconds()
    }
}

/// A time for which the status did not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) status: Status,
    pub(super) since: DateTime<Utc>,
}

impl Run {
    /// The run after the next reading.
    fn next(run: Option<Self>, point: &Point) -> Self {
        match run {
            Some(run) if run.status == point.status => run,
            _ => Self { status: point.status, since: point.at },
        }
    }
}

/// What is known of one space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpaceState {
    /// The run just before the oldest point, once points have left the window.
    pub(super) before: Option<Run>,
    /// The newest readings, oldest first: the reorder window.
    pub(super) points: Vec<Point>,
    /// Device time of the newest message of any kind.
    pub(super) heard_at: DateTime<Utc>,
    /// Receipt time of the last message that was no repetition.
    pub(super) seen_at: DateTime<Utc>,
    pub(super) confidence: Option<u8>,
    pub(super) battery: Option<u8>,
    /// Since when the sensor counts as disconnected.
    pub(super) lost_since: Option<DateTime<Utc>>,
}

impl SpaceState {
    /// The state; `None` while only heartbeats have come.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.points.last().map(|point| point.status)
    }

    /// Device time of the newest reading.
    #[must_use]
    pub fn at(&self) -> Option<DateTime<Utc>> {
        self.points.last().map(|point| point.at)
    }

    /// Device time since which the status holds.
    #[must_use]
    pub fn since(&self) -> Option<DateTime<Utc>> {
        self.points.iter().fold(self.before, |run, point| Some(Run::next(run, point))).map(|run| run.since)
    }

    /// Receipt time of the last message that was no repetition.
    #[must_use]
    pub fn seen_at(&self) -> DateTime<Utc> {
        self.seen_at
    }

    /// Sequence of the newest reading.
    #[must_use]
    pub fn sequence(&self) -> Option<u64> {
        self.points.last().and_then(|point| point.sequence)
    }

    /// Confidence of the newest reading, in percent.
    #[must_use]
    pub fn confidence(&self) -> Option<u8> {
        self.confidence
    }

    /// The battery's charge, in percent.
    #[must_use]
    pub fn battery(&self) -> Option<u8> {
        self.battery
    }

    /// Whether the sensor has been heard lately.
    #[must_use]
    pub fn connectivity(&self) -> Connectivity {
        if self.lost_since.is_some() { Connectivity::Lost } else { Connectivity::Online }
    }

    /// Since when the sensor counts as disconnected.
    #[must_use]
    pub fn lost_since(&self) -> Option<DateTime<Utc>> {
        self.lost_since
    }

    /// The readings kept, oldest first.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// A space of which nothing was heard before this moment.
    fn unheard(at: DateTime<Utc>, received_at: DateTime<Utc>) -> Self {
        Self {
            before: None,
            points: Vec::with_capacity(KEPT + 1),
            heard_at: at,
            seen_at: received_at,
            confidence: None,
            battery: None,
            lost_since: None,
        }
    }

    /// The state after the first reading of a space.
    pub(super) fn of_reading(reading: &SpaceReading, changes: &mut Changes) -> Self {
        let mut state = Self::unheard(reading.at, reading.received_at);
        state.read(reading, changes);
        state
    }

    /// The state after a heartbeat came before any reading.
    pub(super) fn of_heartbeat(heartbeat: &Heartbeat) -> Self {
        Self { battery: heartbeat.battery, ..Self::unheard(heartbeat.at, heartbeat.received_at) }
    }

    /// Merges a reading.
    ///
    /// The newest becomes the live state. A known one changes nothing. An older one takes its place in the window, which
    /// may prove transitions right or wrong; what is older than a window from which points have left can no longer be
    /// placed, and is a sign of life only.
    pub(super) fn read(&mut self, reading: &SpaceReading, changes: &mut Changes) -> Outcome {
        let point = Point::of(reading);
        if self.points.iter().any(|known| known.key() == point.key()) {
            return Outcome::Duplicate;
        }
        let position = self.points.partition_point(|known| known.key() < point.key());
        // Only after a point has left the window it is known what was before, and no longer what was in between.
        if position == 0 && self.before.is_some() {
            return self.hear_late(reading.space, reading.received_at, changes);
        }
        let newest = position == self.points.len();

        let before = self.transitions();
        self.points.insert(position, point);
        let after = self.transitions();
        for (at, status) in before.iter().filter(|t| !after.contains(t)) {
            changes.remove(reading.space, *at, *status);
        }
        for (at, status) in after.iter().filter(|t| !before.contains(t)) {
            changes.add(reading.space, *at, *status);
        }
        if newest {
            self.confidence = reading.confidence;
        }
        self.hear(reading.space, reading.at, reading.received_at, reading.battery, changes);
        self.shorten();
        if newest { Outcome::Accepted } else { Outcome::Corrected }
    }

    /// Lets go of the oldest points that no late reading can need any more.
    ///
    /// What belongs between two points was received before the later of them; once that one is settled, the earlier one
    /// has no late neighbour to wait for.
    fn shorten(&mut self) {
        while self.points.len() > KEPT && (self.points.len() > KEPT_AT_MOST || self.points[1].is_settled(self.seen_at))
        {
            let oldest = self.points.remove(0);
            self.before = Some(Run::next(self.before, &oldest));
        }
    }

    /// Merges a heartbeat. One older than everything heard tells nothing but that the sensor lives.
    pub(super) fn beat(&mut self, heartbeat: &Heartbeat, changes: &mut Changes) -> Outcome {
        match heartbeat.at.cmp(&self.heard_at) {
            std::cmp::Ordering::Less => self.hear_late(heartbeat.space, heartbeat.received_at, changes),
            std::cmp::Ordering::Equal => Outcome::Duplicate,
            std::cmp::Ordering::Greater => {
                let Heartbeat { space, at, battery, received_at, .. } = heartbeat;
                self.hear(*space, *at, *received_at, *battery, changes);
                Outcome::Accepted
            }
        }
    }

    /// Marks the sensor as disconnected when it has been silent for longer than `limit`; true if that is news.
    pub(super) fn mark_silent(
        &mut self,
        space: SpaceNumber,
        now: DateTime<Utc>,
        limit: chrono::Duration,
        changes: &mut Changes,
    ) -> bool {
        // The moment at which the silence became too long, and not that of its discovery: a repeated or delayed check
        // finds the same.
        let at = self.seen_at + limit;
        if self.lost_since.is_some() || now <= at {
            return false;
        }
        self.lost_since = Some(at);
        changes.push(Change::CommsLost { space, at });
        true
    }

    /// Notes that a message which told something new was received.
    fn hear(
        &mut self,
        space: SpaceNumber,
        at: DateTime<Utc>,
        received_at: DateTime<Utc>,
        battery: Option<u8>,
        changes: &mut Changes,
    ) {
        if at >= self.heard_at || self.battery.is_none() {
            self.battery = battery.or(self.battery);
        }
        self.heard_at = self.heard_at.max(at);
        self.see(space, received_at, changes);
    }

    /// Notes a message whose device time is too old to be placed. Silence is about receipt: a sensor whose clock was set back, or
    /// restarted with a new battery, is not silent.
    fn hear_late(&mut self, space: SpaceNumber, received_at: DateTime<Utc>, changes: &mut Changes) -> Outcome {
        if self.see(space, received_at, changes) { Outcome::LateButHeard } else { Outcome::Late }
    }

    /// Notes a receipt, which ends a silence; false unless it is the latest.
    fn see(&mut self, space: SpaceNumber, received_at: DateTime<Utc>, changes: &mut Changes) -> bool {
        if received_at <= self.seen_at {
            return false;
        }
        self.seen_at = received_at;
        if let Some(lost_since) = self.lost_since.take() {
            // A backlog may have been received before the silence was noticed; the pair stays in order.
            let at = received_at.max(lost_since);
            changes.push(Change::CommsRestored { space, at });
        }
        true
    }

    /// The transitions among the points kept. A space begins free, so a first `free` is none.
    fn transitions(&self) -> Vec<(DateTime<Utc>, Status)> {
        let mut previous = self.before.map_or(Status::Free, |run| run.status);
        let mut transitions = Vec::with_capacity(self.points.len());
        for point in &self.points {
            if point.status != previous {
                transitions.push((point.at, point.status));
            }
            previous = point.status;
        }
        transitions
    }
}
