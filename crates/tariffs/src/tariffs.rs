//! The checked tariff book, ready to calculate.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use parvis_money::{Currency, Money, MoneyError, Rounding};
use parvis_parking::ZoneId;

use crate::book::{
    Amount, Charge, DemandRule, FreeMinutes, Modifier, Outside, Rate, RateLine, RateTable, RefundPolicy, TariffBook,
};
use crate::curve::{Curve, Line};
use crate::demand::WHOLE;
use crate::exact::Exact;
use crate::holder::{Eligibility, Holder, Qualification};
use crate::holidays::Holiday;
use crate::problem::{Problem, Severity};
use crate::refusal::{QuoteError, Refusal};
use crate::validate::validate;

/// A checked tariff book.
#[derive(Debug, Clone)]
pub struct Tariffs {
    pub(crate) currency: Currency,
    pub(crate) timezone: Tz,
    pub(crate) tables: Vec<Table>,
    /// The most that demand may make of a price, in percent.
    pub(crate) highest_demand_percent: u32,
    /// Tables of a zone by their first day.
    zones: HashMap<ZoneId, Vec<usize>>,
}

/// A rate table with its calendar and curves.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub id: String,
    pub version: u32,
    pub from: NaiveDate,
    pub until: Option<NaiveDate>,
    pub on_street: bool,
    pub vat: parvis_money::VatRate,
    pub outside: Outside,
    pub hours: Vec<crate::book::OperatingHours>,
    pub holidays: Vec<Holiday>,
    pub modifiers: Vec<Modifier>,
    pub demand: Option<DemandRule>,
    /// True when a price depends on the date within the table: pieces of a stay must then not span days.
    pub by_day: bool,
    not_admitted: Vec<Eligibility>,
    rates: Vec<CompiledRate>,
}

/// A rate with its numbers in seconds and cents.
#[derive(Debug, Clone)]
pub(crate) struct CompiledRate {
    pub id: String,
    eligibility: Eligibility,
    pub unit: i64,
    pub max_stay: i64,
    pub no_return: i64,
    pub free: FreeMinutes,
    pub curve: Curve,
    /// The curve at the longest stay, without free minutes, modifiers and caps.
    pub highest: Exact,
    pub minimum: i64,
    pub daily_cap: Option<i64>,
    pub stay_cap: Option<i64>,
    pub coin: i64,
    pub rounding: Rounding,
    pub extensible: bool,
    pub refund: RefundPolicy,
    pub fps: Option<i64>,
}

impl Tariffs {
    /// Checks a book and prepares it. Warnings do not hinder.
    ///
    /// # Errors
    /// Every [`Problem`] of the book, errors and warnings, when there is at least one error.
    pub fn new(book: &TariffBook) -> Result<Self, Vec<Problem>> {
        let problems = validate(book);
        if problems.iter().any(|problem| problem.severity == Severity::Error) {
            return Err(problems);
        }
        let mut zones: HashMap<ZoneId, Vec<usize>> = HashMap::new();
        for (index, table) in book.tables.iter().enumerate() {
            for zone in &table.zones {
                zones.entry(zone.clone()).or_default().push(index);
            }
        }
        for tables in zones.values_mut() {
            tables.sort_by_key(|index| book.tables[*index].from);
        }
        let tables = book.tables.iter().map(|table| Table::new(table, &book.calendars, book.currency));
        let highest_demand_percent = book.law.highest_demand_percent.unwrap_or(WHOLE);
        let (currency, timezone) = (book.currency, book.timezone);
        Ok(Self { currency, timezone, tables: tables.collect(), highest_demand_percent, zones })
    }

    /// The currency of all prices.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// The zone of local times.
    #[must_use]
    pub fn timezone(&self) -> Tz {
        self.timezone
    }

    /// The zones with a tariff, in order.
    #[must_use]
    pub fn zones(&self) -> Vec<&ZoneId> {
        let mut zones: Vec<&ZoneId> = self.zones.keys().collect();
        zones.sort();
        zones
    }

    /// The tables of a zone, by their first day.
    pub(crate) fn tables_of(&self, zone: &ZoneId) -> Result<&[usize], QuoteError> {
        let tables = self.zones.get(zone).map(Vec::as_slice);
        tables.ok_or_else(|| Refusal::no_availability(format!("zone {zone} has no tariff")).into())
    }

    /// The table and the rate that hold for a stay which begins at `start`.
    pub(crate) fn rate_at(
        &self,
        zone: &ZoneId,
        holder: &Holder,
        start: DateTime<Utc>,
    ) -> Result<(&Table, &CompiledRate), QuoteError> {
        let date = self.local_date(start);
        let table = self.table_on(self.tables_of(zone)?, date).ok_or_else(|| no_table(zone, date))?;
        let table = &self.tables[table];
        Ok((table, table.rate_for(holder)?))
    }

    pub(crate) fn table_on(&self, tables: &[usize], date: NaiveDate) -> Option<usize> {
        tables.iter().copied().find(|index| self.tables[*index].is_in_force(date))
    }

    pub(crate) fn local_date(&self, instant: DateTime<Utc>) -> NaiveDate {
        instant.with_timezone(&self.timezone).date_naive()
    }

