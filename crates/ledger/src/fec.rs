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

/// The number of an entry in the file (EcritureNum), and when it was validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validated {
    /// Its place in its journal's year, from 1 on and without a gap; the same in every file that tells of the entry.
    pub number: u64,
    /// The date of validation.
    pub on: NaiveDate,
}

/// Writes the file entry by entry: it may be of any length. Tab-separated, UTF-8, one line per line of an entry.
pub struct FecWriter<W: Write>(csv::Writer<W>);

impl<W: Write> std::fmt::Debug for FecWriter<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FecWriter").finish_non_exhaustive()
    }
}

impl<W: Write> FecWriter<W> {
    /// The beginning of a file, with the names of the columns.
    ///
    /// # Errors
    /// [`FecError`].
    pub fn begin(output: W) -> Result<Self, FecError> {
        let mut writer = Self::go_on(output);
        writer.0.write_record(FEC_COLUMNS)?;
        Ok(writer)
    }

    /// A further part of a file: put behind the parts before it, it makes up the file.
    #[must_use]
    pub fn go_on(output: W) -> Self {
        // Texts are cleaned of tabs and line ends instead of being quoted: readers of the file know no quotes.
        let mut form = WriterBuilder::new();
        form.delimiter(b'\t').quote_style(QuoteStyle::Never).terminator(Terminator::CRLF);
        Self(form.from_writer(output))
    }

    /// Writes a validated entry. Entries are written in the order of validation.
    ///
    /// # Errors
    /// [`FecError`].
    pub fn write(&mut self, entry: &Entry, validated: Validated) -> Result<(), FecError> {
        for line in entry.lines() {
            if line.amount.currency != Currency::Eur {
                return Err(FecError::NotEuro(entry.id(), line.amount.currency));
            }
            self.0.write_record(columns(entry, line, validated))?;
        }
        Ok(())
    }

    /// Writes what is left to the output.
    ///
    /// # Errors
    /// [`FecError`].
    pub fn finish(mut self) -> Result<(), FecError> {
        Ok(self.0.flush()?)
    }
}

fn columns(entry: &Entry, line: &EntryLine, validated: Validated) -> [String; 18] {
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
        validated.number.to_string(),
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
        date(validated.on),
        String::new(),
        String::new(),
    ]
}

/// Tabs and line ends separate; within a text they become spaces.
fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
