//! Series out of a CSV file, wide (a column per series) or long (a column tells the series).

use std::{collections::BTreeMap, io::Read as Input};

use anyhow::{Context as _, bail, ensure};
use chrono_tz::Tz;
use parvis_forecasting::{Kind, Observation, Series, Step, regularise, series::usual_step};

use crate::time::{Read, Reader};

/// Which columns hold what.
#[derive(Debug, Clone)]
pub struct Columns {
    /// When.
    pub time: String,
    /// What: one series per column.
    pub values: Vec<String>,
    /// Which series, in a long file.
    pub group: Option<String>,
    /// The greatest possible value: a number, or a column.
    pub capacity: Option<Capacity>,
}

/// The greatest possible value.
#[derive(Debug, Clone)]
pub enum Capacity {
    /// The same for all series, in the unit of the values.
    Fixed(f64),
    /// In a column; values in a column of percentages are turned into this unit.
    Column(String),
}

/// A series of the file.
#[derive(Debug, Clone)]
pub struct Named {
    /// Group and column.
    pub name: String,
    /// Its values.
    pub series: Series,
}

/// What was read.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The series, in the file's order.
    pub series: Vec<Named>,
    /// What the reader should know: rows left out, values moved.
    pub notes: Vec<String>,
}

#[derive(Debug, Default)]
struct Flaws {
    unreadable: usize,
    skipped: usize,
    negative: usize,
    above: usize,
}

struct Raw {
    name: String,
    capacity: Option<f64>,
    observations: Vec<Observation>,
}

/// Reads the series of a file, all with the same step.
///
/// # Errors
/// If the file cannot be read, a column is missing, or nothing is left.
pub fn read(input: impl Input, columns: &Columns, step: Option<Step>, timezone: Tz) -> anyhow::Result<Contents> {
    let mut flaws = Flaws::default();
    let mut raw = rows(input, columns, timezone, &mut flaws)?;
    raw.retain(|series| !series.observations.is_empty());
    ensure!(!raw.is_empty(), "no value could be read");
    let step = step.unwrap_or_else(|| common_step(&mut raw));
    let whole = raw.iter().flat_map(|series| &series.observations).all(|one| one.value.fract() == 0.0);
    let mut notes = Vec::new();
    let (mut filled, mut series) = (0, Vec::new());
    for Raw { name, capacity, mut observations } in raw {
        let kind = match capacity {
            Some(capacity) => Kind::Bounded { capacity },
            None if whole => Kind::Count,
            None => Kind::Amount,
        };
        for one in &mut observations {
            flaws.above += usize::from(one.value > kind.upper());
            one.value = kind.clamp(one.value);
        }
        let done = regularise(&observations, kind, Some(step), timezone).with_context(|| format!("series {name}"))?;
        filled += done.filled;
        series.push(Named { name, series: done.series });
    }
    flaws.tell(&mut notes);
    if filled > 0 {
        notes.push(format!("{filled} short gaps between two observations filled along a straight line"));
    }
    Ok(Contents { series, notes })
}

fn rows(input: impl Input, columns: &Columns, timezone: Tz, flaws: &mut Flaws) -> anyhow::Result<Vec<Raw>> {
    let mut file = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let headers = file.headers()?.clone();
    let place = |name: &str| {
        let found = headers.iter().position(|header| header.trim() == name);
        found.with_context(|| format!("no column {name:?}; there are: {}", headers.iter().collect::<Vec<_>>().join(", ")))
    };
    let time = place(&columns.time)?;
    let group = columns.group.as_deref().map(place).transpose()?;
    let values = columns.values.iter().map(|name| Ok((name.as_str(), place(name)?))).collect::<anyhow::Result<Vec<_>>>()?;
    let capacity_column = match &columns.capacity {
        Some(Capacity::Column(name)) => Some(place(name)?),
        _ => None,
    };
    let mut order: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut readers: BTreeMap<String, Reader> = BTreeMap::new();
    let mut series: Vec<Raw> = Vec::new();
    for record in file.records() {
        let record = record?;
        let of_group = group.and_then(|group| record.get(group)).unwrap_or_default().trim().to_owned();
        let reader = readers.entry(of_group.clone()).or_insert_with(|| Reader::new(timezone));
        let at = match reader.read(record.get(time).unwrap_or_default()) {
            Read::At(at) => at,
            Read::Skipped => {
                flaws.skipped += 1;
                continue;
            }
            Read::Unreadable => {
                flaws.unreadable += 1;
                continue;
            }
        };
        let in_column = capacity_column.and_then(|place| record.get(place)).and_then(|text| text.trim().parse().ok());
        for (number, (column, place)) in values.iter().enumerate() {
            let Some(mut value) = record.get(*place).and_then(|text| text.trim().parse::<f64>().ok()) else { continue };
            if value.is_nan() || value < 0.0 {
                flaws.negative += usize::from(value < 0.0);
                continue;
            }
            let capacity = match &columns.capacity {
                None => None,
                Some(Capacity::Fixed(capacity)) => Some(*capacity),
                Some(Capacity::Column(_)) => in_column,
            };
            if let (Some(capacity), true) = (in_column, is_percentage(column)) {
                value *= capacity / 100.0;
            }
            let next = series.len();
            let index = *order.entry((of_group.clone(), number)).or_insert(next);
            if index == next {
                series.push(Raw { name: name(&of_group, column, values.len()), capacity, observations: Vec::new() });
            }
            // The capacity of the last row counts.
            series[index].capacity = capacity.or(series[index].capacity);
            series[index].observations.push(Observation { at, value });
        }
    }
    if matches!(columns.capacity, Some(Capacity::Column(_))) && series.iter().any(|series| series.capacity.is_none()) {
        bail!("a series has no capacity in the given column");
    }
    Ok(series)
}

fn is_percentage(column: &str) -> bool {
    let column = column.to_ascii_lowercase();
    ["pct", "percent", "%"].iter().any(|word| column.contains(word))
}

fn name(group: &str, column: &str, columns: usize) -> String {
    match (group.is_empty(), columns) {
        (true, _) => column.to_owned(),
        (false, 1) => group.to_owned(),
        (false, _) => format!("{group} {column}"),
    }
}

/// The step that suits the first series, which is put in time order for it.
fn common_step(raw: &mut [Raw]) -> Step {
    raw.first_mut().map_or(Step::Minutes(60), |first| {
        first.observations.sort_by_key(|one| one.at);
        usual_step(&first.observations)
    })
}

impl Flaws {
    fn tell(&self, notes: &mut Vec<String>) {
        for (number, what) in [
            (self.unreadable, "rows without a readable time left out"),
            (self.skipped, "rows at local times that clocks skipped left out"),
            (self.negative, "negative values left out"),
            (self.above, "values above capacity taken as full"),
        ] {
            if number > 0 {
                notes.push(format!("{number} {what}"));
            }
        }
    }
}
