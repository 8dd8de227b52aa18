//! Keeps the secrets of live clients out of everything that is told of them: reports, refusals, logs
//! and transcripts.
//!
//! It covers; whether a request is right, others decide.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::exchange::secret::Names;
use crate::exchange::{Request, credentials};
use crate::matcher::{self, Field, Mismatch, Part, Spelling};

/// What is told in place of a secret.
const COVER: &str = "(a secret)";

/// The same for one that another was bound before.
const ANOTHER: &str = "(another secret than before)";

/// A shorter secret is covered only where it stands as a whole: it is a part of words by chance.
const MIN_INSIDE: usize = 4;

/// The most secrets that are kept to be covered; beyond that the names of fields must do.
const MAX_KNOWN: usize = 10_000;

/// What covers secrets in one run.
#[derive(Debug, Default)]
pub(super) struct Veil {
    names: Option<Names>,
    known: BTreeSet<String>,
}

impl Veil {
    /// One that covers what stands under these names; none covers nothing, as the tape does not.
    pub(super) fn new(names: Option<Names>) -> Veil {
        Veil {
            names,
            known: BTreeSet::new(),
        }
    }

    /// Covers this secret from now on.
    pub(super) fn learn(&mut self, secret: &str) {
        if self.known.len() >= MAX_KNOWN {
            return;
        }
        self.known.insert(secret.to_owned());
        // As it stands in JSON, which may be a string that is told.
        let escaped = Spelling::String.of(secret);
        self.known
            .extend(escaped.filter(|escaped| escaped != secret));
    }

    /// Learns all secrets of a live request that its names tell.
    pub(super) fn learn_all(&mut self, live: &Request) {
        let Some(names) = self.names.clone() else {
            return;
        };
        for field in super::super::values::secret::fields(live) {
            let tells = match field.part {
                Part::Header => true,
                Part::Method | Part::Path => false,
                Part::Query | Part::Body => steps(&field.pointer).any(|name| names.is_secret(name)),
            };
            if tells && !field.text.is_empty() {
                self.learn(&field.text);
            }
        }
        for credential in credentials::shown(live.headers.iter()) {
            if !matches!(credential, credentials::Credential::User(_)) {
                self.learn(credential.value());
            }
        }
    }

    /// A request target without secrets, and with what `instead` says in the places of values.
    pub(super) fn target<'a>(
        &self,
        target: &'a str,
        instead: &dyn Fn(&Field) -> Option<String>,
    ) -> Cow<'a, str> {
        if self.names.is_none() {
            return Cow::Borrowed(target);
        }
        let mut told = String::new();
        let mut done = 0;
        for field in matcher::of_target(target) {
            let cover = || self.covers(&field).then(|| COVER.to_owned());
            if let Some(text) = instead(&field).or_else(cover) {
                told.push_str(target.get(done..field.range.start).unwrap_or_default());
                told.push_str(&text);
                done = field.range.end;
            }
        }
        if done == 0 {
            return Cow::Borrowed(target);
        }
        told.push_str(target.get(done..).unwrap_or_default());
        Cow::Owned(told)
    }

    /// A text without the secrets that are known.
    pub(super) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        let inside = |secret: &&String| secret.len() >= MIN_INSIDE;
        // The longest first: another may be a part of it.
        let mut known: Vec<&String> = self.known.iter().filter(inside).collect();
        known.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        for secret in known {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), COVER);
            }
        }
        text
    }

    /// A request as it may be told of.
    pub(super) fn request(&self, live: &Request) -> Request {
        Request {
            target: self.target(&live.target, &|_| None).into_owned(),
            ..live.clone()
        }
    }

    /// A mismatch without secrets. `seat` says that a secret stands there on the tape.
    pub(super) fn mismatch(&self, mismatch: &Mismatch, seat: bool) -> Mismatch {
        if seat {
            return mismatch.told(&|_, _| Some(COVER.to_owned()), &|_, _| {
                Some(ANOTHER.to_owned())
            });
        }
        let named = |pointer: &str| {
            let names = self.names.as_ref();
            names.is_some_and(|names| steps(pointer).any(|name| names.is_secret(name)))
        };
        let known = |text: &str| {
            if self.known.contains(text) {
                return Some(COVER.to_owned());
            }
            let told = self.text(text);
            (told != text).then_some(told)
        };
        let cover = |pointer: &str, text: &str| {
            let named = named(pointer).then(|| COVER.to_owned());
            named.or_else(|| known(text))
        };
        // In what is expected, live secrets may stand already.
        mismatch.told(&|_, text| known(text), &cover)
    }

    fn covers(&self, field: &Field) -> bool {
        let named = |names: &Names| {
            field.part == Part::Query && steps(&field.pointer).any(|name| names.is_secret(name))
        };
        self.known.contains(&field.text)
            || self.names.as_ref().is_some_and(named)
            || self.text(&field.text) != field.text
    }
}

/// The steps of a place.
fn steps(pointer: &str) -> impl Iterator<Item = &str> {
    pointer.split('/').filter(|step| !step.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Body, Headers};

    fn request(target: &str, headers: &[(&str, &str)], body: &'static str) -> Request {
        Request {
            method: "POST".to_owned(),
            target: target.to_owned(),
            headers: headers.iter().copied().collect(),
            body: Body::new(body),
            trailers: Headers::new(),
        }
    }

    fn veil() -> Veil {
        Veil::new(Some(Names::default()))
    }

    #[test]
    fn what_names_tell_in_a_live_request_is_covered_from_then_on() {
        let mut veil = veil();
        veil.learn_all(&request(
            "/a?access_token=query-17",
            &[
                ("Cookie", "SID=cookie-23"),
                ("Authorization", "Bearer bearer-99"),
            ],
            r#"{"password":"geheim-1","name":"Ann"}"#,
        ));
        let text = "query-17, cookie-23, bearer-99, geheim-1 of Ann";
        let covered = [COVER; 4].join(", ");
        assert_eq!(veil.text(text), format!("{covered} of Ann"));
    }

    #[test]
    fn the_longest_of_secrets_within_each_other_is_covered_whole() {
        let mut veil = veil();
        veil.learn("abcd");
        veil.learn("abcd-efgh");
        assert_eq!(veil.text("<abcd-efgh>"), format!("<{COVER}>"));
    }

    #[test]
    fn a_short_secret_is_covered_only_where_it_stands_as_a_whole() {
        let mut veil = veil();
        veil.learn("abc");
        assert_eq!(veil.text("abcdef"), "abcdef");
        let told = veil.target("/abcdef/abc", &|_| None);
        assert_eq!(told, format!("/abcdef/{COVER}"));
    }

    #[test]
    fn a_target_is_told_without_secrets_and_with_what_stands_instead() {
        let instead = |field: &Field| (field.pointer == "/id").then(|| "7".to_owned());
        let told = veil().target("/a?id=9&token=xyz&page=2", &instead);
        assert_eq!(told, format!("/a?id=7&token={COVER}&page=2"));
    }

    #[test]
    fn nothing_is_covered_where_no_names_are() {
        let mut veil = Veil::new(None);
        let live = request("/a?token=query-17", &[], "");
        veil.learn_all(&live);
        assert_eq!(veil.request(&live).target, live.target);
        assert_eq!(veil.text("query-17"), "query-17");
    }
}
