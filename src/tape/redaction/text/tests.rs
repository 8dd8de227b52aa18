//! Which texts are plain, and that nothing would be found in them.

use proptest::prelude::*;

use super::super::{Edit, Redaction, Rules, Where};
use super::*;

/// Shouts: every secret, and all that is known.
struct Shouting;

impl Edit for Shouting {
    fn secret(&mut self, _: Where<'_>, value: &str) -> Option<String> {
        Some(value.to_uppercase())
    }

    fn other(&mut self, octets: &[u8]) -> Option<Vec<u8>> {
        let known = octets.windows(2).any(|two| two == b"ab");
        known.then(|| octets.to_ascii_uppercase())
    }

    fn name(&mut self, _: &str) -> Option<String> {
        None
    }
}

proptest! {
    #[test]
    fn a_plain_text_stays_as_if_all_were_looked_for(
        text in "[a-cJ0-9 =.,;&é]{0,16}|[ -~]{0,16}|[a-zA-Z0-9/_-]{0,40}",
    ) {
        let rules = Rules::new(&Redaction::default()).unwrap();
        let mut edit = Shouting;
        let mut walk = Walk::new(&rules, &mut edit);
        let marks = Marks::of(&text);
        if !begins_json(&text) && walk.is_plain(&text, marks) {
            prop_assert_eq!(walk.prose(&"text", &text, marks), walk.rest(&text));
        }
        prop_assert_eq!(begins_json(&text), text.trim_start().starts_with(['{', '[', '"']));
        if walk.is_plain_path(&text) {
            walk.known = Known::Nowhere;
            for segment in text.split('/') {
                prop_assert_eq!(walk.text(&"path", segment), None);
                prop_assert!(!begins_json(segment));
                prop_assert_eq!(walk.prose(&"path", segment, Marks::of(segment)), None);
                prop_assert!(matches!(Spelling::Percent.read(segment), Cow::Borrowed(_)));
            }
        }
    }
}

#[test]
fn what_says_nothing_is_plain_and_what_may_is_not() {
    let looking = Redaction {
        patterns: vec!["CUST-[0-9]+".into()],
        ..Redaction::default()
    };
    let [usual, looking] =
        [Redaction::default(), looking].map(|redaction| Rules::new(&redaction).unwrap());
    for (text, plain, path) in [
        ("hello, all of you", true, false),
        ("/calls/17", true, true),
        ("/api/v2/me/chats/17", false, true),
        ("/a%41/b", true, false),
        ("/a/d2hvOmFiYy0x", false, false),
        ("/a;sid=1", false, false),
        ("eyJ", false, false),
        ("a\nb", false, false),
        ("f(x)", false, false),
        ("<b>", false, false),
    ] {
        let mut edit = Shouting;
        let walk = Walk::new(&usual, &mut edit);
        assert_eq!(walk.is_plain(text, Marks::of(text)), plain, "{text}");
        assert_eq!(walk.is_plain_path(text), path, "{text}");
        let mut edit = Shouting;
        let walk = Walk::new(&looking, &mut edit);
        assert!(!walk.is_plain(text, Marks::of(text)) && !walk.is_plain_path(text));
    }
}
