//! JSON text laid out anew, token for token: strings and numbers keep their spelling, and only the
//! white space between tokens changes.
//!
//! It does not check JSON: whoever calls it has had the text accepted as one JSON value.

use memchr::memchr2;

/// The longest array, in bytes, that stays on one line for people: room enough for a header field
/// or a list of causes, and at the deepest usual place on a tape still within 80 columns.
const MAX_INLINE: usize = 60;

/// How many spaces a level takes where a tape is laid out for people.
const REVIEW_INDENT: usize = 2;

/// The widest indentation that has a name on a tape: as wide as `JSON.stringify` goes.
pub(super) const MAX_INDENT: usize = 10;

/// The white space that a program puts between the tokens of the JSON that it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spacing {
    /// None.
    Compact,
    /// A space after each comma and colon, as Python's `json.dumps` does.
    Spaced,
    /// One member a line, so many spaces a level, as `json.dumps(…, indent=N)` and
    /// `JSON.stringify(…, null, N)` do.
    Indent(usize),
}

/// The text without white space between its tokens.
pub(super) fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    out.extend(Tokens(json).map(Token::text));
    out
}

/// The text with `spacing` between its tokens; `None` where that is longer than `limit` bytes.
pub(super) fn lay_out(json: &str, spacing: Spacing, limit: usize) -> Option<String> {
    let mut printer = Printer::new(spacing);
    for token in Tokens(json) {
        printer.push(token);
        if printer.out.len() > limit {
            return None;
        }
    }
    Some(printer.out)
}

/// The text laid out for people: one member a line, but short arrays of plain values on one.
pub(super) fn review(json: &str) -> String {
    let mut printer = Printer::new(Spacing::Indent(REVIEW_INDENT));
    let mut tokens = Tokens(json);
    while let Some(token) = tokens.next() {
        match short_array(token, tokens.clone()) {
            Some((array, rest)) => {
                printer.push(Token::Scalar(&array));
                tokens = rest;
            }
            None => printer.push(token),
        }
    }
    printer.out
}

/// How many arrays and objects stand inside one another at the deepest place.
pub(super) fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut at) = (0_usize, 0, 0);
    // Byte by byte but for strings: to tell the other tokens apart takes several times as long.
    while let Some(byte) = json.as_bytes().get(at) {
        match byte {
            b'"' => at += json.get(at..).map_or(1, string_length) - 1,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// The spacing that some program wrote a JSON text with that has white space between its tokens: the one in
/// which laying it out again yields the same bytes.
pub(super) fn spacing(json: &str) -> Option<Spacing> {
    let spaced = [Some(Spacing::Spaced), first_indent(json)];
    let mut spaced = spaced.into_iter().flatten();
    spaced.find(|spacing| is_written_with(json, *spacing))
}

#[derive(Clone, Copy)]
enum Token<'a> {
    Open(&'a str),
    Close(&'a str),
    Comma,
    Colon,
    Scalar(&'a str),
}

impl<'a> Token<'a> {
    fn text(self) -> &'a str {
        match self {
            Token::Open(text) | Token::Close(text) | Token::Scalar(text) => text,
            Token::Comma => ",",
            Token::Colon => ":",
        }
    }
}

/// The tokens of a JSON text; holds what is left of it.
#[derive(Clone)]
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        let space = self.0.bytes().take_while(u8::is_ascii_whitespace).count();
        let text = self.0.get(space..)?;
        let first = *text.as_bytes().first()?;
        let length = match first {
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            b'"' => string_length(text),
            _ => text
                .bytes()
                .take_while(|byte| is_plain(*byte))
                .count()
                .max(1),
        };
        let (token, rest) = text.split_at_checked(length)?;
        self.0 = rest;
        Some(match first {
            b'{' | b'[' => Token::Open(token),
            b'}' | b']' => Token::Close(token),
            b',' => Token::Comma,
            b':' => Token::Colon,
            _ => Token::Scalar(token),
        })
    }
}

/// Whether a byte can stand in a number or a literal.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// The length in bytes of the string that `text` begins with, its quotes included.
fn string_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut end = 1;
    while let Some(rest) = bytes.get(end..) {
        let Some(found) = memchr2(b'"', b'\\', rest) else {
            break;
        };
        end += found + 1;
        if rest.get(found) == Some(&b'"') {
            return end;
        }
        end += 1; // what a backslash escapes is no end of the string
    }
    text.len()
}

struct Printer {
    out: String,
    spacing: Spacing,
    depth: usize,
}

impl Printer {
    fn new(spacing: Spacing) -> Self {
        Printer {
            out: String::new(),
            spacing,
            depth: 0,
        }
    }

    fn push(&mut self, token: Token<'_>) {
        // No scalar ends in an opening bracket, so the text itself says whether one was just opened.
        let opened = self.out.ends_with(['{', '[']);
        match token {
            Token::Open(_) | Token::Scalar(_) if opened => self.break_line(),
            Token::Close(_) => {
                self.depth = self.depth.saturating_sub(1);
                if !opened {
                    self.break_line();
                }
            }
            Token::Open(_) | Token::Scalar(_) | Token::Comma | Token::Colon => {}
        }
        self.out.push_str(token.text());
        match token {
            Token::Open(_) => self.depth += 1,
            Token::Comma if self.spacing == Spacing::Spaced => self.out.push(' '),
            Token::Comma => self.break_line(),
            Token::Colon if self.spacing != Spacing::Compact => self.out.push(' '),
            Token::Close(_) | Token::Colon | Token::Scalar(_) => {}
        }
    }

