//! A line of a page, and where on the page each of its characters stands.
//!
//! Everything that is read from a page is read from these lines, cut and left out as need be, so
//! that a repair or an error can still name the page's own line and column.

/// A place on a page: line and column, both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A line of a page, or a part of one, without its line end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    /// How many form feeds stand before it.
    pub(super) sheet: usize,
    number: usize,
    columns: Columns,
}

/// Where the characters of a line's text stand in the page's line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Columns {
    /// One after the other, from this column.
    From(usize),
    /// Each at a column of its own; those past the end follow the last.
    Each(Vec<usize>),
}

impl Line {
    /// A line that stands on the page's line `number`.
    pub(super) fn new(text: impl Into<String>, number: usize, columns: Columns) -> Self {
        Line {
            text: text.into(),
            sheet: 0,
            number,
            columns,
        }
    }

    /// Where the character at `column` of the text, from 1, stands on the page.
    pub(super) fn place(&self, column: usize) -> Place {
        let before = column.saturating_sub(1);
        let column = match &self.columns {
            Columns::From(first) => first + before,
            Columns::Each(columns) => match (columns.get(before), columns.last()) {
                (Some(column), _) => *column,
                (None, Some(last)) => last + 1 + before - columns.len(),
                (None, None) => 1,
            },
        };
        Place {
            line: self.number,
            column,
        }
    }

    /// Where the first character that is not white space stands.
    pub(super) fn start(&self) -> Place {
        let indent = self.text.chars().take_while(|c| c.is_whitespace()).count();
        self.place(indent + 1)
    }

    /// The line cut in two before the byte `at`.
    pub(super) fn split(&self, at: usize) -> (Line, Line) {
        let (head, tail) = self.text.split_at_checked(at).unwrap_or((&self.text, ""));
        let skipped = head.chars().count();
        let columns = match &self.columns {
            Columns::From(first) => Columns::From(first + skipped),
            Columns::Each(columns) => Columns::Each(columns.get(skipped..).unwrap_or(&[]).to_vec()),
        };
        let part = |text: &str, columns| Line {
            text: text.to_owned(),
            sheet: self.sheet,
            number: self.number,
            columns,
        };
        (part(head, self.columns.clone()), part(tail, columns))
    }

    /// The text without white space around it.
    pub(super) fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// Whether it holds nothing but white space.
    pub(super) fn is_blank(&self) -> bool {
        self.trimmed().is_empty()
    }
}

/// The lines of a plain text. A form feed ends a line as a line end does, and begins a new sheet.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut sheet = 0;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, row) in text.lines().enumerate() {
        let mut column = 1;
        for (part, piece) in row.split('\u{c}').enumerate() {
            if part > 0 {
                sheet += 1;
                column += 1;
            }
            let mut line = Line::new(piece, index + 1, Columns::From(column));
            line.sheet = sheet;
            column += piece.chars().count();
            found.push(line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_keeps_its_places() {
        let line = Line::new("  añb}Response", 7, Columns::From(3));
        let (head, tail) = line.split("  añb}".len());
        assert_eq!(
            (head.text.as_str(), tail.text.as_str()),
            ("  añb}", "Response")
        );
        assert_eq!(head.start(), Place { line: 7, column: 5 });
        assert_eq!(
            tail.place(2),
            Place {
                line: 7,
                column: 10
            }
        );
    }

    #[test]
    fn columns_of_their_own_are_cut_too() {
        let line = Line::new("a<b", 2, Columns::Each(vec![4, 5, 9]));
        let (_, tail) = line.split(1);
        assert_eq!(tail.place(1), Place { line: 2, column: 5 });
        assert_eq!(tail.place(2), Place { line: 2, column: 9 });
        assert_eq!(
            tail.place(4),
            Place {
                line: 2,
                column: 11
            }
        );
    }

    #[test]
    fn a_form_feed_ends_a_line_and_a_sheet() {
        let found = lines("a\r\nb\u{c}c\n\u{c}d");
        let seen: Vec<(&str, usize, Place)> = found
            .iter()
            .map(|line| (line.text.as_str(), line.sheet, line.place(1)))
            .collect();
        let at = |line, column| Place { line, column };
        assert_eq!(
            seen,
            [
                ("a", 0, at(1, 1)),
                ("b", 0, at(2, 1)),
                ("c", 1, at(2, 3)),
                ("", 1, at(3, 1)),
                ("d", 2, at(3, 2)),
            ]
        );
    }
}
