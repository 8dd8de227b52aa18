//! What becomes of whole events.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use crate::exchange::{
    Body, End, Form, Headers, Micros, Operation, OperationId, Request, Response, Session,
};
use crate::tape::Event;

use super::*;

mod again;

fn redactor() -> Redactor {
    redactor_by(Redaction::default())
}

fn redactor_by(redaction: Redaction) -> Redactor {
    Redactor::new(redaction, Key::new([3; KEY_BYTES])).unwrap()
}

fn made(value: &str) -> String {
    Key::new([3; KEY_BYTES]).pseudonym(value)
}

fn operation(
    target: &str,
    fields: &[(&str, &str)],
    body: &str,
    answer: &[(&str, &str)],
    answered: &str,
) -> Event {
    Event::Operation(Operation {
        id: OperationId(1),
        session: Session::new("agent1"),
        at: Micros(0),
        answered: Micros(1),
        request: Request {
            method: "POST".into(),
            target: target.into(),
            headers: fields.iter().copied().collect(),
            body: Body::new(body.to_owned()),
            trailers: Headers::new(),
        },
        response: Response {
            status: 200,
            headers: answer.iter().copied().collect(),
            body: Body::new(answered.to_owned()),
            trailers: Headers::new(),
        },
        end: End::Complete,
        form: Form::Exchange,
        repairs: Vec::new(),
    })
}

fn request(event: &Event) -> &Request {
    let Event::Operation(operation) = event else {
        panic!("no operation: {event:?}");
    };
    &operation.request
}

fn redacted(mut event: Event) -> Event {
    redactor().redact(&mut event);
    event
}

fn field(event: &Event, name: &str) -> String {
    String::from_utf8(request(event).headers.get(name).unwrap().to_vec()).unwrap()
}

#[test]
fn credentials_and_cookies_become_pseudonyms_and_the_rest_stays() {
    let basic = format!("Basic {}", STANDARD.encode("alice:s3cret-pw:x"));
    let event = redacted(operation(
        "/a;jsessionid=7F3A99/b?token=a%2Bb-77&page=2&next=%2Fx%3Fsid%3D12cd",
        &[
            ("Authorization", &basic),
            ("Proxy-Authorization", "Bearer tok-1234567"),
            ("Cookie", "SID=7f3a; theme=\"dark1\"; empty="),
            ("X-CSRF-HEADER", "X-CSRF-TOKEN"),
            ("X-CSRF-TOKEN", "0d4f8a27"),
            ("Referer", "https://u:pw55@h/x?access_token=zz91"),
        ],
        "",
        &[],
        "",
    ));
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("alice:{}", made("s3cret-pw:x")))
    );
    assert_eq!(field(&event, "authorization"), basic);
    assert_eq!(
        field(&event, "proxy-authorization"),
        format!("Bearer {}", made("tok-1234567"))
    );
    let cookies = format!("SID={}; theme=\"{}\"; empty=", made("7f3a"), made("dark1"));
    assert_eq!(field(&event, "cookie"), cookies);
    assert_eq!(field(&event, "x-csrf-header"), "X-CSRF-TOKEN");
    assert_eq!(field(&event, "x-csrf-token"), made("0d4f8a27"));
    let referer = format!(
        "https://u:{}@h/x?access_token={}",
        made("pw55"),
        made("zz91")
    );
    assert_eq!(field(&event, "referer"), referer);
    let token = made("a+b-77").replace('+', "%2B");
    let target = format!(
        "/a;jsessionid={}/b?token={token}&page=2&next=%2Fx%3Fsid%3D{}",
        made("7F3A99"),
        made("12cd")
    );
    assert_eq!(request(&event).target, target);
}

#[test]
fn a_digest_keeps_who_asks_and_for_what() {
    let digest = "Digest username=\"bob\", realm=\"r\", nonce=\"n0nce\", uri=\"/x?a=b\", response=\"6629fae4\", nc=00000001";
    let event = redacted(operation("/", &[("Authorization", digest)], "", &[], ""));
    let expected = digest
        .replace("n0nce", &made("n0nce"))
        .replace("6629fae4", &made("6629fae4"));
    assert_eq!(field(&event, "authorization"), expected);
}

