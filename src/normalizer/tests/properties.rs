//! What holds for all text: JSON stays JSON, Python means the same, and nothing crashes.

use proptest::prelude::*;

use super::{REPAIR, STRICT, normalize, read};

/// JSON values with text that is hard on quoting.
fn json_values() -> impl Strategy<Value = serde_json::Value> {
    let text = "[a-z'\"\\\\\n\t/\u{0}-\u{1f}é日😀#{}\\[\\],:. -]{0,12}";
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        // Short ones only: serde_json itself reads long ones inexactly. Python's peer has the others.
        any::<i32>().prop_map(|n| (f64::from(n) / 16.0).into()),
        text.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(text, inner, 0..6).prop_map(|members| members
                .into_iter()
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// A value as Python writes it, with one quote or the other.
fn python(value: &serde_json::Value, quote: char, prefix: &str) -> String {
    match value {
        serde_json::Value::Null => "None".into(),
        serde_json::Value::Bool(true) => "True".into(),
        serde_json::Value::Bool(false) => "False".into(),
        serde_json::Value::Number(number) if number.is_u64() => format!("{number}L"),
        serde_json::Value::Number(number) => number.to_string(),
        serde_json::Value::String(text) => python_string(text, quote, prefix),
        serde_json::Value::Array(items) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| python(item, quote, prefix))
                .collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::Object(members) => {
            let member = |(key, value): (&String, &serde_json::Value)| {
                format!(
                    "{}: {}",
                    python_string(key, quote, ""),
                    python(value, quote, prefix)
                )
            };
            let members: Vec<String> = members.iter().map(member).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

fn python_string(text: &str, quote: char, prefix: &str) -> String {
    let mut written = format!("{prefix}{quote}");
    for c in text.chars() {
        match c {
            '\\' => written.push_str("\\\\"),
            '\n' => written.push_str("\\n"),
            '\t' => written.push_str("\\t"),
            c if c == quote => written.extend(['\\', c]),
            c if c < ' ' => written.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c if u32::from(c) > 0xffff => {
                written.extend(format!("\\U{:08x}", u32::from(c)).chars());
            }
            c => written.push(c),
        }
    }
    written.push(quote);
    written
}

proptest! {
    #[test]
    fn json_in_is_the_same_json_out(value in json_values()) {
        for text in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
            let normalized = normalize(&text, STRICT).unwrap();
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&normalized.json).unwrap(), value.clone());
        }
    }

    #[test]
    fn python_of_json_is_that_json(value in json_values(), quote in prop::sample::select(vec!['\'', '"']), prefix in prop::sample::select(vec!["", "u"])) {
        let text = python(&value, quote, prefix);
        let normalized = normalize(&text, STRICT).unwrap();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&normalized.json).unwrap(), value);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        check_any(&text)?;
    }

    #[test]
    fn text_of_syntax_is_read_or_refused(text in "[\\[\\]{}(),:'\"\\\\a1bNulu.+|\n \r-]{0,40}") {
        check_any(&text)?;
    }

    #[test]
    fn a_damaged_literal_is_read_or_refused(value in json_values(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}(),:'\"\\\\“’. \n]{0,2}", length in 0_usize..3) {
        let text = python(&value, '\'', "");
        let mut characters: Vec<char> = text.chars().collect();
        let from = at.index(characters.len());
        let to = (from + length).min(characters.len());
        characters.splice(from..to, with.chars());
        check_any(&characters.into_iter().collect::<String>())?;
    }
}

/// What comes out is JSON, and reading that again changes nothing; what is refused is refused inside
/// the text.
fn check_any(text: &str) -> Result<(), TestCaseError> {
    match normalize(text, REPAIR) {
        Ok(normalized) => {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(&normalized.json);
            // serde_json takes no lone surrogates.
            prop_assert!(
                parsed.is_ok() || normalized.json.contains("\\ud"),
                "{}",
                normalized.json
            );
            prop_assert_eq!(read(&normalized.json).json, normalized.json);
        }
        Err(error) => {
            let line = text.split('\n').nth(error.line - 1);
            prop_assert!(line.is_some_and(|line| error.column <= line.chars().count() + 1));
        }
    }
    Ok(())
}
