//! The command line.

use std::{path::PathBuf, str::FromStr};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use parvis_forecasting::{Calendar, Plan, Step, calendar::SchoolZone};

use crate::{
    file::{self, Capacity, Columns, Contents},
    report,
    run::{self, contenders},
    table,
    time::{Read, Reader},
};

/// What forecasts of a CSV file would have been worth.
#[derive(Debug, Args)]
pub struct Arguments {
    /// CSV file with a header line
    file: PathBuf,
    /// What separates the columns of the file; where it is a semicolon or a tab (\t), numbers may have a decimal comma
    #[arg(long, default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// Column with the time: RFC 3339, or local time in --timezone, as 2026-11-22 08:00 or 22/11/2026 08:00
    #[arg(long)]
    time: String,
    /// Columns with values, each a series of its own: names, or `first..last` for all from one to the other
    #[arg(long, required = true, num_args = 1.., value_delimiter = ',')]
    value: Vec<String>,
    /// Greatest possible value: a number, or a column (columns of percentages are turned into its unit)
    #[arg(long)]
    capacity: Option<String>,
    /// Column that tells the series, in a long file
    #[arg(long)]
    group: Option<String>,
    /// Columns with what is known ahead (at most 4), such as an event; a measured temperature would be a forecast without error
    #[arg(long, num_args = 1.., value_delimiter = ',')]
    known: Vec<String>,
    /// How far to forecast: steps, or a time such as 48h or 7d
    #[arg(long, default_value = "48h")]
    horizon: Length,
    /// Time between forecasts
    #[arg(long, default_value = "24h")]
    every: Length,
    /// The first forecast: a local date or time; the last fifth of the file without it
    #[arg(long)]
    from: Option<String>,
    /// Time zone of local times; its country's public holidays are known
    #[arg(long, default_value = "UTC")]
    timezone: Tz,
    /// Zone of French school holidays
    #[arg(long, value_parser = school_zone)]
    school_zone: Option<SchoolZone>,
    /// Length of a step in minutes (5 to 60), or 1d; taken from the data without it
    #[arg(long)]
    step: Option<Length>,
    /// Time between trainings; between them forecasts are only brought up to date
    #[arg(long, default_value = "7d")]
    retrain: Length,
    /// Let each forecast know no more than so long a past: how a young series would have been forecast
    #[arg(long)]
    history: Option<Length>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Where to write the HTML report
    #[arg(long, default_value = "backtest.html")]
    report: PathBuf,
}

/// A number of steps, or a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Steps of the series.
    Steps(usize),
    /// A time.
    Time(TimeDelta),
}

impl FromStr for Length {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let number: u32 = number.parse().with_context(|| format!("{text:?} does not begin with a number"))?;
        ensure!(number > 0, "a length of 0");
        let minutes = match unit {
            "" => return Ok(Self::Steps(number as usize)),
            "min" | "m" => 1,
            "h" => 60,
            "d" => 24 * 60,
            _ => anyhow::bail!("{unit:?} is none of min, h, d"),
        };
        Ok(Self::Time(TimeDelta::minutes(minutes * i64::from(number))))
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] if one.is_ascii_punctuation() => Ok(*one),
        b"\\t" | b"\t" => Ok(b'\t'),
        _ => Err("a delimiter is one sign, such as ';'".to_owned()),
    }
}

fn school_zone(text: &str) -> Result<SchoolZone, String> {
    match text {
        "A" | "a" => Ok(SchoolZone::A),
        "B" | "b" => Ok(SchoolZone::B),
        "C" | "c" => Ok(SchoolZone::C),
        _ => Err("zones are A, B and C".to_owned()),
    }
}

