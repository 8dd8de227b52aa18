//! The headings of a page: which part of a sample begins here, whose it is, and whether it shows a
//! success or a failure.

/// A heading that means something to the importer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    /// A request, a response or a notification begins, or the outcome of what follows is said.
    Part(Part),
    /// The samples begin, or the next one does.
    Sample,
    /// The parameter table begins.
    Parameters,
}

/// What a heading says of the samples under it. What it leaves unsaid is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) role: Option<Role>,
    pub(super) outcome: Option<Outcome>,
    /// The name of the session whose part it is: `agent2`.
    pub(super) actor: Option<String>,
    /// Which of the actor's parts it is: 3 for `Third`.
    pub(super) ordinal: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Request,
    Response,
    Notification,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
}

/// More words than any heading has; a longer line is prose.
const MOST_WORDS: usize = 8;

const ORDINALS: &[&str] = &[
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

const NUMBERS: &[&str] = &["one", "two", "three", "four", "five", "six"];

/// People whose part may be shown without an ordinal.
const ACTORS: &[&str] = &[
    "agent",
    "supervisor",
    "customer",
    "client",
    "user",
    "administrator",
    "admin",
    "caller",
];

/// Words that a heading may have and that change nothing.
const FILLERS: &[&str] = &[
    "http", "https", "cometd", "bayeux", "rest", "json", "body", "message", "messages", "payload",
    "the", "a", "for", "to", "of", "from", "by", "sent", "received", "sample", "samples",
    "example", "examples", "and", "case",
];

/// The heading that a line is, if it is one, with or without wiki marks and a colon around it.
pub(super) fn recognise(line: &str) -> Option<Heading> {
    let text = undecorated(line);
    if text.is_empty() || text.len() > 100 || text.ends_with(['.', ',', ';', '?', '!']) {
        return None;
    }
    if text.contains([
        '{', '}', '[', ']', '"', '\'', '/', '=', '<', '|', '\u{201c}', '\u{2018}',
    ]) {
        return None;
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ':' | '#' | '-' | '\u{2013}'))
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() || words.len() > MOST_WORDS {
        return None;
    }
    let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    match lower.as_slice() {
        ["parameters" | "parameter"] | [_, "parameters"] if lower.len() < 3 => {
            return Some(Heading::Parameters);
        }
        ["sample" | "samples" | "example" | "examples"] => return Some(Heading::Sample),
        ["sample" | "example", number] if number.parse::<usize>().is_ok() => {
            return Some(Heading::Sample);
        }
        _ => {}
    }
    part(&words, &lower).map(Heading::Part)
}

/// A line without what only marks it as a heading.
pub(super) fn undecorated(line: &str) -> &str {
    let marks =
        |c: char| c.is_whitespace() || matches!(c, '=' | '*' | '#' | '_' | '|' | '`' | '\u{a0}');
    let mut text = line.trim_matches(marks);
    for quotes in ["'''''", "'''", "''"] {
        if let Some(inner) = text
            .strip_prefix(quotes)
            .and_then(|inner| inner.trim_end_matches(':').strip_suffix(quotes))
        {
            text = inner;
        }
    }
    text.trim_matches(marks).trim_end_matches(':').trim_end()
}

fn part(words: &[&str], lower: &[&str]) -> Option<Part> {
    let mut part = Part::default();
    let mut strangers: Vec<&str> = Vec::new();
    let mut index = 0;
    while let Some(word) = lower.get(index) {
        let original = words.get(index).copied().unwrap_or_default();
        index += 1;
        if let Some(role) = role(word) {
            // "Response Notification" would be two parts at once.
            if part.role.replace(role).is_some() {
                return None;
            }
        } else if let Some(outcome) = outcome(word) {
            part.outcome = Some(outcome);
        } else if let Some(number) = ordinal(word) {
            part.ordinal = Some(number);
        } else if let Some((actor, more)) = actor(word, lower.get(index).copied()) {
            index += more;
            if part.actor.replace(actor).is_some() {
                return None;
            }
        } else if matches!(*word, "last" | "final") || FILLERS.contains(word) {
            // says nothing that is used
        } else if original.starts_with(|c: char| c.is_uppercase()) {
            strangers.push(word);
        } else {
            return None;
        }
    }
    // What CometD answers is pushed.
    if part.role == Some(Role::Response) && lower.contains(&"cometd") {
        part.role = Some(Role::Notification);
    }
    match strangers.as_slice() {
        [] => {}
        // "Barging Supervisor Second Notification", "Initiator First Notification": whoever it is,
        // a numbered notification is somebody's.
        [_] | [_, _] if part.role == Some(Role::Notification) && part.ordinal.is_some() => {
            strangers.extend(part.actor.as_deref());
            part.actor = Some(strangers.join("-"));
        }
        _ => return None,
    }
    // An actor or a number alone is no heading.
    (part.role.is_some() || part.outcome.is_some()).then_some(part)
}

fn role(word: &str) -> Option<Role> {
    match word {
        "request" | "requests" => Some(Role::Request),
        "response" | "responses" | "reply" | "output" => Some(Role::Response),
        "notification" | "notifications" | "event" | "events" => Some(Role::Notification),
        _ => None,
    }
}

fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "success" | "successful" | "succeeded" | "ok" => Some(Outcome::Success),
        "failure" | "failures" | "failed" | "unsuccessful" | "error" | "errors" => {
            Some(Outcome::Failure)
        }
        _ => None,
    }
}

