//! A request as it is compared, and how far two are apart.

use crate::compare::{self, Difference, Json};
use crate::exchange::{Contract, Request};

use super::contract::{governs, without_agreed_alternatives};

/// How much a difference in the method or in a segment of the path counts beside one in a field of
/// the query or body: a request to another resource is further off than one with another argument.
const RESOURCE_WEIGHT: usize = 16;

/// A request, taken apart once for comparing.
#[derive(Clone, Debug)]
pub struct Key {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    body: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Json(Json),
    Other(Vec<u8>),
}

/// A part of a request at which a live one differs from a recorded one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Which part.
    pub part: Part,
    /// The place in it and the two values. The pointer is a JSON Pointer: into the body for
    /// [`Part::Body`], to the parameter's name for [`Part::Query`], and empty otherwise.
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
            Part::Body => "body",
        }
    }
}

impl Key {
    /// Takes a request apart. The query is compared without its order; a body that is JSON as JSON.
    pub fn of(request: &Request) -> Key {
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((&request.target, ""));
        let mut query: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        query.sort();
        let bytes = request.body.bytes();
        let body = Json::parse(bytes).map_or_else(|| Content::Other(bytes.to_vec()), Content::Json);
        Key {
            method: request.method.clone(),
            path: path.to_owned(),
            query,
            body,
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
            Content::Other(_) => None,
        }
    }

    /// Whether the recorded operation with this request answers `live`.
    pub fn is_answer_to(&self, live: &Key, contracts: &[Contract]) -> bool {
        self.method == live.method
            && self.path == live.path
            && self.query == live.query
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
        let of_query = compare::differences(&as_json(&self.query), &as_json(&live.query));
        found.extend(of_query.into_iter().map(|difference| Mismatch {
            part: Part::Query,
            difference,
        }));
        let of_body = self.body_differences(live, contracts);
        found.extend(of_body.into_iter().map(|difference| Mismatch {
            part: Part::Body,
            difference,
        }));
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
            (recorded, given) if recorded == given => Vec::new(),
            (recorded, given) => {
                vec![Difference {
                    pointer: String::new(),
                    recorded: recorded.shown(),
                    live: given.shown(),
                }]
            }
        }
    }
}

impl Content {
    /// The content as it stands in a report: JSON, text, or a word on its size; nothing if empty.
    fn shown(&self) -> Option<Json> {
        match self {
            Content::Json(json) => Some(json.clone()),
            Content::Other(bytes) if bytes.is_empty() => None,
            Content::Other(bytes) => Some(Json::String(match std::str::from_utf8(bytes) {
                Ok(text) => text.to_owned(),
                Err(_) => format!("{} bytes that are not text", bytes.len()),
            })),
        }
    }
}

/// Of these lists of mismatches, the place of the one that is closest to none; of equals the first.
pub fn nearest<'a>(candidates: impl Iterator<Item = &'a [Mismatch]>) -> Option<usize> {
    candidates
        .map(distance)
        .enumerate()
        .min_by_key(|(_, distance)| *distance)
        .map(|(place, _)| place)
}

fn distance(mismatches: &[Mismatch]) -> usize {
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
            ) => RESOURCE_WEIGHT * differing_segments(recorded, live),
            (Part::Path | Part::Query | Part::Body, _) => 1,
        })
        .sum()
}

fn differing_segments(one: &Json, other: &Json) -> usize {
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

fn whole(recorded: &str, live: &str) -> Difference {
    let text = |text: &str| Some(Json::String(text.to_owned()));
    Difference {
        pointer: String::new(),
        recorded: text(recorded),
        live: text(live),
    }
}

/// A query as an object: one member a name, whose value is a string, or an array where it repeats.
fn as_json(query: &[(String, String)]) -> Json {
    let mut members: Vec<(String, Json)> = Vec::new();
    for (name, value) in query {
        let value = Json::String(value.clone());
        match members.last_mut() {
            Some((last, Json::Array(values))) if last == name => values.push(value),
            Some((last, first)) if last == name => *first = Json::Array(vec![first.clone(), value]),
            _ => members.push((name.clone(), value)),
        }
    }
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use super::super::contract::tests::contract;
    use super::*;
    use crate::exchange::{Body, Headers};

    fn key(method: &str, target: &str, body: &str) -> Key {
        Key::of(&Request {
            method: method.into(),
            target: target.into(),
            headers: Headers::new(),
            body: Body::new(body.to_owned()),
        })
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
        assert_eq!(nearest(found.iter().map(Vec::as_slice)), Some(1));
        assert_eq!(nearest(std::iter::empty()), None);
    }
}
