//! Damage between the tokens: separators, brackets, quotes, and marks over whole lines.

use super::{STRICT, exact, normalize, read, refusals, repaired};

#[test]
fn separators_and_brackets_are_mended_once() {
    repaired(&[
        (
            "{\"a\": 1\n\"b\": 2}",
            r#"{"a":1,"b":2}"#,
            r#"1:8 "" -> ",""#,
        ),
        (
            "{'a': 'x'\n'b': 'y'}",
            r#"{"a":"x","b":"y"}"#,
            r#"1:10 "" -> ",""#,
        ),
        ("[{}\n{}]", "[{},{}]", r#"1:4 "" -> ",""#),
        (
            "{'a' 'x', 'b': 2}",
            r#"{"a":"x","b":2}"#,
            r#"1:5 "" -> ":""#,
        ),
        ("{'a': 1, 'b' {}}", r#"{"a":1,"b":{}}"#, r#"1:13 "" -> ":""#),
        ("{'a': {'b': 1}", r#"{"a":{"b":1}}"#, r#"1:15 "" -> "}""#),
        ("{'a': [1, 2}", r#"{"a":[1,2]}"#, r#"1:12 "" -> "]""#),
        ("{'a': 1}}", r#"{"a":1}"#, r#"1:9 "}" -> """#),
        ("{'a': 1, ...}", r#"{"a":1}"#, r#"1:10 "..." -> """#),
        ("[1, …, 2]", "[1,2]", r#"1:5 "…" -> """#),
        ("{\"a\": null},", r#"{"a":null}"#, r#"1:12 "," -> """#),
    ]);
    refusals(&[
        ("[1 2]", "1:4", "expected `,` or `]`"),
        ("[[[1]", "1:6", "2 brackets are still open"),
        ("{'a': 1}}}", "1:10", "expected the end"),
        ("{'a': 1]", "1:8", "expected `,` or `}`"),
        ("{'a': 1,", "1:9", "found the end"),
        ("{'a':", "1:6", "expected a value"),
        ("{'a': ...}", "1:7", "not known"),
        ("{'a': 1} or {'b': 2}", "1:10", "found `or`"),
        ("{\"a\": 1, // b \"c\": 2}", "1:10", "runs to the end"),
    ]);
}

#[test]
fn quotes_words_and_headings_are_mended() {
    repaired(&[
        (
            r#"{"t": "multipart/mixed;boundary="====""}"#,
            r#"{"t":"multipart/mixed;boundary=\"====\""}"#,
            r#"1:7 "\"multipart/mixed;boundary=\"====\"\"" -> "\"multipart/mixed;boundary=\\\"====\\\"\"""#,
        ),
        (
            "{'t': 'It's fine', 'b': 2}",
            r#"{"t":"It's fine","b":2}"#,
            r#"1:7 "'It's fine'" -> "\"It's fine\"""#,
        ),
        (
            "[“a “b” c”]",
            r#"["a “b” c"]"#,
            r#"1:2 "“a “b” c”" -> "\"a “b” c\"""#,
        ),
        ("[‘it’s’]", r#"["it’s"]"#, r#"1:2 "‘it’s’" -> "\"it’s\"""#),
        (
            "{'n': an integer value above 0, 'm': 1}",
            r#"{"n":"an integer value above 0","m":1}"#,
            r#"1:7 "an integer value above 0" -> "\"an integer value above 0\"""#,
        ),
        ("{'a': 1}Response", r#"{"a":1}"#, r#"1:9 "Response" -> """#),
        (
            "CometD Response\n{'a': 1}",
            r#"{"a":1}"#,
            r#"1:1 "CometD Response" -> """#,
        ),
        (
            "{CBR-cost: 1}",
            r#"{"CBR-cost":1}"#,
            r#"1:2 "CBR-cost" -> "\"CBR-cost\"""#,
        ),
    ]);
    exact(&[(r#"["say “hi”"]"#, r#"["say “hi”"]"#)]);
    refusals(&[
        ("{\"a\": \"x, \"b\": 1}", "1:12", "found `b`"),
        ("{'n': one or two}", "1:7", "`one` is a name"),
        ("{'a': 1} and more", "1:10", "found `and`"),
        ("Missing", "1:1", "`Missing` is a name"),
    ]);
}

#[test]
fn veils_over_whole_lines_are_lifted() {
    for (text, json) in [
        ("'''Response:'''\n{\"a\": 1}", r#"{"a":1}"#),
        ("{'''\"a\"''': null, '''\"b\"''': 2}", r#"{"a":null,"b":2}"#),
        ("| {\n| \"a\": 1 |\n| } |", r#"{"a":1}"#),
        ("+ {\n+ \"a\": 1\n+ }", r#"{"a":1}"#),
        ("  {\n  \"a\": 1,\n+ \"b\": 2\n  }", r#"{"a":1,"b":2}"#),
        ("{     {\n− \"a\": 1   + \"a\": 1\n}   }", r#"{"a":1}"#),
    ] {
        let normalized = read(text);
        assert_eq!(normalized.json, json, "{text:?}");
        assert!(!normalized.repairs.is_empty());
        assert!(normalize(text, STRICT).is_err());
    }
    refusals(&[("  {\n- \"a\": 1\n+ \"a\": 2\n  }", "2:1", "one version")]);
}

#[test]
fn one_closing_bracket_too_many_inside_a_sample_is_left_out() {
    repaired(&[
        ("{'a': [1, 2]]}", r#"{"a":[1,2]}"#, r#"1:13 "]" -> """#),
        (
            "{'a': {'b': 1}}, 'c': 2}",
            r#"{"a":{"b":1},"c":2}"#,
            r#"1:15 "}" -> """#,
        ),
        (
            "[{a: {'b': 1}},\n c: 2}, {'d': 3}]",
            r#"[{"a":{"b":1},"c":2},{"d":3}]"#,
            r#"1:14 "}" -> """#,
        ),
        ("[{'a': [1]]}]", r#"[{"a":[1]}]"#, r#"1:11 "]" -> """#),
        ("[[1, 2]], 3]", "[[1,2],3]", r#"1:8 "]" -> """#),
    ]);
    refusals(&[
        ("{'a': 1]}", "1:8", "expected `,` or `}`"),
        ("{'a': {'b': 1}}, 'c': foo}", "1:15", "fits nothing"),
        ("{'a': {'b': 1}}}, 'c': 2}", "1:16", "fits nothing"),
        ("{'a': [1]], 'b': [2]]}", "1:10", "found `]`"),
        ("[1], foo", "1:6", "`foo`"),
    ]);
}

#[test]
fn marks_inside_a_value_are_refused() {
    refusals(&[("{'a': '''bold''' text}", "1:14", "inside a value")]);
}
