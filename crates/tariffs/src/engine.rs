//! The calculation of a quote: first which time is chargeable, then what it costs.

use chrono::{DateTime, Duration, NaiveDate, SubsecRound, Utc};
use parvis_money::{Money, MoneyError, Rounding};
use parvis_parking::ZoneId;

use crate::book::{FreeMode, Outside};
use crate::clock::Length;
use crate::demand::{ExpectedDemand, WHOLE};
use crate::exact::Exact;
use crate::holder::Holder;
use crate::quote::{LineReason, Quote, QuoteLine, QuoteRequest, TableVersion};
use crate::refusal::{QuoteError, Refusal};
use crate::schedule::{Run, Runs};
use crate::tariffs::{CompiledRate, Table, Tariffs, no_table};

/// The longest interval that can be asked for.
const LONGEST: Duration = Duration::days(366);

/// A part of a stay under one table, without a pause.
struct Piece<'a> {
    table: &'a Table,
    rate: &'a CompiledRate,
    day: NaiveDate,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    /// Chargeable seconds of the stay before it.
    before: i64,
}

impl Piece<'_> {
    fn seconds(&self) -> i64 {
        (self.end - self.start).num_seconds()
    }

    fn at(&self, position: i64) -> DateTime<Utc> {
        self.start + Duration::seconds(position - self.before)
    }
}

/// The chargeable time of a stay.
struct Plan<'a> {
    pieces: Vec<Piece<'a>>,
    chargeable: i64,
    end: DateTime<Utc>,
    covered_until: DateTime<Utc>,
}

impl Tariffs {
    /// What an interval costs.
    ///
    /// # Errors
    /// [`QuoteError::Refused`] when the tariff does not allow the stay, [`QuoteError::BadInterval`], or
    /// [`QuoteError::Money`] for amounts beyond all bounds.
    pub fn quote(&self, request: &QuoteRequest<'_>) -> Result<Quote, QuoteError> {
        let request = &whole_seconds(request);
        let (table, rate) = self.rate_at(request.zone, &request.holder, request.start)?;
        if let Some(previous) = request.previous {
            let until = previous.end + Duration::seconds(rate.no_return);
            if rate.no_return > 0 && request.start < until && request.start >= previous.end {
                return Err(Refusal::NoReturnPeriod { until }.into());
            }
        }
        let plan = self.plan(request, rate, table.outside)?;
        let free = self.free_seconds(request, rate, plan.chargeable);
        let mut pricing = Pricing::new(self, &request.holder, request.demand);
        pricing.charge_pieces(&plan.pieces, free)?;
        if pricing.is_raised() {
            pricing.limit = Some(self.demand_limit(&request.holder, &plan.pieces, free, rate)?);
        }
        let (lines, total) = pricing.finish(rate)?;
        let zero = Money::zero(self.currency);
        Ok(Quote {
            zone: request.zone.clone(),
            start: request.start,
            end: plan.end,
            covered_until: plan.covered_until,
            chargeable_seconds: plan.chargeable,
            tables: versions(&plan.pieces),
            lines,
            total,
            paid: zero,
            due: total,
            vat_rate: table.vat,
        })
    }

