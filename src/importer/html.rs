//! A page in HTML to lines of text.
//!
//! The markup is read by `html2text`: a well-kept crate on html5ever, the parser of a browser, that
//! keeps preformatted text as it is, save that it expands tabs, which are hidden from it here. It
//! does not tell where its text came from, so each line is looked up in the page again.

use super::line::{Columns, Line, Place};

/// Stands in for a tab while the crate has the text: a private character that no page uses.
const TAB: char = '\u{f0009}';

/// How deeply the elements of a page may nest. Real pages stay below fifty; the reader of the markup
/// takes time by the square of the depth.
const DEEPEST: usize = 2_000;

/// Elements that may stand without an end tag, and so do not show how deep a page is.
const UNENDED: &[&str] = &[
    "area", "base", "br", "col", "dd", "dt", "hr", "img", "input", "li", "link", "meta", "option",
    "p", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr",
];

/// Entities that pages spell characters of samples with; the crate itself knows all of them.
const ENTITIES: &[(&str, char)] = &[
    ("&lt;", '<'),
    ("&gt;", '>'),
    ("&amp;", '&'),
    ("&quot;", '"'),
    ("&#34;", '"'),
    ("&apos;", '\''),
    ("&#39;", '\''),
    ("&#039;", '\''),
    ("&nbsp;", '\u{a0}'),
    ("&#160;", '\u{a0}'),
];

/// Whether a page is HTML, by its name or by how it begins.
pub(super) fn is_html(name: &str, text: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if [".html", ".htm", ".xhtml"]
        .iter()
        .any(|extension| lower.ends_with(extension))
    {
        return true;
    }
    let head: String = text
        .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
        .chars()
        .take(1000)
        .collect::<String>()
        .to_ascii_lowercase();
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || (head.starts_with('<') && (head.contains("<head") || head.contains("<body")))
        || (head.starts_with("<?xml") && head.contains("<html"))
}

/// The text of a page in HTML, each line at the place in the markup where its text stands.
///
/// # Errors
/// Says why the markup cannot be read.
pub(super) fn lines(html: &str) -> Result<Vec<Line>, String> {
    if depth(html) > DEEPEST {
        return Err(format!("its elements nest deeper than {DEEPEST}"));
    }
    // Wider than any line can be, so that no line is ever wrapped.
    let width = html.chars().count().max(1000);
    let text = html2text::config::plain_no_decorate()
        .no_table_borders()
        .allow_width_overflow()
        .string_from_read(hide_tabs(html).as_bytes(), width)
        .map_err(|error| error.to_string())?;
    let mut source = Source::new(html);
    Ok(text
        .lines()
        .map(|line| source.locate(line.trim_end().replace(TAB, "\t")))
        .collect())
}

/// How many elements are open at most at one place of the page.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for rest in html.split('<').skip(1) {
        let name = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric());
            text.get(..end.unwrap_or(text.len()))
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        let (name, ends) = match rest.strip_prefix('/') {
            Some(rest) => (name(rest), true),
            None => (name(rest), false),
        };
        if name.is_empty() || UNENDED.contains(&name.as_str()) {
            continue;
        }
        depth = if ends {
            depth.saturating_sub(1)
        } else {
            depth + 1
        };
        deepest = deepest.max(depth);
    }
    deepest
}

/// Replaces the tabs of the text between tags; within a tag they are mere spaces.
fn hide_tabs(html: &str) -> String {
    let mut inside = false;
    let mut characters = html.chars().peekable();
    let mut hidden = String::with_capacity(html.len());
    while let Some(c) = characters.next() {
        match c {
            '<' => {
                inside = characters
                    .peek()
                    .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!'));
            }
            '>' => inside = false,
            _ => {}
        }
        hidden.push(if c == '\t' && !inside { TAB } else { c });
    }
    hidden
}

/// The markup, read in step with the text that was made of it.
struct Source {
    rows: Vec<Row>,
    /// The text of all rows without white space, in which a text is found that the markup breaks
    /// over lines or cells.
    squeezed: String,
    /// Where in `squeezed` each row begins.
    begins: Vec<usize>,
    /// The row and the byte of it from which the next text is looked for.
    next: (usize, usize),
    /// Where the last text was found.
    last: Place,
}

