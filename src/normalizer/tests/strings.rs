//! Damage inside one string: URLs, tokens and times.

use super::{exact, read, refusals, refused, repaired};

#[test]
fn urls_lose_their_spaces_and_breaks() {
    repaired(&[
        (
            "['http: //10.0.0.7: 8080/x']",
            r#"["http://10.0.0.7:8080/x"]"#,
            r#"1:3 "http: //10.0.0.7: 8080/x" -> "http://10.0.0.7:8080/x""#,
        ),
        (
            "[\"wss: //h/y\"]",
            r#"["wss://h/y"]"#,
            r#"1:3 "wss: //h/y" -> "wss://h/y""#,
        ),
        (
            "['https://h:1/users/\n\n  ab12']",
            r#"["https://h:1/users/ab12"]"#,
            r#"1:3 "https://h:1/users/\n\n  ab12" -> "https://h:1/users/ab12""#,
        ),
        (
            "['http: //h: 1/users/ ab12']",
            r#"["http://h:1/users/ab12"]"#,
            r#"1:3 "http: //h: 1/users/ ab12" -> "http://h:1/users/ab12""#,
        ),
        (
            "['see http: //h: 1/a for it']",
            r#"["see http://h:1/a for it"]"#,
            r#"1:3 "see http: //h: 1/a for it" -> "see http://h:1/a for it""#,
        ),
    ]);
    exact(&[(
        "['http://h/ is down', 'note: //x', 'http: no']",
        r#"["http://h/ is down","note: //x","http: no"]"#,
    )]);
}

#[test]
fn tokens_are_joined_and_prose_is_not() {
    repaired(&[
        (
            "{'target\nUri': 1}",
            r#"{"targetUri":1}"#,
            r#"1:3 "target\nUri" -> "targetUri""#,
        ),
        (
            "['00AF52FC\r\n F0C0002F']",
            r#"["00AF52FCF0C0002F"]"#,
            r#"1:3 "00AF52FC\r\n F0C0002F" -> "00AF52FCF0C0002F""#,
        ),
        (
            "['/calls/\n01AB']",
            r#"["/calls/01AB"]"#,
            r#"1:3 "/calls/\n01AB" -> "/calls/01AB""#,
        ),
        (
            "['c30d06daa1ea43b8be79f9b071f30d\n70']",
            r#"["c30d06daa1ea43b8be79f9b071f30d70"]"#,
            r#"1:3 "c30d06daa1ea43b8be79f9b071f30d\n70" -> "c30d06daa1ea43b8be79f9b071f30d70""#,
        ),
    ]);
    refusals(&[
        ("['Good morning\nto you']", "1:15", "broken over lines"),
        ("['Good\nmorning']", "1:7", "broken over lines"),
        ("{'a key\nof two': 1}", "1:8", "broken over lines"),
    ]);
}

#[test]
fn times_get_their_space_back() {
    for damaged in [
        "2014-02-1308: 20: 59.000-0800",
        "2014-02-13 08: 20:59.000-0800",
        "2014-02-1308:20:59.000-0800",
        "2014-02-13\\n08:20:59.000-0800",
        "2014- 02-1308:20: 59.000 -0800",
    ] {
        let text = format!("{{'timestamp': '{damaged}', 'timestampSeconds': 1392308459000L}}");
        let text = text.replace("\\n", "\n");
        let normalized = read(&text);
        let [repair] = normalized.repairs.as_slice() else {
            panic!("{text:?}: {:?}", normalized.repairs);
        };
        assert_eq!(
            repair.became.replace(" -", "-"),
            "2014-02-13 08:20:59.000-0800"
        );
        assert!(
            repair
                .why
                .contains("`timestampSeconds` 1392308459000 confirms it"),
            "{}",
            repair.why
        );
    }
    refusals(&[
        (
            "{'timestampSeconds': 1392308459001, 'timestamp': '2014-02-1308: 20: 59.000-0800'}",
            "1:51",
            "contradicts",
        ),
        ("['2014-02-3008: 20: 59']", "1:3", "no such time"),
    ]);
    exact(&[(
        "['2014-02-13 08:20:59 -0800', '2014-02-13T08:20:59Z', '10:30', '2014-02-13']",
        r#"["2014-02-13 08:20:59 -0800","2014-02-13T08:20:59Z","10:30","2014-02-13"]"#,
    )]);
    let other = "{'timestamp': 'x', 'at': '2014-02-1308: 20: 59Z', 'timestampSeconds': 1}";
    assert!(!read(other).repairs[0].why.contains("confirms"));
    let without_zone = "{'timestamp': '2014-02-1308: 20: 59', 'timestampSeconds': 1392308459000}";
    assert!(
        read(without_zone).repairs[0]
            .why
            .contains("but for the time zone")
    );
}

