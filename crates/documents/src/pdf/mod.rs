//! PDF/A-2b: the layout into pages, then their drawing.

mod draw;
mod fonts;
mod layout;

use crate::sheet::Sheet;

/// The file could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    /// An embedded font cannot be read.
    #[error("an embedded font cannot be read")]
    Font,
    /// The library refused to write the file.
    #[error("the PDF cannot be written: {0}")]
    Write(String),
}

/// The document as a PDF.
///
/// # Errors
/// [`PdfError`].
pub fn render(sheet: &Sheet) -> Result<Vec<u8>, PdfError> {
    let fonts = fonts::Fonts::load()?;
    let pages = layout::pages(sheet, &fonts);
    draw::draw(sheet, &pages, &fonts)
}
