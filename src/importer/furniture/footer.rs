//! Lines that are written as footers: words with a number before or behind them, or a number alone.
//!
//! Whether such a line is a footer is not told by it alone.

use super::is_plain;

/// More digits are no number of a sheet.
const MOST_DIGITS: usize = 4;

/// A line that ends or begins with a number, as a footer does.
pub(super) struct Footer<'a> {
    pub(super) index: usize,
    /// Its words; none for a bare page number.
    pub(super) stem: &'a str,
    pub(super) number: usize,
}

/// Reads `Reference 12`, `12 Reference`, `Reference | Page 12 of 40`, `12`, `- 12 -`,
/// `Page 12/40`.
pub(super) fn footer(index: usize, text: &str) -> Option<Footer<'_>> {
    if !is_plain(text) {
        return None;
    }
    let rules = |c: char| {
        c.is_whitespace() || matches!(c, '|' | '-' | '\u{2013}' | '\u{2014}' | '\u{2022}')
    };
    let mut rest = text.trim_matches(rules);
    let is_number = |word: &str| {
        (1..=MOST_DIGITS).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
    };
    // The number of all sheets tells nothing: `2 of 9`, `2/9`.
    if let Some((head, total)) = rest.rsplit_once(" of ").or_else(|| rest.rsplit_once('/'))
        && is_number(total.trim_start())
    {
        rest = head.trim_end();
    }
    let (stem, number) = match (
        rest.rsplit_once(char::is_whitespace),
        rest.split_once(char::is_whitespace),
    ) {
        (Some((stem, number)), _) if is_number(number) => (stem, number),
        (_, Some((number, stem))) if is_number(number) => (stem, number),
        _ if is_number(rest) => ("", rest),
        _ => return None,
    };
    let stem = stem.trim_matches(rules);
    let stem = stem.strip_suffix("Page").unwrap_or(stem);
    let stem = stem
        .strip_suffix("page")
        .unwrap_or(stem)
        .trim_matches(rules);
    Some(Footer {
        index,
        stem,
        number: number.parse().ok()?,
    })
}
