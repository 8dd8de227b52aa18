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
        let [before, after] = [before, after].map(without_signed_zeros);
        assert_eq!(before, after, "JSON has lost its meaning");
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

/// The same with 0 for every zero: `-0` is an integer to Python, which has no sign, and a float to this reader.
fn without_signed_zeros(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64() == Some(0.0) => Value::from(0),
        Value::Array(items) => items.into_iter().map(without_signed_zeros).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members
                .map(|(name, member)| (name, without_signed_zeros(member)))
                .collect()
        }
        other => other,
    }
}
