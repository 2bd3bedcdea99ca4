//! Where everything stands: pages of texts and rules, in points from the upper left corner.

use super::fonts::{Fonts, Weight};
use crate::sheet::Sheet;

/// A4.
pub(super) const WIDTH: f32 = 595.28;
/// A4.
pub(super) const HEIGHT: f32 = 841.89;

const LEFT: f32 = 50.0;
const RIGHT: f32 = WIDTH - 50.0;
const TOP: f32 = 60.0;
/// The lowest baseline; below it stands the page number.
const BOTTOM: f32 = HEIGHT - 70.0;
const SIZE: f32 = 10.0;
const SMALL: f32 = 8.0;
const LEADING: f32 = 1.4;

/// Something on a page.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Mark {
    /// A text; `x` is its left end, `y` its baseline.
    Text { x: f32, y: f32, size: f32, weight: Weight, text: String },
    /// A horizontal rule.
    Rule { from: f32, to: f32, y: f32, thickness: f32 },
}

/// The pages of a sheet.
pub(super) fn pages(sheet: &Sheet, fonts: &Fonts) -> Vec<Vec<Mark>> {
    let mut writer = Writer { fonts, pages: vec![Vec::new()], y: TOP };
    writer.parties(sheet);
    writer.heading(sheet);
    writer.rows(sheet);
    writer.vat(sheet);
    writer.totals(sheet);
    writer.notes(sheet);
    writer.numbered(&sheet.title)
}

/// Where a text is anchored.
#[derive(Clone, Copy)]
enum Anchor {
    Left(f32),
    Right(f32),
}

