//! A request as it is compared, and how far two are apart.

use crate::compare::{self, Difference, Json};
use crate::exchange::{Contract, Headers, Request};

use super::content::{Content, as_json, form};
use super::contract::{governs, without_agreed_alternatives};
use super::rules::Rules;

/// How much a difference in the method or in a segment of the path counts beside one in a field of
/// the query or body: a request to another resource is further off than one with another argument.
const RESOURCE_WEIGHT: usize = 16;

/// A request, taken apart once for comparing.
#[derive(Clone, Debug)]
pub struct Key {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    /// The header fields that the rules want compared.
    headers: Vec<(String, String)>,
    body: Content,
}

/// A part of a request at which a live one differs from a recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which part.
    pub part: Part,
    /// The place in it and the two values. The pointer is a JSON Pointer: into the body for
    /// [`Part::Body`], to the name for [`Part::Query`] and [`Part::Header`], and empty otherwise.
    pub difference: Difference,
}

impl Mismatch {
    /// The recorded value as JSON text; `None` where there is nothing.
    pub fn recorded(&self) -> Option<String> {
        self.difference.recorded.as_ref().map(Json::to_string)
    }

    /// The live value as JSON text; `None` where there is nothing.
    pub fn live(&self) -> Option<String> {
        self.difference.live.as_ref().map(Json::to_string)
    }

    /// The values that differ one by one, recorded and live, each with its pointer: that of this
    /// mismatch, or the number of a segment of the path. `None` where one of the two is missing, or
    /// they are of two kinds.
    pub fn values(&self) -> Option<Vec<(String, &str, &str)>> {
        let Difference {
            pointer,
            recorded,
            live,
        } = &self.difference;
        let (recorded, live) = match (recorded.as_ref()?, live.as_ref()?) {
            (Json::String(recorded), Json::String(live)) => (recorded.as_str(), live.as_str()),
            (Json::Number(recorded), Json::Number(live)) => (recorded.as_str(), live.as_str()),
            _ => return None,
        };
        match self.part {
            Part::Method => None,
            Part::Query | Part::Header | Part::Body => {
                Some(vec![(pointer.clone(), recorded, live)])
            }
            Part::Path => differing_segments(recorded, live),
        }
    }
}

/// The parts of a request that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The method.
    Method,
    /// The path of the target.
    Path,
    /// A parameter of the query.
    Query,
    /// A header field.
    Header,
    /// The content.
    Body,
}

impl Part {
    /// Its name, as it stands in a report.
    pub fn name(self) -> &'static str {
        match self {
            Part::Method => "method",
            Part::Path => "path",
            Part::Query => "query",
            Part::Header => "header",
            Part::Body => "body",
        }
    }
}

