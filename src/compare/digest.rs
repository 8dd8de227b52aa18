//! Numbers that stand for JSON values: equal for equal values.

use blake3::Hasher;

use super::json::{Json, Number};

/// How many bytes of a digest are taken: two values with the same are none that ever meet.
const BYTES: usize = 16;

/// The digest of a value: that of every value that equals it, and of no other. The order of an object's members is
/// nothing.
pub fn digest(json: &Json) -> u128 {
    digested(json, Grain::Values)
}

/// The digest of what a value looks like: its names and structure, and the texts in which no digit stands. So the
/// same message with another identifier, time or count looks the same.
pub fn look(json: &Json) -> u128 {
    digested(json, Grain::Looks)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Values,
    Looks,
}

fn digested(json: &Json, grain: Grain) -> u128 {
    let mut hasher = Hasher::new();
    add(json, grain, &mut hasher);
    let mut bytes = [0; BYTES];
    hasher.finalize_xof().fill(&mut bytes);
    u128::from_le_bytes(bytes)
}

/// Adds a value such that where it ends is clear.
fn add(json: &Json, grain: Grain, hasher: &mut Hasher) {
    match json {
        Json::Null => tag(b'n', hasher),
        Json::Bool(truth) => tag(if *truth { b't' } else { b'f' }, hasher),
        Json::Number(number) => add_number(number, grain, hasher),
        Json::String(text) if grain == Grain::Looks && has_digit(text) => tag(b's', hasher),
        Json::String(text) => {
            tag(b'"', hasher);
            add_text(text, hasher);
        }
        Json::Array(items) => {
            tag(b'[', hasher);
            add_length(items.len(), hasher);
            for item in items {
                add(item, grain, hasher);
            }
        }
        Json::Object(members) => {
            tag(b'{', hasher);
            add_length(members.len(), hasher);
            let mut members: Vec<&(String, Json)> = members.iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (name, value) in members {
                add_text(name, hasher);
                add(value, grain, hasher);
            }
        }
    }
}

fn add_number(number: &Number, grain: Grain, hasher: &mut Hasher) {
    match (grain, number.decimal()) {
        (Grain::Looks, _) => tag(b'0', hasher),
        (Grain::Values, Some((negative, digits, exponent))) => {
            tag(if negative { b'-' } else { b'+' }, hasher);
            add_text(&digits, hasher);
            hasher.update(&exponent.to_le_bytes());
        }
        (Grain::Values, None) => {
            tag(b'#', hasher);
            add_text(number.as_str(), hasher);
        }
    }
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn add_text(text: &str, hasher: &mut Hasher) {
    add_length(text.len(), hasher);
    hasher.update(text.as_bytes());
}

fn add_length(length: usize, hasher: &mut Hasher) {
    hasher.update(&(length as u64).to_le_bytes());
}

fn tag(tag: u8, hasher: &mut Hasher) {
    hasher.update(&[tag]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    /// Any small value, of few words so that equal ones come up.
    fn value() -> impl Strategy<Value = Json> {
        let leaf = prop::sample::select(vec![
            "null", "true", "false", "0", "-0", "1", "1.0", "10e-1", "-1", "\"\"", "\"a\"",
            "\"a1\"", "[]", "{}",
        ])
        .prop_map(json);
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Json::Array),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|members| Json::Object(members.into_iter().rev().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn digests_are_equal_where_values_are(one in value(), other in value()) {
            prop_assert_eq!(digest(&one) == digest(&other), crate::compare::differences(&one, &other).is_empty());
        }
    }

    #[test]
    fn what_looks_the_same_differs_in_numbers_and_identifiers_only() {
        let one = look(&json(r#"{"id":"a1","at":17,"what":"left"}"#));
        assert_eq!(one, look(&json(r#"{"at":18.5,"id":"b2","what":"left"}"#)));
        for other in [
            r#"{"id":"a1","at":17,"what":"joined"}"#,
            r#"{"id":"a1","at":17}"#,
            r#"{"id":"a1","at":"17","what":"left"}"#,
        ] {
            assert_ne!(one, look(&json(other)), "{other}");
        }
    }
}
