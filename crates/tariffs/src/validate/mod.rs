//! Everything that can be wrong with a book that can be read.

mod demand;
mod hours;
mod lines;
mod rates;
mod tables;

use crate::book::{Amount, TariffBook};
use crate::problem::{Path, Problem, ProblemKind};

/// All problems of a book, in the order in which it is walked.
pub(crate) fn validate(book: &TariffBook) -> Vec<Problem> {
    let mut report = Report { book, problems: Vec::new() };
    report.law();
    report.tables();
    report.problems
}

/// The problems found so far.
struct Report<'a> {
    book: &'a TariffBook,
    problems: Vec<Problem>,
}

impl Report<'_> {
    fn error(&mut self, kind: ProblemKind, path: &Path, message: impl Into<String>) {
        self.problems.push(Problem::error(kind, path, message));
    }

    fn no_effect(&mut self, path: &Path, message: impl Into<String>) {
        self.problems.push(Problem::no_effect(path, message));
    }

    /// An amount must exist in the currency and must not be negative.
    fn amount(&mut self, amount: Option<Amount>, path: &Path) {
        let Some(amount) = amount else { return };
        if amount.is_negative() {
            self.error(ProblemKind::Impossible, path, format!("{amount} is negative"));
        }
        if amount.cents(self.book.currency).is_none() {
            self.error(ProblemKind::Impossible, path, format!("{} has no fraction: {amount}", self.book.currency));
        }
    }

    /// An end must come after its beginning.
    fn period(&mut self, from: Option<chrono::NaiveDate>, until: Option<chrono::NaiveDate>, path: &Path) {
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            self.error(
                ProblemKind::Impossible,
                &path.key("until"),
                format!("ends on {until}, before it begins on {from}"),
            );
        }
    }
}