    /// The most that demand may make of a price: the book's limit upon what is paid without demand, in whole coins. Without it the
    /// coin, or a minimum, could round a raised price beyond the law.
    fn demand_limit(
        &self,
        holder: &Holder,
        pieces: &[Piece<'_>],
        free: i64,
        rate: &CompiledRate,
    ) -> Result<i64, MoneyError> {
        let mut usual = Pricing::new(self, holder, None);
        usual.charge_pieces(pieces, free)?;
        let (_, usual) = usual.finish(rate)?;
        let limit = Exact::cents(usual.cents).scale(self.highest_demand_percent.into(), WHOLE.into())?;
        limit.round(rate.coin, Rounding::Down)
    }

    /// Free minutes of a stay; none when the day's were used, or when they are only for shorter stays.
    fn free_seconds(&self, request: &QuoteRequest<'_>, rate: &CompiledRate, chargeable: i64) -> i64 {
        let free = rate.free.length.seconds();
        let used_today = rate.free.once_a_day
            && request.previous.is_some_and(|stay| self.local_date(stay.start) == self.local_date(request.start));
        let too_long = rate.free.mode == FreeMode::ShortStays && chargeable > free;
        if used_today || too_long { 0 } else { free }
    }

    /// The chargeable time within an interval, rounded up to the unit.
    fn plan(&self, request: &QuoteRequest<'_>, first: &CompiledRate, outside: Outside) -> Result<Plan<'_>, QuoteError> {
        let QuoteRequest { zone, start, end, .. } = *request;
        if end <= start || end - start > LONGEST {
            return Err(QuoteError::BadInterval);
        }
        let mut planner = Planner { tariffs: self, zone, holder: request.holder, unit: first.unit, end, outside };
        planner.run(Runs::new(self, self.tables_of(zone)?, start), start)
    }

    /// The latest end of a stay that begins at `start`: when its chargeable time reaches the maximum stay.
    ///
    /// # Errors
    /// As [`Tariffs::quote`].
    pub fn latest_end(
        &self,
        zone: &ZoneId,
        holder: &Holder,
        start: DateTime<Utc>,
    ) -> Result<DateTime<Utc>, QuoteError> {
        let start = start.trunc_subsecs(0);
        let mut used = 0;
        let mut last = start;
        for run in Runs::new(self, self.tables_of(zone)?, start) {
            let Ok(run) = run else { break };
            let table = &self.tables[run.table];
            if table.outside == Outside::Closed && run.start > last {
                break;
            }
            let left = table.rate_for(holder)?.max_stay - used;
            let length = (run.end - run.start).num_seconds();
            // At exactly the run's end the free time after it is still to come.
            if left < length {
                return Ok(run.start + Duration::seconds(left.max(0)));
            }
            used += length;
            last = run.end;
        }
        Ok(last)
    }
}

/// The smallest interval of whole seconds around the one asked for.
fn whole_seconds<'a>(request: &QuoteRequest<'a>) -> QuoteRequest<'a> {
    let start = request.start.trunc_subsecs(0);
    let end = request.end.trunc_subsecs(0);
    let end = if end < request.end { end + Duration::seconds(1) } else { end };
    QuoteRequest { start, end, ..request.clone() }
}

fn versions(pieces: &[Piece<'_>]) -> Vec<TableVersion> {
    let mut versions: Vec<TableVersion> = Vec::with_capacity(1);
    for piece in pieces {
        let known =
            versions.last().is_some_and(|last| last.table == piece.table.id && last.version == piece.table.version);
        if !known {
            let (table, rate) = (piece.table.id.clone(), piece.rate.id.clone());
            versions.push(TableVersion { table, version: piece.table.version, rate });
        }
    }
    versions
}

/// Walks the operating hours until the wish is fulfilled.
struct Planner<'a, 'r> {
    tariffs: &'a Tariffs,
    zone: &'r ZoneId,
    holder: Holder,
    unit: i64,
    end: DateTime<Utc>,
    outside: Outside,
}

impl<'a> Planner<'a, '_> {
    fn run(&mut self, runs: Runs<'a>, start: DateTime<Utc>) -> Result<Plan<'a>, QuoteError> {
        let mut plan = Plan { pieces: Vec::with_capacity(4), chargeable: 0, end: self.end, covered_until: self.end };
        let mut reached = start;
        let mut next = None;
        for run in runs {
            let run = match run {
                Ok(run) => run,
                Err(gap) if gap >= self.end => {
                    next = Some(gap);
                    break;
                }
                Err(gap) => return Err(no_table(self.zone, self.tariffs.local_date(gap))),
            };
            // A unit that has begun is filled up as long as the hours go on without a pause.
            let unit_open = run.start == reached && plan.chargeable % self.unit != 0;
            if run.start >= self.end && !unit_open {
                next = Some(run.start);
                break;
            }
            if self.outside == Outside::Closed && run.start > reached {
                return Err(Refusal::OutsideOperatingHours { opens_at: Some(run.start) }.into());
            }
            let seconds = self.seconds_of(&run, plan.chargeable)?;
            reached = run.start + Duration::seconds(seconds);
            self.push(&mut plan, &run, reached)?;
            if reached < run.end {
                next = Some(reached);
                break;
            }
        }
        self.close(plan, reached, next)
    }

    /// How much of a run is charged.
    fn seconds_of(&self, run: &Run, before: i64) -> Result<i64, QuoteError> {
        let length = (run.end - run.start).num_seconds();
        let wished = (run.end.min(self.end) - run.start).num_seconds().max(0);
        let rounded = if run.end >= self.end { round_up(before + wished, self.unit) - before } else { wished };
        // Below zero when a new table allows less than was used under the old one.
        let left = (self.tariffs.tables[run.table].rate_for(&self.holder)?.max_stay - before).max(0);
        if wished > left {
            let latest_end = run.start + Duration::seconds(left);
            return Err(Refusal::MaxStayReached { latest_end }.into());
        }
        Ok(rounded.min(length).min(left))
    }

    fn push(&self, plan: &mut Plan<'a>, run: &Run, end: DateTime<Utc>) -> Result<(), QuoteError> {
        let seconds = (end - run.start).num_seconds();
        if seconds == 0 {
            return Ok(());
        }
        let table = &self.tariffs.tables[run.table];
        let before = plan.chargeable;
        plan.chargeable += seconds;
        match plan.pieces.last_mut() {
            Some(last) if last.end == run.start && std::ptr::eq(last.table, table) && !table.by_day => last.end = end,
            _ => {
                let rate = table.rate_for(&self.holder)?;
                plan.pieces.push(Piece { table, rate, day: run.day, start: run.start, end, before });
            }
        }
        Ok(())
    }

    fn close(
        &self,
        mut plan: Plan<'a>,
        reached: DateTime<Utc>,
        next: Option<DateTime<Utc>>,
    ) -> Result<Plan<'a>, QuoteError> {
        if plan.pieces.is_empty() || (self.outside == Outside::Closed && reached < self.end) {
            return Err(Refusal::OutsideOperatingHours { opens_at: next }.into());
        }
        plan.end = self.end.max(reached);
        plan.covered_until = match self.outside {
            Outside::Free => next.unwrap_or(plan.end).max(plan.end),
            Outside::Closed => plan.end,
        };
        Ok(plan)
    }
}

