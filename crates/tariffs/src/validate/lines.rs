//! Rate lines: tiers without gap or overlap, and amounts that fit them.

use parvis_money::MoneyError;

use super::Report;
use crate::book::{Amount, Charge, Rate, RateLine};
use crate::clock::Length;
use crate::curve::{Curve, Line};
use crate::exact::Exact;
use crate::problem::{Path, ProblemKind};

impl Report<'_> {
    pub(super) fn lines(&mut self, rate: &Rate, path: &Path) {
        let lines_path = path.key("lines");
        let mut sound = true;
        for (index, line) in rate.lines.iter().enumerate() {
            sound &= self.line(line, rate, &lines_path.index(index));
        }
        if sound && self.tiers(rate, &lines_path) {
            self.amounts_that_fit(rate, path);
        }
    }

    fn line(&mut self, line: &RateLine, rate: &Rate, path: &Path) -> bool {
        let before = self.problems.len();
        self.amount(Some(line.price), &path.key("price"));
        if line.to <= line.from {
            let message = format!("the line from {} to {} is empty", line.from, line.to);
            self.error(ProblemKind::Impossible, &path.key("to"), message);
        }
        if line.every == Some(Length::ZERO) {
            self.error(ProblemKind::Impossible, &path.key("every"), "a price per no time");
        }
        let sound = self.problems.len() == before;
        if line.from >= rate.max_stay {
            let message = format!("begins at {}, but the maximum stay is {}", line.from, rate.max_stay);
            self.error(ProblemKind::Impossible, &path.key("from"), message);
        }
        if line.every.is_none() && line.charge == Charge::Started {
            self.no_effect(&path.key("charge"), "a flat price has no parts that begin");
        }
        sound
    }

    /// From the first minute to the maximum stay, each minute in one line. True when it is so.
    fn tiers(&mut self, rate: &Rate, path: &Path) -> bool {
        let before = self.problems.len();
        let mut order: Vec<usize> = (0..rate.lines.len()).collect();
        order.sort_by_key(|index| (rate.lines[*index].from, rate.lines[*index].to));
        let mut reached = Length::ZERO;
        for index in order {
            let line = &rate.lines[index];
            let path = path.index(index).key("from");
            if line.from > reached {
                self.error(ProblemKind::Gap, &path, format!("nothing says the price from {reached} to {}", line.from));
            } else if line.from < reached {
                let message = format!("two lines say the price from {} to {}", line.from, reached.min(line.to));
                self.error(ProblemKind::Overlap, &path, message);
            }
            reached = reached.max(line.to);
        }
        if reached < rate.max_stay {
            let message = format!("nothing says the price from {reached} to the maximum stay of {}", rate.max_stay);
            self.error(ProblemKind::Gap, path, message);
        }
        self.problems.len() == before
    }

    /// FPS, minimum and caps against the price of the longest stay.
    fn amounts_that_fit(&mut self, rate: &Rate, path: &Path) {
        let Ok(highest) = self.highest(rate) else {
            return self.error(ProblemKind::Impossible, path, "the price of the maximum stay is beyond all bounds");
        };
        let shown = highest.round(1, parvis_money::Rounding::HalfUp).unwrap_or(i64::MAX);
        let shown = parvis_money::Money::new(shown, self.book.currency);
        let cents = |amount: Option<Amount>| amount.and_then(|amount| amount.cents(self.book.currency));
        let above =
            |amount: Option<Amount>| cents(amount).is_some_and(|cents| Exact::cents(cents).exceeds_exact(highest));
        if above(rate.fps) {
            let message = format!("the FPS is above the price of the maximum stay, {shown} (CGCT L.2333-87)");
            self.error(ProblemKind::Impossible, &path.key("fps"), message);
        }
        if above(rate.minimum) {
            let message = format!("the minimum is above the price of the maximum stay, {shown}");
            self.error(ProblemKind::Impossible, &path.key("minimum"), message);
        }
        if let (Some(minimum), Some(cap)) = (cents(rate.minimum), cents(rate.stay_cap))
            && minimum > cap
        {
            self.error(ProblemKind::Impossible, &path.key("minimum"), "the minimum is above the stay cap");
        }
        for (key, cap) in [("daily_cap", rate.daily_cap), ("stay_cap", rate.stay_cap)] {
            if above(cap) {
                self.no_effect(&path.key(key), format!("the cap is above the price of the maximum stay, {shown}"));
            }
        }
    }

    fn highest(&self, rate: &Rate) -> Result<Exact, MoneyError> {
        let lines = rate.lines.iter().map(|line| Line::new(line, self.book.currency)).collect();
        Curve { lines }.price(rate.max_stay.seconds())
    }
}