impl Key {
    /// Takes a request apart. The query is compared without its order, as is a form; a body that is
    /// JSON as JSON.
    pub fn of(request: &Request, rules: &Rules) -> Key {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        Key {
            method: request.method.clone(),
            path: path.to_owned(),
            query: form(query.as_bytes()),
            headers: compared(&request.headers, rules),
            body: Content::of(&request.headers, request.body.bytes()),
        }
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The body, where it is JSON.
    pub fn json(&self) -> Option<&Json> {
        match &self.body {
            Content::Json(json) => Some(json),
            Content::Form(_) | Content::Other(_) => None,
        }
    }

    /// Whether the recorded operation with this request answers `live`.
    pub fn is_answer_to(&self, live: &Key, contracts: &[Contract]) -> bool {
        self.method == live.method
            && self.path == live.path
            && self.query == live.query
            && self.headers == live.headers
            && self.body_differences(live, contracts).is_empty()
    }

    /// Every way in which `live` differs from this recorded request, as far as the contracts that
    /// govern both allow no other spelling of it. None: the recorded operation answers it.
    pub fn mismatches(&self, live: &Key, contracts: &[Contract]) -> Vec<Mismatch> {
        let mut found = Vec::new();
        let mut texts = |part, recorded: &str, live: &str| {
            if recorded != live {
                found.push(Mismatch {
                    part,
                    difference: whole(recorded, live),
                });
            }
        };
        texts(Part::Method, &self.method, &live.method);
        texts(Part::Path, &self.path, &live.path);
        let fields = |ours, theirs| compare::differences(&as_json(ours), &as_json(theirs));
        for (part, differences) in [
            (Part::Query, fields(&self.query, &live.query)),
            (Part::Header, fields(&self.headers, &live.headers)),
            (Part::Body, self.body_differences(live, contracts)),
        ] {
            let mismatch = |difference| Mismatch { part, difference };
            found.extend(differences.into_iter().map(mismatch));
        }
        found
    }

    fn body_differences(&self, live: &Key, contracts: &[Contract]) -> Vec<Difference> {
        match (&self.body, &live.body) {
            (Content::Json(recorded), Content::Json(given)) => contracts
                .iter()
                .filter(|contract| governs(contract, self) && governs(contract, live))
                .find_map(|contract| without_agreed_alternatives(contract, recorded, given))
                .map_or_else(
                    || compare::differences(recorded, given),
                    |(recorded, given)| compare::differences(&recorded, &given),
                ),
            (Content::Form(recorded), Content::Form(given)) => {
                compare::differences(&as_json(recorded), &as_json(given))
            }
            (recorded, given) if recorded == given => Vec::new(),
            (recorded, given) => {
                vec![Difference {
                    pointer: String::new(),
                    recorded: recorded.shown(given),
                    live: given.shown(recorded),
                }]
            }
        }
    }
}

/// How far a request with these mismatches is from the recorded one; without any, not at all.
pub fn distance(mismatches: &[Mismatch]) -> usize {
    mismatches
        .iter()
        .map(|mismatch| match (mismatch.part, &mismatch.difference) {
            (Part::Method, _) => RESOURCE_WEIGHT,
            (
                Part::Path,
                Difference {
                    recorded: Some(recorded),
                    live: Some(live),
                    ..
                },
            ) => RESOURCE_WEIGHT * segments_apart(recorded, live),
            (Part::Path | Part::Query | Part::Header | Part::Body, _) => 1,
        })
        .sum()
}

/// The segments in which two paths of one shape differ, by number; `None` where one has more.
fn differing_segments<'a>(
    recorded: &'a str,
    live: &'a str,
) -> Option<Vec<(String, &'a str, &'a str)>> {
    let count = |path: &str| path.split('/').count();
    if count(recorded) != count(live) {
        return None;
    }
    let pairs = recorded.split('/').zip(live.split('/')).enumerate();
    let differing = pairs.filter(|(_, (recorded, live))| recorded != live);
    let told = differing.map(|(number, (recorded, live))| (format!("/{number}"), recorded, live));
    Some(told.collect())
}

fn segments_apart(one: &Json, other: &Json) -> usize {
    let segments = |value: &Json| -> Vec<String> {
        value
            .as_str()
            .unwrap_or_default()
            .split('/')
            .map(str::to_owned)
            .collect()
    };
    let (one, other) = (segments(one), segments(other));
    let shared = one.iter().zip(&other).filter(|(a, b)| a == b).count();
    one.len().max(other.len()) - shared
}

/// The header fields that the rules want compared, by name.
fn compared(headers: &Headers, rules: &Rules) -> Vec<(String, String)> {
    let value = |name: &String| {
        let value = headers.get(name)?;
        Some((name.clone(), String::from_utf8_lossy(value).into_owned()))
    };
    let mut fields: Vec<(String, String)> = rules.headers.iter().filter_map(value).collect();
    fields.sort();
    fields
}

fn whole(recorded: &str, live: &str) -> Difference {
    let text = |text: &str| Some(Json::String(text.to_owned()));
    Difference {
        pointer: String::new(),
        recorded: text(recorded),
        live: text(live),
    }
}