    /// The price of the longest stay for a holder whose stay begins at `start`: no quote is above it, unless demand raises those
    /// of a car park.
    ///
    /// Free minutes and demand do not lower it; modifiers, the stay cap and the coin are applied.
    ///
    /// # Errors
    /// As [`Tariffs::quote`].
    pub fn max_stay_price(&self, zone: &ZoneId, holder: &Holder, start: DateTime<Utc>) -> Result<Money, QuoteError> {
        let (table, rate) = self.rate_at(zone, holder, start)?;
        let highest = rate.bound(table.factor(holder, self.local_date(start)))?;
        Ok(Money::new(rate.round(highest)?, self.currency))
    }
}

pub(crate) fn no_table(zone: &ZoneId, date: NaiveDate) -> QuoteError {
    Refusal::no_availability(format!("zone {zone} has no tariff on {date}")).into()
}

impl Table {
    fn new(table: &RateTable, calendars: &BTreeMap<String, Vec<Holiday>>, currency: Currency) -> Self {
        let holidays = table.calendar.as_ref().and_then(|name| calendars.get(name)).cloned().unwrap_or_default();
        let dated = table.modifiers.iter().any(|modifier| modifier.from.is_some() || modifier.until.is_some());
        Self {
            id: table.id.clone(),
            version: table.version,
            from: table.from,
            until: table.until,
            on_street: table.on_street,
            vat: table.vat_basis_points,
            outside: table.outside,
            hours: table.hours.clone(),
            holidays,
            modifiers: table.modifiers.clone(),
            demand: table.demand.clone(),
            by_day: dated || table.rates.iter().any(|rate| rate.daily_cap.is_some()),
            not_admitted: table.not_admitted.clone(),
            rates: table.rates.iter().map(|rate| CompiledRate::new(rate, currency)).collect(),
        }
    }

    pub fn is_in_force(&self, date: NaiveDate) -> bool {
        date >= self.from && self.until.is_none_or(|until| date < until)
    }

    pub fn is_holiday(&self, date: NaiveDate) -> bool {
        self.holidays.iter().any(|holiday| holiday.is_on(date))
    }

    /// The rate of a holder. A right for which the table has no rate of its own pays what a visitor pays.
    pub fn rate_for(&self, holder: &Holder) -> Result<&CompiledRate, QuoteError> {
        if self.not_admitted.iter().any(|who| who.admits(holder)) {
            return Err(Refusal::no_availability("this vehicle is not admitted here").into());
        }
        let find = |holder: &Holder| self.rates.iter().find(|rate| rate.eligibility.admits(holder));
        find(holder)
            .or_else(|| (holder.qualification != Qualification::Visitor).then(|| find(&holder.as_visitor())).flatten())
            .ok_or_else(|| Refusal::no_availability("there is no tariff for this vehicle").into())
    }

    /// The modifiers that apply to a holder on a date.
    pub fn modifiers_for(&self, holder: &Holder, date: NaiveDate) -> impl Iterator<Item = &Modifier> {
        self.modifiers.iter().filter(move |modifier| modifier.is_active(date) && modifier.eligibility.admits(holder))
    }

    /// All modifiers together: numerator and denominator.
    pub fn factor(&self, holder: &Holder, date: NaiveDate) -> (i64, i64) {
        // At most four compound (the validator says so), each at most 1000 percent.
        self.modifiers_for(holder, date)
            .fold((1, 1), |(top, bottom), modifier| (top * i64::from(modifier.percent), bottom * 100))
    }
}

impl CompiledRate {
    fn new(rate: &Rate, currency: Currency) -> Self {
        // The validator has refused amounts that the currency cannot express.
        let cents = |amount: Amount| amount.cents(currency).unwrap_or_default();
        let curve = Curve { lines: rate.lines.iter().map(|line| Line::new(line, currency)).collect() };
        let max_stay = rate.max_stay.seconds();
        Self {
            id: rate.id.clone(),
            eligibility: rate.eligibility.clone(),
            unit: rate.unit.seconds(),
            max_stay,
            no_return: rate.no_return.seconds(),
            free: rate.free.clone(),
            highest: curve.price(max_stay).unwrap_or(Exact::ZERO),
            curve,
            minimum: rate.minimum.map_or(0, cents),
            daily_cap: rate.daily_cap.map(cents),
            stay_cap: rate.stay_cap.map(cents),
            coin: cents(rate.coin),
            rounding: rate.rounding,
            extensible: rate.extensible,
            refund: rate.refund,
            fps: rate.fps.map(cents),
        }
    }

    /// The most that a stay can cost under this rate with a factor: the longest stay's price, or the stay cap.
    pub fn bound(&self, (top, bottom): (i64, i64)) -> Result<Exact, MoneyError> {
        let highest = self.highest.scale(top, bottom)?;
        Ok(match self.stay_cap {
            Some(cap) if highest.exceeds(cap) => Exact::cents(cap),
            _ => highest,
        })
    }

    /// The minimum and the coin applied to an exact price.
    pub fn round(&self, price: Exact) -> Result<i64, MoneyError> {
        if price.is_positive() && !price.exceeds(self.minimum) {
            return Exact::cents(self.minimum).round(self.coin, self.rounding);
        }
        price.round(self.coin, self.rounding)
    }
}

impl Line {
    pub(crate) fn new(line: &RateLine, currency: Currency) -> Self {
        Self {
            from: line.from.seconds(),
            to: line.to.seconds(),
            price: line.price.cents(currency).unwrap_or_default(),
            every: line.every.map(crate::Length::seconds),
            started: line.charge == Charge::Started,
        }
    }
}
