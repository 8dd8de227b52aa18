//! Agents that make up their own nicknames and reference numbers, at a replay of a desk that was
//! recorded with others: each hears what the agents chose now, and the report says what that was.

use serde_json::{Value, json};

use crate::agent::Library;
use crate::random::Random;
use crate::server::Server;

use super::part::{Part, Tempo, Words};
use super::recorded::{Recorded, cast, play};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 100;

/// How many times other words are made up.
const RUNS: usize = 3;

/// The values that the recorded agents made up, with the operation and the place of each, and whose
/// messages have it.
const CHOSEN: [(&str, &str, &str, &[&str]); 5] = [
    ("carol", "Create", "nickname", &["carol"]),
    ("carol", "Create", "referenceId", &["carol"]),
    ("carol", "Invite", "referenceId", &["bob", "carol"]),
    ("bob", "SendMessage", "text", &["bob", "carol"]),
    ("bob", "SendMessage", "referenceId", &["bob", "carol"]),
];

/// What an agent made up when it was recorded.
fn recorded(parts: &[Part], (name, operation, field, _): (&str, &str, &str, &[&str])) -> Value {
    let part = parts.iter().find(|part| part.name == name).unwrap();
    let contents = part.calls.iter().filter_map(|call| call.content.as_deref());
    let bodies = contents.map(|content| serde_json::from_str::<Value>(content).unwrap());
    let mut called = bodies.filter(|body| body["operationName"] == operation);
    called.next().expect(operation)[field].clone()
}

/// Makes up a value in the place of a recorded one.
fn made_up(random: &mut Random, recorded: &Value) -> Value {
    let number = random.next();
    if recorded.is_number() {
        json!(10_000 + number % 1_000_000_000_000)
    } else {
        json!(format!(
            "Zoë \"{number:x}\" \\ {{{{recorded}}}} {}",
            number % 97
        ))
    }
}

/// Other words in the places of all that the recorded agents made up.
pub(super) fn words(random: &mut Random, parts: &[Part]) -> Vec<(Value, Value)> {
    let word = |chosen: &(&str, &str, &str, &[&str])| {
        let recorded = recorded(parts, *chosen);
        let own = made_up(random, &recorded);
        (recorded, own)
    };
    CHOSEN.iter().map(word).collect()
}

/// Who has heard a value, of those who play these parts.
fn hearers<'a>(parts: &'a [Part], value: &Value) -> Vec<&'a str> {
    let hears = |part: &&Part| {
        let mut messages = part.messages.iter();
        messages.any(|message| message.to_string().contains(&value.to_string()))
    };
    parts.iter().filter(hears).map(|part| part.name).collect()
}

/// What a report must list as chosen where these are the words: by whom and what, sorted.
pub(super) fn chosen(words: &Words) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
    let mut chosen: Vec<(String, String)> = CHOSEN
        .iter()
        .zip(words)
        .map(|((name, _, field, _), (recorded, own))| {
            let (recorded, own) = (text(recorded), text(own));
            let what = format!("had {own:?} instead of {recorded:?} in body /{field}");
            ((*name).to_owned(), what)
        })
        .collect();
    chosen.sort();
    chosen
}

/// What a report lists as chosen.
pub(super) fn listed(report: &Value) -> Vec<(String, String)> {
    let of = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    let list = report["chosen"]["list"].as_array().unwrap().iter();
    let mut listed: Vec<(String, String)> = list
        .map(|one| (of(one, "session"), of(one, "what")))
        .collect();
    listed.sort();
    listed
}

#[test]
fn agents_hear_the_words_that_they_chose_themselves() {
    let mut random = Random::seeded();
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let replay = Server::replay_of(&recorded.tape(), POLL);
    let mut agents = cast(parts, &replay.origin, &Library::PLAIN);
    let tempos = vec![Tempo::plain(); parts.len()];
    play(parts, &mut agents, &tempos);
    let plain = replay.clean_report();
    assert_eq!(plain["chosen"]["total"], 0, "{plain}");
    for _ in 0..RUNS {
        let words = words(&mut random, parts);
        let own: Vec<Part> = parts.iter().map(|part| part.with(&words)).collect();
        for ((_, _, field, who), (recorded, word)) in CHOSEN.iter().zip(&words) {
            assert_eq!(hearers(parts, recorded), *who, "{field}");
            assert_eq!(hearers(&own, word), *who, "{field}");
            assert_eq!(hearers(&own, recorded), [""; 0], "{field}");
        }
        replay.reset();
        play(&own, &mut agents, &tempos);
        let report = replay.clean_report();
        assert_eq!(listed(&report), chosen(&words));
        assert_eq!(report["digest"], plain["digest"]);
    }
    replay.end_well();
}
