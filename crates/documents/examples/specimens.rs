//! Writes specimens of every document into a folder, to look at: PDF and HTML, French and English.

use std::path::PathBuf;

use chrono::NaiveDate;
use parvis_documents::{Sheet, html, pdf};
use parvis_money::Language;

#[path = "../tests/documents/specimens.rs"]
mod specimens;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    std::fs::create_dir_all(&folder)?;
    let day = NaiveDate::from_ymd_opt(2026, 4, 2).ok_or("a day")?;
    let credit = specimens::credit_note(&specimens::invoice(3), day);
    for document in [specimens::receipt(), specimens::invoice(3), specimens::invoice(90), credit] {
        for language in [Language::Fr, Language::En] {
            let sheet = Sheet::new(&document, language);
            let name = format!("{}-{}-{}", document.number(), document.content().lines.len(), language.code());
            std::fs::write(folder.join(format!("{name}.pdf")), pdf::render(&sheet)?)?;
            std::fs::write(folder.join(format!("{name}.html")), html::render(&sheet)?)?;
        }
    }
    Ok(())
}
