//! A quote's lines as sentences.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use parvis_money::Language;

use crate::demand::WHOLE;
use crate::quote::{LineReason, QuoteLine};

impl QuoteLine {
    /// The line as a person reads it, without its amount. Times are in `zone`.
    #[must_use]
    pub fn explain(&self, language: Language, zone: Tz) -> String {
        match &self.reason {
            LineReason::Free { start, end } => {
                format!("{} : {}", span(*start, *end, zone, language), language.pick("gratuit", "free"))
            }
            LineReason::Rate { start, end, price, every, started } => {
                let price = price.format(language);
                let price = match every {
                    None => format!("{price} {}", language.pick("(forfait)", "(flat)")),
                    Some(every) if *started => {
                        format!("{price} {} {every} {}", language.pick("par", "per"), language.pick("entamée", "begun"))
                    }
                    Some(every) => format!("{price} {} {every}", language.pick("par", "per")),
                };
                format!("{} : {price}", span(*start, *end, zone, language))
            }
            LineReason::Modifier { name, percent } => {
                format!("{name} : {percent} % {}", language.pick("du prix", "of the price"))
            }
            LineReason::Demand { percent, taken_percent } => {
                let change = format!("{}{} %", if *percent < WHOLE { '−' } else { '+' }, percent.abs_diff(WHOLE));
                match language {
                    Language::Fr => format!("affluence prévue ({taken_percent} % des places occupées) : {change}"),
                    Language::En => format!("expected demand ({taken_percent} % of the spaces taken) : {change}"),
                }
            }
            LineReason::DailyCap { day } => {
                let day = day.format(language.pick("%d/%m/%Y", "%Y-%m-%d"));
                format!("{} {day}", language.pick("plafond de la journée du", "daily cap of"))
            }
            LineReason::StayCap => language.pick("plafond du stationnement", "cap of the stay").to_owned(),
            LineReason::Minimum => language.pick("minimum de perception", "minimum charge").to_owned(),
            LineReason::Rounding => language.pick("arrondi", "rounding").to_owned(),
        }
    }
}

/// `21/11 09:00-10:00`, with the second date when it differs.
fn span(start: DateTime<Utc>, end: DateTime<Utc>, zone: Tz, language: Language) -> String {
    let (start, end) = (start.with_timezone(&zone), end.with_timezone(&zone));
    let day = language.pick("%d/%m", "%d %b");
    let end_form = if start.date_naive() == end.date_naive() { "%H:%M".to_owned() } else { format!("{day} %H:%M") };
    format!("{}–{}", start.format(&format!("{day} %H:%M")), end.format(&end_form))
}