    fn break_line(&mut self) {
        if let Spacing::Indent(width) = self.spacing {
            self.out.push('\n');
            self.out
                .extend(std::iter::repeat_n(' ', width * self.depth));
        }
    }
}

/// The array that `open` begins, on one line, with the tokens after it, where it is short and
/// holds plain values only.
fn short_array<'a>(open: Token<'a>, mut rest: Tokens<'a>) -> Option<(String, Tokens<'a>)> {
    if open.text() != "[" {
        return None;
    }
    let mut line = String::from("[");
    while line.len() < MAX_INLINE {
        match rest.next()? {
            Token::Close(text) => {
                line.push_str(text);
                return Some((line, rest));
            }
            Token::Comma => line.push_str(", "),
            Token::Scalar(text) => line.push_str(text),
            Token::Open(_) | Token::Colon => return None,
        }
    }
    None
}

/// Whether laying `json` out again changes nothing; it stops at the first difference.
fn is_written_with(json: &str, spacing: Spacing) -> bool {
    let mut printer = Printer::new(spacing);
    for token in Tokens(json) {
        let from = printer.out.len();
        printer.push(token);
        if json.get(from..printer.out.len()) != printer.out.get(from..) {
            return false;
        }
    }
    printer.out.len() == json.len()
}

/// The indentation of the first line that `json` breaks inside its outermost brackets.
fn first_indent(json: &str) -> Option<Spacing> {
    let inside = json.strip_prefix(['{', '['])?.strip_prefix('\n')?;
    let width = inside.len() - inside.trim_start_matches(' ').len();
    (width <= MAX_INDENT).then_some(Spacing::Indent(width))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;

    /// What Python's `json.dumps` writes with default separators, compact ones, and `indent=4`.
    const SPACED: &str =
        r#"{"a": [1, -2.50, 1E5, {}], "b": {"c": "x, y: {\"[", "c": null}, "d": []}"#;
    const COMPACT: &str = r#"{"a":[1,-2.50,1E5,{}],"b":{"c":"x, y: {\"[","c":null},"d":[]}"#;
    const INDENTED: &str = r#"{
    "a": [
        1,
        -2.50,
        1E5,
        {}
    ],
    "b": {
        "c": "x, y: {\"[",
        "c": null
    },
    "d": []
}"#;

    fn found(text: &str) -> Option<Spacing> {
        if compact(text) == text {
            Some(Spacing::Compact)
        } else {
            spacing(text)
        }
    }

    #[test]
    fn each_spacing_is_found_and_written() {
        for (text, spacing) in [
            (COMPACT, Spacing::Compact),
            (SPACED, Spacing::Spaced),
            (INDENTED, Spacing::Indent(4)),
            ("[\n1,\n2\n]", Spacing::Indent(0)),
            (
                "[\n  {\n    \"a\": \"é\\u00e9\"\n  }\n]",
                Spacing::Indent(2),
            ),
            ("\"\\\\\"", Spacing::Compact),
            ("1392308459000000000000000001", Spacing::Compact),
            ("[]", Spacing::Compact),
        ] {
            assert_eq!(found(text), Some(spacing), "{text}");
            let again = lay_out(&compact(text), spacing, text.len());
            assert_eq!(again.as_deref(), Some(text));
        }
        assert_eq!(compact(SPACED), COMPACT);
        assert_eq!(compact(INDENTED), COMPACT);
    }

    #[test]
    fn other_spacings_have_no_name() {
        for text in [
            r#"{"a" :1}"#,
            r#" {"a":1}"#,
            "{\"a\":1}\n",
            r#"{"a": 1,"b": 2}"#,
            "[\n  1,\n   2\n]",
            "[\r\n  1\r\n]",
            "[\n\t1\n]",
            "{\n  \"a\": {\n  }\n}",
        ] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_layout_stops_at_its_limit() {
        assert_eq!(lay_out("[1,2]", Spacing::Spaced, 5), None);
        assert!(lay_out("[1,2]", Spacing::Spaced, 6).is_some());
    }

    #[test]
    fn people_get_short_arrays_on_one_line() {
        let long = "x".repeat(MAX_INLINE);
        let text =
            format!(r#"{{"after":[1,2],"headers":[["A","b"]],"none":[],"long":["{long}"]}}"#);
        let expected = format!(
            "{{\n  \"after\": [1, 2],\n  \"headers\": [\n    [\"A\", \"b\"]\n  ],\n  \"none\": [],\n  \"long\": [\n    \"{long}\"\n  ]\n}}"
        );
        assert_eq!(review(&text), expected);
        assert_eq!(compact(&review(&text)), text);
    }

    #[test]
    fn depth_counts_brackets_and_not_strings() {
        assert_eq!(depth("1"), 0);
        assert_eq!(depth(r#"["[[[[",{"a":[]}]"#), 3);
        assert_eq!(depth(&"[".repeat(100_000)), 100_000);
    }
}
