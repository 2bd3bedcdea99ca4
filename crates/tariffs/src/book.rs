//! A tariff book as it is written in a file: rate tables with their dates, hours, rates and modifiers.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use chrono_tz::Tz;
use parvis_money::{Currency, Money, MoneyError, Rounding, VatRate};
use parvis_parking::{PlaceId, ZoneId};
use serde::{Deserialize, Serialize};

use crate::clock::{ClockTime, Length};
use crate::days::DaySet;
use crate::demand::WHOLE;
use crate::holder::Eligibility;
use crate::holidays::Holiday;

/// A decimal amount such as `"19.50"`, in the book's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Amount(i64);

impl Amount {
    /// One hundredth.
    pub const CENT: Self = Self(1);

    /// Hundredths of the currency's unit.
    #[must_use]
    pub const fn of_hundredths(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// The amount in minor units of a currency; `None` when the currency has no such fraction.
    #[must_use]
    pub fn cents(self, currency: Currency) -> Option<i64> {
        let hundredths_per_cent = 100 / currency.minor_units();
        (self.0 % hundredths_per_cent == 0).then_some(self.0 / hundredths_per_cent)
    }

    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }
}

// Files write two decimals whatever the currency; the euro reads and writes exactly that.
impl FromStr for Amount {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        Money::parse(text, Currency::Eur).map(|money| Self(money.cents))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Money::eur(self.0).decimal())
    }
}

impl TryFrom<String> for Amount {
    type Error = MoneyError;

    fn try_from(text: String) -> Result<Self, MoneyError> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> String {
        amount.to_string()
    }
}

/// All tariffs of a city or an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TariffBook {
    /// What it is called.
    pub name: String,
    /// The currency of every amount.
    pub currency: Currency,
    /// The zone of every time of day and date.
    pub timezone: Tz,
    /// Limits set by law.
    #[serde(default)]
    pub law: Law,
    /// Calendars of public holidays by name.
    #[serde(default)]
    pub calendars: BTreeMap<String, Vec<Holiday>>,
    /// The rate tables (APDS: RateTable).
    pub tables: Vec<RateTable>,
}

/// Limits that the law sets to tariffs, as configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Law {
    /// The longest billing unit of car parks; 15 minutes in France (code de la consommation, L224-68).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_unit_off_street: Option<Length>,
    /// The legal rate of car parks in percent of their tables' prices, up to which demand may raise them; without it, and on the
    /// street in any case, the tables' prices are the legal rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_demand_percent: Option<u32>,
}

/// The tariff of some zones during some time (APDS: RateTable).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateTable {
    /// The table's name, the same for all its versions.
    pub id: String,
    /// The version, rising.
    pub version: u32,
    /// The zones it is for.
    pub zones: Vec<ZoneId>,
    /// First local date on which it is in force.
    pub from: NaiveDate,
    /// First local date on which it is in force no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
    /// On the street, where not paying costs an FPS; otherwise a car park.
    #[serde(default)]
    pub on_street: bool,
    /// VAT included in the prices; absent or zero on the street.
    #[serde(default)]
    pub vat_basis_points: VatRate,
    /// The calendar of holidays; without one there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// What holds outside the operating hours.
    #[serde(default)]
    pub outside: Outside,
    /// When a price is due.
    pub hours: Vec<OperatingHours>,
    /// Who is not admitted at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_admitted: Vec<Eligibility>,
    /// Percentages on prices.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modifiers: Vec<Modifier>,
    /// How far expected demand moves prices; without it, not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<DemandRule>,
    /// The prices by right and vehicle (APDS: RateLineCollection).
    pub rates: Vec<Rate>,
}

/// What holds outside the operating hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Parking is free.
    #[default]
    Free,
    /// Nobody may park.
    Closed,
}

/// A daily window in which a price is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingHours {
    /// The days on which the window begins. On a holiday only windows that name `holiday` hold.
    pub days: DaySet,
    /// Its beginning.
    pub from: ClockTime,
    /// Its end; not after the beginning means on the next day.
    pub to: ClockTime,
}

