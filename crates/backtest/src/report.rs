//! The HTML report: one file without scripts or outside resources, so that it can be mailed and kept.

use minijinja::{AutoEscape, Environment, Value, context};
use parvis_forecasting::{Plan, Point};

use crate::{
    file::Contents,
    run::{Contender, Outcome, means},
    table::headline,
};

const TEMPLATE: &str = include_str!("report.html");
const HEADINGS: [&str; 7] = ["model", "MAE", "MASE", "WAPE", "CRPS", "80 % coverage", "95 % coverage"];
/// Points of a plot: three weeks of hours.
const PLOTTED: usize = 504;
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 220.0;

/// The report as a page.
///
/// # Errors
/// If the template does not fit, which would be a mistake in this crate.
pub fn html(
    title: &str,
    contents: &Contents,
    contenders: &[Contender],
    outcomes: &[Outcome],
    plan: &Plan,
) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("report", TEMPLATE)?;
    let summary: Vec<Value> = contenders
        .iter()
        .enumerate()
        .map(|(place, contender)| {
            let means = means(outcomes, place);
            context! {
                name => &contender.name, mae => number(means.mae, 4), mase => number(means.mase, 3),
                wape => percent(means.wape), crps => number(means.crps, 4),
                coverage_80 => percent(means.coverage_80), coverage_95 => percent(means.coverage_95),
            }
        })
        .collect();
    let series: Vec<Value> = outcomes.iter().map(|outcome| section(contenders, outcome)).collect();
    environment.get_template("report")?.render(context! {
        headings => HEADINGS, title, headline => headline(outcomes, plan), notes => &contents.notes, summary, series,
        several => outcomes.len() > 1,
        rate => outcomes.iter().any(|outcome| outcome.capacity.is_some()),
    })
}

fn section(contenders: &[Contender], outcome: &Outcome) -> Value {
    let rows: Vec<Value> = contenders
        .iter()
        .zip(&outcome.results)
        .map(|(contender, result)| {
            let accuracy = &result.accuracy;
            context! {
                name => &contender.name,
                refused => (accuracy.steps == 0).then(|| result.refusals.first().map(|(_, reason)| reason.to_string())),
                mae => number(accuracy.mae(), 4), mase => number(accuracy.mase(), 3), wape => percent(accuracy.wape()),
                crps => number(accuracy.crps(), 4), coverage_80 => percent(accuracy.coverage_80()),
                coverage_95 => percent(accuracy.coverage_95()), daily => percent(accuracy.daily_mape()),
            }
        })
        .collect();
    let line = outcome.results.last().map_or(&[][..], |result| &result.line);
    let plot = (line.len() > 1).then(|| plot(&line[line.len().saturating_sub(PLOTTED)..]));
    let weeks = (line.len() > 1).then(|| errors_over_time(line));
    context! { name => &outcome.series, rows, plot, weeks }
}

fn number(value: f64, digits: usize) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.digits$}") }
}

fn percent(share: f64) -> String {
    if share.is_nan() { "-".to_owned() } else { format!("{:.2} %", 100.0 * share) }
}

/// The last weeks: band, median and what came, as SVG paths.
fn plot(points: &[Point]) -> Value {
    let top = points.iter().map(|point| point.value.max(point.interval_80.1)).fold(1e-9, f64::max);
    let x = |place: usize| WIDTH * place as f64 / (points.len() - 1) as f64;
    let y = |value: f64| HEIGHT * (1.0 - value / top);
    let line = |of: &dyn Fn(&Point) -> f64| -> String {
        let at = |(place, point)| format!("{:.1},{:.1}", x(place), y(of(point)));
        points.iter().enumerate().map(at).collect::<Vec<_>>().join(" ")
    };
    let back: Vec<String> = points
        .iter()
        .enumerate()
        .rev()
        .map(|(place, point)| format!("{:.1},{:.1}", x(place), y(point.interval_80.0)))
        .collect();
    context! {
        width => WIDTH, height => HEIGHT, top => number(top, 2),
        from => points.first().map(|point| point.start.to_rfc3339()),
        until => points.last().map(|point| point.start.to_rfc3339()),
        band => format!("{} {}", line(&|point| point.interval_80.1), back.join(" ")),
        median => line(&|point| point.median),
        observed => line(&|point| point.value),
    }
}

/// Mean absolute error by week, as bars.
fn errors_over_time(points: &[Point]) -> Value {
    let mut weeks: Vec<(String, f64, f64)> = Vec::new();
    for point in points {
        let week = point.start.format("%G-W%V").to_string();
        if weeks.last().is_none_or(|last| last.0 != week) {
            weeks.push((week, 0.0, 0.0));
        }
        if let Some(last) = weeks.last_mut() {
            last.1 += (point.value - point.median).abs();
            last.2 += 1.0;
        }
    }
    let top = weeks.iter().map(|(_, sum, steps)| sum / steps).fold(1e-9, f64::max);
    let width = WIDTH / weeks.len() as f64;
    let bars: Vec<Value> = weeks
        .iter()
        .enumerate()
        .map(|(place, (week, sum, steps))| {
            let height = HEIGHT / 2.0 * (sum / steps) / top;
            context! {
                x => format!("{:.1}", place as f64 * width), y => format!("{:.1}", HEIGHT / 2.0 - height),
                width => format!("{:.1}", (width - 1.0).max(0.5)), height => format!("{height:.1}"),
                label => format!("{week}: {:.4}", sum / steps),
            }
        })
        .collect();
    context! { width => WIDTH, height => HEIGHT / 2.0, top => number(top, 4), bars }
}