#[test]
fn a_change_is_told_on_one_line() {
    let normalized = read("['http: //h/a\nb1']");
    assert_eq!(
        normalized.repairs[0].change(),
        r#""http: //h/a\nb1" -> "http://h/ab1": a URL has neither spaces nor line breaks"#
    );
}

#[test]
fn a_word_beside_an_identifier_is_not_joined_to_it() {
    for text in [
        "see\nhttp://h/x",
        "Hello\nuser@example.com",
        "Order\nAB12",
        "yes\n/no",
        "/yes/\nno",
        "Smith\nMcDonald",
        "GWS1\nGWS2",
        "call\nback2",
        "SetDispo\nsition",
        "10\n20",
    ] {
        let error = refused(&format!("'{text}'"));
        let column = text.find('\n').unwrap() + 2;
        assert_eq!((error.line, error.column), (1, column), "{text:?}");
        assert!(error.message.contains("broken over lines"), "{text:?}");
    }
}

#[test]
fn page_numbers_and_titles_are_not_joined_into_a_value() {
    refusals(&[
        ("'http://h/users/\n3\nc30d'", "2:1", "`3`"),
        ("'http://h/users/\n\n\x0c 12\n\x0c\nc30d'", "3:3", "`12`"),
        ("'http://h/users/\x0c3\x0cc30d'", "1:18", "`3`"),
        (
            "'http://h/users/\n\nRemoveParticipant\n\nc30d'",
            "3:1",
            "`RemoveParticipant`",
        ),
        ("'http://h/users/c30d\n7\n'", "2:1", "`7`"),
        ("'00AF52F\n3\nF0C0002F'", "2:1", "`3`"),
        ("{'target\nOperations\nUri': 1}", "2:1", "`Operations`"),
    ]);
    repaired(&[(
        "'http://h/us\ners/c30d06daa1\nea43'",
        r#""http://h/users/c30d06daa1ea43""#,
        r#"1:2 "http://h/us\ners/c30d06daa1\nea43" -> "http://h/users/c30d06daa1ea43""#,
    )]);
}

#[test]
fn a_control_character_in_a_url_is_a_break() {
    repaired(&[
        (
            "'http://h/users/\x0cc30d'",
            r#""http://h/users/c30d""#,
            r#"1:2 "http://h/users/\u{c}c30d" -> "http://h/users/c30d""#,
        ),
        (
            "{'a': 'http://h/us\x01ers'}",
            r#"{"a":"http://h/users"}"#,
            r#"1:8 "http://h/us\u{1}ers" -> "http://h/users""#,
        ),
    ]);
    exact(&[
        ("'so: a\x0cb'", r#""so: a\fb""#),
        (r"'http://h/\x0cb'", r#""http://h/\fb""#),
    ]);
}

#[test]
fn a_url_is_mended_whole_or_not_at_all() {
    refusals(&[
        ("{'uri':'http: //h: 80/u/ abc'}", "1:9", "where it ends"),
        ("['http://h: 80/u/ abc']", "1:3", "where it ends"),
        ("['http: //h: 80 calls']", "1:3", "where it ends"),
        ("['at http: //h/u/ a1 now']", "1:3", "where it ends"),
    ]);
}

#[test]
fn a_string_read_again_for_its_quotes_is_still_broken() {
    refusals(&[("{'\n'a b': 1}", "1:3", "broken over lines")]);
}

#[test]
fn a_time_of_day_is_not_said_to_have_a_day() {
    let why = &read("'10: 20: 30'").repairs[0].why;
    assert_eq!(why, "a time of day has no space inside");
}

/// Else the JSON that was written would be mended when it is read again.
#[test]
fn a_url_in_a_string_with_quotes_inside_is_mended_at_once() {
    let normalized = read("{'a': 'x 'b' http: //10.15.2.2:1/x'}");
    assert_eq!(normalized.json, r#"{"a":"x 'b' http://10.15.2.2:1/x"}"#);
    assert_eq!(normalized.repairs.len(), 2);
    assert_eq!(read(&normalized.json).repairs, []);
}