impl Arguments {
    /// Reads, tests, writes the report and prints the table (or JSON) to `output`.
    ///
    /// # Errors
    /// If the file or the arguments cannot be used.
    pub fn run(&self, output: &mut impl std::io::Write) -> anyhow::Result<()> {
        let contents = self.read()?;
        let mut calendar = Calendar::new(self.timezone);
        calendar.school = self.school_zone;
        let plan = self.plan(&contents)?;
        let contenders = contenders();
        let bar = ProgressBar::new((contents.series.len() * contenders.len()) as u64)
            .with_style(ProgressStyle::with_template("{bar:40} {pos}/{len} backtests, {eta} left")?);
        let outcomes = run::run(&contents.series, &calendar, &contenders, &plan, || bar.inc(1));
        bar.finish_and_clear();
        let page = report::html(&self.title(), &contents, &contenders, &outcomes, &plan)?;
        std::fs::write(&self.report, page).with_context(|| format!("{} cannot be written", self.report.display()))?;
        if self.json {
            serde_json::to_writer_pretty(&mut *output, &table::json(&contents, &contenders, &outcomes, &plan))?;
            writeln!(output)?;
        } else {
            table::print(output, &contents, &contenders, &outcomes, &plan)?;
            writeln!(output, "\nreport: {}", self.report.display())?;
        }
        Ok(())
    }

    fn title(&self) -> String {
        self.file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    fn read(&self) -> anyhow::Result<Contents> {
        let capacity = self
            .capacity
            .as_ref()
            .map(|text| text.parse().map_or_else(|_| Capacity::Column(text.clone()), Capacity::Fixed));
        let columns = Columns {
            time: self.time.clone(),
            values: self.value.clone(),
            known: self.known.clone(),
            group: self.group.clone(),
            capacity,
            delimiter: self.delimiter,
        };
        let step = self.step.map(step).transpose()?;
        let input = std::fs::File::open(&self.file).with_context(|| format!("{}", self.file.display()))?;
        file::read(std::io::BufReader::new(input), &columns, step, self.timezone)
    }

    fn plan(&self, contents: &Contents) -> anyhow::Result<Plan> {
        let series = contents.series.iter().map(|named| &named.series).max_by_key(|series| series.len());
        let series = series.context("no series")?;
        let start = series.grid().at(0);
        let from = match &self.from {
            Some(text) => match Reader::new(self.timezone).read(text) {
                Read::At(at) => at,
                Read::Skipped | Read::Unreadable => anyhow::bail!("--from {text:?} is no time"),
            },
            None => local_midnight_before(start + (series.end() - start) * 4 / 5, self.timezone),
        };
        ensure!(start < from && from < series.end(), "--from {from} is outside of the data");
        let step = series.grid().at(1) - start;
        let time = |length: Length| match length {
            Length::Steps(steps) => step * i32::try_from(steps).unwrap_or(i32::MAX),
            Length::Time(time) => time,
        };
        let horizon = match self.horizon {
            Length::Steps(steps) => steps,
            Length::Time(time) => series.grid().steps_in(time),
        };
        let history = self.history.map(time);
        Ok(Plan { from, every: time(self.every), horizon, retrain: time(self.retrain), history })
    }
}

fn local_midnight_before(at: DateTime<Utc>, timezone: Tz) -> DateTime<Utc> {
    parvis_forecasting::series::local_midnight(at.with_timezone(&timezone).date_naive(), timezone)
}

fn step(length: Length) -> anyhow::Result<Step> {
    let minutes = match length {
        Length::Steps(minutes) => minutes,
        Length::Time(time) => usize::try_from(time.num_minutes())?,
    };
    match minutes {
        1440 => Ok(Step::Day),
        minutes if minutes > 0 && 60 % minutes == 0 => Ok(Step::Minutes(u16::try_from(minutes)?)),
        _ => anyhow::bail!("a step must divide an hour, or be 1d"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_steps_or_times() {
        assert_eq!("48".parse::<Length>().unwrap(), Length::Steps(48));
        assert_eq!("48h".parse::<Length>().unwrap(), Length::Time(TimeDelta::hours(48)));
        assert_eq!("7d".parse::<Length>().unwrap(), Length::Time(TimeDelta::days(7)));
        assert!("h".parse::<Length>().is_err() && "2w".parse::<Length>().is_err() && "0".parse::<Length>().is_err());
    }
}
