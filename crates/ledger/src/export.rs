//! Entries as CSV for accountants.

use std::io::Write;

use csv::Writer;

use crate::entry::{Entry, Side};

/// Writes one line per line of an entry: ISO dates, decimal point, comma-separated, with a header.
///
/// # Errors
/// When the output cannot be written.
pub fn write_csv<'a>(output: impl Write, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), csv::Error> {
    let mut writer = Writer::from_writer(output);
    let header = ["entry", "journal", "date", "piece", "piece_date", "label", "account", "account_label", "customer"];
    writer.write_record(header.into_iter().chain(["debit", "credit", "currency"]))?;
    for entry in entries {
        for line in entry.lines() {
            let amount = line.amount.decimal();
            let (debit, credit) = match line.side {
                Side::Debit => (amount.as_str(), ""),
                Side::Credit => ("", amount.as_str()),
            };
            let customer = line.auxiliary.as_ref().map_or("", |customer| &customer.number);
            writer.write_record([
                &entry.id().to_string(),
                entry.journal().code(),
                &entry.date().to_string(),
                &guarded(&entry.piece().reference),
                &entry.piece().date.to_string(),
                &guarded(entry.label()),
                line.account.number.as_str(),
                &guarded(&line.account.label),
                &guarded(customer),
                debit,
                credit,
                line.amount.currency.code(),
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it (OWASP, CSV injection).
fn guarded(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
