//! What the looks of a value say: whether somebody made it up for the occasion, and whether its field
//! chooses between the things that a service can do.

/// A shorter value with digits in it may be a count or a name of something.
const MIN_MADE: usize = 6;

/// The fewest letters that no digit interrupts of something made up: keys in base64, not words.
const MIN_MADE_LETTERS: usize = 20;

/// The fewest digits of a number that was not counted up to: times in seconds have ten.
const MIN_MADE_NUMBER: usize = 8;

/// The shortest text that a client is taken to have chosen: a shorter one recurs by chance.
const MIN_CHOSEN: usize = 3;

/// The fewest digits of a number that a client is taken to have chosen.
const MIN_CHOSEN_NUMBER: usize = 5;

/// The longest value that is followed.
const MAX_CHOSEN: usize = 4_096;

/// Words in the names of fields that say what a service shall do, or of what kind something is. A
/// client that says another thing there wants another thing.
const SELECTORS: &[&str] = &[
    "action",
    "category",
    "cmd",
    "code",
    "command",
    "event",
    "format",
    "kind",
    "lang",
    "locale",
    "method",
    "mode",
    "op",
    "operation",
    "reason",
    "state",
    "status",
    "type",
    "verb",
    "version",
];

/// Whether a value looks as if it was made up for one occasion: an identifier, a time, a token.
pub(super) fn is_made(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    if text.len() > MAX_CHOSEN || text.contains(char::is_whitespace) {
        false
    } else if letters == 0 {
        digits >= MIN_MADE_NUMBER
    } else if digits == 0 {
        let upper = text.chars().filter(|c| c.is_uppercase()).count();
        letters >= MIN_MADE_LETTERS && upper * 4 >= letters && upper < letters
    } else {
        text.len() >= MIN_MADE && (digits >= 3 || turns(text) >= 2)
    }
}

/// Whether a client may have chosen this text by itself.
pub(super) fn is_choosable(text: &str) -> bool {
    (MIN_CHOSEN..=MAX_CHOSEN).contains(&text.len()) && !matches!(text, "true" | "false" | "null")
}

/// Whether a client may have chosen this number by itself.
pub(super) fn is_choosable_number(text: &str) -> bool {
    text.len() >= MIN_CHOSEN_NUMBER
}

/// Whether the field at this place says what shall be done, and not with what.
pub(super) fn selects(pointer: &str) -> bool {
    let named = |step: &&str| !step.is_empty() && !step.bytes().all(|byte| byte.is_ascii_digit());
    let name = pointer.rsplit('/').find(named).unwrap_or_default();
    humps(name).any(|hump| SELECTORS.contains(&hump.as_str()))
}

/// The words that a name in camel case, snake case or kebab case is made of, in lower case.
fn humps(name: &str) -> impl Iterator<Item = String> {
    let mut words = vec![String::new()];
    let mut before = None;
    for c in name.chars() {
        let begins = c.is_uppercase() && before.is_some_and(char::is_lowercase);
        if (begins || !c.is_alphanumeric())
            && let Some(last) = words.last()
            && !last.is_empty()
        {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(last) = words.last_mut()
        {
            last.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.into_iter()
}

/// How often letters and digits take turns.
fn turns(text: &str) -> usize {
    let mut kinds = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.is_ascii_digit());
    let Some(mut last) = kinds.next() else {
        return 0;
    };
    let mut turns = 0;
    for kind in kinds {
        turns += usize::from(kind != last);
        last = kind;
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_values_are_told_from_words_and_counts() {
        for text in [
            "550e8400-e29b-41d4-a716-446655440000",
            "1392308459000",
            "2026-11-23T08:00:00Z",
            "0.7317946",
            "req-00017",
            "eyJhbGciOiJIUzI1NiJ9",
            "QWxhZGRpbjpPcGVuU2VzYW1lQQ",
        ] {
            assert!(is_made(text), "{text}");
        }
        for text in [
            "",
            "Kate",
            "hello there",
            "5002",
            "call-1",
            "RemoveParticipantFromConference",
            "v2",
            "at 10:00 on 2026-11-23",
        ] {
            assert!(!is_made(text), "{text}");
        }
    }

    #[test]
    fn fields_that_say_what_shall_be_done_are_told_by_their_names() {
        for pointer in [
            "/operationName",
            "/a/state",
            "/message_type",
            "/Event",
            "/kind/0",
        ] {
            assert!(selects(pointer), "{pointer}");
        }
        for pointer in [
            "/nickname",
            "/text",
            "/estate",
            "/prototype",
            "/state/name",
            "",
        ] {
            assert!(!selects(pointer), "{pointer}");
        }
    }
}
