//! The fichier des écritures comptables (LPF, article A47 A-1).

use std::io::Write;

use chrono::NaiveDate;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use parvis_money::{Currency, Money};

use crate::entry::{Entry, EntryLine, Side};

/// The eighteen columns, in the order of the article.
pub const FEC_COLUMNS: [&str; 18] = [
    "JournalCode",
    "JournalLib",
    "EcritureNum",
    "EcritureDate",
    "CompteNum",
    "CompteLib",
    "CompAuxNum",
    "CompAuxLib",
    "PieceRef",
    "PieceDate",
    "EcritureLib",
    "Debit",
    "Credit",
    "EcritureLet",
    "DateLet",
    "ValidDate",
    "Montantdevise",
    "Idevise",
];

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum FecError {
    /// The file is kept in euros.
    #[error("entry {0} is in {1}, not in EUR")]
    NotEuro(uuid::Uuid, Currency),
    /// It could not be written.
    #[error("the file cannot be written")]
    Write(#[from] csv::Error),
    /// It could not be written to the end.
    #[error("the file cannot be written")]
    Flush(#[from] std::io::Error),
}

/// The name of the file: `<SIREN>FEC<date of closing>.txt`.
#[must_use]
pub fn fec_file_name(siren: &str, closing: NaiveDate) -> String {
    format!("{siren}FEC{}.txt", closing.format("%Y%m%d"))
}

/// Writes validated entries, each with its date of validation, in the order of validation. Entries are numbered on in that
/// order within their journal, so the same entries always give the same file.
///
/// Tab-separated, UTF-8, one line per line of an entry.
///
/// # Errors
/// [`FecError`].
pub fn write_fec<'a>(
    output: impl Write,
    entries: impl IntoIterator<Item = (&'a Entry, NaiveDate)>,
) -> Result<(), FecError> {
    let mut sorted: Vec<(&Entry, NaiveDate)> = entries.into_iter().collect();
    sorted.sort_by_key(|(entry, validated)| (*validated, entry.date(), entry.journal(), entry.id()));
    // Texts are cleaned of tabs and line ends instead of being quoted: readers of the file know no quotes.
    let mut writer = WriterBuilder::new()
        .delimiter(b'\t')
        .quote_style(QuoteStyle::Never)
        .terminator(Terminator::CRLF)
        .from_writer(output);
    writer.write_record(FEC_COLUMNS)?;
    let mut numbers = std::collections::HashMap::new();
    for (entry, validated) in sorted {
        let number = numbers.entry(entry.journal()).and_modify(|number| *number += 1).or_insert(1_u64);
        for line in entry.lines() {
            if line.amount.currency != Currency::Eur {
                return Err(FecError::NotEuro(entry.id(), line.amount.currency));
            }
            writer.write_record(columns(entry, line, *number, validated))?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn columns(entry: &Entry, line: &EntryLine, number: u64, validated: NaiveDate) -> [String; 18] {
    let date = |date: NaiveDate| date.format("%Y%m%d").to_string();
    let amount = |side: Side| {
        let shown = if line.side == side { line.amount } else { Money::eur(0) };
        shown.decimal().replace('.', ",")
    };
    let auxiliary =
        |part: fn(&crate::Auxiliary) -> &str| line.auxiliary.as_ref().map_or_else(String::new, |a| clean(part(a)));
    [
        entry.journal().code().to_owned(),
        entry.journal().label().to_owned(),
        number.to_string(),
        date(entry.date()),
        line.account.number.to_string(),
        clean(&line.account.label),
        auxiliary(|a| &a.number),
        auxiliary(|a| &a.label),
        clean(&entry.piece().reference),
        date(entry.piece().date),
        clean(entry.label()),
        amount(Side::Debit),
        amount(Side::Credit),
        String::new(),
        String::new(),
        date(validated),
        String::new(),
        String::new(),
    ]
}

/// Tabs and line ends separate; within a text they become spaces.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
