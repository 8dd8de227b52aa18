//! Secrets that were seen once, and are known again wherever they stand.
//!
//! It holds them with their pseudonyms and finds them all in one pass. What is a secret, others decide.

use std::collections::{BTreeMap, VecDeque};

use aho_corasick::{AhoCorasick, MatchKind};

use super::sieve::Sieve;
use super::spelling::Spelling;

/// The shortest secret that is looked for everywhere. A shorter one, such as a PIN, would be found in
/// numbers and words that have nothing to do with it.
pub const MIN_KNOWN: usize = 8;

/// How many secrets are known at once, each in a few spellings: more than the clients of a day. Beyond
/// it the oldest is forgotten, and from then on replaced only where its name says what it is.
const MAX_KNOWN: usize = 20_000;

/// How many new secrets are searched for apart from the others, so that learning one does not mean to
/// make the search for all of them anew.
const MAX_RECENT: usize = 256;

/// How many bytes all that are known may have.
const MAX_KNOWN_BYTES: usize = 4 * 1024 * 1024;

/// What is known.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: BTreeMap<String, String>,
    order: VecDeque<String>,
    bytes: usize,
    /// What rules out that any of them stands in a text.
    sieve: Sieve,
    /// How many were forgotten since that was made.
    outdated: usize,
    old: Search,
    /// What the old search lacks, and the search for that.
    lacking: Vec<String>,
    recent: Search,
    /// How many of those the search for them knows.
    searched: usize,
    freshness: Freshness,
    /// How often the secrets that are known became others.
    changes: u64,
    forgotten: u64,
}

/// Whether all that is known was asked for since the last of it was learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Freshness {
    #[default]
    Fresh,
    Stale,
}

/// A search for many texts at once.
#[derive(Debug, Default)]
struct Search {
    automaton: Option<AhoCorasick>,
    pseudonyms: Vec<String>,
}

impl Memory {
    /// Whether a secret is known.
    pub(super) fn knows(&self, secret: &str) -> bool {
        self.known.contains_key(secret)
    }

    /// Whether something was learned since it was last asked for what it knows.
    pub(super) fn is_stale(&self) -> bool {
        self.freshness == Freshness::Stale
    }

    /// How often the secrets that are known became others: what was found in a text holds until then.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// How many secrets had to be forgotten.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Learns a secret.
    pub(super) fn learn(&mut self, secret: &str, pseudonym: &str) {
        if secret.chars().count() < MIN_KNOWN || self.knows(secret) {
            return;
        }
        if secret.len() > MAX_KNOWN_BYTES {
            self.forgotten += 1;
            return;
        }
        self.changes += 1; // also for those that are forgotten below
        self.known.insert(secret.to_owned(), pseudonym.to_owned());
        for (spelled, _) in spellings(secret, pseudonym) {
            self.sieve.add(&spelled);
        }
        self.order.push_back(secret.to_owned());
        if self.lacking.len() <= MAX_RECENT {
            self.lacking.push(secret.to_owned()); // with more the search for all of them is made anew
        }
        self.bytes += secret.len();
        self.freshness = Freshness::Stale;
        while self.order.len() > MAX_KNOWN || self.bytes > MAX_KNOWN_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.bytes -= oldest.len();
            self.known.remove(&oldest);
            self.forgotten += 1;
            self.outdated += 1;
        }
        if self.outdated > MAX_KNOWN {
            self.sift();
        }
    }

    /// Rules out anew what is not known, since no sieve forgets.
    fn sift(&mut self) {
        self.outdated = 0;
        self.sieve = Sieve::default();
        for (secret, pseudonym) in &self.known {
            for (spelled, _) in spellings(secret, pseudonym) {
                self.sieve.add(&spelled);
            }
        }
    }

    /// What takes the place of the whole of a text.
    pub(super) fn whole(&self, text: &str) -> Option<String> {
        self.known.get(text).cloned()
    }

    /// The octets with pseudonyms for all secrets that are known; `None` where there are none.
    pub(super) fn replace(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        self.freshness = Freshness::Fresh;
        if !self.sieve.may_hold(octets) {
            return None;
        }
        self.refresh();
        let mut found = Vec::new();
        for search in [&self.old, &self.recent] {
            let Some(automaton) = &search.automaton else {
                continue;
            };
            found.extend(automaton.find_iter(octets).map(|hit| {
                let pseudonym = search.pseudonyms.get(hit.pattern().as_usize());
                (hit.range(), pseudonym.map_or("", String::as_str))
            }));
        }
        if found.is_empty() {
            return None;
        }
        found.sort_by_key(|(range, _)| (range.start, std::cmp::Reverse(range.end)));
        let mut out = Vec::with_capacity(octets.len());
        let mut copied = 0;
        for (range, pseudonym) in found {
            if range.start < copied {
                continue; // a part of a longer one
            }
            out.extend_from_slice(octets.get(copied..range.start).unwrap_or_default());
            out.extend_from_slice(pseudonym.as_bytes());
            copied = range.end;
        }
        out.extend_from_slice(octets.get(copied..).unwrap_or_default());
        Some(out)
    }

    /// Makes the searches for what was learned since they were made.
    fn refresh(&mut self) {
        if self.searched == self.lacking.len() {
            return;
        }
        if self.lacking.len() > MAX_RECENT {
            let all = self.known.iter();
            self.old = Search::of(all.map(|(secret, made)| (secret.as_str(), made.as_str())));
            self.recent = Search::default();
            self.lacking.clear();
            self.searched = 0;
            self.sift();
        } else {
            self.searched = self.lacking.len();
            let lacking = self.lacking.iter();
            let pairs = lacking
                .filter_map(|secret| Some((secret.as_str(), self.known.get(secret)?.as_str())));
            self.recent = Search::of(pairs);
        }
    }
}

