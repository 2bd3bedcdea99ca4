//! Drawing with krilla.

use chrono::Datelike;
use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::{DateTime, Metadata};
use krilla::page::PageSettings;
use krilla::paint::Stroke;
use krilla::surface::Surface;
use krilla::text::TextDirection;
use krilla::{Document, SerializeSettings};

use super::PdfError;
use super::fonts::Fonts;
use super::layout::{HEIGHT, Mark, WIDTH};
use crate::sheet::Sheet;

pub(super) fn draw(sheet: &Sheet, pages: &[Vec<Mark>], fonts: &Fonts) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_B)
        .finish()
        .map_err(|error| PdfError::Write(format!("{error:?}")))?;
    let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    document.set_metadata(metadata(sheet));
    for marks in pages {
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PdfError::Write("page size".to_owned()))?;
        let mut page = document.start_page_with(settings);
        let mut surface = page.surface();
        for mark in marks {
            draw_mark(&mut surface, mark, fonts);
        }
        surface.finish();
        page.finish();
    }
    document.finish().map_err(|error| PdfError::Write(format!("{error:?}")))
}

/// The date is the document's own, so that rendering it again gives the same bytes.
fn metadata(sheet: &Sheet) -> Metadata {
    let date = sheet.issued_on;
    // Years of documents have four digits; months and days fit a byte.
    let created = DateTime::new(u16::try_from(date.year()).unwrap_or_default())
        .month(date.month() as u8)
        .day(date.day() as u8)
        .hour(12)
        .minute(0)
        .second(0)
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let authors = sheet.seller.first().cloned().into_iter().collect();
    Metadata::new()
        .title(sheet.title.clone())
        .language(sheet.language.to_owned())
        .authors(authors)
        .creator("Parvis".to_owned())
        .creation_date(created)
        .document_id(sheet.title.clone())
}

fn draw_mark(surface: &mut Surface<'_>, mark: &Mark, fonts: &Fonts) {
    match mark {
        Mark::Text { x, y, size, weight, text } => {
            let font = fonts.font(*weight).clone();
            surface.draw_text(Point::from_xy(*x, *y), font, *size, text, false, TextDirection::LeftToRight);
        }
        Mark::Rule { from, to, y, thickness } => {
            let mut path = PathBuilder::new();
            path.move_to(*from, *y);
            path.line_to(*to, *y);
            if let Some(path) = path.finish() {
                surface.set_fill(None);
                surface.set_stroke(Some(Stroke {
                    paint: rgb::Color::new(0x1a, 0x1a, 0x1a).into(),
                    width: *thickness,
                    ..Stroke::default()
                }));
                surface.draw_path(&path);
                surface.set_stroke(None);
            }
        }
    }
}
