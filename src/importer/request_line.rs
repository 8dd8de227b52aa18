//! A request as pages write it: `POST api/v2/…`, `HTTP POST /…`, `POST on /me/chats/{id}`, an
//! absolute URL, with header fields and the body on the same line or not.

use super::line::{Line, Place};

/// A request line, and what stood behind it on its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) method: String,
    /// Where the method stands.
    pub(super) place: Place,
    /// The target as it was written, in origin form save that the API root may be missing.
    pub(super) target: String,
    /// Where the target stands.
    pub(super) target_place: Place,
    /// The header fields on the same line.
    pub(super) headers: Vec<(String, String)>,
    /// What was mended in the target: what stood there and why it was changed.
    pub(super) mended: Option<(String, &'static str)>,
    /// What else stands on the line.
    pub(super) setting: Setting,
    /// The rest of the line, from the body's first brace or from `or`.
    pub(super) rest: Option<Line>,
}

/// What a request line stands among on its line, which shows whether it is one or only spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// Nothing but its header fields and its body.
    Alone,
    /// Words, or signs that mark code or a table: a request line under a heading that says so.
    Worded,
    /// A cell of a table with other cells behind it: prose.
    Cell,
}

impl RequestLine {
    /// Takes the rest of a target that was broken over two lines, as a PDF does it. Whether the
    /// text is that: a part of a path, behind a target that cannot end where it does.
    pub(super) fn go_on(&mut self, text: &str) -> bool {
        let is_placeholder = text.len() > 2 && text.starts_with('{') && text.ends_with('}');
        let is_part = !text.is_empty()
            && (is_placeholder || !text.starts_with('{'))
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-._~/?=&%{}".contains(c));
        let goes_on = is_part && self.target.ends_with(['/', '=']);
        if goes_on {
            let was = format!("{}\n{text}", self.target);
            self.target.push_str(text);
            self.mended = Some((
                was,
                "a URL has no line break, and this one cannot end there",
            ));
        }
        goes_on
    }
}

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// Reads a line that holds a request line from its first word on.
pub(super) fn read(line: &Line) -> Option<RequestLine> {
    let text = line.text.as_str();
    let mut at = text.len() - text.trim_start_matches(is_mark).len();
    if let Some(rest) = after_word(text, at, "HTTP") {
        at = rest;
    }
    let method_at = at;
    let method = *METHODS
        .iter()
        .find(|method| after_word(text, at, method).is_some())?;
    at = after_word(text, at, method)?;
    if let Some(rest) = after_word(text, at, "on").or_else(|| after_word(text, at, "to")) {
        at = rest;
    }
    let target_at = at;
    let rest = text.get(at..)?;
    let (written, mended) = target(rest)?;
    at += written.len();
    let signs = text.get(..method_at)?;
    let setting = setting(signs, written, text.get(at..)?);
    let (headers, rest) = tail(line, at);
    Some(RequestLine {
        method: method.to_owned(),
        place: line.place(characters(text, method_at)),
        target: origin_form(mended.as_deref().unwrap_or(written)),
        target_place: line.place(characters(text, target_at)),
        headers,
        mended: mended.map(|_| (written.to_owned(), "a URL has no spaces")),
        setting,
        rest,
    })
}

/// The byte at which a request line begins after other words, such as a heading's.
pub(super) fn find(text: &str) -> Option<usize> {
    METHODS.iter().find_map(|method| {
        let at = text.find(&format!(" {method} "))? + 1;
        let head = text.get(..at)?.trim_end();
        Some(head.strip_suffix("HTTP").map_or(at, str::len))
    })
}

/// A header field that stands alone on a line, as pages write them under a request line.
pub(super) fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.trim().split_once(':')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let value = value.trim();
    (is_name && !value.is_empty() && !value.contains(['{', '[']))
        .then(|| (name.to_owned(), value.to_owned()))
}

/// Whether a line joins two requests, of which either may be sent.
pub(super) fn is_or(text: &str) -> bool {
    super::heading::undecorated(text)
        .trim_matches(['-', ',', ' '])
        .eq_ignore_ascii_case("or")
}

/// Only marks a line: wiki bold, list and table signs.
fn is_mark(c: char) -> bool {
    c.is_whitespace() || matches!(c, '|' | '\'' | '*' | '`' | '\u{a0}')
}