fn ordinal(word: &str) -> Option<usize> {
    if let Some(index) = ORDINALS.iter().position(|ordinal| *ordinal == word) {
        return Some(index + 1);
    }
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = word.strip_prefix(digits)?;
    matches!(ending, "" | "st" | "nd" | "rd" | "th").then(|| digits.parse().ok())?
}

/// The session that a word names, and how many of the following words belong to the name:
/// `agent2`, `agent 2`, `agent b`, `supervisor`.
fn actor(word: &str, next: Option<&str>) -> Option<(String, usize)> {
    let word = word.trim_end_matches("\u{2019}s");
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit());
    if !ACTORS.contains(&name) {
        return None;
    }
    if name != word {
        return Some((word.to_owned(), 0));
    }
    let number = next.and_then(|next| {
        let digits = next
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| next.to_owned());
        let spelled = || {
            let index = NUMBERS.iter().position(|number| *number == next)?;
            Some((index + 1).to_string())
        };
        let letter = || (next.len() == 1).then(|| format!("-{next}"));
        digits.or_else(spelled).or_else(letter)
    });
    match (number, name) {
        (Some(number), name) => Some((format!("{name}{number}"), 1)),
        // The one agent of a page is the one who calls.
        (None, "agent") => Some(("agent1".to_owned(), 0)),
        (None, name) => Some((name.to_owned(), 0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = (Option<Role>, Option<Outcome>, Option<String>, Option<usize>);

    fn parts(line: &str) -> Option<Fields> {
        match recognise(line)? {
            Heading::Part(part) => Some((part.role, part.outcome, part.actor, part.ordinal)),
            Heading::Sample | Heading::Parameters => None,
        }
    }

    #[test]
    fn every_form_is_read() {
        use Outcome::{Failure, Success};
        use Role::{Notification, Request, Response};
        for (line, expected) in [
            ("Request", (Some(Request), None, None, None)),
            ("HTTP Request", (Some(Request), None, None, None)),
            ("===Request===", (Some(Request), None, None, None)),
            ("REQUEST:", (Some(Request), None, None, None)),
            ("Sample Request", (Some(Request), None, None, None)),
            ("Request Example", (Some(Request), None, None, None)),
            (" response ", (Some(Response), None, None, None)),
            ("HTTP Response", (Some(Response), None, None, None)),
            (
                "Response (Success)",
                (Some(Response), Some(Success), None, None),
            ),
            (
                "Failure Response",
                (Some(Response), Some(Failure), None, None),
            ),
            ("CometD Response", (Some(Notification), None, None, None)),
            (
                "CometD notification",
                (Some(Notification), None, None, None),
            ),
            ("Notifications:", (Some(Notification), None, None, None)),
            ("Successful", (None, Some(Success), None, None)),
            ("Success", (None, Some(Success), None, None)),
            ("''Failure''", (None, Some(Failure), None, None)),
        ] {
            assert_eq!(parts(line), Some(expected), "{line}");
        }
        assert_eq!(recognise("Sample"), Some(Heading::Sample));
        assert_eq!(recognise("== Sample #2 =="), Some(Heading::Sample));
        assert_eq!(recognise("Parameters"), Some(Heading::Parameters));
    }

    #[test]
    fn actors_and_ordinals_are_read() {
        use Role::{Notification, Request};
        let agent = |name: &str| Some(name.to_owned());
        for (line, expected) in [
            (
                "First Notification",
                (Some(Notification), None, None, Some(1)),
            ),
            ("Notification 2", (Some(Notification), None, None, Some(2))),
            (
                "2nd Notification",
                (Some(Notification), None, None, Some(2)),
            ),
            (
                "Agent1 First Notification",
                (Some(Notification), None, agent("agent1"), Some(1)),
            ),
            (
                "'''Agent2 Fourth Notification'''",
                (Some(Notification), None, agent("agent2"), Some(4)),
            ),
            (
                "Agent 3 Second notification:",
                (Some(Notification), None, agent("agent3"), Some(2)),
            ),
            (
                "Agent B Notification",
                (Some(Notification), None, agent("agent-b"), None),
            ),
            (
                "Agent Two Notification",
                (Some(Notification), None, agent("agent2"), None),
            ),
            (
                "Agent First Notification",
                (Some(Notification), None, agent("agent1"), Some(1)),
            ),
            (
                "Notification for Agent2",
                (Some(Notification), None, agent("agent2"), None),
            ),
            (
                "Supervisor First Notification",
                (Some(Notification), None, agent("supervisor"), Some(1)),
            ),
            (
                "Invited Expert Third Notification",
                (Some(Notification), None, agent("invited-expert"), Some(3)),
            ),
            (
                "Agent1 Request",
                (Some(Request), None, agent("agent1"), None),
            ),
        ] {
            assert_eq!(parts(line), Some(expected), "{line}");
        }
    }

    #[test]
    fn prose_and_content_are_no_headings() {
        for line in [
            "",
            "}",
            "'type': 'Notification',",
            "Request URL /api/v2/me/chats/{id}",
            "Request URL",
            "The response holds the status.",
            "After the request a notification arrives",
            "Status changed to Chatting",
            "Agent2",
            "First",
            "notification, and then the response",
            "Response Notification",
            "Chat Notification",
            "914165a5841348aa94ccfccd56917443',",
        ] {
            assert_eq!(recognise(line), None, "{line}");
        }
    }
}
