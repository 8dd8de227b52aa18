//! The words of a row, with the punctuation that parts them, and phrases among them.
//!
//! What the phrases mean is for the others to say.

/// A word of a row's text and the punctuation behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    /// Without punctuation and quotes.
    pub(super) text: &'a str,
    pub(super) end: End,
    pub(super) quoted: Quoted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoted {
    Yes,
    No,
}

/// What stands behind a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Space,
    Comma,
    Colon,
    /// A full stop, a semicolon, a bracket.
    Stop,
}

pub(super) fn words(text: &str) -> Vec<Word<'_>> {
    let is_quote = |c: char| {
        matches!(
            c,
            '\'' | '"' | '`' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}'
        )
    };
    text.split_whitespace()
        .filter_map(|raw| {
            let opened = raw.trim_start_matches('(');
            let bare = opened.trim_end_matches(|c: char| {
                matches!(c, '.' | ',' | ':' | ';' | ')' | '!' | '?') || is_quote(c)
            });
            let behind = opened.get(bare.len()..).unwrap_or_default();
            let text = bare.trim_start_matches(is_quote);
            let end = match behind.trim_matches(is_quote).chars().next() {
                None => End::Space,
                Some(',') => End::Comma,
                Some(':') => End::Colon,
                Some(_) => End::Stop,
            };
            let quoted = if text.len() < bare.len() {
                Quoted::Yes
            } else {
                Quoted::No
            };
            (!text.is_empty()).then_some(Word { text, end, quoted })
        })
        .collect()
}

/// Whether the words from `at` on are these, in any case.
pub(super) fn says(words: &[Word<'_>], at: usize, phrase: &[&str]) -> bool {
    words.get(at..).is_some_and(|rest| {
        rest.len() >= phrase.len()
            && phrase
                .iter()
                .zip(rest)
                .all(|(wanted, word)| word.text.eq_ignore_ascii_case(wanted))
    })
}

/// Where one of these phrases stands first, and where the words behind it begin.
pub(super) fn find(words: &[Word<'_>], phrases: &[&[&str]]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|at| {
        let phrase = phrases.iter().find(|phrase| says(words, at, phrase))?;
        Some((at, at + phrase.len()))
    })
}
