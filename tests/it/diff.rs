//! What two tapes differ in.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::tape::{HEADER, piped, stderr, stdout};

/// Two tapes in a folder of their own.
struct Pair {
    folder: TempDir,
    left: PathBuf,
    right: PathBuf,
}

impl Pair {
    /// Tapes with these events, a line each.
    fn new(left: &[String], right: &[String]) -> Pair {
        let folder = TempDir::new().unwrap();
        let [left, right] = [("left.tape", left), ("right.tape", right)].map(|(name, events)| {
            let path = folder.path().join(name);
            write(&path, HEADER, events);
            path
        });
        Pair {
            folder,
            left,
            right,
        }
    }

    fn diff(&self, more: &[&str]) -> Output {
        let mut arguments = vec!["diff", word(&self.left), word(&self.right)];
        arguments.extend(more);
        piped(&arguments, b"")
    }

    /// What differs, without the names of the tapes.
    fn changes(&self, more: &[&str]) -> String {
        let output = self.diff(more);
        let text = stdout(&output);
        let differs = text.lines().any(|line| !line.starts_with("= "));
        assert_eq!(
            output.status.code(),
            Some(i32::from(differs)),
            "{}",
            stderr(&output)
        );
        let lines = text
            .lines()
            .filter(|line| !line.starts_with("---") && !line.starts_with("+++"));
        ended(lines)
    }

    fn config(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("antiphon.json5");
        fs::write(&path, text).unwrap();
        path
    }
}

/// The text of these lines, each with its end.
fn ended<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn write(path: &Path, header: &str, events: &[String]) {
    let lines = [header]
        .into_iter()
        .chain(events.iter().map(String::as_str));
    fs::write(path, ended(lines)).unwrap();
}

/// An operation, with the content of its request and of its response.
fn call(id: u64, session: &str, target: &str, asked: &str, answered: &str) -> String {
    format!(
        r#"{{"kind":"operation","id":{id},"session":"{session}","at":{id},"answered":{id},"request":{{"method":"POST","target":"{target}","headers":[["X-Tenant","{session}"]],"body":{{"json":{asked}}}}},"response":{{"status":200,"headers":[["Date","day {id}"]],"body":{{"json":{answered}}}}}}}"#
    )
}

fn push(id: u64, session: &str, after: u64, data: &str) -> String {
    format!(
        r#"{{"kind":"notification","id":{id},"session":"{session}","at":{id},"channel":"/c","after":[{after}],"data":{{"json":{data}}}}}"#
    )
}

