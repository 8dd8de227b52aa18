use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// The tokens up to the end or the damage, and the length where there is none.
fn scanned(text: &str) -> (Vec<String>, Option<usize>) {
    let mut scanner = Scanner::new(text, MAX_DEPTH);
    let shown = |token: Token<'_>| match token {
        Token::Open => "open".to_owned(),
        Token::Close => "close".to_owned(),
        Token::Name(name) => format!("{}:", name.read().unwrap_or("?".into())),
        Token::String(text) => format!("\"{}\"", text.read().unwrap_or("?".into())),
        Token::Number(number) => number.to_owned(),
        Token::Word => "word".to_owned(),
    };
    let tokens = scanner.by_ref().map(shown).collect();
    (tokens, scanner.length())
}

#[test]
fn tokens_come_in_their_order_up_to_the_end_or_the_damage() {
    for (text, tokens, length) in [
        (
            r#"{"a" : [1, -2.5e+3, "é\u00e9\""], "b\n":{}} x"#,
            "open a: open 1 -2.5e+3 \"éé\"\" close b\n: open close close",
            Some(44),
        ),
        ("[true,false,null]", "open word word word close", Some(17)),
        ("17 18", "17", Some(2)),
        (r#"["\ud800"]"#, "open \"?\" close", Some(10)),
        (r#"{"a":1,}"#, "open a: 1", None),
        (r#"{"a":1]"#, "open a: 1", None),
        (r#"{"a" 1}"#, "open", None),
        ("[1 2]", "open 1", None),
        ("[1,]", "open 1", None),
        ("[,1]", "open", None),
        ("[01]", "open", None),
        ("[1.]", "open", None),
        ("[1e]", "open", None),
        ("[-]", "open", None),
        ("[\"a\nb\"]", "open", None),
        (r#"["\x"]"#, "open", None),
        (r#"["\u12g4"]"#, "open", None),
        ("[12", "open 12", None),
        ("", "", None),
    ] {
        let (found, end) = scanned(text);
        assert_eq!((found.join(" ").as_str(), end), (tokens, length), "{text}");
    }
}

#[test]
fn what_nests_too_deep_is_none() {
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    for (depth, max, expected) in [
        (3, 3, Some(6)),
        (4, 3, None),
        (128, 200, Some(256)),
        (129, 200, None),
    ] {
        let text = deep(depth);
        let mut scanner = Scanner::new(&text, max);
        scanner.by_ref().for_each(drop);
        assert_eq!(scanner.length(), expected, "{depth}");
    }
}

#[test]
fn white_space_before_and_between_tokens_is_seen() {
    for (text, expected, depth) in [
        (r#"{"a b":[1,2]}"#, Space::None, Some(2)),
        ("[[],[[1]],2]", Space::None, Some(3)),
        ("17", Space::None, Some(0)),
        ("[] ", Space::None, None),
        ("[1,", Space::None, None),
        (" []", Space::Some, None),
        ("[ ]", Space::Some, None),
        ("[1 ,2]", Space::Some, None),
        (r#"{"a":	1}"#, Space::Some, None),
    ] {
        let mut scanner = Scanner::new(text, MAX_DEPTH);
        assert_eq!(scanner.compact(), None);
        scanner.by_ref().for_each(drop);
        assert_eq!(scanner.space(), expected, "{text:?}");
        let length = text.len();
        let compact = depth.map(|depth| Compact { length, depth });
        assert_eq!(scanner.compact(), compact, "{text:?}");
    }
}

#[test]
fn what_is_escaped_is_found_wherever_it_stands() {
    for length in [0, 1, 15, 16, 17, 63, 64, 65, 80, 150] {
        let plain = "é/".repeat(length);
        let plain = plain.as_bytes().get(..length).unwrap_or_default();
        assert_eq!(plain_length(plain), length);
        for place in 0..length {
            for escaped in [0, 0x1f, b'"', b'\\'] {
                let mut bytes = plain.to_owned();
                bytes[place] = escaped;
                assert_eq!(plain_length(&bytes), place, "{escaped} in {length}");
            }
        }
    }
}

proptest! {
    #[test]
    fn what_stands_as_it_is_ends_at_the_first_that_does_not(
        bytes in prop::collection::vec(
            prop_oneof![30 => any::<u8>(), 1 => Just(b'"'), 200 => b'a'..=b'z'], 0..200,
        ),
        begin in 0..90_usize,
    ) {
        let bytes = bytes.get(begin..).unwrap_or_default();
        let first = bytes.iter().position(|byte| escapes(*byte) > 0);
        prop_assert_eq!(plain_length(bytes), first.unwrap_or(bytes.len()));
    }

    #[test]
    fn what_is_json_to_it_is_json_to_others(
        pieces in prop::collection::vec(
            "[{}\\[\\],: ]|\"[a-z\\\\u0-9\"\n]{0,40}\"|[-0-9.eE]{1,4}|true|null|é", 0..12,
        ),
    ) {
        let text = pieces.concat();
        let theirs = serde_json::from_str::<&RawValue>(&text).is_ok();
        let length = scanned(&text).1;
        let ours = length.is_some_and(|length| text[length..].trim_matches([' ', '\n']).is_empty());
        prop_assert_eq!(ours, theirs, "{}", text);
    }
}
