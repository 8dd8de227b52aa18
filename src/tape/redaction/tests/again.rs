//! What becomes of header fields that come again, while secrets are learned.

use super::*;

/// What is a secret where its name says so, and stands elsewhere too.
const SECRETS: &[&str] = &[
    "abc-12345678",
    "abc-12345678-long",
    "s3cr<t&-0123",
    "7f3a9c0d1e2b",
    "pin4",
    "a%20b/c+d\"e",
];

const NAMES: &[&str] = &[
    "accept",
    "x-note",
    "cookie",
    "set-cookie",
    "authorization",
    "x-csrf-token",
    "www-authenticate",
    "referer",
];

/// What is done with an event.
#[derive(Clone, Debug)]
enum Step {
    Redact(Event),
    Learn(Event),
    Settle(Event),
    Replace(Event),
}

/// A text that may hold a secret, in some spelling and by some name.
fn text() -> impl Strategy<Value = String> {
    (0..SECRETS.len(), 0_usize..16).prop_map(|(secret, way)| {
        let secret = SECRETS[secret];
        let json = serde_json::to_string(secret).unwrap();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        match way {
            0 => secret.to_owned(),
            1 => format!("of {secret}, and more"),
            2 => format!("SID={form}; theme=dark"),
            3 => format!("Bearer {secret}"),
            4 => format!("Basic {}", STANDARD.encode(format!("bob:{secret}"))),
            5 => STANDARD.encode(format!("who:{secret} is here")),
            6 => format!("https://h/x?token={form}&page=2"),
            7 => format!("{{\"token\":{json}}}"),
            8 => format!("{{\"a\":[{json},{{\"b\":1234567890}}]}}"),
            9 => format!("Digest realm=\"r\", nonce=\"{form}\""),
            10 => format!("a: {secret}\nsid: {secret}"),
            11 => "application/json".to_owned(),
            12 => "*/*".to_owned(),
            13 => "t".repeat(40),
            14 => String::new(),
            _ => "17".to_owned(),
        }
    })
}

fn fields() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    proptest::collection::vec((proptest::sample::select(NAMES), text()), 0..4)
}

fn event() -> impl Strategy<Value = Event> {
    let parts = (text(), fields(), text(), fields(), text());
    parts.prop_map(|(part, fields, body, answer, answered)| {
        let part: String = form_urlencoded::byte_serialize(part.as_bytes()).collect();
        let target = format!("/api/v2/{part}?x={part}");
        operation(&target, &lent(&fields), &body, &lent(&answer), &answered)
    })
}

fn lent<'a>(fields: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    let fields = fields.iter();
    fields
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => event().prop_map(Step::Redact),
        1 => event().prop_map(Step::Learn),
        1 => event().prop_map(Step::Settle),
        1 => event().prop_map(Step::Replace),
    ]
}

/// What becomes of the event.
fn done(redactor: &mut Redactor, step: Step) -> Event {
    match step {
        Step::Redact(mut event) => {
            redactor.redact(&mut event);
            event
        }
        Step::Learn(event) => {
            redactor.learn(&event);
            event
        }
        Step::Settle(event) => {
            let rules = Rules::new(&Redaction::default()).unwrap();
            redactor.settle(&rules, &event);
            event
        }
        Step::Replace(mut event) => {
            redactor.replace(&mut event);
            event
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_field_that_comes_again_becomes_what_it_would_without_memory(
        steps in proptest::collection::vec(step(), 1..16),
    ) {
        let (mut remembering, mut forgetful) = (redactor(), redactor());
        for step in steps {
            forgetful.look_anew();
            let expected = done(&mut forgetful, step.clone());
            prop_assert_eq!(done(&mut remembering, step), expected);
        }
        for secret in SECRETS {
            let (known, drawn) = remembering.made(secret);
            prop_assert!(known.is_none_or(|known| known == drawn), "{secret}");
        }
    }
}

#[test]
fn what_is_learned_later_is_found_in_a_field_that_was_clean_before() {
    let fields = [("x-note", "of 7f3a9c0d1e2b"), ("accept", "*/*")];
    let asked = || operation("/", &fields, "", &[], "");
    let mut redactor = redactor();
    for _ in 0..2 {
        let mut event = asked();
        redactor.redact(&mut event);
        assert_eq!(event, asked());
        assert_eq!(redactor.seen("x-note", fields[0].1), Some(Outcome::Stays));
    }
    let mut login = operation("/", &[], "", &[("set-cookie", "SID=7f3a9c0d1e2b")], "");
    redactor.redact(&mut login);
    assert_eq!(redactor.seen("x-note", fields[0].1), None);
    let note = format!("of {}", made("7f3a9c0d1e2b"));
    for _ in 0..2 {
        let mut event = asked();
        redactor.redact(&mut event);
        assert_eq!(field(&event, "x-note"), note);
        assert_eq!(field(&event, "accept"), "*/*");
        let seen = redactor.seen("x-note", fields[0].1);
        assert_eq!(seen, Some(Outcome::Becomes(note.as_bytes())));
    }
    // What an earlier redaction made stays, from when that is known on.
    let cookie = [("cookie", "SID=7f3a")];
    let told = || operation("/", &cookie, "", &[], "");
    let mut event = told();
    redactor.redact(&mut event);
    assert_eq!(field(&event, "cookie"), format!("SID={}", made("7f3a")));
    let rules = Rules::new(&Redaction::default()).unwrap();
    redactor.settle(&rules, &told());
    let mut event = told();
    redactor.redact(&mut event);
    assert_eq!(event, told());
}
