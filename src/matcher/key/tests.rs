use super::super::contract::tests::contract;
use super::*;
use crate::exchange::Body;

fn key(method: &str, target: &str, body: &str) -> Key {
    typed("", method, target, body)
}

/// The key of a request with content of this type.
fn typed(kind: &str, method: &str, target: &str, body: &str) -> Key {
    let request = Request {
        method: method.into(),
        target: target.into(),
        headers: [("content-type", kind), ("x-tenant", kind)]
            .into_iter()
            .collect(),
        body: Body::new(body.to_owned()),
        trailers: Headers::new(),
    };
    Key::of(&request, &Rules::default())
}

fn between(recorded: &Key, live: &Key) -> Vec<String> {
    recorded
        .mismatches(live, &[contract()])
        .iter()
        .map(|m| {
            format!("{} {}", m.part.name(), m.difference.pointer)
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[test]
fn order_in_query_and_body_and_white_space_are_no_difference() {
    let recorded = key("POST", "/a?x=1&y=2&x=3", r#"{"a":1,"b":[2]}"#);
    assert!(
        between(
            &recorded,
            &key("POST", "/a?y=2&x=1&x=3", r#"{ "b": [2], "a": 1 }"#)
        )
        .is_empty()
    );
}

#[test]
fn every_part_is_compared() {
    let recorded = key("POST", "/a?x=1", r#"{"a":1}"#);
    for (live, expected) in [
        (key("PUT", "/a?x=1", r#"{"a":1}"#), "method"),
        (key("POST", "/b?x=1", r#"{"a":1}"#), "path"),
        (key("POST", "/a?x=2", r#"{"a":1}"#), "query /x"),
        (key("POST", "/a", r#"{"a":1}"#), "query /x"),
        (key("POST", "/a?x=1&z", r#"{"a":1}"#), "query /z"),
        (key("POST", "/a?x=1", r#"{"a":2}"#), "body /a"),
        (key("POST", "/a?x=1", "a"), "body"),
        (key("POST", "/a?x=1", ""), "body"),
    ] {
        assert_eq!(between(&recorded, &live), [expected]);
    }
}

#[test]
fn a_form_is_compared_by_its_fields_and_several_parts_without_their_delimiter() {
    let form = |body| typed("application/x-www-form-urlencoded", "POST", "/a", body);
    assert!(between(&form("a=1&b=2"), &form("b=2&a=1")).is_empty());
    assert_eq!(between(&form("a=1&b=2"), &form("b=3&a=1")), ["body /b"]);
    let parts = |boundary: &str, text: &str| {
        let kind = format!("multipart/form-data; boundary={boundary}");
        let body = format!("--{boundary}\r\n\r\n{text}\r\n--{boundary}--");
        typed(&kind, "POST", "/a", &body)
    };
    assert!(between(&parts("x1", "hi"), &parts("y2", "hi")).is_empty());
    assert_eq!(between(&parts("x1", "hi"), &parts("y2", "ho")), ["body"]);
}

#[test]
fn octets_are_compared_one_by_one_and_told_from_where_they_differ() {
    let message = |name: &str| typed("application/grpc", "POST", "/a", &format!("\0\0\n{name}"));
    assert!(between(&message("Alice"), &message("Alice")).is_empty());
    let recorded = message("Alice");
    let mismatches = recorded.mismatches(&message("Alina and everybody else"), &[]);
    let difference = &mismatches[0].difference;
    let text = |value: &Option<Json>| value.as_ref().unwrap().as_str().unwrap().to_owned();
    assert_eq!(
        text(&difference.recorded),
        "8 bytes that are not text, from byte 6 on 6365"
    );
    assert_eq!(
        text(&difference.live),
        "27 bytes that are not text, from byte 6 on 6e6120616e64206576657279626f6479…"
    );
}

#[test]
fn header_fields_are_compared_where_a_rule_says_so() {
    let key = |tenant: &str, rules: &Rules| {
        let request = Request {
            method: "GET".into(),
            target: "/".into(),
            headers: [("X-Tenant", tenant), ("x-other", tenant)]
                .into_iter()
                .collect(),
            body: Body::default(),
            trailers: Headers::new(),
        };
        Key::of(&request, rules)
    };
    let (none, mut rules) = (Rules::default(), Rules::default());
    assert!(between(&key("a", &none), &key("b", &none)).is_empty());
    rules.headers = vec!["x-tenant".into()];
    assert!(between(&key("a", &rules), &key("a", &rules)).is_empty());
    assert_eq!(
        between(&key("a", &rules), &key("b", &rules)),
        ["header /x-tenant"]
    );
}

#[test]
fn what_differs_is_told_value_by_value() {
    let values = |recorded: &Key, live: &Key| -> Vec<_> {
        let mismatches = recorded.mismatches(live, &[]);
        let told = mismatches.iter().map(|mismatch| {
            let values = mismatch.values()?.into_iter();
            let told =
                values.map(|(pointer, recorded, live)| format!("{pointer} {recorded} {live}"));
            Some(told.collect::<Vec<_>>().join(", "))
        });
        told.collect()
    };
    let recorded = key("POST", "/a/1/b/2?q=x", r#"{"n":17,"o":{}}"#);
    let live = key("POST", "/a/3/b/4?q=y", r#"{"n":18,"o":[]}"#);
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(
        values(&recorded, &live),
        [
            told("/2 1 3, /4 2 4"),
            told("/q x y"),
            told("/n 17 18"),
            None
        ]
    );
    assert_eq!(
        values(&recorded, &key("PUT", "/a", "")),
        [None, None, None, None]
    );
}

#[test]
fn a_user_may_be_named_by_path_instead_of_by_uri() {
    let on_chat = |body: &str| key("POST", "/api/v2/me/chats/7", body);
    let recorded =
        on_chat(r#"{"operationName":"Remove","targetUri":"http://h:1/api/v2/users/u1"}"#);
    let by_path = |path: &str| {
        on_chat(&format!(
            r#"{{"operationName":"Remove","targetPath":"{path}"}}"#
        ))
    };
    assert!(between(&recorded, &by_path("/users/u1")).is_empty());
    for other in ["/users/u2", "users/u1", "/u1", "u1", "", "/api/v2/users/u1"] {
        assert_eq!(
            between(&recorded, &by_path(other)),
            ["body /targetUri", "body /targetPath"],
            "{other}"
        );
    }
}

#[test]
fn a_path_that_the_contract_does_not_govern_has_no_alternatives() {
    let recorded = key(
        "POST",
        "/api/v2/me/calls/7",
        r#"{"targetUri":"http://h/api/v2/users/u1"}"#,
    );
    let live = key(
        "POST",
        "/api/v2/me/calls/7",
        r#"{"targetPath":"/users/u1"}"#,
    );
    assert_eq!(
        between(&recorded, &live),
        ["body /targetUri", "body /targetPath"]
    );
}

#[test]
fn another_argument_is_nearer_than_another_resource() {
    let live = key("POST", "/a/b/1", r#"{"x":1,"y":2}"#);
    let candidates = [
        key("POST", "/a/b/2", r#"{"x":1,"y":2}"#),
        key("POST", "/a/b/1", r#"{"x":3,"y":4}"#),
        key("GET", "/a/b/1", ""),
    ];
    let found: Vec<_> = candidates
        .iter()
        .map(|c| c.mismatches(&live, &[]))
        .collect();
    let nearest = found.iter().enumerate();
    let nearest = nearest.min_by_key(|(_, mismatches)| distance(mismatches));
    assert_eq!(nearest.map(|(place, _)| place), Some(1));
    assert_eq!(distance(&[]), 0);
}