/// A percentage on the price of whom it is for. Several compound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modifier {
    /// What the payer reads.
    pub name: String,
    /// Whom it is for.
    #[serde(rename = "for")]
    pub eligibility: Eligibility,
    /// Percent of the price: 50 is half, 0 is free, 150 is half as much again.
    pub percent: u32,
    /// A switch, for rules whose legal state changes (ZFE).
    #[serde(default = "yes")]
    pub enabled: bool,
    /// First local date on which it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// First local date on which it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<NaiveDate>,
}

impl Modifier {
    pub(crate) fn is_active(&self, date: NaiveDate) -> bool {
        self.enabled && self.from.is_none_or(|from| date >= from) && self.until.is_none_or(|until| date < until)
    }
}

/// How far expected demand moves the prices of a table, by the forecast of the hour in which a stay begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandRule {
    /// The car park, by its id in the register of places, whose zones of the same ids are forecast.
    pub place: PlaceId,
    /// Percent of the price, at least; 1 to 100.
    pub floor_percent: u32,
    /// Percent of the price, at most; 100, the table's own prices, unless [`Law::highest_demand_percent`] allows more.
    #[serde(default = "whole")]
    pub cap_percent: u32,
}

/// The price of a stay for some vehicles and rights (APDS: RateLineCollection).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The rate's name within its table.
    pub id: String,
    /// Whom it is for.
    #[serde(rename = "for", default)]
    pub eligibility: Eligibility,
    /// Chargeable time is rounded up to this.
    #[serde(default = "one_minute")]
    pub unit: Length,
    /// The longest stay, in chargeable time.
    pub max_stay: Length,
    /// How long after a stay the same vehicle may not begin another in the zone.
    #[serde(default)]
    pub no_return: Length,
    /// Free minutes at the beginning.
    #[serde(default)]
    pub free: FreeMinutes,
    /// The tiers (APDS: RateLine), in order.
    pub lines: Vec<RateLine>,
    /// The least that is charged when anything is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Amount>,
    /// The most for one calendar day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_cap: Option<Amount>,
    /// The most for the whole stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stay_cap: Option<Amount>,
    /// Prices are multiples of this.
    #[serde(default = "cent")]
    pub coin: Amount,
    /// How they are rounded to it.
    #[serde(default)]
    pub rounding: Rounding,
    /// May a stay be extended?
    #[serde(default = "yes")]
    pub extensible: bool,
    /// What a stay that ends early gives back.
    #[serde(default)]
    pub refund: RefundPolicy,
    /// The FPS, on the street only; absent, it is the price of the longest stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fps: Option<Amount>,
}

/// Free minutes at the beginning of a stay.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreeMinutes {
    /// How long.
    #[serde(rename = "for", default)]
    pub length: Length,
    /// Whether a longer stay keeps them.
    #[serde(default)]
    pub mode: FreeMode,
    /// Only for a vehicle's first stay of a day.
    #[serde(default)]
    pub once_a_day: bool,
}

/// Whether a longer stay keeps its free minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeMode {
    /// Every stay has them; tiers begin after them.
    #[default]
    Deducted,
    /// Only stays that are not longer are free; a longer one is charged from its first minute.
    ShortStays,
}

/// What a stay that ends early gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundPolicy {
    /// What was paid beyond the price of the time used.
    #[default]
    Unused,
    /// Nothing.
    None,
}

/// A tier of a rate (APDS: RateLine).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLine {
    /// Position in the stay at which it begins.
    pub from: Length,
    /// Position at which it ends.
    pub to: Length,
    /// The price.
    pub price: Amount,
    /// The price is per this time (APDS: incrementing rate); absent, it is for the whole line (flat rate tier).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Length>,
    /// How a part of `every` is charged.
    #[serde(default)]
    pub charge: Charge,
}

/// How a part of a line's increment is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// In proportion.
    #[default]
    ProRata,
    /// As a whole, once begun.
    Started,
}

fn yes() -> bool {
    true
}

fn whole() -> u32 {
    WHOLE
}

fn one_minute() -> Length {
    Length::of_minutes(1)
}

fn cent() -> Amount {
    Amount::CENT
}