#[test]
fn json_is_changed_in_the_places_of_secrets_alone() {
    let body = r#"[ {"userName":"bob", "Password" : "p\u0061ss\"1", "n":1.50, "token":{"value":"v4lue-of-it","type":"x"},
        "n":2, "tokens":["t0ken-one",true], "pin":4711, "tokenType":"bearer", "csrf":null,
        "inner":"{\"secret\":\"in-ner-1\"}", "echo":"t0ken-one!", "url":"/cb?sig=5ig-n" } ]"#;
    let event = redacted(operation(
        "/",
        &[("content-type", "application/json")],
        body,
        &[],
        "",
    ));
    let expected = body
        .replace(r#"p\u0061ss\"1"#, &respelled("pass\"1"))
        .replace("v4lue-of-it", &made("v4lue-of-it"))
        .replace("t0ken-one", &made("t0ken-one"))
        .replace("4711", &made("4711"))
        .replace("in-ner-1", &made("in-ner-1"))
        .replace("5ig-n", &made("5ig-n"));
    assert_eq!(request(&event).body.text(), Some(expected.as_str()));
}

/// The pseudonym, with the second character escaped and the quote too.
fn respelled(secret: &str) -> String {
    let made: Vec<char> = made(secret).chars().collect();
    let spelled = made.iter().enumerate().map(|(place, c)| match (place, c) {
        (1, c) => format!("\\u{:04x}", u32::from(*c)),
        (_, '"') => "\\\"".to_owned(),
        (_, c) => c.to_string(),
    });
    spelled.collect()
}

#[test]
fn forms_with_json_and_parts_are_read() {
    let form =
        "message=%5B%7B%22ext%22%3A%7B%22token%22%3A%22t0k-1%22%7D%7D%5D&password=p+w%261&user=bob";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let event = redacted(operation("/", &kind, form, &[], ""));
    let password = made("p w&1").replace(' ', "+").replace('&', "%26");
    let expected = form
        .replace("t0k-1", &made("t0k-1"))
        .replace("p+w%261", &password);
    assert_eq!(request(&event).body.text(), Some(expected.as_str()));

    let parts = "--B\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n\
        --B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--B--\r\n";
    let kind = [("content-type", "multipart/form-data; boundary=B")];
    let event = redacted(operation("/", &kind, parts, &[], ""));
    let expected = parts.replace("hunter2", &made("hunter2"));
    assert_eq!(request(&event).body.text(), Some(expected.as_str()));
}

#[test]
fn a_secret_that_was_seen_is_replaced_wherever_it_comes_again() {
    let mut redactor = redactor();
    let mut login = operation(
        "/login",
        &[],
        "",
        &[("Set-Cookie", "SID=abc-12345678; Path=/; HttpOnly")],
        "",
    );
    redactor.redact(&mut login);
    let encoded = STANDARD.encode("who:abc-12345678 is here");
    let body = format!("<p>abc-12345678</p> {{\"x\":\"{encoded}\"}} ");
    let json = format!("{{\"x\":\"{encoded}\",\"abc-12345678\":1}}");
    let mut later = operation(
        "/x/abc-12345678/y",
        &[("x-echo", "<abc-12345678>")],
        &body,
        &[],
        &json,
    );
    redactor.redact(&mut later);
    let pseudonym = made("abc-12345678");
    assert_eq!(request(&later).target, format!("/x/{pseudonym}/y"));
    assert_eq!(field(&later, "x-echo"), format!("<{pseudonym}>"));
    let Event::Operation(operation) = &later else {
        panic!("no operation");
    };
    let encoded = STANDARD.encode(format!("who:{pseudonym} is here"));
    let json = format!("{{\"x\":\"{encoded}\",\"{pseudonym}\":1}}");
    assert_eq!(operation.response.body.text(), Some(json.as_str()));
}

