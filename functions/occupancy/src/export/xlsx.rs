//! A table as a workbook, in the mode that keeps one row in memory.

use rust_xlsxwriter::{Format, Workbook};

use super::{Cell, ExportError};

/// A workbook in the making. Rows go to a temporary file as they come.
pub struct XlsxTable {
    workbook: Workbook,
    next_row: u32,
    time: Format,
    decimal: Format,
}

impl XlsxTable {
    pub(super) fn new(sheet: &str, header: &[&str]) -> Result<Self, ExportError> {
        let mut workbook = Workbook::new();
        let bold = Format::new().set_bold();
        let worksheet = workbook.add_worksheet_with_constant_memory()?;
        worksheet.set_name(sheet)?.set_freeze_panes(1, 0)?;
        for (column, name) in (0_u16..).zip(header) {
            worksheet.set_column_width(column, 20)?;
            worksheet.write_string_with_format(0, column, *name, &bold)?;
        }
        let time = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
        let decimal = Format::new().set_num_format("0.00");
        Ok(Self { workbook, next_row: 1, time, decimal })
    }

    pub(super) fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), ExportError> {
        let row = self.next_row;
        let worksheet = self.workbook.worksheet_from_index(0)?;
        for (column, cell) in (0_u16..).zip(cells) {
            match *cell {
                Cell::Empty => continue,
                Cell::Text(text) => worksheet.write_string(row, column, text)?,
                // A workbook knows only binary floating point, exact for whole numbers to 2^53.
                Cell::Integer(number) => worksheet.write_number(row, column, number as f64)?,
                Cell::Decimal(number) => worksheet.write_number_with_format(row, column, number, &self.decimal)?,
                Cell::Time(at) => worksheet.write_datetime_with_format(row, column, at.naive_utc(), &self.time)?,
            };
        }
        self.next_row += 1;
        Ok(())
    }

    pub(super) const fn rows(&self) -> u32 {
        self.next_row - 1
    }

    pub(super) fn finish(mut self) -> Result<Vec<u8>, ExportError> {
        Ok(self.workbook.save_to_buffer()?)
    }
}