#[cfg(test)]
mod tests {
    use super::super::contract::tests::contract;
    use super::*;
    use crate::exchange::Body;

    fn key(method: &str, target: &str, body: &str) -> Key {
        typed("", method, target, body)
    }

    /// The key of a request with content of this type.
    fn typed(kind: &str, method: &str, target: &str, body: &str) -> Key {
        let request = Request {
            method: method.into(),
            target: target.into(),
            headers: [("content-type", kind), ("x-tenant", kind)]
                .into_iter()
                .collect(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        };
        Key::of(&request, &Rules::default())
    }

    fn between(recorded: &Key, live: &Key) -> Vec<String> {
        recorded
            .mismatches(live, &[contract()])
            .iter()
            .map(|m| {
                format!("{} {}", m.part.name(), m.difference.pointer)
                    .trim_end()
                    .to_owned()
            })
            .collect()
    }

    #[test]
    fn order_in_query_and_body_and_white_space_are_no_difference() {
        let recorded = key("POST", "/a?x=1&y=2&x=3", r#"{"a":1,"b":[2]}"#);
        assert!(
            between(
                &recorded,
                &key("POST", "/a?y=2&x=1&x=3", r#"{ "b": [2], "a": 1 }"#)
            )
            .is_empty()
        );
    }

    #[test]
    fn every_part_is_compared() {
        let recorded = key("POST", "/a?x=1", r#"{"a":1}"#);
        for (live, expected) in [
            (key("PUT", "/a?x=1", r#"{"a":1}"#), "method"),
            (key("POST", "/b?x=1", r#"{"a":1}"#), "path"),
            (key("POST", "/a?x=2", r#"{"a":1}"#), "query /x"),
            (key("POST", "/a", r#"{"a":1}"#), "query /x"),
            (key("POST", "/a?x=1&z", r#"{"a":1}"#), "query /z"),
            (key("POST", "/a?x=1", r#"{"a":2}"#), "body /a"),
            (key("POST", "/a?x=1", "a"), "body"),
            (key("POST", "/a?x=1", ""), "body"),
        ] {
            assert_eq!(between(&recorded, &live), [expected]);
        }
    }

    #[test]
    fn a_form_is_compared_by_its_fields_and_several_parts_without_their_delimiter() {
        let form = |body| typed("application/x-www-form-urlencoded", "POST", "/a", body);
        assert!(between(&form("a=1&b=2"), &form("b=2&a=1")).is_empty());
        assert_eq!(between(&form("a=1&b=2"), &form("b=3&a=1")), ["body /b"]);
        let parts = |boundary: &str, text: &str| {
            let kind = format!("multipart/form-data; boundary={boundary}");
            let body = format!("--{boundary}\r\n\r\n{text}\r\n--{boundary}--");
            typed(&kind, "POST", "/a", &body)
        };
        assert!(between(&parts("x1", "hi"), &parts("y2", "hi")).is_empty());
        assert_eq!(between(&parts("x1", "hi"), &parts("y2", "ho")), ["body"]);
    }

    #[test]
    fn octets_are_compared_one_by_one_and_told_from_where_they_differ() {
        let message =
            |name: &str| typed("application/grpc", "POST", "/a", &format!("\0\0\n{name}"));
        assert!(between(&message("Alice"), &message("Alice")).is_empty());
        let recorded = message("Alice");
        let mismatches = recorded.mismatches(&message("Alina and everybody else"), &[]);
        let difference = &mismatches[0].difference;
        let text = |value: &Option<Json>| value.as_ref().unwrap().as_str().unwrap().to_owned();
        assert_eq!(
            text(&difference.recorded),
            "8 bytes that are not text, from byte 6 on 6365"
        );
        assert_eq!(
            text(&difference.live),
            "27 bytes that are not text, from byte 6 on 6e6120616e64206576657279626f6479…"
        );
    }

    #[test]
    fn header_fields_are_compared_where_a_rule_says_so() {
        let key = |tenant: &str, rules: &Rules| {
            let request = Request {
                method: "GET".into(),
                target: "/".into(),
                headers: [("X-Tenant", tenant), ("x-other", tenant)]
                    .into_iter()
                    .collect(),
                body: Body::default(),
                trailers: Headers::new(),
            };
            Key::of(&request, rules)
        };
        let (none, mut rules) = (Rules::default(), Rules::default());
        assert!(between(&key("a", &none), &key("b", &none)).is_empty());
        rules.headers = vec!["x-tenant".into()];
        assert!(between(&key("a", &rules), &key("a", &rules)).is_empty());
        assert_eq!(
            between(&key("a", &rules), &key("b", &rules)),
            ["header /x-tenant"]
        );
    }

    #[test]
    fn what_differs_is_told_value_by_value() {
        let values = |recorded: &Key, live: &Key| -> Vec<_> {
            let mismatches = recorded.mismatches(live, &[]);
            let told = mismatches.iter().map(|mismatch| {
                let values = mismatch.values()?.into_iter();
                let told =
                    values.map(|(pointer, recorded, live)| format!("{pointer} {recorded} {live}"));
                Some(told.collect::<Vec<_>>().join(", "))
            });
            told.collect()
        };
        let recorded = key("POST", "/a/1/b/2?q=x", r#"{"n":17,"o":{}}"#);
        let live = key("POST", "/a/3/b/4?q=y", r#"{"n":18,"o":[]}"#);
        let told = |text: &str| Some(text.to_owned());
        assert_eq!(
            values(&recorded, &live),
            [
                told("/2 1 3, /4 2 4"),
                told("/q x y"),
                told("/n 17 18"),
                None
            ]
        );
        assert_eq!(
            values(&recorded, &key("PUT", "/a", "")),
            [None, None, None, None]
        );
    }

    #[test]
    fn a_user_may_be_named_by_path_instead_of_by_uri() {
        let on_chat = |body: &str| key("POST", "/api/v2/me/chats/7", body);
        let recorded =
            on_chat(r#"{"operationName":"Remove","targetUri":"http://h:1/api/v2/users/u1"}"#);
        let by_path = |path: &str| {
            on_chat(&format!(
                r#"{{"operationName":"Remove","targetPath":"{path}"}}"#
            ))
        };
        assert!(between(&recorded, &by_path("/users/u1")).is_empty());
        for other in ["/users/u2", "users/u1", "/u1", "u1", "", "/api/v2/users/u1"] {
            assert_eq!(
                between(&recorded, &by_path(other)),
                ["body /targetUri", "body /targetPath"],
                "{other}"
            );
        }
    }

    #[test]
    fn a_path_that_the_contract_does_not_govern_has_no_alternatives() {
        let recorded = key(
            "POST",
            "/api/v2/me/calls/7",
            r#"{"targetUri":"http://h/api/v2/users/u1"}"#,
        );
        let live = key(
            "POST",
            "/api/v2/me/calls/7",
            r#"{"targetPath":"/users/u1"}"#,
        );
        assert_eq!(
            between(&recorded, &live),
            ["body /targetUri", "body /targetPath"]
        );
    }

    #[test]
    fn another_argument_is_nearer_than_another_resource() {
        let live = key("POST", "/a/b/1", r#"{"x":1,"y":2}"#);
        let candidates = [
            key("POST", "/a/b/2", r#"{"x":1,"y":2}"#),
            key("POST", "/a/b/1", r#"{"x":3,"y":4}"#),
            key("GET", "/a/b/1", ""),
        ];
        let found: Vec<_> = candidates
            .iter()
            .map(|c| c.mismatches(&live, &[]))
            .collect();
        let nearest = found.iter().enumerate();
        let nearest = nearest.min_by_key(|(_, mismatches)| distance(mismatches));
        assert_eq!(nearest.map(|(place, _)| place), Some(1));
        assert_eq!(distance(&[]), 0);
    }
}