/// A line of markup without its tags and with its entities read.
struct Row {
    text: String,
    /// The column of each character.
    columns: Vec<usize>,
}

impl Source {
    fn new(html: &str) -> Self {
        let rows: Vec<Row> = html.lines().map(plain).collect();
        let mut squeezed = String::new();
        let mut begins = Vec::with_capacity(rows.len());
        for row in &rows {
            begins.push(squeezed.len());
            squeezed.extend(filled(&row.text));
        }
        Source {
            rows,
            squeezed,
            begins,
            next: (0, 0),
            last: Place { line: 1, column: 1 },
        }
    }

    /// The text as a line at its place; where the markup does not hold it in one piece (wrapped
    /// prose, cells side by side), at the place of its first character; and where not even that is
    /// found, at the place of the last text that was.
    fn locate(&mut self, text: String) -> Line {
        let wanted = text.trim();
        if !wanted.is_empty() {
            if let Some((index, columns)) = self.find(wanted) {
                let indent = text.chars().take_while(|c| c.is_whitespace()).count();
                let column = columns.first().copied().unwrap_or(1);
                let leading = (0..indent).map(|back| column.saturating_sub(indent - back).max(1));
                let columns = leading.chain(columns).collect();
                let line = index + 1;
                self.last = Place { line, column };
                return Line::new(text, line, Columns::Each(columns));
            }
            if let Some(place) = self.find_broken(wanted) {
                self.last = place;
            }
        }
        let Place { line, column } = self.last;
        Line::new(text, line, Columns::From(column))
    }

    /// The row that holds the text in one piece, and the columns from there on.
    fn find(&mut self, wanted: &str) -> Option<(usize, Vec<usize>)> {
        let (first, from) = self.next;
        let mut rows = self.rows.iter().enumerate().skip(first).take(LOOK_AHEAD);
        let (index, at, row) = rows.find_map(|(index, row)| {
            let skip = if index == first { from } else { 0 };
            let at = row.text.get(skip..)?.find(wanted)?;
            Some((index, skip + at, row))
        })?;
        let character = row.text.get(..at).map_or(0, |head| head.chars().count());
        let columns = row.columns.get(character..).unwrap_or(&[]).to_vec();
        self.next = (index, at + wanted.len());
        Some((index, columns))
    }

    /// Where a text begins that the markup breaks.
    fn find_broken(&mut self, wanted: &str) -> Option<Place> {
        let wanted: String = filled(wanted).collect();
        let (first, from) = self.next;
        let head = self.rows.get(first)?.text.get(..from)?;
        let from = self.begins.get(first)? + filled(head).map(char::len_utf8).sum::<usize>();
        let until = self.begins.get(first + LOOK_AHEAD).copied();
        let ahead = self
            .squeezed
            .get(from..until.unwrap_or(self.squeezed.len()).max(from))?;
        let at = from + ahead.find(&wanted)?;
        let (line, byte) = self.row_of(at)?;
        let row = self.rows.get(line)?;
        let character = row.text.get(..byte)?.chars().count();
        let column = row.columns.get(character).copied()?;
        // The next text is looked for behind the last character of this one.
        let last = wanted.chars().next_back().map_or(0, char::len_utf8);
        let (index, byte) = self.row_of(at + wanted.len() - last)?;
        self.next = (index, byte + last);
        Some(Place {
            line: line + 1,
            column,
        })
    }

    /// The row of a byte of the squeezed text, and where in that row its character stands.
    fn row_of(&self, at: usize) -> Option<(usize, usize)> {
        let index = self
            .begins
            .partition_point(|begin| *begin <= at)
            .checked_sub(1)?;
        let mut left = at - self.begins.get(index)?;
        let text = &self.rows.get(index)?.text;
        for (byte, c) in text.char_indices().filter(|(_, c)| !c.is_whitespace()) {
            if left == 0 {
                return Some((index, byte));
            }
            left = left.checked_sub(c.len_utf8())?;
        }
        None
    }
}

/// The characters of a text that are not white space.
fn filled(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().filter(|c| !c.is_whitespace())
}

/// How many lines of markup may stand between two lines of text: menus and scripts are long, and a
/// line that is nowhere must not cost a search of the whole page.
const LOOK_AHEAD: usize = 2_000;