struct Writer<'a> {
    fonts: &'a Fonts,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl Writer<'_> {
    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn text(&mut self, anchor: Anchor, size: f32, weight: Weight, text: &str) {
        let text = self.fonts.printable(text, weight);
        let x = match anchor {
            Anchor::Left(x) => x,
            Anchor::Right(x) => x - self.fonts.width(&text, weight, size),
        };
        let y = self.y;
        if !text.trim().is_empty() {
            self.mark(Mark::Text { x, y, size, weight, text });
        }
    }

    fn down(&mut self, size: f32) {
        self.y += size * LEADING;
    }

    fn rule(&mut self, from: f32, thickness: f32) {
        let y = self.y - SIZE;
        self.mark(Mark::Rule { from, to: RIGHT, y, thickness });
    }

    /// A new page unless `height` is left on this one. True when there is one.
    fn room(&mut self, height: f32) -> bool {
        if self.y + height <= BOTTOM {
            return false;
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        true
    }

    fn parties(&mut self, sheet: &Sheet) {
        let top = self.y;
        let columns = [(LEFT, &sheet.seller), (WIDTH / 2.0 + 20.0, &sheet.buyer)];
        let mut lowest = top;
        for (x, lines) in columns {
            self.y = top;
            for (index, line) in lines.iter().enumerate() {
                let weight = if index == 0 { Weight::Bold } else { Weight::Regular };
                for part in self.fonts.wrap(line, weight, SIZE, WIDTH / 2.0 - 80.0) {
                    self.text(Anchor::Left(x), SIZE, weight, &part);
                    self.down(SIZE);
                }
            }
            lowest = lowest.max(self.y);
        }
        self.y = lowest + 26.0;
    }

    fn heading(&mut self, sheet: &Sheet) {
        self.text(Anchor::Left(LEFT), 16.0, Weight::Bold, &sheet.title);
        self.down(18.0);
        for (label, value) in &sheet.facts {
            self.text(Anchor::Left(LEFT), SIZE, Weight::Regular, label);
            self.text(Anchor::Left(LEFT + 150.0), SIZE, Weight::Regular, value);
            self.down(SIZE);
        }
        self.y += 18.0;
    }

    /// The cells after the description.
    fn columns(&mut self, weight: Weight, cells: [&str; 5]) {
        for (x, cell) in [270.0, 340.0, 385.0, 465.0, RIGHT].into_iter().zip(cells) {
            self.text(Anchor::Right(x), SIZE, weight, cell);
        }
    }

    fn row_headings(&mut self, sheet: &Sheet) {
        let [description, cells @ ..] = sheet.row_headings;
        self.text(Anchor::Left(LEFT), SIZE, Weight::Bold, description);
        self.columns(Weight::Bold, cells);
        self.down(SIZE);
        self.y += 2.0;
        self.rule(LEFT, 1.0);
        self.y += 4.0;
    }

    fn rows(&mut self, sheet: &Sheet) {
        self.row_headings(sheet);
        for row in &sheet.rows {
            let lines = self.fonts.wrap(&row.description, Weight::Regular, SIZE, 190.0);
            // A row stays on one page; the headings come again on a new one.
            if self.room(SIZE * LEADING * lines.len().min(40) as f32) {
                self.row_headings(sheet);
            }
            self.columns(Weight::Regular, [&row.quantity, &row.unit_net, &row.vat, &row.net, &row.gross]);
            for line in lines {
                if self.room(SIZE * LEADING) {
                    self.row_headings(sheet);
                }
                self.text(Anchor::Left(LEFT), SIZE, Weight::Regular, &line);
                self.down(SIZE);
            }
        }
        self.y += 4.0;
        self.rule(LEFT, 0.5);
        self.y += 16.0;
    }

    fn vat(&mut self, sheet: &Sheet) {
        self.room(SIZE * LEADING * (sheet.vat_rows.len() + 1) as f32);
        let row = |writer: &mut Self, weight, cells: [&str; 4]| {
            writer.text(Anchor::Left(LEFT), SIZE, weight, cells[0]);
            for (x, cell) in [(230.0, cells[1]), (310.0, cells[2]), (400.0, cells[3])] {
                writer.text(Anchor::Right(x), SIZE, weight, cell);
            }
            writer.down(SIZE);
        };
        row(self, Weight::Bold, sheet.vat_headings);
        for vat in &sheet.vat_rows {
            row(self, Weight::Regular, [&vat.rate, &vat.net, &vat.vat, &vat.gross]);
        }
        self.y += 12.0;
    }

    fn totals(&mut self, sheet: &Sheet) {
        self.room(SIZE * LEADING * (sheet.totals.len() + 1) as f32);
        let last = sheet.totals.len().saturating_sub(1);
        for (index, (label, amount)) in sheet.totals.iter().enumerate() {
            let weight = if index == last { Weight::Bold } else { Weight::Regular };
            if index == last {
                self.y += 4.0;
                self.rule(360.0, 1.0);
                self.y += 2.0;
            }
            self.text(Anchor::Left(360.0), SIZE, weight, label);
            self.text(Anchor::Right(RIGHT), SIZE, weight, amount);
            self.down(SIZE);
        }
        self.y += 14.0;
    }

    fn notes(&mut self, sheet: &Sheet) {
        let notes =
            sheet.settlements.iter().map(|line| (line, SIZE)).chain(sheet.mentions.iter().map(|line| (line, SMALL)));
        for (note, size) in notes {
            for line in self.fonts.wrap(note, Weight::Regular, size, RIGHT - LEFT) {
                self.room(size * LEADING);
                self.text(Anchor::Left(LEFT), size, Weight::Regular, &line);
                self.down(size);
            }
        }
    }

    /// Adds the document's title and `1/2` to the foot of every page, for pages get separated.
    fn numbered(mut self, title: &str) -> Vec<Vec<Mark>> {
        let pages = self.pages.len();
        for (index, page) in self.pages.iter_mut().enumerate() {
            let number = format!("{}/{pages}", index + 1);
            let y = HEIGHT - 40.0;
            let title = self.fonts.printable(title, Weight::Regular);
            page.push(Mark::Text { x: LEFT, y, size: SMALL, weight: Weight::Regular, text: title });
            let x = RIGHT - self.fonts.width(&number, Weight::Regular, SMALL);
            page.push(Mark::Text { x, y, size: SMALL, weight: Weight::Regular, text: number });
        }
        self.pages
    }
}
