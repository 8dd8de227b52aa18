//! Which parts of a request a project compares otherwise than exactly.

use std::str::FromStr;

use super::key::Part;

/// The rules of a project; by default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Places that may differ, or be missing on either side.
    pub ignored: Vec<Place>,
    /// Places at which a client chooses nothing: they must be as recorded.
    pub fixed: Vec<Place>,
    /// The header fields that are compared, in lower case. Others are not.
    pub headers: Vec<String>,
}

/// A place in requests: a part, and a JSON Pointer in which `*` stands for any one step. What is
/// below the place belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    part: Part,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Any,
    Named(String),
}

/// A text that names no place.
#[derive(Debug, thiserror::Error)]
#[error(
    "{0:?} is no place in a request: expected body /POINTER, query NAME, header NAME or path /NUMBER"
)]
pub struct PlaceError(String);

impl Rules {
    /// Whether what stands at this place may differ.
    pub fn ignores(&self, part: Part, pointer: &str) -> bool {
        holds(&self.ignored, part, pointer)
    }

    /// Whether any place in this part may differ.
    pub fn ignores_some(&self, part: Part) -> bool {
        self.ignored.iter().any(|place| place.part == part)
    }

    /// Whether what stands at this place must be as recorded.
    pub fn fixes(&self, part: Part, pointer: &str) -> bool {
        holds(&self.fixed, part, pointer)
    }
}

impl Place {
    /// Whether what stands there is at the place, or below it.
    pub fn holds(&self, part: Part, pointer: &str) -> bool {
        let mut given = pointer.split('/').skip(1);
        let same_name = |named: &str, given: &str| match part {
            Part::Header => named.eq_ignore_ascii_case(given),
            Part::Method | Part::Path | Part::Query | Part::Body => named == given,
        };
        self.part == part
            && self.steps.iter().all(|step| {
                given.next().is_some_and(|given| match step {
                    Step::Any => true,
                    Step::Named(name) => same_name(name, given),
                })
            })
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let error = || PlaceError(text.to_owned());
        let (part, pointer) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        let pointer = pointer.trim();
        let part = match part {
            "body" => Part::Body,
            "query" => Part::Query,
            "header" => Part::Header,
            "path" => Part::Path,
            _ => return Err(error()),
        };
        // The name of a parameter or a field may stand without the slash of a pointer.
        let pointer = match part {
            Part::Query | Part::Header => pointer.strip_prefix('/').unwrap_or(pointer),
            Part::Method | Part::Path | Part::Body => match pointer {
                "" => {
                    return (part == Part::Body)
                        .then(|| Place::whole(part))
                        .ok_or_else(error);
                }
                _ => pointer.strip_prefix('/').ok_or_else(error)?,
            },
        };
        if pointer.is_empty() {
            return Err(error());
        }
        let step = |step: &str| match step {
            "*" => Step::Any,
            name => Step::Named(name.to_owned()),
        };
        let steps = pointer.split('/').map(step).collect();
        Ok(Place { part, steps })
    }
}

impl Place {
    fn whole(part: Part) -> Self {
        let steps = Vec::new();
        Place { part, steps }
    }
}

fn holds(places: &[Place], part: Part, pointer: &str) -> bool {
    places.iter().any(|place| place.holds(part, pointer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_what_it_names_and_what_is_below() {
        for (place, part, pointer, expected) in [
            ("body /a/b", Part::Body, "/a/b", true),
            ("body /a/b", Part::Body, "/a/b/0", true),
            ("body /a/b", Part::Body, "/a", false),
            ("body /a/b", Part::Query, "/a/b", false),
            ("body /list/*/at", Part::Body, "/list/3/at", true),
            ("body /list/*/at", Part::Body, "/list/at", false),
            ("body", Part::Body, "/anything", true),
            ("query _", Part::Query, "/_", true),
            ("query /_", Part::Query, "/_", true),
            ("header X-Request-Id", Part::Header, "/x-request-id", true),
            ("path /3", Part::Path, "/3", true),
        ] {
            let place: Place = place.parse().unwrap();
            assert_eq!(place.holds(part, pointer), expected, "{place:?} {pointer}");
        }
    }

    #[test]
    fn what_names_no_place_is_refused() {
        for text in ["", "body a", "path", "query", "header /", "method /", "/a"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
