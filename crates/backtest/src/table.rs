//! What came out, as a table and as JSON.

use std::io::{self, Write};

use parvis_forecasting::{Accuracy, Plan};
use serde_json::{Value, json};

use crate::{
    file::Contents,
    run::{Contender, Means, Outcome, by_day_ahead, means},
};

const HEADINGS: [&str; 9] =
    ["MAE", "MAE of mean", "MASE", "WAPE %", "CRPS", "80 % cov.", "95 % cov.", "daily MAPE %", "steps"];

/// Prints a table per series and the means over them.
///
/// # Errors
/// If the output cannot be written.
pub fn print(
    output: &mut impl Write,
    contents: &Contents,
    contenders: &[Contender],
    outcomes: &[Outcome],
    plan: &Plan,
) -> io::Result<()> {
    writeln!(output, "{}", headline(outcomes, plan))?;
    for note in &contents.notes {
        writeln!(output, "note: {note}")?;
    }
    let width = contenders.iter().map(|contender| contender.name.len()).max().unwrap_or(0);
    let heading = HEADINGS.map(|heading| format!("{heading:>13}")).concat();
    for outcome in outcomes {
        writeln!(output, "\n{:width$}{heading}", outcome.series)?;
        for (contender, result) in contenders.iter().zip(&outcome.results) {
            match result.refusals.first() {
                Some((_, reason)) if result.accuracy.steps == 0 => {
                    writeln!(output, "{:width$}  {reason}", contender.name)?;
                }
                _ => writeln!(output, "{:width$}{}", contender.name, cells(&result.accuracy))?,
            }
        }
    }
    if outcomes.len() > 1 {
        writeln!(output, "\nmeans over series ({})", unit(outcomes))?;
        writeln!(output, "{:width$}{}", "", HEADINGS[..7].iter().map(|one| format!("{one:>13}")).collect::<String>())?;
        for (place, contender) in contenders.iter().enumerate() {
            writeln!(output, "{:width$}{}", contender.name, mean_cells(&means(outcomes, place)))?;
        }
    }
    print_days_ahead(output, contenders, outcomes)
}

/// What was done, in one line.
#[must_use]
pub fn headline(outcomes: &[Outcome], plan: &Plan) -> String {
    let origins = outcomes.iter().flat_map(|outcome| &outcome.results).map(|result| result.origins).max().unwrap_or(0);
    format!(
        "{} series, {origins} origins from {} every {} h, {} steps ahead, {}",
        outcomes.len(),
        plan.from,
        plan.every.num_minutes() as f64 / 60.0,
        plan.horizon,
        plan.history.map_or_else(
            || format!("trained every {} d", plan.retrain.num_days()),
            |history| format!("each knowing {} d", history.num_minutes() as f64 / 1440.0),
        )
    )
}

/// What MAE and CRPS of the means are in.
fn unit(outcomes: &[Outcome]) -> &'static str {
    if outcomes.iter().any(|outcome| outcome.capacity.is_some()) {
        "MAE and CRPS of the rate, 0 to 1"
    } else {
        "MAE and CRPS in their units"
    }
}

fn cells(accuracy: &Accuracy) -> String {
    [
        format!("{:.4}", accuracy.mae()),
        format!("{:.4}", accuracy.mae_of_mean()),
        scaled(accuracy.mase()),
        percent(accuracy.wape()),
        format!("{:.4}", accuracy.crps()),
        percent(accuracy.coverage_80()),
        percent(accuracy.coverage_95()),
        if accuracy.daily_mape().is_nan() { "-".to_owned() } else { percent(accuracy.daily_mape()) },
        accuracy.steps.to_string(),
    ]
    .map(|cell| format!("{cell:>13}"))
    .concat()
}

fn mean_cells(means: &Means) -> String {
    [
        format!("{:.5}", means.mae),
        format!("{:.5}", means.mae_of_mean),
        scaled(means.mase),
        percent(means.wape),
        format!("{:.5}", means.crps),
        percent(means.coverage_80),
        percent(means.coverage_95),
    ]
    .map(|cell| format!("{cell:>13}"))
    .concat()
}

/// A scaled error; there is none until more than a week is known.
fn scaled(error: f64) -> String {
    if error.is_nan() { "-".to_owned() } else { format!("{error:.3}") }
}

fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

fn print_days_ahead(output: &mut impl Write, contenders: &[Contender], outcomes: &[Outcome]) -> io::Result<()> {
    let width = contenders.iter().map(|contender| contender.name.len()).max().unwrap_or(0);
    let days: Vec<_> = (0..contenders.len()).map(|place| by_day_ahead(outcomes, place)).collect();
    let number = days.iter().map(Vec::len).max().unwrap_or(0);
    if number < 2 {
        return Ok(());
    }
    writeln!(output, "\nMAE by days ahead, all series together")?;
    writeln!(output, "{:width$}{}", "", (1..=number).map(|day| format!("{day:>10}")).collect::<String>())?;
    for (contender, days) in contenders.iter().zip(days) {
        let line: String = days.iter().map(|day| format!("{:>10.4}", day.mae())).collect();
        writeln!(output, "{:width$}{line}", contender.name)?;
    }
    Ok(())
}

/// The same as JSON: `{plan, notes, series: [{name, models: [{name, mae, ...}]}], means: [...]}`.
#[must_use]
pub fn json(contents: &Contents, contenders: &[Contender], outcomes: &[Outcome], plan: &Plan) -> Value {
    let series: Vec<Value> = outcomes
        .iter()
        .map(|outcome| {
            let models: Vec<Value> = contenders
                .iter()
                .zip(&outcome.results)
                .map(|(contender, result)| {
                    let mut object = measures(&result.accuracy);
                    object["model"] = json!(contender.name);
                    object["origins"] = json!(result.origins);
                    object["refused"] = json!(result.refusals.first().map(|(_, reason)| reason.to_string()));
                    object
                })
                .collect();
            json!({ "series": outcome.series, "capacity": outcome.capacity, "models": models })
        })
        .collect();
    let means: Vec<Value> = contenders
        .iter()
        .enumerate()
        .map(|(place, contender)| {
            let means = means(outcomes, place);
            json!({
                "model": contender.name, "series": means.series, "mae": means.mae, "mae_of_mean": means.mae_of_mean, "mase": means.mase,
                "wape": means.wape, "crps": means.crps,
                "coverage_80": means.coverage_80, "coverage_95": means.coverage_95,
            })
        })
        .collect();
    json!({
        "plan": {
            "from": plan.from, "every_minutes": plan.every.num_minutes(), "horizon_steps": plan.horizon,
            "retrain_minutes": plan.retrain.num_minutes(),
            "history_minutes": plan.history.map(|history| history.num_minutes()),
        },
        "notes": contents.notes,
        "means_unit": unit(outcomes),
        "means": means,
        "series": series,
    })
}

fn measures(accuracy: &Accuracy) -> Value {
    // NaN (nothing measured) becomes null.
    json!({
        "steps": accuracy.steps, "mae": accuracy.mae(), "mae_of_mean": accuracy.mae_of_mean(), "mase": accuracy.mase(),
        "wape": accuracy.wape(), "crps": accuracy.crps(), "coverage_80": accuracy.coverage_80(),
        "coverage_95": accuracy.coverage_95(), "daily_mape": accuracy.daily_mape(),
    })
}
