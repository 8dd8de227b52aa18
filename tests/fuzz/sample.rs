//! The reader of samples: what it makes of any text is JSON that it reads again as the same, JSON keeps its
//! meaning, and what it refuses is refused inside the text.

#![no_main]

use antiphon::normalizer::{Layout, Mending, Normalized, Options, Unreadable, normalize};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

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
            assert!(!is_json(text), "JSON is refused: {error}");
        }
    }
});

fn accepted(text: &str, normalized: &Normalized, strictly: Option<Normalized>) {
    let json = normalized.json.as_str();
    if let (Ok(before), []) = (serde_json::from_str::<Value>(text), &normalized.repairs[..]) {
        let after: Value = serde_json::from_str(json).expect("JSON stays JSON");
        assert_eq!(before, after, "JSON has lost its meaning");
    }
    assert_eq!(strictly.is_some(), normalized.repairs.is_empty());
    if let Some(strictly) = strictly {
        assert_eq!(strictly, *normalized);
    }
    let again = read(json, Mending::Refuse, Layout::Compact).expect("what was written reads back");
    assert_eq!(again.json, json);
    if let Ok(laid_out) = read(text, Mending::Repair, Layout::Indented) {
        let again = read(&laid_out.json, Mending::Refuse, Layout::Compact);
        assert_eq!(again.expect("what was laid out reads back").json, json);
    }
}

/// Whether the text is JSON beyond doubt.
fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}

fn read(text: &str, mending: Mending, layout: Layout) -> Result<Normalized, Unreadable> {
    normalize(text, Options { mending, layout })
}