/// The next multiple of `unit`; `seconds` is never negative.
fn round_up(seconds: i64, unit: i64) -> i64 {
    match seconds % unit {
        0 => seconds,
        rest => seconds + unit - rest,
    }
}

/// Adds up a price with its explanation. The exact sum runs along; a line shows by how much it moves the rounded sum,
/// so that lines always add up.
struct Pricing<'a> {
    tariffs: &'a Tariffs,
    holder: &'a Holder,
    sum: Exact,
    shown: i64,
    lines: Vec<QuoteLine>,
    /// What each modifier does, kept back until all rate lines are written.
    modifiers: Vec<(&'a str, u32, Exact)>,
    demand: Option<ExpectedDemand>,
    /// What demand does, by its percentage: each table has bounds of its own.
    moved: Vec<(u32, Exact)>,
    /// The most that a price may be which demand raises.
    limit: Option<i64>,
    /// What each day's cap takes away.
    caps: Vec<(NaiveDate, Exact)>,
    day: Option<DaySum>,
    bound: Exact,
}

/// The charge of one local day.
struct DaySum {
    day: NaiveDate,
    charged: Exact,
    cap: Option<i64>,
}

impl<'a> Pricing<'a> {
    fn new(tariffs: &'a Tariffs, holder: &'a Holder, demand: Option<ExpectedDemand>) -> Self {
        let (lines, modifiers, moved, caps) = (Vec::with_capacity(8), Vec::new(), Vec::new(), Vec::new());
        let (sum, bound) = (Exact::ZERO, Exact::ZERO);
        Self { tariffs, holder, sum, shown: 0, lines, modifiers, demand, moved, limit: None, caps, day: None, bound }
    }

