//! What needs no repair: JSON, Python and JSON5 as they are, and what is none of them.

use super::{STRICT, exact, normalize, read, refusals, refused};

#[test]
fn json_stays_as_it_is() {
    exact(&[
        (
            r#"{"a": [1, -2.5, true, null, "x\u00e9\/\n"]}"#,
            r#"{"a":[1,-2.5,true,null,"xé/\n"]}"#,
        ),
        (
            "123456789012345678901234567890",
            "123456789012345678901234567890",
        ),
        (r#""\ud83d\ude00 \ud83d""#, r#""😀 \ud83d""#),
        (r#"{"b": 1, "a": {}}"#, r#"{"b":1,"a":{}}"#),
        ("3.14159265358979323846", "3.141592653589793"),
    ]);
}

#[test]
fn python_literals_mean_what_python_says() {
    exact(&[
        (
            "{'a': None, 'b': True, 'c': False}",
            r#"{"a":null,"b":true,"c":false}"#,
        ),
        (
            "[1392308459000L, 0x1F, 0o17, 0b11, 1_000, 00, -0]",
            "[1392308459000,31,15,3,1000,0,0]",
        ),
        (
            "[1., .5, 1e3, 1E16, 1e-5, 1e15, -0.0, 1e22]",
            "[1.0,0.5,1000.0,1e+16,1e-05,1000000000000000.0,-0.0,1e+22]",
        ),
        (
            r"[u'x', r'\d', b'\xc3\xa9', ur'\u00e9\d']",
            r#"["x","\\d","é","é\\d"]"#,
        ),
        (r"'\x41\101\u0041\U00000041\a\q\/'", r#""AAAA\u0007\\q\\/""#),
        (r"'\ud83d' '\ude00'", r#""😀""#),
        ("'''a\nb'''", r#""a\nb""#),
        ("'a' \"b\"", r#""ab""#),
        ("((1), (2,), (), {3}, set())", "[1,[2],[],[3],[]]"),
        ("{1, 1.0, True, 'a', b'a'}", r#"[1,"a","a"]"#),
        (
            "{1: 'a', None: 'b', 2.0: 'c', True: 'd'}",
            r#"{"1":"d","null":"b","2.0":"c"}"#,
        ),
        ("[1, # one\n 2,]", "[1,2]"),
        ("1, 2", "[1,2]"),
        ("-(5)", "-5"),
        // Exactly between .62 and .63: Python takes the even one.
        (
            "[81167404567366.625, 958192354945030.2]",
            "[81167404567366.62,958192354945030.2]",
        ),
        ("'a\tb'", r#""a\tb""#),
    ]);
}

#[test]
fn json5_and_mixtures_are_read_without_repair() {
    exact(&[
        (
            "{a: 1, $b_2: 'x', /* c */ \"c\": null,} // end",
            r#"{"a":1,"$b_2":"x","c":null}"#,
        ),
        (
            r#"{"a": None, "b": null, 'c': 7L}"#,
            r#"{"a":null,"b":null,"c":7}"#,
        ),
        ("[+1, 0xff, 5., .5, null]", "[1,255,5.0,0.5,null]"),
        ("\u{feff}{\"a\":\u{a0}1}\u{c}", r#"{"a":1}"#),
        (r#"{a: "http:\/\/x"}"#, r#"{"a":"http://x"}"#),
    ]);
}

#[test]
fn what_is_no_literal_is_refused_by_name() {
    refusals(&[
        ("[nan]", "1:2", "`nan`"),
        ("[-Infinity]", "1:2", "`Infinity`"),
        ("[1e400]", "1:2", "`1e400`"),
        ("3j", "1:1", "complex"),
        ("[1+2j]", "1:3", "complex"),
        (
            "{'a': datetime.datetime(2014, 1, 1)}",
            "1:7",
            "`datetime.datetime(...)` is a call",
        ),
        ("{'a': foo}", "1:7", "`foo` is a name"),
        ("[1 + 2]", "1:4", "`+` is an operator"),
        ("[not True]", "1:2", "`not` is an operator"),
        ("--5", "1:1", "`-` is an operator"),
        ("f'a'", "1:1", "formatted string"),
        ("007", "1:1", "leading zero"),
        ("1__0", "1:1", "`1__0` is no number"),
        ("'\\N{DASH}'", "1:2", "names a character"),
        ("'\\x4'", "1:2", "cut short"),
        (r"b'\xff'", "1:1", "not UTF-8"),
        ("{(1, 2): 3}", "1:2", "tuple"),
        ("{'a': 1, (1, 2): 3}", "1:10", "tuple"),
        ("{[1]}", "1:2", "no bracket"),
        ("", "1:1", "nothing to read"),
        ("é = ", "1:1", "`é` is a name"),
        (
            r#"{"a": "C:\dir", "b": null}"#,
            "1:10",
            r"`\d` is no escape",
        ),
        ("['a'\n 'b', null]", "2:2", "side by side"),
    ]);
}

#[test]
fn equal_keys_keep_the_last_value_at_the_first_place_and_are_reported() {
    let normalized = normalize(r#"{"a": 1, "b": 2, "a": [3]}"#, STRICT).unwrap();
    assert_eq!(normalized.json, r#"{"a":[3],"b":2}"#);
    assert_eq!(normalized.repairs, []);
    let [notice] = normalized.notices.as_slice() else {
        panic!("{:?}", normalized.notices);
    };
    assert_eq!((notice.line, notice.column), (1, 18));

    let many: Vec<String> = (0..200).map(|n| format!("'k{}': {n}", n % 150)).collect();
    let normalized = read(&format!("{{{}}}", many.join(", ")));
    assert_eq!(normalized.notices.len(), 50);
    assert!(normalized.json.starts_with(r#"{"k0":150,"k1":151,"#));
    assert!(normalized.json.ends_with(r#""k149":149}"#));

    assert_eq!(read("{1: 'a', '1': 'b', True: 'c'}").json, r#"{"1":"b"}"#);
}

#[test]
fn strings_joined_over_lines_are_told_of() {
    let normalized = normalize("['a'\n 'b']", STRICT).unwrap();
    assert_eq!(normalized.json, r#"["ab"]"#);
    assert_eq!(normalized.notices[0].was, "\n ");
    assert_eq!(read("['a' 'b']").notices, []);
}

#[test]
fn integers_of_other_bases_are_exact_up_to_a_limit() {
    assert_eq!(
        read("0xffffffffffffffffffff").json,
        "1208925819614629174706175"
    );
    assert!(
        refused(&format!("0x{}", "f".repeat(5000)))
            .message
            .contains("4300")
    );
}

#[test]
fn floats_are_written_as_python_writes_them() {
    exact(&[
        ("[1e-400, -1e-400]", "[0.0,-0.0]"),
        ("[2e-324, 61e-333, 5e-324]", "[0.0,0.0,5e-324]"),
        ("75077767823261446.9E+274", "7.507776782326144e+290"),
        (
            "8684735331442.6051782847765331527E+5",
            "8.684735331442605e+17",
        ),
        (
            "0.1000000000000000055511151231257827021181583404541015625",
            "0.1",
        ),
    ]);
}

#[test]
fn halves_of_a_pair_in_two_strings_stay_apart() {
    exact(&[
        (
            r"[({1: '\ud83d'}), '\ude00']",
            r#"[{"1":"\ud83d"},"\ude00"]"#,
        ),
        (r"[('\ud83d'), ('\ude00')]", r#"["\ud83d","\ude00"]"#),
        (
            r"{'ab\ud83d', 'ab\ud83d', '\ude00'}",
            r#"["ab\ud83d","\ude00"]"#,
        ),
    ]);
    // The set without its equal part is as long as the text before the second half.
    for gap in 0..24 {
        let text = format!("[{{1, 1, '\\ud83d'}}, '{}\\ude00']", "x".repeat(gap));
        assert!(read(&text).json.ends_with("\\ude00\"]"), "{text}");
    }
}

#[test]
fn keys_may_stand_in_parentheses() {
    exact(&[
        ("{(1): 2}", r#"{"1":2}"#),
        ("{('a'): 1, ((u'b')) : 2}", r#"{"a":1,"b":2}"#),
        ("{((None)): 1, (-(1)): 2}", r#"{"null":1,"-1":2}"#),
        ("{('a:)' 'b'): 1}", r#"{"a:)b":1}"#),
        ("{(1), (2)}", "[1,2]"),
    ]);
    refusals(&[
        ("{(): 1}", "1:2", "tuple"),
        ("{'b': 1, ('a': 1)}", "1:14", "expected `)`"),
        ("{(a): 1}", "1:3", "`a`"),
    ]);
}

#[test]
fn a_backslash_joins_lines_outside_brackets() {
    exact(&[
        ("'a' \\\n'b'", r#""ab""#),
        ("'a'\\\r\n \\\r\n'b'", r#""ab""#),
        ("b'a' \\\nb'b'", r#""ab""#),
        ("1, \\\n2", "[1,2]"),
        ("'#', \\\n2", r##"["#",2]"##),
    ]);
    refusals(&[
        ("'a'\n'b'", "2:1", "expected the end"),
        ("'a' # \\\n'b'", "2:1", "expected the end"),
        ("1, # \\\n2", "2:1", "another value"),
        ("1, # a, \\\n2", "2:1", "another value"),
    ]);
}

#[test]
fn equal_keys_and_parts_are_quoted_where_they_stand() {
    let told = |text: &str| -> Vec<String> {
        let notices = normalize(text, STRICT).unwrap().notices;
        let said = notices.iter();
        said.map(|n| format!("{}:{} {}", n.line, n.column, n.was))
            .collect()
    };
    assert_eq!(told("{1, 1.0,\n True}"), ["1:5 1.0", "2:2 True"]);
    assert_eq!(told("{(1, 2), 3, (1, 2.0) ,}"), ["1:13 (1, 2.0)"]);
    assert_eq!(told("{1: 1, True: 2}"), ["1:8 True"]);
    assert_eq!(told("{'a:b': 1, u'a:b' : 2}"), ["1:12 u'a:b'"]);
}
