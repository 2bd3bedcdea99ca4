//! The price of a position within a stay, exact.

use parvis_money::MoneyError;

use crate::exact::Exact;
use parvis_money::Rounding;

/// A rate line with its numbers in seconds and cents.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub from: i64,
    pub to: i64,
    pub price: i64,
    /// `None`: a flat price, due when the line is entered.
    pub every: Option<i64>,
    pub started: bool,
}

/// The tiers of a rate: a non-decreasing function of the position.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    pub lines: Vec<Line>,
}

/// What a part of a stay costs within one line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    pub line: &'a Line,
    /// Positions within the stay, in seconds.
    pub from: i64,
    pub to: i64,
    pub amount: Exact,
}

impl Line {
    /// The price from the line's beginning to `position`, which lies within the line.
    fn until(&self, position: i64) -> Exact {
        let used = position - self.from;
        match self.every {
            None if used > 0 => Exact::cents(self.price),
            None => Exact::ZERO,
            Some(every) if self.started => {
                let begun = Rounding::Up.divide(used.into(), every.into());
                Exact::ratio(i128::from(self.price) * begun, 1)
            }
            Some(every) => Exact::ratio(i128::from(self.price) * i128::from(used), every.into()),
        }
    }
}

impl Curve {
    /// The lines that positions `from` to `to` touch, each with what it adds to the price.
    pub fn parts(&self, from: i64, to: i64) -> impl Iterator<Item = Result<Part<'_>, MoneyError>> {
        self.lines.iter().filter_map(move |line| {
            let (begin, end) = (from.max(line.from), to.min(line.to));
            (begin < end).then(|| {
                let amount = line.until(end).sub(line.until(begin))?;
                Ok(Part { line, from: begin, to: end, amount })
            })
        })
    }

    /// The price of a stay of `position` seconds, without modifiers and caps.
    pub fn price(&self, position: i64) -> Result<Exact, MoneyError> {
        self.parts(0, position).try_fold(Exact::ZERO, |sum, part| sum.add(part?.amount))
    }
}
