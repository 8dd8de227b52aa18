//! The tapes that the bench plays, made up: many operations, many listeners, or a long talk.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use super::servers::answer;
use super::work::{PUSHED, TARGET, content};

const HEADER: &str = r#"{"kind":"header","antiphon":1,"title":"bench","source":"the bench","endpoint":"/api/v2/notifications"}"#;

/// Two sessions of the long talk speak this many times each: one time a second for ten minutes.
const SPOKEN: u64 = 600;

/// A tape of one session with so many operations, each at a path of its own, whose answers have so
/// many bytes. How many bytes it has itself.
pub(crate) fn operations(file: &Path, count: usize, bytes: usize) -> u64 {
    let mut tape = BufWriter::new(File::create(file).unwrap());
    writeln!(tape, "{HEADER}").unwrap();
    let (asked, answered) = (content(), answer(bytes));
    for number in 0..count {
        let at = number * 1_000;
        let target = format!("{TARGET}{number}");
        let line = operation(
            number + 1,
            "agent1",
            at as u64,
            &target,
            (&asked, &answered),
        );
        writeln!(tape, "{line}").unwrap();
    }
    tape.flush().unwrap();
    std::fs::metadata(file).unwrap().len()
}

/// A tape of so many sessions that listen, and a first one whose operations each notify all of them.
pub(crate) fn pushes(file: &Path, listeners: usize, operations: usize) {
    let mut tape = BufWriter::new(File::create(file).unwrap());
    writeln!(tape, "{HEADER}").unwrap();
    let (asked, answered, data) = (content(), answer(16), answer(PUSHED));
    let mut id = 0;
    for number in 0..operations {
        let at = number as u64 * 1_000_000;
        id += 1;
        let cause = id;
        let target = format!("{TARGET}{number}");
        let line = operation(id, "caller", at, &target, (&asked, &answered));
        writeln!(tape, "{line}").unwrap();
        for listener in 0..listeners {
            id += 1;
            let session = format!("listener{listener}");
            let line = notification(id, &session, at + 2_000, cause, &data);
            writeln!(tape, "{line}").unwrap();
        }
    }
    tape.flush().unwrap();
}

/// A talk of ten minutes between two agents: each speaks once a second, and both hear it.
pub(crate) fn talk(file: &Path) {
    let mut tape = BufWriter::new(File::create(file).unwrap());
    writeln!(tape, "{HEADER}").unwrap();
    let (asked, answered, data) = (content(), answer(16), answer(PUSHED));
    let mut id = 0;
    for second in 0..SPOKEN {
        for (place, speaker) in ["agent1", "agent2"].into_iter().enumerate() {
            let at = second * 1_000_000 + place as u64 * 500_000;
            id += 1;
            let cause = id;
            let target = format!("{TARGET}{second}/{speaker}");
            let line = operation(id, speaker, at, &target, (&asked, &answered));
            writeln!(tape, "{line}").unwrap();
            for listener in ["agent1", "agent2"] {
                id += 1;
                let line = notification(id, listener, at + 2_000, cause, &data);
                writeln!(tape, "{line}").unwrap();
            }
        }
    }
    tape.flush().unwrap();
}

fn operation(
    id: usize,
    session: &str,
    at: u64,
    target: &str,
    (asked, answered): (&str, &str),
) -> String {
    let end = at + 500;
    let kind = r#"[["content-type","application/json"]]"#;
    format!(
        r#"{{"kind":"operation","id":{id},"session":"{session}","at":{at},"answered":{end},"request":{{"method":"POST","target":"{target}","headers":{kind},"body":{{"json":{asked}}}}},"response":{{"status":200,"headers":{kind},"body":{{"json":{answered}}}}}}}"#
    )
}

fn notification(id: usize, session: &str, at: u64, cause: usize, data: &str) -> String {
    format!(
        r#"{{"kind":"notification","id":{id},"session":"{session}","at":{at},"channel":"/v2/me/chats","after":[{cause}],"data":{{"json":{data}}}}}"#
    )
}