    fn charge_pieces(&mut self, pieces: &[Piece<'a>], free: i64) -> Result<(), MoneyError> {
        for piece in pieces {
            self.charge(piece, free)?;
        }
        self.close_day()
    }

    fn charge(&mut self, piece: &Piece<'a>, free: i64) -> Result<(), MoneyError> {
        let (from, to) = (piece.before, piece.before + piece.seconds());
        if from < free {
            let reason = LineReason::Free { start: piece.start, end: piece.at(to.min(free)) };
            self.line(reason, Exact::ZERO)?;
        }
        let mut base = Exact::ZERO;
        for part in piece.rate.curve.parts((from - free).max(0), (to - free).max(0)) {
            let part = part?;
            base = base.add(part.amount)?;
            let reason = LineReason::Rate {
                start: piece.at(part.from + free),
                end: piece.at(part.to + free),
                price: Money::new(part.line.price, self.tariffs.currency),
                every: part.line.every.and_then(|every| u32::try_from(every / 60).ok()).map(Length::of_minutes),
                started: part.line.started,
            };
            self.line(reason, part.amount)?;
        }
        let modified = self.modify(piece, base)?;
        let percent = piece.table.demand_percent(self.demand);
        let charged = self.move_by_demand(percent, modified)?;
        self.note_day(piece, charged)?;
        let (top, bottom) = piece.table.factor(self.holder, piece.day);
        let bound = piece.rate.bound((top * i64::from(percent), bottom * i64::from(WHOLE)))?;
        if bound.exceeds_exact(self.bound) {
            self.bound = bound;
        }
        Ok(())
    }

    /// Applies the modifiers one after the other; returns the modified amount.
    fn modify(&mut self, piece: &Piece<'a>, base: Exact) -> Result<Exact, MoneyError> {
        let mut amount = base;
        for modifier in piece.table.modifiers_for(self.holder, piece.day) {
            let modified = amount.scale(modifier.percent.into(), 100)?;
            let change = modified.sub(amount)?;
            amount = modified;
            let known = self
                .modifiers
                .iter_mut()
                .find(|(name, percent, _)| *name == modifier.name && *percent == modifier.percent);
            match known {
                Some((_, _, sum)) => *sum = sum.add(change)?,
                None => self.modifiers.push((&modifier.name, modifier.percent, change)),
            }
        }
        Ok(amount)
    }

    /// Applies expected demand; returns the amount that it has moved.
    fn move_by_demand(&mut self, percent: u32, amount: Exact) -> Result<Exact, MoneyError> {
        if percent == WHOLE || amount.is_zero() {
            return Ok(amount);
        }
        let moved = amount.scale(percent.into(), WHOLE.into())?;
        let change = moved.sub(amount)?;
        match self.moved.iter_mut().find(|(known, _)| *known == percent) {
            Some((_, sum)) => *sum = sum.add(change)?,
            None => self.moved.push((percent, change)),
        }
        Ok(moved)
    }

    fn is_raised(&self) -> bool {
        self.moved.iter().any(|(percent, _)| *percent > WHOLE)
    }

    fn note_day(&mut self, piece: &Piece<'_>, charged: Exact) -> Result<(), MoneyError> {
        if let Some(sum) = self.day.as_mut().filter(|sum| sum.day == piece.day) {
            sum.charged = sum.charged.add(charged)?;
            return Ok(());
        }
        self.close_day()?;
        self.day = Some(DaySum { day: piece.day, charged, cap: piece.rate.daily_cap });
        Ok(())
    }

    fn close_day(&mut self) -> Result<(), MoneyError> {
        if let Some(DaySum { day, charged, cap: Some(cap) }) = self.day.take()
            && charged.exceeds(cap)
        {
            self.caps.push((day, Exact::cents(cap).sub(charged)?));
        }
        Ok(())
    }

    /// Modifiers, demand, caps, minimum and coin, in this order.
    fn finish(mut self, rate: &CompiledRate) -> Result<(Vec<QuoteLine>, Money), MoneyError> {
        for (name, percent, change) in std::mem::take(&mut self.modifiers) {
            self.line(LineReason::Modifier { name: name.to_owned(), percent }, change)?;
        }
        let taken_percent = self.demand.map_or(0, |demand| demand.taken_percent);
        for (percent, change) in std::mem::take(&mut self.moved) {
            self.line(LineReason::Demand { percent, taken_percent }, change)?;
        }
        for (day, change) in std::mem::take(&mut self.caps) {
            self.line(LineReason::DailyCap { day }, change)?;
        }
        let above = self.sum.sub(self.bound)?;
        if above.is_positive() {
            self.line(LineReason::StayCap, Exact::ZERO.sub(above)?)?;
        }
        if self.sum.is_positive() && !self.sum.exceeds(rate.minimum) {
            let missing = Exact::cents(rate.minimum).sub(self.sum)?;
            if !missing.is_zero() {
                self.line(LineReason::Minimum, missing)?;
            }
        }
        let total = self.sum.round(rate.coin, rate.rounding)?;
        let total = self.limit.map_or(total, |limit| total.min(limit));
        if total != self.shown {
            let amount = Money::new(total - self.shown, self.tariffs.currency);
            self.lines.push(QuoteLine { reason: LineReason::Rounding, amount });
        }
        Ok((self.lines, Money::new(total, self.tariffs.currency)))
    }

    fn line(&mut self, reason: LineReason, change: Exact) -> Result<(), MoneyError> {
        self.sum = self.sum.add(change)?;
        let shown = self.sum.round(1, Rounding::HalfUp)?;
        let amount = Money::new(shown - self.shown, self.tariffs.currency);
        self.shown = shown;
        self.lines.push(QuoteLine { reason, amount });
        Ok(())
    }
}
