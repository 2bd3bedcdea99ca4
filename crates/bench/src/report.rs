//! What was measured, as a table for people and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Less than this.
    Below(f64),
}

impl Target {
    fn reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(target) => value >= target,
            Self::AtMost(target) => value <= target,
            Self::Below(target) => value < target,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtLeast(target) => format!(">= {}", number(target)),
            Self::AtMost(target) => format!("<= {}", number(target)),
            Self::Below(target) => format!("< {}", number(target)),
        }
    }
}

/// One figure.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    section: String,
    name: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<Target>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// Everything measured.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    quick: bool,
    figures: Vec<Figure>,
    #[serde(skip)]
    section: String,
}

impl Report {
    pub fn new(machine: Machine, quick: bool) -> Self {
        Self { machine, quick, figures: Vec::new(), section: String::new() }
    }

    /// Begins a section; what follows belongs to it.
    pub fn section(&mut self, title: impl Into<String>) {
        self.section = title.into();
    }

    /// Adds a figure.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) -> &mut Figure {
        let figure = Figure {
            section: self.section.clone(),
            name: name.into(),
            value,
            unit,
            target: None,
            reached: None,
            note: None,
        };
        self.figures.push(figure);
        let last = self.figures.len() - 1;
        &mut self.figures[last]
    }

    /// Everything as JSON.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Everything as tables.
    pub fn table(&self) -> String {
        let mut text = self.machine.text();
        if self.quick {
            text.push_str("quick: small sizes; these figures say nothing about how fast Parvis is\n");
        }
        let width = self.figures.iter().map(|figure| figure.name.chars().count()).max().unwrap_or(0);
        let mut section = "";
        for figure in &self.figures {
            if figure.section != section {
                section = &figure.section;
                // Writing to a string cannot fail.
                let _ = writeln!(text, "\n{section}");
            }
            let _ = writeln!(text, "{}", figure.line(width).trim_end());
        }
        let judged: Vec<_> = self.figures.iter().filter_map(|figure| figure.reached).collect();
        let reached = judged.iter().filter(|reached| **reached).count();
        let _ = writeln!(text, "\n{reached} of {} targets reached", judged.len());
        text
    }
}

impl Figure {
    /// Judges the figure.
    pub fn target(&mut self, target: Target) -> &mut Self {
        self.target = Some(target);
        self.reached = Some(target.reached(self.value));
        self
    }

    /// Explains it.
    pub fn note(&mut self, note: impl Into<String>) -> &mut Self {
        self.note = Some(note.into());
        self
    }

    fn line(&self, width: usize) -> String {
        let value = format!("{} {}", number(self.value), self.unit);
        let verdict = match (self.target, self.reached) {
            (Some(target), Some(true)) => format!("{} reached", target.text()),
            (Some(target), _) => format!("{} NOT REACHED", target.text()),
            _ => String::new(),
        };
        format!("  {:<width$}  {value:>16}  {verdict:<22}  {}", self.name, self.note.as_deref().unwrap_or(""))
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        size if size >= 0.1 => {
            let text = format!("{value:.2}");
            text.strip_suffix(".00").map(str::to_owned).unwrap_or(text)
        }
        _ => format!("{value:.4}"),
    }
}

/// Measured durations, or other numbers, with their quantiles.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds a value.
    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Adds the values of another.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The value below which this share of the values lies; 0 of none.
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((last as f64 * share).ceil() as usize).copied().unwrap_or(0.0)
    }

    /// The middle value.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_judged_at_their_border() {
        assert!(Target::AtLeast(10.0).reached(10.0));
        assert!(Target::AtMost(10.0).reached(10.0));
        assert!(!Target::Below(10.0).reached(10.0));
    }

    #[test]
    fn quantiles_do_not_flatter() {
        let sample: Sample = (1..=100).map(f64::from).collect();
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| sample.quantile(share)), [1.0, 51.0, 100.0, 100.0]);
        assert_eq!(Sample::default().median(), 0.0);
    }

    #[test]
    fn a_table_names_what_was_missed() {
        let mut report = Report::new(Machine::default(), false);
        report.section("Speed");
        report.add("messages", 9_000.0, "/s").target(Target::AtLeast(10_000.0)).note("load 3");
        report.add("lost", 0.0, "").target(Target::AtMost(0.0));
        let table = report.table();
        assert!(table.contains(">= 10000 NOT REACHED") && table.contains("1 of 2 targets reached"), "{table}");
    }
}
