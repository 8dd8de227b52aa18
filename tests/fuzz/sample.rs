//! The reader of samples: what it makes of any text is JSON, which without damage it reads again as the same;
//! JSON keeps its meaning, and what is refused is refused inside the text.

#![no_main]

use antiphon::normalizer::{Layout, Mending, Normalized, Options, Unreadable, normalize};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use serde_json::value::RawValue;

/// What is said of a string that is damaged beyond repair.
const DAMAGE: &[&str] = &["a damaged URL", "a URL without a host", "a damaged time"];

fuzz_target!(|text: &str| {
    let strictly = read(text, Mending::Refuse, Layout::Compact);
    match read(text, Mending::Repair, Layout::Compact) {
        Ok(normalized) => accepted(text, &normalized, strictly.ok()),
        Err(error) => {
            assert!(
                strictly.is_err(),
                "refused where repairs may be made, and else not"
            );
            let line = text
                .split('\n')
                .nth(error.line - 1)
                .expect("a line of the text");
            assert!(error.column <= line.chars().count() + 1, "{error}");
            // JSON is refused only where a string of it is damaged beyond repair.
            let damaged = DAMAGE.iter().any(|words| error.message.contains(words));
            assert!(damaged || !is_json(text), "JSON is refused: {error}");
        }
    }
});

fn accepted(text: &str, normalized: &Normalized, strictly: Option<Normalized>) {
    let json = normalized.json.as_str();
    if let (Ok(before), []) = (serde_json::from_str::<Value>(text), &normalized.repairs[..]) {
        let after: Value = serde_json::from_str(json).expect("JSON stays JSON");
        assert!(
            are_alike(&before, &after),
            "JSON has lost its meaning: {before} and {after}"
        );
    }
    assert_eq!(strictly.is_some(), normalized.repairs.is_empty());
    if let Some(strictly) = strictly {
        assert_eq!(strictly, *normalized);
    }
    let exact: Result<&RawValue, _> = serde_json::from_str(json);
    assert!(exact.is_ok(), "{json} is no JSON: {exact:?}");
    // Strings of a set, and of bytes, are taken as they stand; as strings of JSON they may count as damaged.
    if let Ok(again) = read(json, Mending::Refuse, Layout::Compact) {
        assert_eq!(again.json, json);
    }
    if let Ok(laid_out) = read(text, Mending::Repair, Layout::Indented) {
        let exact: Result<&RawValue, _> = serde_json::from_str(&laid_out.json);
        assert!(exact.is_ok(), "{} is no JSON: {exact:?}", laid_out.json);
        if let Ok(again) = read(&laid_out.json, Mending::Refuse, Layout::Compact) {
            assert_eq!(again.json, json);
        }
    }
}

/// Whether the text is JSON beyond doubt.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn read(text: &str, mending: Mending, layout: Layout) -> Result<Normalized, Unreadable> {
    normalize(text, Options { mending, layout })
}

/// Whether two values mean the same. Of numbers this reader of JSON gets the last bits wrong where there are many
/// digits, and to it `-0` is a float, while Python's integer has no sign.
fn are_alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let near = |one: f64, other: f64| (one - other).abs() <= one.abs() * 1e-15;
            let both = one.as_f64().zip(other.as_f64());
            one == other || both.is_some_and(|(one, other)| near(one, other))
        }
        (Value::Array(one), Value::Array(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.all(|(one, other)| are_alike(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let mut members = one.iter();
            let there = |name, one| other.get(name).is_some_and(|other| are_alike(one, other));
            one.len() == other.len() && members.all(|(name, one)| there(name, one))
        }
        _ => one == other,
    }
}
