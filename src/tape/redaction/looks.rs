//! What looks secret by itself: tokens of a known kind, and words that look random; and what passes with its
//! connection, and so is worth nothing on a tape. Whether it was replaced already is not known here.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tape::Event;

/// The shortest text that is looked at for randomness, and the longest: a random token needs twenty
/// characters to be safe, and what is much longer is no token but data.
pub(super) const RANDOM: std::ops::RangeInclusive<usize> = 20..=512;

/// How many bits a character of a random text says at least (Shannon), where it is not all of
/// hexadecimal digits. Words and identifiers of people stay below 3.6.
const MIN_BITS: f64 = 4.0;

/// What stands before octets on a tape: those of a message, and of a notification.
const OCTETS: &[&str] = &["\"body\":{\"base64\":\"", "\"data\":{\"base64\":\""];

/// The beginnings of tokens that are known by them, with the least length of what follows.
const TOKENS: &[(&str, &str, usize)] = &[
    ("AKIA", "an AWS access key", 16),
    ("ASIA", "an AWS access key", 16),
    ("ghp_", "a GitHub token", 20),
    ("gho_", "a GitHub token", 20),
    ("ghs_", "a GitHub token", 20),
    ("github_pat_", "a GitHub token", 20),
    ("glpat-", "a GitLab token", 16),
    ("xoxb-", "a Slack token", 10),
    ("xoxp-", "a Slack token", 10),
    ("xoxa-", "a Slack token", 10),
    ("sk_live_", "a Stripe key", 16),
    ("rk_live_", "a Stripe key", 16),
    ("sk-ant-", "an API key", 16),
    ("AIza", "a Google API key", 30),
    ("ya29.", "a Google token", 20),
    ("npm_", "an npm token", 30),
    ("-----BEGIN PRIVATE KEY", "a private key", 0),
    ("-----BEGIN RSA PRIVATE KEY", "a private key", 0),
    ("-----BEGIN EC PRIVATE KEY", "a private key", 0),
    ("-----BEGIN OPENSSH PRIVATE KEY", "a private key", 0),
];

/// Fields whose values mean nothing once a connection or a session of Bayeux is over (RFC 6455 §11.3.1,
/// §11.3.3; Bayeux §4.1), as they stand on a tape before the value.
const PASSING: &[&str] = &[
    "\"sec-websocket-key\",\"",
    "\"sec-websocket-accept\",\"",
    "\"clientid\":\"",
];

/// The same of facts, which tell of handshakes.
const PASSING_OF_FACTS: &[&str] = &["\"client\":\""];

/// The octets that a piece of an event's text is, as a text, where a tape writes a body so.
pub(super) fn octets(text: &str, at: usize, piece: &str) -> Option<String> {
    let before = text.get(..at)?;
    OCTETS.iter().find(|name| before.ends_with(**name))?;
    let octets = STANDARD.decode(piece).ok()?;
    Some(String::from_utf8_lossy(&octets).into_owned())
}

/// The tokens of known kinds in a text.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (usize, &'static str, &str)> {
    TOKENS.iter().flat_map(move |(begins, why, least)| {
        text.match_indices(begins).filter_map(move |(start, _)| {
            let before = text.get(..start)?.chars().next_back();
            let rest = text.get(start..)?;
            let inside = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
            let value = rest.get(..length.max(begins.len()))?;
            let apart = !before.is_some_and(|c| c.is_ascii_alphanumeric());
            (apart && value.len() >= begins.len() + least).then_some((start, *why, value))
        })
    })
}

/// Whether what stands here in the text of an event was made for one connection or session.
pub(super) fn is_passing(event: &Event, text: &str, at: usize) -> bool {
    let more = match event {
        Event::Fact(_) => PASSING_OF_FACTS,
        Event::Operation(_) | Event::Notification(_) | Event::Contract(_) | Event::Gap(_) => &[],
    };
    PASSING.iter().chain(more).any(|name| {
        let before = at.checked_sub(name.len());
        let before = before.and_then(|start| text.get(start..at));
        before.is_some_and(|before| before.eq_ignore_ascii_case(name))
    })
}

/// Whether a word looks as if nobody had thought of it.
pub(super) fn is_random(word: &str) -> bool {
    let said = without_numbers(word);
    let letters = said.chars().filter(char::is_ascii_alphabetic).count();
    let digits = said.chars().filter(char::is_ascii_digit).count();
    // Paths, times and names of fields are words with punctuation between.
    let parts = said
        .split(['/', '.', '-', '_', '~'])
        .map(str::len)
        .max()
        .unwrap_or_default();
    let whole =
        parts >= *RANDOM.start() && letters > 0 && digits > 0 && RANDOM.contains(&word.len());
    whole && !word.starts_with("blake3") && bits(&said) >= MIN_BITS
}

/// A path without the segments that are numbers of hexadecimal digits: such a number by itself does not look random,
/// and in a path it is no more so. Anything else as it is.
fn without_numbers(word: &str) -> Cow<'_, str> {
    let is_number = |segment: &str| {
        segment.len() >= *RANDOM.start() && segment.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    let segments = || word.split('/');
    if segments().count() == 1 || !segments().any(is_number) {
        return Cow::Borrowed(word);
    }
    let others: Vec<&str> = segments().filter(|segment| !is_number(segment)).collect();
    Cow::Owned(others.join("/"))
}

/// How many bits a character says, by how often each comes (Shannon's entropy).
fn bits(word: &str) -> f64 {
    let mut counts = [0_u32; 128];
    for byte in word.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    let said = counts.iter().filter(|count| **count > 0).map(|count| {
        let share = f64::from(*count) / all;
        -share * share.log2()
    });
    said.sum()
}
