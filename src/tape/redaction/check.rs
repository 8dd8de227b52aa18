//! What on a tape still looks secret: by its name, by the shape of a known kind of token, or since it
//! looks random.
//!
//! A tape that says that it is redacted is believed where its rules name a secret; all else is
//! searched. (What a regular expression found within other text, or one that names its values, may not be matched
//! by it any more once it is a pseudonym, and is searched like all else.) What stands under an exempted name is no
//! finding. A finding tells where, and only how the value begins.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::secret::Names;
use crate::tape::Event;

use super::looks::{RANDOM, is_passing, is_random, octets, tokens};
use super::naming::Named;
use super::{Edit, Rules, Where};

/// The most findings of one tape that are of use: whoever reads them sees what is wrong long before.
pub const MAX_FINDINGS: usize = 1_000;

/// How many characters of a value are shown.
const SHOWN: usize = 4;

/// Something that looks secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The number of the event in the tape, from 1.
    pub event: usize,
    /// Where in it.
    pub place: String,
    /// Why it looks so.
    pub why: &'static str,
    /// How it begins, and how long it is.
    pub masked: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "event {}: {}: {}: {}",
            self.event, self.place, self.why, self.masked
        )
    }
}

/// Looks for what still looks secret, on one tape or on all files of one.
#[derive(Debug, Default)]
pub struct Check {
    /// The values that the tapes say are pseudonyms.
    pseudonyms: BTreeSet<String>,
}

impl Check {
    /// Believes what a tape says are pseudonyms, by these rules, in an event. Of a tape, all events are told before
    /// any is looked at, in all of its files.
    pub fn trust(&mut self, said: &Rules, event: &Event) {
        let made = said.secrets(event).into_iter();
        self.pseudonyms.extend(made.map(|secret| secret.value));
    }

    /// What still looks secret in the event with this number in its file, by the usual rules and these.
    pub fn findings(&self, number: usize, event: &Event, rules: &Rules) -> Vec<Finding> {
        let mut search = Search {
            pseudonyms: &self.pseudonyms,
            names: rules.names(),
            event: number,
            findings: Vec::new(),
        };
        rules.edits(event, &mut search);
        search.unnamed(event);
        let mut findings = search.findings;
        findings.sort_by(|one, other| one.place.cmp(&other.place));
        findings.dedup();
        findings
    }
}

struct Search<'a> {
    pseudonyms: &'a BTreeSet<String>,
    names: &'a Names,
    event: usize,
    findings: Vec<Finding>,
}

impl Edit for Search<'_> {
    fn secret(&mut self, at: Where<'_>, value: &str) -> Option<String> {
        if !self.pseudonyms.contains(value) {
            let place = || at.place().to_string();
            self.found(place, "its name says that it is a secret", value);
        }
        None
    }

    fn other(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn name(&mut self, _: &str) -> Option<String> {
        None
    }
}