/// The byte after a word and the white space behind it, where the word stands at `at`.
fn after_word(text: &str, at: usize, word: &str) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix(word)?;
    let next = rest.trim_start_matches(is_mark);
    (next.len() < rest.len()).then(|| text.len() - next.len())
}

/// The target at the start of `text` as it was written, and mended where spaces stood in the
/// authority of a URL.
fn target(text: &str) -> Option<(&str, Option<String>)> {
    let end = |text: &str| {
        text.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '|' | '`' | '"' | '<' | ','))
            .unwrap_or(text.len())
    };
    if let Some((scheme, _)) = text.split_once(':')
        && matches!(scheme, "http" | "https")
    {
        // `http: //10.0.0.1: 8080/api`: spaces come after the colons only.
        let mut at = scheme.len() + 1;
        let mut gaps = false;
        for _ in 0..2 {
            let rest = text.get(at..)?;
            let gap = rest.len() - rest.trim_start_matches(' ').len();
            gaps |= gap > 0;
            let word = rest.get(gap..)?;
            let size = end(word);
            at += gap + size;
            if !word.get(..size)?.ends_with(':') {
                break;
            }
        }
        let written = text.get(..at)?;
        return Some((written, gaps.then(|| written.replace(' ', ""))));
    }
    let mut size = end(text);
    // The brace of a body may be glued to the target, the braces of `{id}` belong to it.
    if let Some(brace) = text.get(..size)?.find('{')
        && !text.get(brace..size)?.contains('}')
    {
        size = brace;
    }
    let written = text.get(..size)?;
    let is_target = written.starts_with('/') || written.starts_with("api/");
    is_target.then_some((written, None))
}

/// The target as a client sends it (RFC 9112 section 3.2.1): from the path on.
fn origin_form(written: &str) -> String {
    let path = match written.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .map_or("/", |slash| rest.get(slash..).unwrap_or("/")),
        None => written,
    };
    let path = path.trim_end_matches(['.', ';', ':']);
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// What a request line stands among: by the signs before its method, by how its target was written,
/// and by what follows that.
fn setting(signs: &str, written: &str, behind: &str) -> Setting {
    let body = behind.find(['{', '[']).unwrap_or(behind.len());
    let end = find_or(behind).map_or(body, |or| or.min(body));
    let fields = behind.get(..end).unwrap_or_default();
    let is_cell = signs.contains('|') || fields.contains('|');
    let mut words = fields
        .split_whitespace()
        .filter(|word| !word.chars().all(is_mark))
        .peekable();
    words.next_if(|word| word.starts_with("HTTP/"));
    let has_words = words
        .next()
        .is_some_and(|word| field_name(word).is_none() || words.peek().is_none());
    // Inline code, an item of a list, the end of a sentence.
    let is_spoken_of = signs.contains('`')
        || fields.contains('`')
        || signs.contains("* ")
        || written.ends_with(['.', ';', ':']);
    match (is_cell, has_words) {
        (true, true) => Setting::Cell,
        (false, false) if !is_spoken_of => Setting::Alone,
        _ => Setting::Worded,
    }
}

/// The name of the header field that a word with a colon begins.
fn field_name(word: &str) -> Option<&str> {
    word.strip_suffix(':').filter(|name| {
        name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains(['/', ':'])
    })
}

/// What stands behind the target: the protocol, header fields, and the rest.
fn tail(line: &Line, at: usize) -> (Vec<(String, String)>, Option<Line>) {
    let text = line.text.get(at..).unwrap_or_default();
    let body = text.find(['{', '[']).unwrap_or(text.len());
    let (mut fields, _) = text.split_at_checked(body).unwrap_or((text, ""));
    let mut rest = at + body;
    if let Some(or) = find_or(fields) {
        rest = at + or;
        fields = fields.get(..or).unwrap_or_default();
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for word in fields.split_whitespace() {
        match (field_name(word), headers.last_mut()) {
            (Some(name), _) => headers.push((name.to_owned(), String::new())),
            (None, Some((_, value))) if value.is_empty() => word.clone_into(value),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(word);
            }
            // The protocol's version, wiki marks.
            (None, None) => {}
        }
    }
    headers.retain(|(_, value)| !value.is_empty());
    let (_, rest) = line.split(rest);
    (headers, (!rest.is_blank()).then_some(rest))
}

