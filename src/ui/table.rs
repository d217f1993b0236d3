//! Aligned tables.

use super::Style;

/// A table for a person; the same data as JSON is the command's own business.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Column {
    title: String,
    is_number: bool,
}

impl Table {
    /// An empty table. A title that starts with `#` heads a column of numbers, which stand to the right.
    pub fn new(titles: &[&str]) -> Self {
        let columns = titles
            .iter()
            .map(|title| Column {
                title: title.trim_start_matches('#').to_owned(),
                is_number: title.starts_with('#'),
            })
            .collect();
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; what is missing stays empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        // A line break inside a cell would break the table.
        let cells = cells.into_iter().map(|cell| cell.replace(['\n', '\r', '\t'], " ")).collect();
        self.rows.push(cells);
    }

    /// The text, one line a row, without trailing blanks.
    pub fn render(&self, style: Style) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
                cells.max().unwrap_or(0).max(width(&column.title))
            })
            .collect();
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.clone()).collect();
        let mut text = style.strong(&self.line(&titles, &widths));
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((at, column), &wide) in self.columns.iter().enumerate().zip(widths) {
            let cell = cells.get(at).map_or("", String::as_str);
            let blanks = " ".repeat(wide - width(cell));
            if at > 0 {
                line.push_str("  ");
            }
            if column.is_number {
                line.push_str(&blanks);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&blanks);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let mut table = Table::new(&["worker", "#right", "note"]);
        table.row(["größer".into(), "1".into(), String::new()]);
        table.row(["a".into(), "1000".into(), "two\nlines".into()]);
        let expected = "worker  right  note\ngrößer      1\na        1000  two lines\n";
        assert_eq!(table.render(Style::PLAIN), expected);
    }
}
