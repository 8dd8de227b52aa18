//! A request as it is compared, and how far two are apart.

#[cfg(test)]
mod tests;

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
