//! What differs between two JSON values, place by place, and which items of two sequences stand for each other.
//!
//! Pure: it knows nothing of operations or tapes, and it decides nothing.

mod align;
mod digest;
mod json;
mod leaf;

pub use align::{Aligned, align};
pub use digest::{digest, look};
pub use json::{Json, Number, token};
pub use leaf::{Kind, Leaf, leaves};

/// One place at which two values differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where: a JSON Pointer (RFC 6901), empty for the whole value.
    pub pointer: String,
    /// What stands there in the recorded value; `None` where there is nothing.
    pub recorded: Option<Json>,
    /// What stands there in the live value; `None` where there is nothing.
    pub live: Option<Json>,
}

/// Every place at which `live` differs from `recorded`, in the order of `recorded`, then what only
/// `live` has. The order of an object's members is no difference; the order of an array's is.
pub fn differences(recorded: &Json, live: &Json) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&mut String::new(), recorded, live, &mut found);
    found
}

fn walk(pointer: &mut String, recorded: &Json, live: &Json, found: &mut Vec<Difference>) {
    match (recorded, live) {
        (Json::Object(ours), Json::Object(theirs)) => {
            for (name, value) in ours {
                let other = live.get(name);
                step(pointer, name, Some(value), other, found);
            }
            for (name, value) in theirs {
                if recorded.get(name).is_none() {
                    step(pointer, name, None, Some(value), found);
                }
            }
        }
        (Json::Array(ours), Json::Array(theirs)) => {
            for place in 0..ours.len().max(theirs.len()) {
                step(
                    pointer,
                    &place.to_string(),
                    ours.get(place),
                    theirs.get(place),
                    found,
                );
            }
        }
        _ if recorded == live => {}
        _ => found.push(Difference {
            pointer: pointer.clone(),
            recorded: Some(recorded.clone()),
            live: Some(live.clone()),
        }),
    }
}

/// Compares what stands under `name` below `pointer`, and leaves `pointer` as it was.
fn step(
    pointer: &mut String,
    name: &str,
    recorded: Option<&Json>,
    live: Option<&Json>,
    found: &mut Vec<Difference>,
) {
    let above = pointer.len();
    pointer.push_str(&token(name));
    match (recorded, live) {
        (Some(recorded), Some(live)) => walk(pointer, recorded, live, found),
        (recorded, live) => found.push(Difference {
            pointer: pointer.clone(),
            recorded: recorded.cloned(),
            live: live.cloned(),
        }),
    }
    pointer.truncate(above);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(recorded: &str, live: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let recorded = Json::parse(recorded.as_bytes()).unwrap();
        let live = Json::parse(live.as_bytes()).unwrap();
        differences(&recorded, &live)
            .into_iter()
            .map(|d| {
                (
                    d.pointer,
                    d.recorded.map(|v| v.to_string()),
                    d.live.map(|v| v.to_string()),
                )
            })
            .collect()
    }

    #[test]
    fn equal_values_have_no_differences() {
        assert!(
            between(
                r#"{"a":1,"b":[true,null]}"#,
                r#"{ "b": [true, null], "a": 1.0 }"#
            )
            .is_empty()
        );
    }

    #[test]
    fn a_difference_names_its_place() {
        let found = between(
            r#"{"a":{"b/c":[1,2]},"gone":"x"}"#,
            r#"{"a":{"b/c":[1,3,4]},"new":{}}"#,
        );
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found,
            [
                ("/a/b~1c/1".to_owned(), some("2"), some("3")),
                ("/a/b~1c/2".to_owned(), None, some("4")),
                ("/gone".to_owned(), some("\"x\""), None),
                ("/new".to_owned(), None, some("{}")),
            ]
        );
    }

    #[test]
    fn values_of_two_kinds_differ_as_a_whole() {
        assert_eq!(
            between(r#"{"a":[1]}"#, "[1]"),
            [(
                String::new(),
                Some(r#"{"a":[1]}"#.to_owned()),
                Some("[1]".to_owned())
            )]
        );
    }
}