#[test]
fn coded_content_is_unpacked_to_be_changed_and_kept_as_it_is_else() {
    use std::io::Write as _;
    let packed = |text: &str| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text.as_bytes()).unwrap();
        writer.finish().unwrap()
    };
    for (text, changes) in [(r#"{"password":"hunter2"}"#, true), (r#"{"a":"b"}"#, false)] {
        let octets = packed(text);
        let length = octets.len().to_string();
        let fields = [
            ("content-encoding", "gzip"),
            ("content-length", length.as_str()),
        ];
        for cut in [0, 9] {
            let mut event = operation("/", &fields, "", &[], "");
            if let Event::Operation(operation) = &mut event {
                operation.request.body = Body::new(octets[..octets.len() - cut].to_vec());
            }
            let before = event.clone();
            redactor().redact(&mut event);
            if changes {
                let new = text.replace("hunter2", &made("hunter2"));
                let body = request(&event).body.text().unwrap();
                assert!(
                    new.starts_with(body) && body.len() + 4 >= new.len(),
                    "{body}"
                );
                assert_eq!(request(&event).headers.get("content-encoding"), None);
                assert_eq!(field(&event, "content-length"), body.len().to_string());
            } else {
                assert_eq!(event, before);
            }
        }
    }
}

#[test]
fn forms_of_pages_and_elements_are_redacted_and_known_under_other_names() {
    let secret = "s3cr<t&-0123456789";
    let written = "s3cr&lt;t&amp;-0123456789";
    let page = format!(
        "<html>\n<meta content='{written}' name=csrf-token>\n<form>\n<input value=\"{written}\"\n  \
         type=\"hidden\" name=\"_csrf\">\n</form>\nuse ?token=abcdefgh\n<a title='{written}'>x</a></html>"
    );
    let xml = format!("<u><Password>{written}</Password><name>bob</name></u>");
    let body = format!(r#"{{"xml":"{xml}"}}"#);
    let mut event = operation("/", &[], &body, &[], &page);
    let rules = Rules::new(&Redaction::default()).unwrap();
    let found: Vec<String> = rules
        .secrets(&event)
        .into_iter()
        .map(|one| one.value)
        .collect();
    assert_eq!(found, [secret, secret, secret, "abcdefgh"]);
    redactor().redact(&mut event);
    let becomes = made(secret).replace('&', "&amp;").replace('<', "&lt;");
    let replaced = |text: &str| text.replace(written, &becomes);
    assert_eq!(request(&event).body.text(), Some(replaced(&body).as_str()));
    let Event::Operation(operation) = &event else {
        panic!("no operation: {event:?}");
    };
    let page = replaced(&page).replace("abcdefgh", &made("abcdefgh"));
    assert_eq!(operation.response.body.text(), Some(page.as_str()));
}

#[test]
fn what_was_found_by_its_looks_is_known_for_a_pseudonym_afterwards() {
    let redaction = Redaction {
        patterns: vec!["CUST-[0-9]+".into()],
        personal: Personal::Replaced,
        ..Redaction::default()
    };
    let body = "CUST-173482, bob@example.com, 4111 1111 1111 1111, 0049301234567";
    let mut event = operation("/", &[], body, &[], "");
    let rules = Rules::new(&redaction).unwrap();
    let values = |event: &Event| -> Vec<String> {
        rules
            .secrets(event)
            .into_iter()
            .map(|one| one.value)
            .collect()
    };
    let before = values(&event);
    assert_eq!(before.len(), 4);
    redactor_by(redaction.clone()).redact(&mut event);
    let after = values(&event);
    assert_eq!(after.len(), 4, "{after:?}");
    assert!(before.iter().all(|secret| !after.contains(secret)));
    assert_eq!(request(&event).body.text(), Some(after.join(", ").as_str()));
}

#[test]
fn rules_add_places_patterns_and_what_is_personal() {
    let redaction = Redaction {
        added: vec!["iban".into()],
        exempted: vec!["SID".into()],
        pointers: vec!["/card/*/holder".into()],
        patterns: vec!["CUST-[0-9]+".into()],
        personal: Personal::Replaced,
        extent: Extent::Whole,
    };
    let body = r#"{"iban":"DE12","card":[{"holder":"Bob B"}],"note":"CUST-17, bob@example.com","holder":"x"}"#;
    let mut event = operation("/", &[("Cookie", "SID=7f3a; T=1b")], body, &[], "");
    redactor_by(redaction).redact(&mut event);
    let mut expected = body.to_owned();
    for secret in ["DE12", "Bob B", "bob@example.com"] {
        expected = expected.replace(secret, &made(secret));
    }
    // What the pattern insists on stays, so that it is found again.
    let customer = made("CUST-17").split_off("CUST".len());
    expected = expected.replace("CUST-17", &format!("CUST{customer}"));
    assert_eq!(request(&event).body.text(), Some(expected.as_str()));
    assert_eq!(
        field(&event, "cookie"),
        format!("SID=7f3a; T={}", made("1b"))
    );
    for (wrong, place) in [
        (
            Redaction {
                patterns: vec!["(".into()],
                ..Redaction::default()
            },
            "regular expression",
        ),
        (
            Redaction {
                patterns: vec!["a*".into()],
                ..Redaction::default()
            },
            "empty",
        ),
        (
            Redaction {
                pointers: vec!["a".into()],
                ..Redaction::default()
            },
            "Pointer",
        ),
        (
            Redaction {
                added: vec!["-".into()],
                ..Redaction::default()
            },
            "names",
        ),
    ] {
        let error = Rules::new(&wrong).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
}

/// Where a secret may be put, with what comes before and after it, and how it is spelled there.
fn seated(seat: usize, secret: &str) -> Event {
    let json = serde_json::to_string(secret).unwrap();
    let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let octets = STANDARD.encode(format!("bob:{secret}"));
    let inner = serde_json::to_string(&format!("{{\"token\":{json}}}")).unwrap();
    match seat {
        0 => operation(
            "/",
            &[("Authorization", &format!("Basic {octets}"))],
            "",
            &[],
            "",
        ),
        1 => operation(&format!("/x?a=b&password={form}"), &[], "", &[], ""),
        2 => operation(
            "/",
            &[],
            &format!("{{\"a\": [1, {{\"apiKey\" :{json} }}]}}"),
            &[],
            "",
        ),
        3 => operation(
            "/",
            &[("content-type", "application/x-www-form-urlencoded")],
            &format!("pwd={form}&x="),
            &[],
            "",
        ),
        4 => operation("/", &[], "", &[], &format!("{{\"a\":{inner}}}")),
        5 => operation(
            "/",
            &[],
            "",
            &[("Set-Cookie", &format!("SID={form}; Path=/"))],
            "",
        ),
        _ => operation(
            "/",
            &[],
            &format!("data: {{\"token\":{json}}}\n\ndata: x\n"),
            &[],
            "",
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_secret_is_found_anywhere_afterwards(
        secret in "[a-zA-Z0-9/+\"&%é;-]{8,30}",
        seats in proptest::collection::vec(0_usize..7, 1..4),
    ) {
        prop_assume!(secret.chars().filter(char::is_ascii_alphanumeric).count() >= 6);
        let mut redactor = redactor();
        for seat in seats {
            let mut event = seated(seat, &secret);
            let secrets = redactor.rules().secrets(&event);
            prop_assert!(secrets.iter().any(|found| found.value == secret), "{seat} {secrets:?}");
            redactor.redact(&mut event);
            let text = crate::tape::wire::write_event(&event);
            let json = serde_json::to_string(&secret).unwrap();
            let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            for spelled in [&secret, json.trim_matches('"'), &form] {
                prop_assert!(!text.contains(spelled), "{seat} {text}");
            }
            // The same pseudonym stands in the same spelling, and nothing else is different.
            prop_assert_eq!(event, seated(seat, &made(&secret)));
        }
    }

    #[test]
    fn any_text_is_gone_through_without_harm(text in ".{0,200}", kind in 0_usize..4) {
        let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/plain"];
        let fields = [("content-type", kinds[kind]), ("cookie", text.as_str()), ("authorization", text.as_str())];
        let event = operation(&text, &fields, &text, &fields, &text);
        let once = redacted(event.clone());
        prop_assert_eq!(&once, &redacted(event));
    }
}
