//! What looks like somebody's: e-mail addresses, telephone numbers, card numbers.
//!
//! It goes by looks alone, and so is an option.

use std::ops::Range;

/// The digits of a telephone number in international form, without the `+` (ITU-T E.164, with room
/// below for short national ones).
const PHONE: std::ops::RangeInclusive<usize> = 8..=15;

/// The digits of a card number (ISO/IEC 7812-1).
const CARD: std::ops::RangeInclusive<usize> = 12..=19;

/// How many groups of a run of digits are tried as the last one: more than numbers are written in.
const MAX_GROUPS: usize = 16;

/// The bytes of what looks so.
pub(super) fn find(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut found: Vec<Range<usize>> = addresses(text).collect();
    found.extend(numbers(text));
    found.into_iter()
}

fn addresses(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices('@').filter_map(move |(at, _)| {
        let local = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
        let domain = |c: char| c.is_alphanumeric() || ".-".contains(c);
        let before = text.get(..at)?;
        let start = before.trim_end_matches(local).len();
        let after = text.get(at + 1..)?;
        let length = after.find(|c| !domain(c)).unwrap_or(after.len());
        let host = after.get(..length)?.trim_end_matches(['.', '-']);
        let (name, top) = host.rsplit_once('.')?;
        let is_top = top.chars().count() >= 2 && top.chars().all(char::is_alphabetic);
        (start < at && !name.is_empty() && is_top).then(|| start..at + 1 + host.len())
    })
}

/// Runs of digits, with a single space, dash, dot, slash or bracket between: cards by their check digit,
/// telephone numbers by the `+` or `00` before them, or by being written in groups.
fn numbers(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut past = 0;
    text.char_indices().filter_map(move |(start, c)| {
        if start < past || !(c.is_ascii_digit() || c == '+' || c == '(') {
            return None;
        }
        let before = text.get(..start)?.chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || "._-/:+".contains(c)) {
            return None;
        }
        let rest = text.get(start..)?;
        let length = rest.find(|c: char| !(c.is_ascii_digit() || "+ -./()".contains(c)));
        let run = rest.get(..length.unwrap_or(rest.len()))?;
        let found = endings(run).find(|end| {
            let run = run.get(..*end).unwrap_or_default();
            let after = rest.get(*end..).and_then(|rest| rest.chars().next());
            let joined = after.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':');
            !joined && (is_card(run) || is_phone(run))
        });
        let group = run.trim_start_matches(['+', '(']);
        let group = group
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(group.len());
        past = start + found.unwrap_or(group + 1);
        found.map(|end| start..start + end)
    })
}

/// Where a run of digits may end: behind each of its groups, the last first.
fn endings(run: &str) -> impl Iterator<Item = usize> + '_ {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let ends = move |end: &usize| {
        let bytes = run.as_bytes();
        digit(bytes.get(end.wrapping_sub(1))) && !digit(bytes.get(*end))
    };
    (1..=run.len()).rev().filter(ends).take(MAX_GROUPS)
}

fn digits(run: &str) -> Vec<u32> {
    run.chars().filter_map(|c| c.to_digit(10)).collect()
}

/// Whether it is a card's number, by its check digit (Luhn, ISO/IEC 7812-1 annex B).
pub(super) fn is_card(run: &str) -> bool {
    let digits = digits(run);
    let plain = run.chars().all(|c| c.is_ascii_digit() || " -".contains(c));
    let all_zero = digits.iter().all(|digit| *digit == 0);
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit) {
            (0, digit) => *digit,
            (_, digit) if *digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    plain && !all_zero && CARD.contains(&digits.len()) && sum.is_multiple_of(10)
}

fn is_phone(run: &str) -> bool {
    let count = digits(run).len();
    let abroad = run
        .strip_prefix("00")
        .is_some_and(|rest| rest.starts_with(|c| matches!(c, '1'..='9')));
    let international = run.starts_with('+') || abroad && !run.contains('.');
    let groups = run.split(|c: char| !c.is_ascii_digit());
    let groups: Vec<usize> = groups.map(str::len).filter(|length| *length > 0).collect();
    // Dates have groups of two and four, and addresses and versions have dots.
    let dated = groups.iter().all(|length| matches!(length, 2 | 4)) && groups.len() == 3;
    let national = run.starts_with(['0', '(']) && !run.starts_with("00") || groups == [3, 3, 4];
    let written = groups.len() > 1 && !run.contains('.') && !dated && national;
    PHONE.contains(&count) && (international || written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_numbers_are_found_and_others_are_not() {
        for (text, expected) in [
            (
                "mail bob.x+y@mail.example.com, now",
                &["bob.x+y@mail.example.com"][..],
            ),
            ("<a@b.de> @x a@b a@1.2", &["a@b.de"]),
            (
                "call +49 (30) 901820 or 0049301234567",
                &["+49 (30) 901820", "0049301234567"],
            ),
            (
                "030 / 901820, 415-555-0123, (415) 555-0123",
                &["030 / 901820", "415-555-0123", "(415) 555-0123"],
            ),
            (
                "4111 1111 1111 1111 5500000000000004",
                &["4111 1111 1111 1111", "5500000000000004"],
            ),
            ("card 4111-1111-1111-1111.", &["4111-1111-1111-1111"]),
            (
                "4111111111111112 1392308459001 2014-02-13 10.10.15.212:9090 1.2.3",
                &[],
            ),
            ("00010a9FSGFP001F 000000000000 12-34", &[]),
        ] {
            let mut found: Vec<_> = find(text).map(|range| &text[range]).collect();
            found.sort_by_key(|found| text.find(*found));
            assert_eq!(found, expected, "{text}");
        }
        assert!(is_card("4111 1111 1111 1111"));
        assert!(!is_card("4111 1111 1111 1112"));
    }
}