/// Where the word `or` stands.
fn find_or(text: &str) -> Option<usize> {
    let mut from = 0;
    for word in text.split_inclusive(char::is_whitespace) {
        if word.trim().eq_ignore_ascii_case("or") {
            return Some(from);
        }
        from += word.len();
    }
    None
}

/// The column, from 1, of the byte `at`.
fn characters(text: &str, at: usize) -> usize {
    text.get(..at).map_or(0, |head| head.chars().count()) + 1
}

#[cfg(test)]
mod tests {
    use super::super::line::Columns;
    use super::*;

    fn line(text: &str) -> Line {
        Line::new(text, 1, Columns::From(1))
    }

    #[test]
    fn every_form_is_read() {
        for (text, method, target) in [
            ("POST api/v2/me/chats/1", "POST", "/api/v2/me/chats/1"),
            ("  POST /api/v2/me/chats/1", "POST", "/api/v2/me/chats/1"),
            ("HTTP POST /api/v2/me/calls", "POST", "/api/v2/me/calls"),
            ("POST on /me/chats/{id}", "POST", "/me/chats/{id}"),
            ("GET on /me?subresources=*", "GET", "/me?subresources=*"),
            ("POST '''api/v2/me/chats/1'''", "POST", "/api/v2/me/chats/1"),
            ("POST on '''/me/chats/{id}'''", "POST", "/me/chats/{id}"),
            (
                "POST http://10.0.0.1:8080/api/v2/me?x=1",
                "POST",
                "/api/v2/me?x=1",
            ),
            (
                "DELETE https://host/api/v2/x HTTP/1.1",
                "DELETE",
                "/api/v2/x",
            ),
            ("PUT http://host", "PUT", "/"),
            ("POST http: //10.0.0.1: 9090/api/v2/x", "POST", "/api/v2/x"),
            ("| POST /api/v2/x |", "POST", "/api/v2/x"),
            ("POST /api/v2/x{", "POST", "/api/v2/x"),
        ] {
            let read = read(&line(text)).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (read.method.as_str(), read.target.as_str()),
                (method, target),
                "{text}"
            );
            assert_eq!(read.mended.is_some(), text.contains(": /"), "{text}");
        }
    }

    #[test]
    fn what_follows_on_the_line_is_kept() {
        let text = "POST /api/v2/x HTTP/1.1 Content-Type: application/json; a=b X-Y: z {\"a\": 1}";
        let read = read(&line(text)).unwrap();
        let headers: Vec<(&str, &str)> = read
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            headers,
            [("Content-Type", "application/json; a=b"), ("X-Y", "z")]
        );
        let rest = read.rest.unwrap();
        assert_eq!(rest.text, "{\"a\": 1}");
        assert_eq!(rest.start().column, text.find('{').unwrap() + 1);
        assert_eq!(read.target_place.column, 6);
        let joined = super::read(&line("POST /a or POST /b")).unwrap();
        assert_eq!(joined.rest.unwrap().text, "or POST /b");
    }

    #[test]
    fn what_a_request_line_stands_among_is_told() {
        use Setting::{Alone, Cell, Worded};
        for (text, expected) in [
            ("POST api/v2/x", Alone),
            ("POST on '''/x/{id}''' ", Alone),
            ("'''POST''' /x HTTP/1.1 X-Y: z or GET /b", Alone),
            ("**POST /x** {\"a\": \"b | c\"}", Alone),
            ("POST /x with a body", Worded),
            ("POST /x, or not", Worded),
            ("POST /x.", Worded),
            ("POST /x Note:", Worded),
            ("* GET /x", Worded),
            ("`GET /x`", Worded),
            ("| POST /x |", Worded),
            ("| `POST /__admin/reset` | the run starts over |", Cell),
            ("POST /x | sends it", Cell),
        ] {
            assert_eq!(read(&line(text)).unwrap().setting, expected, "{text}");
        }
    }

    #[test]
    fn other_lines_are_none() {
        for text in [
            "POST",
            "HTTP Method POST",
            "POST a chat",
            "Post /x",
            "'POST': 1",
            "GET on the page",
        ] {
            assert_eq!(read(&line(text)), None, "{text}");
        }
        assert_eq!(header("Content-Type: text/plain").unwrap().1, "text/plain");
        assert_eq!(header("'a': 1"), None);
        assert!(is_or(" OR: ") && is_or("'''or'''") && !is_or("order"));
    }
}
