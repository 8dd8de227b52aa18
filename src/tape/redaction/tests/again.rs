//! What becomes of header fields and content that come again, while secrets are learned.

use std::ops::Range;

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
    "content-type",
    "content-type",
];

/// The parts that the events of a case are made of, so that the same ones come again and again.
#[derive(Clone, Debug)]
struct Parts {
    fields: Vec<(&'static str, String)>,
    texts: Vec<String>,
}

/// What is done with an event of these parts.
#[derive(Clone, Copy, Debug)]
enum Step {
    Redact,
    Learn,
    Settle,
    Replace,
}

/// Which parts an event is made of: its fields, by where they begin and how many they are, and its texts.
type Picks = ((usize, usize), (usize, usize), [usize; 3]);

/// A text that may hold a secret, in some spelling and by some name.
fn text() -> impl Strategy<Value = String> {
    (0..SECRETS.len(), 0_usize..24).prop_map(|(secret, way)| {
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
            15 => "application/x-www-form-urlencoded".to_owned(),
            16 => "multipart/form-data; boundary=b".to_owned(),
            17 => "application/octet-stream".to_owned(),
            18 => "image/png".to_owned(),
            19 => format!(
                "--b\r\ncontent-disposition: form-data; name=\"token\"\r\n\r\n{secret}\r\n--b--"
            ),
            20 => format!("token={form}&x={form}"),
            21 => format!("x={form}"),
            22 => format!("<input name=\"csrf_token\" value={json}>"),
            _ => "17".to_owned(),
        }
    })
}

fn parts() -> impl Strategy<Value = Parts> {
    let field = (proptest::sample::select(NAMES), text());
    let fields = proptest::collection::vec(field, 3..7);
    let texts = proptest::collection::vec(text(), 3);
    (fields, texts).prop_map(|(fields, texts)| Parts { fields, texts })
}

/// Steps of which each has one of so many heads, to which so many fields belong.
fn steps(heads: usize, fields: Range<usize>) -> impl Strategy<Value = Vec<(Step, Picks)>> {
    let step = prop_oneof![
        8 => Just(Step::Redact),
        1 => Just(Step::Learn),
        1 => Just(Step::Settle),
        1 => Just(Step::Replace),
    ];
    let picks = (
        (0..heads, fields.clone()),
        (0..heads, fields),
        [0_usize..5, 0_usize..5, 0_usize..5],
    );
    proptest::collection::vec((step, picks), 1..16)
}

impl Parts {
    fn event(&self, (asked, answered, texts): Picks) -> Event {
        let fields = |(first, count): (usize, usize)| -> Vec<(&str, &str)> {
            let fields = self.fields.iter().cycle().skip(first).take(count);
            fields
                .map(|(name, value)| (*name, value.as_str()))
                .collect()
        };
        // Most events say none of the texts: what they say is learned, and stands in fields and content afterwards.
        let [part, body, answer] = texts.map(|at| self.texts.get(at).map_or("", String::as_str));
        let part: String = form_urlencoded::byte_serialize(part.as_bytes()).collect();
        let target = format!("/api/v2/{part}?x={part}");
        operation(&target, &fields(asked), body, &fields(answered), answer)
    }
}

/// What becomes of the event.
fn done(redactor: &mut Redactor, step: Step, mut event: Event) -> Event {
    match step {
        Step::Redact => redactor.redact(&mut event),
        Step::Learn => redactor.learn(&event),
        Step::Settle => {
            let rules = Rules::new(&Redaction::default()).unwrap();
            redactor.settle(&rules, &event);
        }
        Step::Replace => redactor.replace(&mut event),
    }
    event
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_comes_again_becomes_what_it_would_without_memory(
        parts in parts(),
        // Of few heads each comes often enough to be remembered as a whole.
        steps in prop_oneof![steps(7, 0..4), steps(2, 2..4)],
    ) {
        let (mut remembering, mut forgetful) = (redactor(), redactor());
        for (step, picks) in steps {
            let event = parts.event(picks);
            forgetful.look_anew();
            let expected = done(&mut forgetful, step, event.clone());
            prop_assert_eq!(done(&mut remembering, step, event), expected);
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

#[test]
fn what_is_learned_later_is_found_in_content_that_was_clean_before() {
    let asked = || operation("/", &[], "of 7f3a9c0d1e2b", &[], "of 7f3a9c0d1e2b");
    let mut redactor = redactor();
    for _ in 0..3 {
        let mut event = asked();
        redactor.redact(&mut event);
        assert_eq!(event, asked());
    }
    let mut login = operation("/", &[], "", &[("set-cookie", "SID=7f3a9c0d1e2b")], "");
    redactor.redact(&mut login);
    let told = format!("of {}", made("7f3a9c0d1e2b"));
    for _ in 0..3 {
        let mut event = asked();
        redactor.redact(&mut event);
        assert_eq!(request(&event).body.text(), Some(told.as_str()));
    }
}

#[test]
fn what_an_event_teaches_is_found_in_all_its_fields() {
    let secret = "7f3a9c0d1e2b";
    let (cookie, note) = (format!("SID={secret}"), format!("of {secret}"));
    let fields = [("x-a", note.as_str()), ("cookie", &cookie), ("x-b", &note)];
    let mut redactor = redactor();
    for _ in 0..2 {
        let mut event = operation("/", &fields, "", &[], "");
        redactor.redact(&mut event);
        let note = format!("of {}", made(secret));
        assert_eq!(field(&event, "x-a"), note);
        assert_eq!(field(&event, "x-b"), note);
    }
}

#[test]
fn a_secret_that_was_only_replaced_is_learned_when_it_comes_again() {
    let secret = "7f3a9c0d1e2b";
    let cookie = format!("SID={secret}");
    let asked = || operation("/", &[("cookie", cookie.as_str())], secret, &[], "");
    let mut redactor = redactor();
    let mut event = asked();
    redactor.replace(&mut event);
    assert_eq!(request(&event).body.text(), Some(secret));
    let mut event = asked();
    redactor.redact(&mut event);
    assert_eq!(field(&event, "cookie"), format!("SID={}", made(secret)));
    assert_eq!(request(&event).body.text(), Some(made(secret).as_str()));
}