/// Reads a line of markup.
fn plain(row: &str) -> Row {
    let mut text = String::with_capacity(row.len());
    let mut columns = Vec::with_capacity(row.len());
    let mut rest = row;
    let mut column = 1;
    while let Some(c) = rest.chars().next() {
        let (taken, meaning) = if let Some(tag) = tag(rest) {
            (tag, None)
        } else if let Some((entity, meaning)) =
            ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity))
        {
            (entity.len(), Some(*meaning))
        } else {
            (c.len_utf8(), Some(c))
        };
        if let Some(meaning) = meaning {
            text.push(meaning);
            columns.push(column);
        }
        let (gone, left) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        column += gone.chars().count();
        rest = left;
    }
    Row { text, columns }
}

/// How many bytes a tag at the start of `text` has.
fn tag(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('<')?;
    let first = inner.chars().next()?;
    (first.is_ascii_alphabetic() || matches!(first, '/' | '!')).then_some(())?;
    Some(inner.find('>')? + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_told_by_name_or_by_content() {
        assert!(is_html("a.HTML", "Request"));
        assert!(is_html("a", "\n<!DOCTYPE html>\n<p>x"));
        assert!(is_html("a", "<div><body>"));
        assert!(!is_html("a.txt", "{'html': '<html>'}"));
        assert!(!is_html("a.txt", "<pre>\n{}\n</pre>"));
    }

    #[test]
    fn preformatted_text_is_kept_exactly() {
        let long = "http://10.0.0.1/".repeat(300);
        let html = format!(
            "<html><body><h3>Response</h3><table class=\"a\"\tid=b><tr><td>x</td></tr></table><pre>{{\n  'a':  'x  &lt;y&gt; &amp; \u{2019}',\n\t<b>'b'</b>: 'one\ttwo',\n\n  'c': '{long}'\n}}</pre></body></html>"
        );
        let found = lines(&html).unwrap();
        let text: Vec<&str> = found.iter().map(|line| line.text.as_str()).collect();
        let start = text.iter().position(|line| *line == "{").unwrap();
        assert_eq!(text[start + 1], "  'a':  'x  <y> & \u{2019}',");
        assert_eq!(text[start + 2], "\t'b': 'one\ttwo',");
        assert_eq!(text[start + 3], "");
        assert_eq!(text[start + 4], format!("  'c': '{long}'"));
        assert_eq!(text[start + 5], "}");
    }

    #[test]
    fn markup_that_nests_too_deep_is_refused() {
        let nested = |depth: usize| format!("<html>{}", "<div>".repeat(depth));
        assert!(lines(&nested(100_000)).unwrap_err().contains("2000"));
        assert!(lines(&nested(50)).is_ok());
        assert!(lines(&format!("<html>{}", "<p>x<br>".repeat(5_000))).is_ok());
    }

    #[test]
    fn places_are_those_of_the_markup() {
        let html =
            "<html><body>\n<p>Hello</p>\n<pre>{\n  'a': '&lt;b' 1,\n  <i>'c'</i>: 2\n}</pre>";
        let found = lines(html).unwrap();
        let at = |text: &str| {
            let line = found.iter().find(|line| line.text.contains(text)).unwrap();
            let column = line.text.find(text).unwrap() + 1;
            line.place(column)
        };
        assert_eq!(at("Hello"), Place { line: 2, column: 4 });
        assert_eq!(at("'a'"), Place { line: 4, column: 3 });
        assert_eq!(
            at("1,"),
            Place {
                line: 4,
                column: 16
            }
        );
        assert_eq!(at("'c'"), Place { line: 5, column: 6 });
        assert_eq!(
            at("2"),
            Place {
                line: 5,
                column: 15
            }
        );
    }

    #[test]
    fn a_text_that_the_markup_breaks_has_the_place_of_its_beginning() {
        let html = "<html><body>\n<p>Takes it\n  at once</p>\n<table><tr><td>a</td><td>one</td></tr>\n<tr><td>b</td><td>two\n  lines</td></tr></table>\n<pre>{'b': 1}</pre>";
        let found = lines(html).unwrap();
        for (word, line, column) in [("Takes", 2, 4), ("one", 4, 16), ("two", 5, 9), ("{", 7, 6)] {
            let found = found.iter().find(|found| found.text.contains(word));
            let place = found.unwrap().start();
            assert_eq!(place, Place { line, column }, "{word}");
        }
    }
}
