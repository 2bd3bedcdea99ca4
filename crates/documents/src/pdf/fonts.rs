//! The embedded fonts, and how wide a text is in them.

use krilla::text::Font;
use ttf_parser::Face;

use super::PdfError;

static REGULAR: &[u8] = include_bytes!("../../fonts/LiberationSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../../fonts/LiberationSans-Bold.ttf");

/// A weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Bold,
}

/// A font to draw with, and its measures.
struct Measured {
    font: Font,
    face: Face<'static>,
}

/// Both weights.
pub(super) struct Fonts {
    regular: Measured,
    bold: Measured,
}

impl Measured {
    fn load(data: &'static [u8]) -> Result<Self, PdfError> {
        let font = Font::new(data.into(), 0).ok_or(PdfError::Font)?;
        let face = Face::parse(data, 0).map_err(|_| PdfError::Font)?;
        Ok(Self { font, face })
    }
}

impl Fonts {
    pub fn load() -> Result<Self, PdfError> {
        Ok(Self { regular: Measured::load(REGULAR)?, bold: Measured::load(BOLD)? })
    }

    pub fn font(&self, weight: Weight) -> &Font {
        &self.of(weight).font
    }

    /// The text with only characters that the font has: PDF/A forbids others. The narrow space of French thousands
    /// becomes a plain one that does not break.
    pub fn printable(&self, text: &str, weight: Weight) -> String {
        let face = &self.of(weight).face;
        let printable = |c: char| match c {
            _ if c.is_control() => ' ',
            _ if face.glyph_index(c).is_some() => c,
            '\u{202f}' => '\u{a0}',
            _ => '?',
        };
        text.chars().map(printable).collect()
    }

    /// The width of a text, in points.
    pub fn width(&self, text: &str, weight: Weight, size: f32) -> f32 {
        let face = &self.of(weight).face;
        let advance = |c: char| face.glyph_index(c).and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(0);
        let units: f32 = text.chars().map(|c| f32::from(advance(c))).sum();
        units * size / f32::from(face.units_per_em())
    }

    /// The text in lines no wider than `width`; a word that is wider is cut.
    pub fn wrap(&self, text: &str, weight: Weight, size: f32, width: f32) -> Vec<String> {
        let mut lines = vec![String::new()];
        for word in text.split(' ').flat_map(|word| self.cut(word, weight, size, width)) {
            let Some(line) = lines.last_mut() else { continue };
            let longer = if line.is_empty() { word.clone() } else { format!("{line} {word}") };
            if line.is_empty() || self.width(&longer, weight, size) <= width {
                *line = longer;
            } else {
                lines.push(word);
            }
        }
        lines
    }

    fn cut(&self, word: &str, weight: Weight, size: f32, width: f32) -> Vec<String> {
        let mut parts = vec![String::new()];
        for c in word.chars() {
            let full = parts
                .last()
                .is_some_and(|part| !part.is_empty() && self.width(&format!("{part}{c}"), weight, size) > width);
            if full {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.push(c);
            }
        }
        parts
    }

    fn of(&self, weight: Weight) -> &Measured {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}
