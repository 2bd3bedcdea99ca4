//! Rates: for whom they are, and what they allow.

use super::Report;
use crate::book::{FreeMode, Rate, RateTable};
use crate::clock::Length;
use crate::holder::{CritAir, Eligibility, Holder, Qualification, VehicleClass};
use crate::problem::{Path, ProblemKind};

/// The longest maximum stay: longer ones are subscriptions.
const LONGEST_STAY: Length = Length::of_minutes(92 * 1440);

/// The most modifiers that may compound, demand counting as one: what exact arithmetic in 128 bits bears.
const MOST_MODIFIERS: usize = 4;

/// The highest modifier, in percent.
pub(super) const HIGHEST_PERCENT: u32 = 1000;

impl Report<'_> {
    pub(super) fn rates(&mut self, table: &RateTable, path: &Path) {
        self.coverage(table, &path.key("rates"));
        for (index, rate) in table.rates.iter().enumerate() {
            let path = path.key("rates").index(index);
            if table.rates[..index].iter().any(|other| other.id == rate.id) {
                self.error(ProblemKind::Name, &path.key("id"), format!("rate {} exists twice", rate.id));
            }
            self.eligibility(&rate.eligibility, &path.key("for"));
            if !rate.eligibility.critair.is_empty() {
                let message = "a rate cannot depend on Crit'Air; a modifier can";
                self.error(ProblemKind::Impossible, &path.key("for").key("critair"), message);
            }
            self.rate(table, rate, &path);
            self.lines(rate, &path);
        }
    }

    /// Every vehicle has one rate as a visitor, and at most one under each right.
    fn coverage(&mut self, table: &RateTable, path: &Path) {
        let holders = VehicleClass::ALL
            .into_iter()
            .flat_map(|class| [false, true].map(|electric| Holder { class, electric, ..Holder::default() }));
        let mut overlapping = Vec::new();
        for holder in holders {
            for qualification in Qualification::ALL {
                let holder = Holder { qualification, ..holder };
                let who = format!(
                    "{:?}{} as {qualification:?}",
                    holder.class,
                    if holder.electric { " (electric)" } else { "" }
                );
                let rates: Vec<usize> =
                    (0..table.rates.len()).filter(|index| table.rates[*index].eligibility.admits(&holder)).collect();
                let refused = table.not_admitted.iter().any(|not| not.admits(&holder));
                match rates.as_slice() {
                    [] if !refused && qualification == Qualification::Visitor => {
                        self.error(ProblemKind::Gap, path, format!("there is no rate for {who}"));
                    }
                    [first, second, ..] if !overlapping.contains(&(*first, *second)) => {
                        overlapping.push((*first, *second));
                        let message = format!("rates[{first}] is for {who} too");
                        self.error(ProblemKind::Overlap, &path.index(*second).key("for"), message);
                    }
                    _ => {}
                }
            }
        }
    }

    fn eligibility(&mut self, who: &Eligibility, path: &Path) {
        let electric_only = who.critair.iter().all(|class| *class == CritAir::Zero) && !who.critair.is_empty();
        if who.electric == Some(true) && !who.critair.is_empty() && !who.critair.contains(&CritAir::Zero) {
            let message = "an electric vehicle is Crit'Air 0: this is for nobody";
            self.error(ProblemKind::Impossible, path, message);
        }
        if who.electric == Some(false) && electric_only {
            self.error(ProblemKind::Impossible, path, "Crit'Air 0 is electric: this is for nobody");
        }
    }

    fn rate(&mut self, table: &RateTable, rate: &Rate, path: &Path) {
        let amounts = [
            ("minimum", rate.minimum),
            ("daily_cap", rate.daily_cap),
            ("stay_cap", rate.stay_cap),
            ("coin", Some(rate.coin)),
            ("fps", rate.fps),
        ];
        for (key, amount) in amounts {
            self.amount(amount, &path.key(key));
        }
        if rate.coin.cents(self.book.currency) == Some(0) {
            self.error(ProblemKind::Impossible, &path.key("coin"), "prices cannot be multiples of nothing");
        }
        if !table.on_street && rate.fps.is_some() {
            self.error(ProblemKind::Impossible, &path.key("fps"), "an FPS exists on the street only");
        }
        self.lengths(table, rate, path);
    }

    fn lengths(&mut self, table: &RateTable, rate: &Rate, path: &Path) {
        let impossible = ProblemKind::Impossible;
        let (unit, max_stay) = (rate.unit, rate.max_stay);
        if unit == Length::ZERO {
            self.error(impossible, &path.key("unit"), "the billing unit must be a minute at least");
        } else if !max_stay.minutes().is_multiple_of(unit.minutes()) {
            let message = format!("the maximum stay of {max_stay} is not a whole number of units of {unit}");
            self.error(impossible, &path.key("max_stay"), message);
        }
        if let Some(longest) =
            self.book.law.longest_unit_off_street.filter(|longest| !table.on_street && unit > *longest)
        {
            let message = format!("a car park may charge by units of {longest} at most, not {unit}");
            self.error(impossible, &path.key("unit"), message);
        }
        if max_stay == Length::ZERO || max_stay > LONGEST_STAY {
            let message = format!("the maximum stay of {max_stay} is not between {unit} and {LONGEST_STAY}");
            self.error(impossible, &path.key("max_stay"), message);
        }
        if rate.free.length > max_stay {
            let message = format!("{} are free, but the maximum stay is {max_stay}", rate.free.length);
            self.error(impossible, &path.key("free"), message);
        }
        if rate.free.length == Length::ZERO && (rate.free.once_a_day || rate.free.mode != FreeMode::Deducted) {
            self.no_effect(&path.key("free"), "there are no free minutes to say this of");
        }
    }

    pub(super) fn modifiers(&mut self, table: &RateTable, path: &Path) {
        for (index, modifier) in table.modifiers.iter().enumerate() {
            let path = path.key("modifiers").index(index);
            self.period(modifier.from, modifier.until, &path);
            self.eligibility(&modifier.eligibility, &path.key("for"));
            if modifier.percent > HIGHEST_PERCENT {
                let message = format!("{} % is above {HIGHEST_PERCENT} %", modifier.percent);
                self.error(ProblemKind::Impossible, &path.key("percent"), message);
            }
            if modifier.percent == 100 {
                self.no_effect(&path.key("percent"), "100 % changes no price");
            }
        }
        let most = MOST_MODIFIERS - usize::from(table.demand.is_some());
        if table.modifiers.iter().filter(|modifier| modifier.enabled).count() > most {
            self.compounding(table, most, &path.key("modifiers"));
        }
    }

    /// No holder may meet more than so many modifiers, whatever the date.
    fn compounding(&mut self, table: &RateTable, most: usize, path: &Path) {
        let classes = [None, Some(CritAir::Zero), Some(CritAir::One), Some(CritAir::Two), Some(CritAir::Three)]
            .into_iter()
            .chain([Some(CritAir::Four), Some(CritAir::Five), Some(CritAir::Unclassified)]);
        let holders = classes.flat_map(|critair| {
            VehicleClass::ALL.into_iter().flat_map(move |class| {
                Qualification::ALL.into_iter().flat_map(move |qualification| {
                    [false, true].map(|electric| Holder { class, electric, critair, qualification })
                })
            })
        });
        for holder in holders {
            let met = table.modifiers.iter().filter(|m| m.enabled && m.eligibility.admits(&holder)).count();
            if met > most {
                let message = format!("{met} modifiers apply at once to {holder:?}; {most} may");
                return self.error(ProblemKind::Impossible, path, message);
            }
        }
    }
}