impl Search {
    fn of<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Search {
        let mut secrets = Vec::new();
        let mut pseudonyms = Vec::new();
        for (secret, pseudonym) in pairs {
            for (secret, pseudonym) in spellings(secret, pseudonym) {
                secrets.push(secret);
                pseudonyms.push(pseudonym);
            }
        }
        let mut builder = AhoCorasick::builder();
        // Too much for one search cannot be: the number of secrets and the length of each are bounded.
        let automaton = builder
            .match_kind(MatchKind::LeftmostLongest)
            .build(&secrets)
            .ok();
        Search {
            automaton,
            pseudonyms,
        }
    }
}

/// The ways in which a secret is written: as it is, in JSON, in a URL, in a form, in HTML.
fn spellings(secret: &str, pseudonym: &str) -> Vec<(String, String)> {
    let mut all = vec![(secret.to_owned(), pseudonym.to_owned())];
    let mut also = |secret: String, pseudonym: String| {
        if all.iter().all(|(other, _)| *other != secret) {
            all.push((secret, pseudonym));
        }
    };
    if secret.chars().all(|c| c.is_ascii_alphanumeric()) {
        return all;
    }
    also(
        Spelling::Json.write("", secret),
        Spelling::Json.write("", pseudonym),
    );
    also(
        Spelling::Percent.write("", secret),
        Spelling::Percent.write("", pseudonym),
    );
    let lower = |text: &str| Spelling::Percent.write("", text).to_lowercase();
    if !secret.chars().any(char::is_uppercase) {
        also(lower(secret), lower(pseudonym));
    }
    let form = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    also(form(secret), form(pseudonym));
    let markup = |text: &str| {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
            .replace('"', "&quot;")
    };
    also(markup(secret), markup(pseudonym));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(memory: &mut Memory, text: &str) -> Option<String> {
        memory
            .replace(text.as_bytes())
            .map(|octets| String::from_utf8(octets).unwrap())
    }

    #[test]
    fn what_was_learned_is_found_in_every_spelling_and_the_longest_first() {
        let mut memory = Memory::default();
        memory.learn("short", "shirt");
        memory.learn("a/b\"c&d+e", "x/y\"z&v+w");
        memory.learn("12345678", "87654321");
        memory.learn("12345678-long", "87654321-gnol");
        assert_eq!(replaced(&mut memory, "short"), None);
        for (text, expected) in [
            ("x12345678y 12345678-long", "x87654321y 87654321-gnol"),
            (r#"{"a":"a/b\"c&d+e"}"#, r#"{"a":"x/y\"z&v+w"}"#),
            ("?x=a%2Fb%22c%26d%2Be", "?x=x%2Fy%22z%26v%2Bw"),
            ("?x=a%2fb%22c%26d%2be", "?x=x%2fy%22z%26v%2bw"),
            ("<b>a/b&quot;c&amp;d+e", "<b>x/y&quot;z&amp;v+w"),
        ] {
            assert_eq!(
                replaced(&mut memory, text).as_deref(),
                Some(expected),
                "{text}"
            );
        }
        assert_eq!(memory.whole("12345678").as_deref(), Some("87654321"));
        assert_eq!(memory.whole("x12345678"), None);
    }

    #[test]
    fn many_are_known_and_beyond_the_cap_the_oldest_is_forgotten_and_counted() {
        let mut memory = Memory::default();
        for number in 0..2 * MAX_RECENT + 3 {
            memory.learn(
                &format!("secret-{number:06}"),
                &format!("SECRET-{number:06}"),
            );
            if number % 50 == 0 {
                memory.replace(b"");
            }
        }
        for number in [0, MAX_RECENT, 2 * MAX_RECENT + 2] {
            let text = replaced(&mut memory, &format!("secret-{number:06}"));
            assert_eq!(text, Some(format!("SECRET-{number:06}")));
        }
        assert_eq!(memory.forgotten(), 0);
        for number in 0..MAX_KNOWN {
            memory.learn(
                &format!("another-{number:06}"),
                &format!("ANOTHER-{number:06}"),
            );
        }
        assert_eq!(memory.forgotten(), (2 * MAX_RECENT + 3) as u64);
        assert_eq!(replaced(&mut memory, "secret-000000"), None);
        let text = replaced(&mut memory, "another-000000").unwrap();
        assert_eq!(text, "ANOTHER-000000");
    }
}
