//! Series out of a CSV file, wide (a column per series) or long (a column tells the series).

use std::{collections::BTreeMap, io::Read as Input};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_forecasting::{
    Kind, Known, Observation, Step, regularise,
    series::{align, usual_step},
};

use crate::{
    run::Named,
    time::{Read, Reader},
};

/// Which columns hold what.
#[derive(Debug, Clone)]
pub struct Columns {
    /// When.
    pub time: String,
    /// What: one series per column.
    pub values: Vec<String>,
    /// What is known ahead.
    pub known: Vec<String>,
    /// Which series, in a long file.
    pub group: Option<String>,
    /// The greatest possible value: a number, or a column.
    pub capacity: Option<Capacity>,
    /// What separates columns; where it is no comma, numbers may have a decimal comma.
    pub delimiter: u8,
}

/// The greatest possible value.
#[derive(Debug, Clone)]
pub enum Capacity {
    /// The same for all series, in the unit of the values.
    Fixed(f64),
    /// In a column; values in a column of percentages are turned into this unit.
    Column(String),
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
    known: Vec<Vec<Observation>>,
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
    for Raw { name, capacity, mut observations, known } in raw {
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
        let known = columns
            .known
            .iter()
            .zip(&known)
            .map(|(name, observed)| Known {
                name: name.clone(),
                values: align(observed, done.series.grid(), done.series.len()),
            })
            .collect();
        series.push(Named { name, series: done.series, known });
    }
    flaws.tell(&mut notes);
    if filled > 0 {
        notes.push(format!("{filled} short gaps between two observations filled along a straight line"));
    }
    Ok(Contents { series, notes })
}

/// Where the columns stand.
struct Places {
    time: usize,
    group: Option<usize>,
    values: Vec<(String, usize)>,
    known: Vec<usize>,
    capacity: Option<usize>,
    decimal_comma: bool,
}

impl Places {
    fn find(columns: &Columns, headers: &csv::StringRecord) -> anyhow::Result<Self> {
        let place = |name: &str| {
            let found = headers.iter().position(|header| header.trim() == name);
            found.with_context(|| {
                format!("no column {name:?}; there are: {}", headers.iter().collect::<Vec<_>>().join(", "))
            })
        };
        let mut values = Vec::new();
        for name in &columns.values {
            // A column may itself have two dots in its name.
            let range = name.split_once("..").filter(|_| place(name).is_err());
            let (first, last) = range.unwrap_or((name, name));
            let named = |place: usize| (headers.get(place).unwrap_or_default().trim().to_owned(), place);
            values.extend((place(first)?..=place(last)?).map(named));
        }
        ensure!(!values.is_empty(), "no column with values: the first of a range stands behind the last");
        let capacity = match &columns.capacity {
            Some(Capacity::Column(name)) => Some(place(name)?),
            Some(Capacity::Fixed(_)) | None => None,
        };
        Ok(Self {
            time: place(&columns.time)?,
            group: columns.group.as_deref().map(place).transpose()?,
            values,
            known: columns.known.iter().map(|name| place(name)).collect::<anyhow::Result<_>>()?,
            capacity,
            decimal_comma: columns.delimiter != b',',
        })
    }
}

fn rows(input: impl Input, columns: &Columns, timezone: Tz, flaws: &mut Flaws) -> anyhow::Result<Vec<Raw>> {
    let mut file = csv::ReaderBuilder::new().flexible(true).delimiter(columns.delimiter).from_reader(input);
    let headers = file.headers()?.clone();
    let places = Places::find(columns, &headers)?;
    let mut readers: BTreeMap<String, Reader> = BTreeMap::new();
    let mut order: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let mut series: Vec<Raw> = Vec::new();
    for record in file.records() {
        let record = record?;
        let group = places.group.and_then(|group| record.get(group)).unwrap_or_default().trim();
        let reader = readers.entry(group.to_owned()).or_insert_with(|| Reader::new(timezone));
        let at = match reader.read(record.get(places.time).unwrap_or_default()) {
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
        for number in 0..places.values.len() {
            let next = series.len();
            let index = *order.entry((group.to_owned(), number)).or_insert(next);
            if index == next {
                series.push(Raw::new(group, number, &places));
            }
            series[index].note(&record, at, number, &places, flaws);
        }
    }
    if let Some(Capacity::Fixed(capacity)) = columns.capacity {
        series.iter_mut().for_each(|series| series.capacity = Some(capacity));
    }
    if places.capacity.is_some() && series.iter().any(|series| series.capacity.is_none()) {
        bail!("a series has no capacity in the given column");
    }
    Ok(series)
}

impl Raw {
    fn new(group: &str, number: usize, places: &Places) -> Self {
        let name = name(group, &places.values[number].0, places.values.len());
        Self { name, capacity: None, observations: Vec::new(), known: vec![Vec::new(); places.known.len()] }
    }

    /// Notes one row's value, unless it has none.
    fn note(
        &mut self,
        record: &csv::StringRecord,
        at: DateTime<Utc>,
        number: usize,
        places: &Places,
        flaws: &mut Flaws,
    ) {
        let cell = |place: usize| record.get(place).and_then(|text| number_in(text.trim(), places.decimal_comma));
        let (column, place) = &places.values[number];
        let Some(mut value) = cell(*place).filter(|value| !value.is_nan()) else { return };
        if value < 0.0 {
            flaws.negative += 1;
            return;
        }
        if let Some(capacity) = places.capacity.and_then(cell) {
            // The capacity of the last row counts.
            self.capacity = Some(capacity);
            if is_percentage(column) {
                value *= capacity / 100.0;
            }
        }
        self.observations.push(Observation { at, value });
        for (observed, place) in self.known.iter_mut().zip(&places.known) {
            observed.extend(cell(*place).map(|value| Observation { at, value }));
        }
    }
}

fn number_in(text: &str, decimal_comma: bool) -> Option<f64> {
    if decimal_comma { text.replacen(',', ".", 1).parse().ok() } else { text.parse().ok() }
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
