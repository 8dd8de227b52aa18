//! What a line of a page looks like, by itself: a member, a sentence, a footer, closing brackets.
//!
//! A line is looked at alone; what it is among others is for the cutting to say.

/// Words that all begin with a capital and a number behind them, bare among quoted strings:
/// `Voice Services Reference 12`.
pub(super) fn is_lone_footer(text: &str) -> bool {
    let Some((words, number)) = text.rsplit_once(' ') else {
        return false;
    };
    let is_number = number.len() <= 4 && number.bytes().all(|b| b.is_ascii_digit());
    let mut words = words.split_whitespace();
    let are_titled = words.clone().all(|word| {
        word.starts_with(|c: char| c.is_uppercase()) && word.chars().all(char::is_alphanumeric)
    });
    is_number && are_titled && words.nth(2).is_some()
}

/// A sentence: several words, and nothing that a sample is written with.
pub(super) fn is_prose(text: &str) -> bool {
    text.split_whitespace().nth(2).is_some()
        && text.starts_with(|c: char| c.is_uppercase())
        && !text.contains(['{', '}', '[', ']', '"', '\''])
        && text.ends_with(['.', '!', '?', ':'])
}

/// How many bytes of closing brackets, and white space between them, `text` begins with.
pub(super) fn closers(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        match c {
            '}' | ']' | ')' => end = at + 1,
            c if c.is_whitespace() => {}
            _ => break,
        }
    }
    end
}

/// Whether a line begins with a key and a colon.
pub(in crate::importer) fn is_member(text: &str) -> bool {
    let text = text.strip_prefix(['u', 'b', 'r']).unwrap_or(text);
    let Some(quote) = text.chars().next().filter(|c| is_quote(*c)) else {
        return false;
    };
    let inner = text.get(quote.len_utf8()..).unwrap_or_default();
    let Some(end) = inner.find(is_quote) else {
        return false;
    };
    let behind = inner.get(end..).unwrap_or_default();
    end > 0
        && behind
            .trim_start_matches(is_quote)
            .trim_start()
            .starts_with(':')
}

pub(super) fn is_quote(c: char) -> bool {
    matches!(
        c,
        '\'' | '"' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}'
    )
}

/// The byte behind the signs of tables, lists, diffs and tags at the start of a line.
pub(super) fn skip_marks(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let bare = rest.trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, '|' | '+' | '-' | '\u{2212}' | '\u{a0}')
        });
        at = text.len() - bare.len();
        match bare.strip_prefix('<').and_then(|tag| tag.find('>')) {
            Some(end) => at += end + 2,
            None => return at,
        }
    }
}