fn fact(session: &str, what: &str) -> String {
    format!(r#"{{"kind":"fact","session":"{session}","at":1,"what":{what}}}"#)
}

#[test]
fn numbers_times_and_spelling_are_no_difference() {
    let pair = Pair::new(
        &[
            call(1, "a", "/x?p=1&q=2", r#"{"n":1,"m":[true]}"#, "{}"),
            fact("a", r#"{"handshake":{"endpoint":"/e","client":"c1"}}"#),
            fact("a", r#"{"comment":{"stream":1,"text":"alive"}}"#),
            push(2, "a", 1, r#"{"x":100}"#),
        ],
        &[
            fact("a", r#"{"handshake":{"endpoint":"/e","client":"c2"}}"#),
            call(7, "a", "/x?q=2&p=1", r#"{"m":[true],"n":1.0}"#, "{}"),
            push(9, "a", 7, r#"{"x":1e2}"#),
        ],
    );
    assert_eq!(pair.changes(&[]), "");
    let output = pair.diff(&[]);
    let words = "3 events the same, 0 differ, 0 only on the first tape, 0 only on the second";
    assert!(stderr(&output).contains(words), "{}", stderr(&output));
}

#[test]
fn what_looks_the_same_and_is_not_says_so() {
    let long = "x".repeat(200);
    let pair = Pair::new(
        &[
            call(1, "a", "/one", "1", &format!(r#""{long}1""#)),
            push(2, "a", 1, "2"),
        ],
        &[
            call(1, "a", "/two", "2", "3"),
            call(3, "a", "/one", "1", &format!(r#""{long}2""#)),
            push(2, "a", 1, "2"),
        ],
    );
    let changes = pair.changes(&[]);
    let shown = "x".repeat(159);
    let further = format!(
        "/response: \"{shown}… (43 more) → \"{shown}… (43 more) (they differ further on)\n"
    );
    assert!(changes.contains(&further), "{changes}");
    let others = "/after: [1] → [1] (where these are other operations)\n";
    assert!(changes.contains(others), "{changes}");
}

#[test]
fn each_kind_of_difference_is_told_under_its_session() {
    let left = [
        call(
            1,
            "a",
            "/calls/1?p=1",
            r#"{"text":"hi"}"#,
            r#"{"statusCode":0}"#,
        ),
        call(2, "a", "/gone", "1", "1"),
        call(3, "b", "/same", "1", "1"),
        push(4, "b", 1, r#"{"list":[1,2]}"#),
        push(5, "b", 3, r#""moved""#),
        fact("b", r#"{"subscribe":"/old"}"#),
    ];
    let right = [
        call(
            1,
            "a",
            "/calls/2",
            r#"{"text":"hi"}"#,
            r#"{"statusCode":2}"#,
        ),
        call(3, "b", "/same", "1", "1"),
        call(6, "b", "/new", "1", "1"),
        push(4, "b", 1, r#"{"list":[1,3]}"#),
        push(8, "b", 1, r#""moved""#),
        fact("b", r#"{"subscribe":"/new"}"#),
    ];
    let pair = Pair::new(&left, &right);
    assert_eq!(
        pair.changes(&[]),
        r#"session a
  ~ operation 1: POST /calls/1?p=1
      /path/2: "1" → "2"
      /query: {"p":"1"} → nothing
      /response/statusCode: 0 → 2
  - operation 2: POST /gone
session b
  + operation 6: POST /new
  ~ notification 4: /c
      /data/list/1: 2 → 3
  ~ notification 5 is 8: /c
      /after: [3] → [1]
  ~ fact: subscribe /old
      /subscribe: "/old" → "/new"
"#
    );
    let output = pair.diff(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_str(stdout(&output)).unwrap();
    let first = json!({
        "kind": "operation",
        "left": {"session": "a", "number": 1, "title": "POST /calls/1?p=1"},
        "right": {"session": "a", "number": 1, "title": "POST /calls/2"},
        "places": [
            {"at": "/path/2", "left": "1", "right": "2"},
            {"at": "/query", "left": {"p": "1"}},
            {"at": "/response/statusCode", "left": 0, "right": 2},
        ],
    });
    assert_eq!(document["changes"][0], first);
    let alone = json!({
        "kind": "operation",
        "left": {"session": "a", "number": 2, "title": "POST /gone"},
    });
    assert_eq!(document["changes"][1], alone);
    let tally =
        ["same", "changed", "only_left", "only_right"].map(|name| document[name].as_u64().unwrap());
    assert_eq!(tally, [1, 4, 1, 1]);
}

#[test]
fn one_event_more_leaves_the_others_as_they_are() {
    let say = |id: u64, text: &str| call(id, "a", "/say", &format!(r#"{{"text":"{text}"}}"#), "0");
    let left: Vec<String> = (1..6).map(|id| say(id, &format!("line {id}"))).collect();
    let mut right = left.clone();
    right.insert(2, say(9, "another"));
    let pair = Pair::new(&left, &right);
    assert_eq!(pair.changes(&[]), "session a\n  + operation 9: POST /say\n");
}

#[test]
fn what_may_differ_is_no_difference() {
    let pair = Pair::new(
        &[
            call(
                1,
                "a",
                "/x/1?_=1",
                r#"{"time":{"at":1}}"#,
                r#"{"list":[{"id":1,"n":1}]}"#,
            ),
            push(2, "a", 1, r#"{"createdAt":1}"#),
        ],
        &[
            call(
                1,
                "a",
                "/x/2?_=2",
                r#"{"time":{"at":2}}"#,
                r#"{"list":[{"id":2,"n":1}]}"#,
            ),
            push(2, "a", 1, r#"{"createdAt":2}"#),
        ],
    );
    let told = |more: &[&str]| -> Vec<String> {
        let changes = pair.changes(more);
        let places = changes
            .lines()
            .filter_map(|line| line.strip_prefix("      "));
        places
            .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
            .collect()
    };
    let all = [
        "/path/2",
        "/query/_",
        "/request/time/at",
        "/response/list/0/id",
        "/data/createdAt",
    ];
    assert_eq!(told(&[]), all);
    assert_eq!(
        told(&["--ignore", "*at", "--ignore", "ID"]),
        ["/path/2", "/query/_"]
    );
    let places = ["path /2", "query _", "body /list/*/id", "body /createdAt"];
    let mut arguments = vec!["--ignore", "time"];
    for place in &places {
        arguments.extend(["--ignore-at", place]);
    }
    assert_eq!(told(&arguments), [] as [&str; 0]);
    let config = pair.config(
        "{match: {ignore: ['body /time', 'body /list', 'query _']}, diff: {ignore: ['createdAt'], ignoreAt: ['path /2']}}",
    );
    // What may differ in requests is another matter than what the service says.
    assert_eq!(told(&["--config", word(&config)]), ["/response/list/0/id"]);
}

#[test]
fn header_fields_differ_where_they_are_to_be_compared() {
    let pair = Pair::new(
        &[call(1, "a", "/", "1", "1")],
        &[call(2, "b", "/", "1", "1")],
    );
    assert_eq!(pair.changes(&[]), "");
    let config = pair.config("{match: {headers: ['x-tenant', 'date']}}");
    assert_eq!(
        pair.changes(&["--config", word(&config)]),
        r#"session a is b
  ~ operation 1 is 2: POST /
      /request_headers/x-tenant: "a" → "b"
      /response_headers/date: "day 1" → "day 2"
"#
    );
}

#[test]
fn values_that_stand_for_one_another_may_be_the_same() {
    let conversation = |id: &str, state: &str| {
        [
            call(
                1,
                "a",
                &format!("/chats/{id}"),
                "1",
                &format!(r#"{{"state":"{state}"}}"#),
            ),
            push(2, "a", 1, &format!(r#"{{"uri":"http://h/chats/{id}"}}"#)),
        ]
    };
    let pair = Pair::new(
        &conversation("c1001", "open"),
        &conversation("c2002", "open"),
    );
    assert_eq!(
        pair.changes(&["--renamed"]),
        "= \"c1001\" is \"c2002\" at 2 places\n"
    );
    let config = pair.config("{diff: {renamed: true}}");
    let config = ["--config", word(&config)];
    assert_eq!(
        pair.changes(&config),
        "= \"c1001\" is \"c2002\" at 2 places\n"
    );
    assert!(
        pair.changes(&[config[0], config[1], "--renamed=false"])
            .contains("/path/2")
    );
    let other = Pair::new(
        &conversation("c1001", "open"),
        &conversation("c2002", "shut"),
    );
    let changes = other.changes(&["--renamed"]);
    assert!(
        changes.contains(r#"/response/state: "open" → "shut""#),
        "{changes}"
    );
    assert!(!changes.contains("/path"), "{changes}");
}

#[test]
fn pseudonyms_of_two_tapes_are_the_same_where_each_stands_for_the_other() {
    let pair = Pair::new(&[], &[]);
    let write = |path: &Path, passwords: [&str; 2]| {
        let header = HEADER.replace('}', r#","redacted":{}}"#);
        let log_in = |(id, password): (u64, &&str)| {
            let asked = format!(r#"{{"password":"{password}","n":1}}"#);
            call(
                id,
                "a",
                "/login",
                &asked,
                &format!(r#"{{"echo":"{password}"}}"#),
            )
        };
        let events: Vec<String> = (1..).zip(&passwords).map(log_in).collect();
        write(path, &header, &events);
    };
    write(&pair.left, ["abcd-e", "fghi-j"]);
    write(&pair.right, ["klmn-o", "pqrs-t"]);
    assert_eq!(pair.changes(&[]), "");
    assert!(stderr(&pair.diff(&[])).contains("2 pseudonyms on each tape"));
    write(&pair.right, ["klmn-o", "klmn-o"]);
    assert_eq!(pair.changes(&[]).matches("/request/password").count(), 2);
}

#[test]
fn sessions_are_paired_by_name_by_order_or_as_the_user_says() {
    let pair = Pair::new(
        &[call(1, "x", "/1", "1", "1"), call(2, "y", "/2", "2", "2")],
        &[call(1, "y", "/1", "1", "1"), call(2, "x", "/2", "2", "2")],
    );
    let changes = pair.changes(&[]);
    assert!(
        changes.contains("session x\n") && changes.contains("session y\n"),
        "{changes}"
    );
    let named = pair.diff(&["--session", "x=y"]);
    assert_eq!(named.status.code(), Some(0));
    assert!(!stderr(&named).contains("has no session"));
    let misspelt = pair.diff(&["--session", "x=yy"]);
    let notice = format!("notice: {} has no session yy\n", word(&pair.right));
    assert!(stderr(&misspelt).contains(&notice), "{}", stderr(&misspelt));
}

#[test]
fn a_folder_of_segments_is_one_tape_however_it_is_packed() {
    let events: Vec<String> = (1..9)
        .map(|id| call(id, "a", &format!("/{id}"), "1", "1"))
        .collect();
    let pair = Pair::new(&events, &events[..7]);
    let folder = pair.folder.path().join("segments.tape");
    fs::create_dir(&folder).unwrap();
    for (number, events) in [(1, &events[..3]), (2, &events[3..])] {
        let segment = format!(r#","segment":{{"recording":"r","number":{number}}}}}"#);
        let header = HEADER.replace('}', &segment);
        write(&folder.join(format!("{number:06}.tape")), &header, events);
    }
    let diff = |left: &Path, right: &Path| piped(&["diff", word(left), word(right)], b"");
    let output = diff(&pair.left, &folder);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output = diff(&folder, &pair.right);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).ends_with("session a\n  - operation 8: POST /8\n"),
        "{}",
        stdout(&output)
    );
    let piped = piped(
        &["diff", "-", word(&folder)],
        &fs::read(&pair.left).unwrap(),
    );
    assert_eq!(piped.status.code(), Some(0), "{}", stderr(&piped));
}

#[test]
fn values_are_told_so_that_a_terminal_stays_as_it_is_and_long_ones_begin() {
    let long = "x".repeat(500);
    let pair = Pair::new(
        &[
            push(1, "a", 1, r#""\u001b[2J""#),
            push(2, "a", 1, r#""short""#),
        ],
        &[
            push(1, "a", 1, "1"),
            push(2, "a", 1, &format!(r#""{long}""#)),
        ],
    );
    let changes = pair.changes(&[]);
    assert!(!changes.contains('\u{1b}'), "{changes}");
    assert!(changes.contains("… (342 more)"), "{changes}");
}

#[test]
fn wrong_use_and_tapes_that_cannot_be_read_have_their_exit_codes() {
    let pair = Pair::new(&[], &[]);
    for (more, words) in [
        (["--ignore", "--"], "--ignore"),
        (["--ignore-at", "time"], "\"time\" is no place in a request"),
        (["--session", "a"], "expected LEFT=RIGHT"),
        (["--session", "=b"], "expected LEFT=RIGHT"),
    ] {
        let [flag, value] = more;
        let output = pair.diff(&[&format!("{flag}={value}")]);
        assert_eq!(output.status.code(), Some(2), "{more:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let output = pair.diff(&["--session=a=b", "--session=c=b"]);
    assert_eq!(output.status.code(), Some(2));
    let config = pair.config("{diff: {ignored: []}}");
    let output = pair.diff(&["--config", word(&config)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("diff.ignored"),
        "{}",
        stderr(&output)
    );
    assert_eq!(piped(&["diff", "-", "-"], b"").status.code(), Some(2));
    fs::write(&pair.right, "no tape").unwrap();
    assert_eq!(pair.diff(&[]).status.code(), Some(3));
    fs::remove_file(&pair.right).unwrap();
    assert_eq!(pair.diff(&[]).status.code(), Some(4));
}
