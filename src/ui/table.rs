//! Aligned tables.

use std::io::Write;

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
        self.rows.push(cells.into_iter().map(whole).collect());
    }

    /// The text, one line a row, without trailing blanks.
    pub fn render(&self, style: Style) -> String {
        let mut widths = self.widths();
        self.rows.iter().for_each(|row| widen(&mut widths, row));
        let mut text = self.head(&widths, style);
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    /// Writes more rows than memory should hold, which are asked for twice: to see how wide they are, and to write them.
    pub fn stream<R: Iterator<Item = Vec<String>>>(
        &self,
        rows: impl Fn() -> R,
        style: Style,
        out: &mut impl Write,
    ) -> std::io::Result<()> {
        let mut widths = self.widths();
        let whole_row = |row: Vec<String>| row.into_iter().map(whole).collect::<Vec<String>>();
        for row in rows().map(whole_row) {
            widen(&mut widths, &row);
        }
        out.write_all(self.head(&widths, style).as_bytes())?;
        for row in rows().map(whole_row) {
            writeln!(out, "{}", self.line(&row, &widths))?;
        }
        out.flush()
    }

    fn widths(&self) -> Vec<usize> {
        self.columns.iter().map(|column| width(&column.title)).collect()
    }

    fn head(&self, widths: &[usize], style: Style) -> String {
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.clone()).collect();
        style.strong(&self.line(&titles, widths)) + "\n"
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

/// A line break inside a cell would break the table.
fn whole(cell: String) -> String {
    if cell.contains(['\n', '\r', '\t']) { cell.replace(['\n', '\r', '\t'], " ") } else { cell }
}

fn widen(widths: &mut [usize], row: &[String]) {
    for (wide, cell) in widths.iter_mut().zip(row) {
        *wide = (*wide).max(width(cell));
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
        let mut streamed = Vec::new();
        let rows = || table.rows.iter().cloned();
        Table::new(&["worker", "#right", "note"])
            .stream(rows, Style::PLAIN, &mut streamed)
            .unwrap();
        assert_eq!(String::from_utf8(streamed).unwrap(), expected);
    }
}
