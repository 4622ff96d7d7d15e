//! Lines no wider than the terminal.

use core::fmt;

/// Narrower than this, nothing can be read.
const LEAST: usize = 40;

/// What stands in front of the rest of a row, or of a line, that did not fit.
const REST: usize = 4;

/// How many characters a line of standard output may have; `None` where nobody looks at it through a terminal.
pub(crate) fn of_stdout() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col).max(LEAST))
}

/// The same text, its lines folded at spaces; what is left of one stands under it, `indent` characters further in than it
/// begins.
pub(crate) fn fold(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let mut folded = String::new();
    for line in text.lines() {
        let begins = line.len() - line.trim_start().len();
        let margin = " ".repeat((begins + indent).min(width / 2));
        let mut rest = line.to_owned();
        while let Some(end) = cut(&rest, width) {
            let behind = rest.split_off(end);
            folded.push_str(rest.trim_end());
            folded.push('\n');
            rest = format!("{margin}{}", behind.trim_start());
        }
        folded.push_str(&rest);
        folded.push('\n');
    }
    folded
}

/// Where a line that is too long ends: at its last space that fits, else where the room ends.
fn cut(line: &str, width: usize) -> Option<usize> {
    let (room, next) = line.char_indices().nth(width)?;
    if next == ' ' {
        return Some(room);
    }
    let begins = line.len() - line.trim_start().len();
    let fits = line.get(..room).unwrap_or(line);
    Some(fits.rfind(' ').filter(|at| *at > begins).unwrap_or(room))
}

/// A table: columns as wide as their widest cell. In a row that is too wide, the last columns stand under the first.
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new<const N: usize>(head: [&str; N]) -> Self {
        Self {
            rows: vec![head.iter().map(|word| (*word).to_owned()).collect()],
        }
    }

    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    pub(crate) fn shown(&self, width: Option<usize>) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let widths: Vec<usize> = (0..columns)
            .map(|at| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let lines = lines(&widths, width);
        let mut text = String::new();
        for row in &self.rows {
            for (nth, columns) in lines.iter().enumerate() {
                let mut line = " ".repeat(if nth == 0 { 0 } else { REST });
                let cells = row.iter().zip(&widths);
                for (cell, width) in cells.skip(columns.start).take(columns.len()) {
                    line.push_str(&format!("{cell:<width$}  "));
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
        }
        fold(&text, width, REST)
    }
}

/// Which columns stand in one line.
fn lines(widths: &[usize], most: Option<usize>) -> Vec<core::ops::Range<usize>> {
    let mut lines = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, width) in widths.iter().enumerate() {
        if at > start && most.is_some_and(|most| used + width > most) {
            lines.push(start..at);
            (start, used) = (at, REST);
        }
        used += width + 2;
    }
    lines.push(start..widths.len());
    lines
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["A", "LONG"]);
        table.row(["wide cell".to_owned(), "x".to_owned()]);
        assert_eq!(table.to_string(), "A          LONG\nwide cell  x\n");
    }

    #[test]
    fn columns_that_do_not_fit_stand_under_the_first() {
        let mut table = Table::new(["A", "LONG", "OTHER"]);
        table.row(["wide cell", "x", "y"].map(str::to_owned));
        assert_eq!(
            table.shown(Some(18)),
            "A          LONG\n    OTHER\nwide cell  x\n    y\n"
        );
        assert_eq!(table.shown(Some(22)), table.to_string());
    }

    #[test]
    fn lines_are_folded_at_spaces() {
        let text = "one two three\n  four five\nlongerthanall\n";
        assert_eq!(fold(text, None, 4), text);
        assert_eq!(
            fold(text, Some(8), 2),
            "one two\n  three\n  four\n    five\nlongerth\n  anall\n"
        );
        for width in 8..20 {
            let longest = fold(&format!("{text}waits for ……… one …\n"), Some(width), 2)
                .lines()
                .map(|line| line.chars().count())
                .max()
                .unwrap();
            assert!(longest <= width, "{longest} in {width}");
        }
    }
}