impl Search<'_> {
    fn found(&mut self, place: impl FnOnce() -> String, why: &'static str, value: &str) {
        if !self.is_full() {
            self.findings.push(Finding {
                event: self.event,
                place: place(),
                why,
                masked: masked(value),
            });
        }
    }

    /// Whether more findings are of no use.
    fn is_full(&self) -> bool {
        self.findings.len() > MAX_FINDINGS
    }

    /// Looks at every word of an event, as the tape writes it.
    fn unnamed(&mut self, event: &Event) {
        let text = crate::tape::wire::write_event(event);
        let named = Named::event(&text);
        self.words(event, &named, &|at| context(&named, at));
    }

    /// Looks at every word of a text of an event, whose places are called so.
    fn words(&mut self, event: &Event, named: &Named<'_>, place: &dyn Fn(usize) -> String) {
        let text = named.text();
        let known: BTreeSet<&str> = tokens(text).map(|(_, _, value)| value).collect();
        for (start, why, value) in tokens(text) {
            if !self.is_pseudonym(value) && !self.is_exempted(named, start, value) {
                self.found(|| place(start), why, value);
            }
        }
        let mut at = 0;
        for piece in text.split(|c| !is_of_word(c)) {
            if let Some(octets) = octets(text, at, piece) {
                // Coded so, all octets look random: what counts is the words in them.
                self.words(event, &Named::alone(&octets), &|_| place(at));
            } else if is_random(piece)
                && !is_passing(event, text, at)
                && !known.contains(piece)
                && !self.is_pseudonym(piece)
                && !self.is_exempted(named, at, piece)
            {
                // Escapes of JSON (`\n`) leave their letter at the front of a word, which does no harm here.
                self.found(|| place(at), "it looks random", piece);
            }
            at += piece.len()
                + text
                    .get(at + piece.len()..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(0, char::len_utf8);
        }
    }

    /// Whether what stands here has a name whose values are none: of a field or a member, or of a parameter or a cookie
    /// that is written with it.
    fn is_exempted(&self, named: &Named<'_>, at: usize, value: &str) -> bool {
        if self.names.exempts_nothing() {
            return false;
        }
        let text = named.text();
        let before = text.get(..at).unwrap_or_default();
        // The name before a token of a known kind is part of its word, and not long.
        let near = before.chars().rev().take(*RANDOM.end());
        let begins = at - near.take_while(|c| is_of_word(*c)).count(); // each is one byte
        let word = text.get(begins..at + value.len()).unwrap_or_default();
        let parameter = word.split_once('=').map(|(name, _)| name);
        let mut names = named.name(at).into_iter().chain(parameter);
        names.any(|name| self.names.is_exempted(name))
    }

    /// Whether a value is a pseudonym, or a part of one, or holds one.
    fn is_pseudonym(&self, value: &str) -> bool {
        let said = STANDARD
            .decode(value)
            .ok()
            .and_then(|octets| String::from_utf8(octets).ok());
        self.pseudonyms.iter().any(|known| {
            let long = known.len() >= super::MIN_KNOWN;
            let within = long && (known.contains(value) || value.contains(known.as_str()));
            // As the password of Basic credentials stands behind its user.
            let disguised = said
                .as_ref()
                .is_some_and(|said| said.ends_with(known.as_str()));
            known == value || within || disguised
        })
    }
}

/// Whether a character may stand in a word that is looked at.
fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_+/=.~".contains(c)
}

/// Where something stands in the text of an event: the name before it, be it near or far.
fn context(named: &Named<'_>, at: usize) -> String {
    let before = named.text().get(..at).unwrap_or_default();
    let member = || {
        let (member, _) = before.rsplit_once("\":")?;
        let name = member.rsplit('"').next()?;
        Some(name.trim_end_matches('\\')) // in JSON that stands as text
    };
    let name = named.name(at).or_else(member);
    name.filter(|name| !name.is_empty()).map_or_else(
        || "somewhere".to_owned(),
        |name| format!("after `{}`", masked_name(name)),
    )
}

/// A name as it may be shown: one that is long may be a secret itself.
fn masked_name(name: &str) -> String {
    if name.len() < *RANDOM.start() {
        name.to_owned()
    } else {
        masked(name)
    }
}

