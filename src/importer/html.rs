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
    /// Each line without tags and with its entities read, and the column of each character.
    lines: Vec<(String, Vec<usize>)>,
    /// The line and the byte of it from which the next text is looked for.
    next: (usize, usize),
    /// Where the last text was found.
    last: Place,
}

impl Source {
    fn new(html: &str) -> Self {
        Source {
            lines: html.lines().map(plain).collect(),
            next: (0, 0),
            last: Place { line: 1, column: 1 },
        }
    }

    /// The text as a line at its place; where the markup does not hold it in one piece (wrapped
    /// prose, cells side by side), at the place of the last text that was found.
    fn locate(&mut self, text: String) -> Line {
        let wanted = text.trim();
        let indent = text.chars().take_while(|c| c.is_whitespace()).count();
        if !wanted.is_empty() {
            let (first, from) = self.next;
            let rows = self.lines.iter().enumerate().skip(first);
            for (index, (row, columns)) in rows.take(LOOK_AHEAD) {
                let skip = if index == first { from } else { 0 };
                let Some(at) = row.get(skip..).and_then(|rest| rest.find(wanted)) else {
                    continue;
                };
                let at = skip + at;
                let character = row.get(..at).map_or(0, |head| head.chars().count());
                let columns = columns.get(character..).unwrap_or(&[]);
                let column = columns.first().copied().unwrap_or(1);
                let leading = (0..indent).map(|back| column.saturating_sub(indent - back).max(1));
                let columns = leading.chain(columns.iter().copied()).collect();
                self.next = (index, at + wanted.len());
                self.last = Place {
                    line: index + 1,
                    column,
                };
                return Line::new(text, index + 1, Columns::Each(columns));
            }
        }
        let Place { line, column } = self.last;
        Line::new(text, line, Columns::From(column))
    }
}

/// How many lines of markup may stand between two lines of text: menus and scripts are long, and a
/// line that is nowhere must not cost a search of the whole page.
const LOOK_AHEAD: usize = 2_000;

/// A line of markup without its tags and with its entities read, and the column of each character.
fn plain(row: &str) -> (String, Vec<usize>) {
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
    (text, columns)
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
}
