//! A shift on a tape in which a person has blotted out every cookie and password, replayed to all agents
//! at once: each logs in, gets a cookie that works, and has its own session.

use std::fs;

use crate::agent::Library;
use crate::server::Server;

use super::part::Tempo;
use super::recorded::{Recorded, cast, play};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 200;

/// What stands before a secret on the tape of the desk.
const SECRETS: &[&str] = &["DESKSESSION=", "password="];

/// The text with stars after each of these marks, and how many stand there.
fn blotted(text: &str) -> (String, usize) {
    let mut text = text.to_owned();
    let mut count = 0;
    for mark in SECRETS {
        let mut pieces = text.split(mark);
        let mut stars = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let end = piece.find([';', '&', '"', '\\']).unwrap();
            stars.push_str(mark);
            stars.push_str("***");
            stars.push_str(&piece[end..]);
            count += 1;
        }
        text = stars;
    }
    (text, count)
}

#[test]
fn agents_whose_cookies_are_stars_on_the_tape_have_a_session_each() {
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let (text, count) = blotted(&fs::read_to_string(recorded.tape()).unwrap());
    assert!(count > 2 * parts.len(), "{count}");
    fs::write(recorded.tape(), text).unwrap();
    super::verified(&recorded.tape());
    let replay = Server::replay_of(&recorded.tape(), POLL);
    let mut agents = cast(parts, &replay.origin, &Library::PLAIN);
    play(parts, &mut agents, &vec![Tempo::plain(); parts.len()]);
    let report = replay.clean_report();
    let taken = report["placeholders"]["total"].as_u64().unwrap();
    assert!(taken > 2 * parts.len() as u64, "{report}");
    replay.end_well();
}