/// How a value begins, and how long it is.
fn masked(value: &str) -> String {
    let count = value.chars().count();
    let shown = SHOWN.min(count / SHOWN);
    let begins: String = value.chars().take(shown).collect();
    format!("{begins}… ({count} characters)")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::super::{KEY_BYTES, Key, Redaction, Redactor};
    use super::*;
    use crate::tape::Tape;

    /// What still looks secret on a tape, by the usual rules and these.
    fn check(tape: &Tape, rules: &Rules) -> Vec<Finding> {
        let mut check = Check::default();
        if let Some(said) = Rules::that_hold(&tape.header) {
            for event in &tape.events {
                check.trust(&said, event);
            }
        }
        let numbered = (1..).zip(&tape.events);
        let found = numbered.flat_map(|(number, event)| check.findings(number, event, rules));
        found.collect()
    }

    const TAPE: &str = r#"{"kind":"header","antiphon":1,"title":"t","source":"s"}
{"kind":"operation","id":1,"session":"a","at":0,"answered":1,"request":{"method":"POST","target":"/x?token=abcdefgh1","headers":[["cookie","SID=7f3a99ab"]],"body":{"json":{"note":"ghp_16C7e42F292c6912E7710c838347Ae178B4a","hash":"q7Zt0XwYb3RkLm92VcNs81","id":"c30d06daa1ea43b8be79f9b071f30d70"}}},"response":{"status":200,"headers":[]}}
{"kind":"trailer","events":1,"digest":"blake3:0000000000000000000000000000000000000000000000000000000000000000"}
"#;

    #[test]
    fn what_looks_secret_is_found_and_not_shown() {
        let tape = Tape::read(TAPE.as_bytes()).unwrap().tape;
        let found = check(&tape, &Rules::new(&Redaction::default()).unwrap());
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        for expected in [
            "event 1: request query token: its name says that it is a secret: ab… (9 characters)",
            "event 1: request cookie SID: its name says that it is a secret: 7f… (8 characters)",
            "event 1: after `note`: a GitHub token: ghp_… (40 characters)",
            "event 1: after `hash`: it looks random: q7Zt… (22 characters)",
        ] {
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected}: {lines:#?}"
            );
        }
        for secret in ["abcdefgh1", "7f3a99ab", "16C7e42F", "XwYb3R"] {
            assert!(!lines.concat().contains(secret), "{secret}");
        }
    }

    #[test]
    fn the_nonces_of_a_socket_are_no_findings() {
        let key = r#"["Sec-WebSocket-Key","kr+hMm6XteyZtGSatkSs0A=="]"#;
        let text = TAPE.replace(r#"["cookie","SID=7f3a99ab"]"#, key).replace(
            r#""status":200,"headers":[]"#,
            r#""status":101,"headers":[["sec-websocket-accept","gPMKvA1uZqz7Hc0bRk3XwT9dLmE="],["x-other","gPMKvA1uZqz7Hc0bRk3XwT9dLmF="]]"#,
        );
        let tape = Tape::read(text.as_bytes()).unwrap().tape;
        let found = check(&tape, &Rules::new(&Redaction::default()).unwrap());
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        let in_headers: Vec<&String> = lines
            .iter()
            .filter(|line| line.contains("(24 characters)") || line.contains("(28 characters)"))
            .collect();
        assert_eq!(in_headers.len(), 1, "{lines:#?}");
        assert!(in_headers[0].contains("gPMK"), "{lines:#?}");
    }

    const NUMBER: &str = "c30d06daa1ea43b8be79f9b071f30d70";
    const SECRET: &str = "q7Zt0XwYb3RkLm92VcNs81";

    /// Where something is found in a request with this target and this field besides, and this body, by rules that
    /// exempt these names.
    fn places(exempted: &[&str], target: &str, field: &str, body: &str) -> Vec<String> {
        let (before, _) = TAPE.split_once(r#""/x?token"#).unwrap();
        let (_, after) = TAPE.split_once(r#"},"response""#).unwrap();
        let text = format!(
            r#"{before}"{target}","headers":[["a","b"],{field}],"body":{body}}},"response"{after}"#
        );
        let tape = Tape::read(text.as_bytes()).unwrap().tape;
        let redaction = Redaction {
            exempted: exempted.iter().map(|name| (*name).to_owned()).collect(),
            ..Redaction::default()
        };
        let found = check(&tape, &Rules::new(&redaction).unwrap());
        found.into_iter().map(|found| found.place).collect()
    }

    #[test]
    fn a_number_of_hexadecimal_digits_is_no_finding_in_a_url_and_hides_none() {
        let found = |said: &str| {
            let body = format!(r#"{{"json":{{"note":"{said}"}}}}"#);
            places(&[], "/", r#"["c","d"]"#, &body).len()
        };
        let url = "http://10.0.0.1:9090/api/v2/users/";
        for (said, expected) in [
            (format!("{url}{NUMBER}"), 0),
            (format!("{url}{SECRET}"), 1),
            (format!("/hooks/{NUMBER}/{SECRET}"), 1),
            (format!("/hooks/{SECRET}abcdefghij/{NUMBER}"), 1),
            (format!("{NUMBER}.{SECRET}"), 1),
            (format!("shpat_{NUMBER}"), 1),
        ] {
            assert_eq!(found(&said), expected, "{said}");
        }
    }

    #[test]
    fn what_stands_under_an_exempted_name_is_no_finding() {
        let none = r#"["c","d"]"#;
        let plain = r#"{"text":"plain"}"#;
        let json = |inner: &str| format!(r#"{{"json":{}}}"#, inner.replace('S', SECRET));
        let field = format!(r#"["x-trace","of {SECRET}"]"#);
        let hidden = |name: &str, target: &str, field: &str, body: &str| {
            let (all, left) = (
                places(&[], target, field, body),
                places(&[name], target, field, body),
            );
            assert_eq!(all.len(), 1, "{target} {field} {body}: {all:?}");
            left.is_empty()
        };
        // Under its own name.
        assert!(hidden("x-*", "/", &field, plain));
        assert!(hidden("at", &format!("/x?at={SECRET}"), none, plain));
        let token = "/x?at=ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        assert!(hidden("at", token, none, plain));
        assert!(hidden(
            "hash",
            "/",
            none,
            &json(r#"{"a":[{"hash":"is S"}]}"#)
        ));
        let inner = format!(r#"{{"text":"{{\"a\":1,\n \"hash\": \"{SECRET}\"}}"}}"#);
        assert!(hidden("hash", "/", none, &inner));
        // Under another: of a neighbour, or of the tape.
        for (name, body) in [
            ("note", json(r#"{"fields":["note","S"]}"#)),
            ("hash", json(r#"{"hash":"abc","S":true}"#)),
            ("hash", json(r#"{"list":[{"hash":"x"},"S"]}"#)),
            (
                "hash",
                json(r#"{"text":"see \"hash\": none. The key is S"}"#),
            ),
            ("text", format!(r#"{{"text":"{SECRET}"}}"#)),
            ("json", json(r#""S""#)),
        ] {
            assert!(!hidden(name, "/", none, &body), "{body}");
        }
        assert!(!hidden("target", &format!("/x/{SECRET}"), none, plain));
        assert!(!hidden("c", "/", none, &json(r#"{"c":[["c","d"],"S"]}"#)));
    }

    #[test]
    fn a_value_is_not_shown_as_a_name() {
        let body = format!(r#"{{"json":{{"words":["hunter2","{SECRET}"]}}}}"#);
        assert_eq!(places(&[], "/", r#"["c","d"]"#, &body), ["after `words`"]);
    }

    #[test]
    fn octets_are_no_findings_but_what_is_said_in_them() {
        let octets = |said: &str| STANDARD.encode([b"\0\xff\x0a\x16", said.as_bytes()].concat());
        let [clear, secret] = ["question 1? one, two, 3", "q7Zt0XwYb3RkLm92VcNs81"].map(octets);
        for (content, found) in [(clear, &[][..]), (secret, &["q7Zt… (22 characters)"])] {
            let body = format!(r#""body":{{"base64":"{content}"}}}},"response""#);
            let (before, _) = TAPE.split_once(r#""body""#).unwrap();
            let (_, after) = TAPE.split_once(r#""response""#).unwrap();
            let text = format!("{before}{body}{after}").replace("token=", "t=");
            let tape = Tape::read(text.as_bytes()).unwrap().tape;
            let all = check(&tape, &Rules::new(&Redaction::default()).unwrap());
            let random = all.iter().filter(|found| found.why == "it looks random");
            let random: Vec<&str> = random.map(|found| found.masked.as_str()).collect();
            assert_eq!(random, found);
        }
    }

    #[test]
    fn the_identifiers_of_bayeux_clients_are_no_findings() {
        let id = "m4219xw0zj1kd0fq3uv8ryc7tgeb5ah";
        let fact = format!(
            r#"{{"kind":"fact","session":"a","at":2,"what":{{"handshake":{{"endpoint":"/c","client":"{id}"}}}}}}"#
        );
        let message = format!(r#"{{"clientId":"{id}","client":"{id}"}}"#);
        let text = TAPE
            .replace(r#"{"note":"#, &format!(r#"{{"message":{message},"note":"#))
            .replace(
                r#"{"kind":"trailer""#,
                &format!("{fact}\n{{\"kind\":\"trailer\""),
            );
        let tape = Tape::read(text.as_bytes()).unwrap().tape;
        let found = check(&tape, &Rules::new(&Redaction::default()).unwrap());
        let found = found.iter().filter(|found| found.masked.contains("(31"));
        let lines: Vec<String> = found.map(ToString::to_string).collect();
        assert_eq!(
            lines,
            ["event 1: after `client`: it looks random: m421… (31 characters)"]
        );
    }

    #[test]
    fn pseudonyms_are_no_findings_and_what_was_missed_is_one() {
        let mut tape = Tape::read(TAPE.as_bytes()).unwrap().tape;
        let mut redactor = Redactor::new(Redaction::default(), Key::new([1; KEY_BYTES])).unwrap();
        redactor.tape(&mut tape);
        let rules = Rules::new(&Redaction::default()).unwrap();
        let places = |tape: &Tape| -> Vec<String> {
            check(tape, &rules)
                .into_iter()
                .map(|found| found.place)
                .collect()
        };
        assert_eq!(places(&tape), ["after `hash`", "after `note`"]);
        let more = Redaction {
            pointers: vec!["/hash".into(), "/note".into()],
            ..Redaction::default()
        };
        Redactor::new(more, Key::new([1; KEY_BYTES]))
            .unwrap()
            .tape(&mut tape);
        assert_eq!(places(&tape), [""; 0]);
    }
}
