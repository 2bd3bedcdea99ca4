//! What became of the records of a batch.

use std::collections::{BTreeMap, BTreeSet};

use parvis_kit::metrics::Metrics;
use parvis_parking::{MergeReport, Refusal};

use crate::blocks::Update;

/// A record's position in its batch.
pub(crate) type Index = usize;

/// Counts of one batch, and the records that must come again.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) failed: BTreeSet<Index>,
    merged: MergeReport,
    refused: BTreeMap<&'static str, u64>,
    plates: u64,
    written: u64,
    conflicts: u64,
}

impl Outcome {
    pub(crate) fn note_block(&mut self, report: MergeReport, update: Update) {
        self.merged += report;
        self.written += u64::from(update.written);
        self.conflicts += u64::from(update.conflicts);
    }

    pub(crate) fn note_plate(&mut self) {
        self.plates += 1;
    }

    pub(crate) fn note_refusals<'r>(&mut self, refusals: impl IntoIterator<Item = &'r Refusal>) {
        for refusal in refusals {
            *self.refused.entry(refusal.code.as_str()).or_default() += 1;
        }
    }

    /// One line for people, and the metrics.
    pub(crate) fn report(&self, metrics: &mut Metrics) {
        if !self.refused.is_empty() {
            tracing::warn!(refused = ?self.refused, "messages went to the dead-letter queue");
        }
        metrics
            .count("ReadingsAccepted", u64::from(self.merged.accepted + self.merged.corrected), &[])
            .count("Duplicates", self.merged.duplicates.into(), &[])
            .count("Late", self.merged.late.into(), &[])
            .count("PlatesStored", self.plates, &[])
            .count("BlocksWritten", self.written, &[])
            .count("Conflicts", self.conflicts, &[])
            .count("RecordsFailed", self.failed.len() as u64, &[]);
        for (code, count) in &self.refused {
            metrics.count("Refused", *count, &[("code", code)]);
        }
    }
}
