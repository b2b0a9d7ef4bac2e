//! Tables in the layout of Azure's command line (O-2).
//!
//! A column is as wide as its longest cell, but at least two wider than its heading; two blanks stand between columns, dashes
//! under the headings, and nothing after the last cell of a line.

use std::fmt;

/// Rows under headings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    headings: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// Blanks between two columns.
const GAP: &str = "  ";
/// How much wider than its heading a column is at least.
const BEYOND_HEADING: usize = 2;

impl Table {
    /// A table without rows.
    pub fn new(headings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            headings: headings.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells that are missing at its end are empty; there must not be more cells than headings.
    pub fn push(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let row: Vec<String> = cells.into_iter().map(Into::into).collect();
        debug_assert!(
            row.len() <= self.headings.len(),
            "a heading for every cell of {row:?}"
        );
        self.rows.push(row);
    }

    /// True if there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    /// Writes the headings, the dashes and the rows, each ending in a line break.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = self
            .headings
            .iter()
            .enumerate()
            .map(|(column, heading)| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
                longest.max(heading.chars().count() + BEYOND_HEADING)
            })
            .collect();
        let dashes: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
        for cells in [&self.headings, &dashes].into_iter().chain(&self.rows) {
            let line: Vec<String> = cells
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:width$}"))
                .collect();
            writeln!(f, "{}", line.join(GAP).trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_two_wider_than_their_headings_and_lines_end_without_blanks() {
        let mut table = Table::new(["Source", "Next Hop IP"]);
        table.push(["Default", ""]);
        table.push(["VirtualNetworkGateway"]);
        table.push(["User", "10.0.0.4"]);
        assert_eq!(
            table.to_string(),
            "Source                 Next Hop IP\n\
             ---------------------  -------------\n\
             Default\n\
             VirtualNetworkGateway\n\
             User                   10.0.0.4\n"
        );
    }

    #[test]
    fn widths_count_letters_not_bytes() {
        let mut table = Table::new(["A", "B"]);
        table.push(["Zürich", "x"]);
        assert_eq!(table.to_string(), "A       B\n------  ---\nZürich  x\n");
    }
}
