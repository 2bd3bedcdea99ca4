//! Reading tariff files, with the place of every problem.

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::book::{RateTable, TariffBook};
use crate::fps::FpsRules;
use crate::holidays::Holiday;
use crate::problem::{Location, Problem, ProblemKind, Severity};
use crate::tariffs::Tariffs;
use crate::validate::validate;

/// Reads and checks a tariff book; the warnings come with it.
///
/// # Errors
/// Every problem, errors and warnings, in the order of the file, when there is at least one error. Of values that cannot be
/// read (wrong type, unknown key) it is the first of each table and of each calendar; what the tables say is checked once
/// all can be read.
pub fn read_book(text: &str) -> Result<(Tariffs, Vec<Problem>), Vec<Problem>> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| unreadable(text, error, "")).collect());
    }
    let book: TariffBook = match toml::from_str(text) {
        Ok(book) => book,
        Err(error) => return Err(shape_problems(text, root.get_ref(), &error)),
    };
    let mut problems = validate(&book);
    for problem in &mut problems {
        problem.location = locate(root.get_ref(), &problem.path).map(|byte| Location::of(text, byte));
    }
    problems.sort_by_key(|problem| problem.location);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    Ok((Tariffs::new(&book)?, problems))
}

/// Reads the rules of payment of the FPS: a file of `[[rules]]`.
///
/// # Errors
/// The first value that cannot be read.
pub fn read_rules(text: &str) -> Result<Vec<FpsRules>, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        rules: Vec<FpsRules>,
    }
    toml::from_str::<File>(text).map(|file| file.rules).map_err(|error| unreadable(text, &error, ""))
}

/// The first unreadable value of each table and calendar; the general error when the fault is outside of them.
fn shape_problems(text: &str, root: &DeTable<'_>, general: &toml::de::Error) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(tables) = root.get("tables").and_then(|value| value.get_ref().as_array()) {
        for (index, table) in tables.iter().enumerate() {
            problems.extend(shape_problem::<RateTable>(text, table, &format!("tables[{index}]")));
        }
    }
    if let Some(calendars) = root.get("calendars").and_then(|value| value.get_ref().as_table()) {
        for (name, calendar) in calendars {
            let path = format!("calendars.{}", name.get_ref());
            problems.extend(shape_problem::<Vec<Holiday>>(text, calendar, &path));
        }
    }
    if problems.is_empty() {
        problems.push(unreadable(text, general, ""));
    }
    problems.sort_by_key(|problem| problem.location);
    problems
}

fn shape_problem<'de, T: Deserialize<'de>>(text: &str, value: &Spanned<DeValue<'de>>, path: &str) -> Option<Problem> {
    let error = T::deserialize(ValueDeserializer::from(value.clone())).err()?;
    let mut problem = unreadable(text, &error, path);
    // An error about the whole value, such as a missing key, has the value's own place.
    problem.location = problem.location.or_else(|| Some(Location::of(text, value.span().start)));
    Some(problem)
}

fn unreadable(text: &str, error: &toml::de::Error, path: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        kind: ProblemKind::Unreadable,
        path: path.to_owned(),
        location: error.span().map(|span| Location::of(text, span.start)),
        message: error.message().to_owned(),
    }
}

/// The byte at which the value of a path begins; of a value that is absent, the nearest one around it.
fn locate(root: &DeTable<'_>, path: &str) -> Option<usize> {
    let mut place = None;
    let mut table = Some(root);
    for step in path.split('.') {
        let (key, indices) = step.split_once('[').map_or((step, ""), |(key, rest)| (key, rest));
        let Some((name, found)) = table.and_then(|table| table.get_key_value(key)) else { return place };
        place = Some(name.span().start);
        let mut value = found;
        for index in indices.split('[').filter_map(|index| index.trim_end_matches(']').parse::<usize>().ok()) {
            let Some(element) = value.get_ref().as_array().and_then(|array| array.get(index)) else { return place };
            place = Some(element.span().start);
            value = element;
        }
        table = value.get_ref().as_table();
    }
    place
}
