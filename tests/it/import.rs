//! `antiphon import`, from pages to tapes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use antiphon::importer::{Page, Settings, import as import_pages};
use antiphon::tape::{Event, Tape};
use serde_json::Value;

fn page(name: &str) -> PathBuf {
    Path::new("tests/samples/pages").join(name)
}

fn antiphon(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn import(arguments: &[&str]) -> Output {
    antiphon(&[&["import"], arguments].concat())
}

/// The tape of a page of the samples, as `show --json` tells it, and what was said on stderr.
fn imported(name: &str) -> (Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("a.tape");
    let tape = tape.to_str().unwrap();
    let output = import(&[page(name).to_str().unwrap(), "-o", tape]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{words}");
    let shown = antiphon(&["show", "--json", tape]);
    let shown = serde_json::from_slice(&shown.stdout).unwrap();
    (shown, words.replace(tape, "TAPE"))
}

/// Each notification as its session and its channel.
fn lanes(shown: &Value) -> Vec<String> {
    let notifications = shown["notifications"].as_array().unwrap();
    notifications
        .iter()
        .map(|one| {
            assert_eq!(one["after"], serde_json::json!([1]));
            format!(
                "{} {}",
                one["session"].as_str().unwrap(),
                one["channel"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn a_page_of_two_agents_becomes_their_conversation() {
    let (shown, _) = imported("remove-participant.txt");
    assert_eq!(shown["title"], "RemoveParticipantFromConference");
    assert_eq!(
        lanes(&shown),
        [
            "agent1 /v2/me/chats",
            "agent1 /v2/me/chats",
            "agent2 /v2/me/chats",
            "agent2 /v2/me/chats",
            "agent2 /v2/me/chats",
            "agent2 /v2/me/chats",
        ]
    );
    let operation = &shown["operations"][0];
    assert_eq!(operation["target"], "/api/v2/me/chats/00010a9FSGFP001F");
    assert_eq!(operation["response"], serde_json::json!({"statusCode": 0}));
    let keys = |value: &Value| value.as_object().unwrap().len();
    for (index, state, count) in [
        (0, "Chatting", 13),
        (2, "LeftChat", 6),
        (4, "LeftChat", 6),
        (5, "Completed", 0),
    ] {
        let chat = &shown["notifications"][index]["data"]["chat"];
        assert_eq!(keys(&chat["userData"]), 34);
        assert_eq!(chat["state"], state);
        assert_eq!(chat["capabilities"].as_array().unwrap().len(), count);
        assert_eq!(
            chat["uri"],
            "http://10.10.15.212:9090/api/v2/chats/00010a9FSGFP001F"
        );
        assert_eq!(
            chat["participants"][0]["uri"],
            "http://10.10.15.212:9090/api/v2/users/914165a5841348aa94ccfccd56917443"
        );
    }
    for index in [1, 3] {
        let message = &shown["notifications"][index]["data"]["messages"][0];
        assert_eq!(message["timestamp"], "2014-02-13 08:20:59.000-0800");
        assert_eq!(message["timestampSeconds"], 1_392_308_459_000_u64);
    }
    assert_eq!(shown["notifications"][5]["data"]["referenceId"], 20);
    assert_eq!(shown["repairs"].as_array().unwrap().len(), 13);
}

/// The bodies and targets of a page, wherever they stand.
fn content(text: &str) -> Vec<String> {
    let page = Page {
        name: "page.txt",
        bytes: text.as_bytes(),
    };
    let tape: Tape = import_pages(&[page], &Settings::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
        .tape;
    let text = |body: &antiphon::exchange::Body| body.text().unwrap().to_owned();
    let operations = tape.operations().flat_map(|operation| {
        let (request, response) = (&operation.request, &operation.response);
        [
            request.target.clone(),
            text(&request.body),
            text(&response.body),
        ]
    });
    let notifications = tape.notifications();
    operations
        .chain(notifications.map(|notification| text(&notification.data)))
        .collect()
}

#[test]
fn furniture_may_stand_anywhere_in_the_samples() {
    /// Lines between two places where it is put: a prime, so that every kind of line has its turn.
    const STEP: usize = 11;
    let page = fs::read_to_string(page("remove-participant.txt")).unwrap();
    let whole = content(&page);
    let lines: Vec<&str> = page.lines().collect();
    let first = lines.iter().position(|line| *line == "Request").unwrap() + 1;
    let furniture = [
        "\n\nRemoveParticipantFromConference\n\nWeb Services API Reference 3\n\n\n\n",
        "\nWeb Services API Reference | Page 3 of 9\n\u{c}RemoveParticipantFromConference\n",
        "\n\u{c}",
        "\n\n5\n\n\u{c}",
        "\n- 12 -\n\u{c}",
        "\nPage 2 of 9\n\u{c}",
        "\n\u{c}Page 31\n\n",
    ];
    for (index, furniture) in (first..lines.len())
        .step_by(STEP)
        .zip(furniture.iter().cycle())
    {
        let line = lines[index];
        // A URL is cut in two, other lines are pushed down.
        let at = line.rfind("/users/").map_or(0, |at| at + "/users".len());
        let changed = format!("{}{furniture}{}", &line[..at], &line[at..]);
        let text = [&lines[..index], &[&changed], &lines[index + 1..]]
            .concat()
            .join("\n");
        assert_eq!(content(&text), whole, "{index}: {changed}");
    }
}

#[test]
fn the_parameter_table_becomes_a_contract() {
    let output = import(&[page("remove-participant.txt").to_str().unwrap(), "-o", "-"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let start = text.find("{\n  \"kind\": \"contract\"").unwrap();
    let end = text.find("{\n  \"kind\": \"operation\"").unwrap();
    insta::assert_snapshot!(&text[start..end]);
}

#[test]
fn furniture_glued_headings_and_actors() {
    let (shown, words) = imported("hold.txt");
    insta::assert_snapshot!(format!("{shown:#}\n{words}"));
}

#[test]
fn the_source_of_a_wiki_page() {
    let (shown, words) = imported("transfer.wiki.txt");
    insta::assert_snapshot!(format!("{shown:#}\n{words}"));
}

#[test]
fn an_html_page_keeps_its_places() {
    let (shown, words) = imported("accept.html");
    insta::assert_snapshot!(format!("{shown:#}\n{words}"));
}

#[test]
fn alternatives_placeholders_and_lists_of_changes_are_told() {
    let (shown, words) = imported("alternatives.txt");
    insta::assert_snapshot!(format!("{shown:#}\n{words}"));
}

#[test]
fn a_page_without_a_request_line_is_read_by_its_rows() {
    let (shown, words) = imported("rows-only.txt");
    assert_eq!(shown["operations"][0]["method"], "GET");
    assert_eq!(shown["operations"][0]["target"], "/api/v2/me/devices");
    assert!(
        words.contains("rows-only.txt:7:1: notice: the page shows no request line"),
        "{words}"
    );
    let output = import(&[page("no-request.txt").to_str().unwrap(), "-o", "-"]);
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("no-request.txt") && words.contains("`HTTP Method` row"),
        "{words}"
    );
}

/// What comes of a page that is no file: the tape and what was said about the page.
fn read(name: &str, text: &str) -> (Tape, Vec<String>) {
    let page = Page {
        name,
        bytes: text.as_bytes(),
    };
    let imported = import_pages(&[page], &Settings::default())
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let notices = imported.remarks[0].notices.iter();
    let notices = notices.map(|notice| {
        let (line, column) = (notice.line, notice.column);
        format!("{line}:{column} {}", notice.message)
    });
    (imported.tape, notices.collect())
}

#[test]
fn a_body_that_tells_of_a_failure_is_no_response() {
    let request = "Request\nPOST /api/v2/me/chats/1\n{'a': 1}\nResponse\n";
    for (shown, body, notices) in [
        (
            "HTTP/1.1 404 Not Found\n{'statusCode': 6, 'statusMessage': 'x'}",
            None,
            vec![
                "6:1 the statusCode 6 shows a failure, so this sample is left out; the page shows \
                 no other response, and an empty one with status 200 stands for it",
            ],
        ),
        (
            "{'statusCode': '2'}\n{'statusCode': 0}",
            Some(r#"{"statusCode":0}"#),
            vec!["5:1 the statusCode \"2\" shows a failure, so this sample is left out"],
        ),
        (
            "{'id': 7}\n{'statusCode': -1}\n{'id': 8}",
            Some(r#"{"id":7}"#),
            vec![
                "6:1 the statusCode -1 shows a failure, so this sample is left out",
                "7:1 a request has one response; this sample is left out",
            ],
        ),
        ("[1]", Some("[1]"), vec![]),
    ] {
        let (tape, said) = read("a.txt", &format!("{request}{shown}"));
        let operation = tape.operations().next().unwrap();
        let response = &operation.response;
        assert_eq!(response.status, 200, "{shown}");
        assert_eq!(
            response.body.text(),
            Some(body.unwrap_or_default()),
            "{shown}"
        );
        assert_eq!(said, notices, "{shown}");
    }
}

#[test]
fn a_table_without_a_request_url_is_of_the_request_that_is_shown() {
    let of = |name: &str, text: &str| {
        let (tape, said) = read(name, text);
        let contract = tape.events.iter().find_map(|event| match event {
            Event::Contract(contract) => Some(format!("{} {}", contract.method, contract.path)),
            Event::Operation(_) | Event::Notification(_) | Event::Fact(_) | Event::Gap(_) => None,
        });
        let said = said.into_iter().find(|said| said.contains("Request URL"));
        (contract.unwrap(), said)
    };
    let table = "Parameters\nParameter Value\n\noperationName Mute\n\ntext Optional.\n";
    let notice = |place: &str, request: &str| {
        Some(format!(
            "{place} no Request URL row tells whose parameters these are; `{request}` is taken \
             from the request"
        ))
    };
    for (requests, request) in [
        (
            "POST /api/v2/me/calls/7?x=1\n{'operationName': 'Mute'}",
            "POST /api/v2/me/calls/7",
        ),
        (
            "POST on /me/calls/{id}\n{'operationName': 'Mute', 'callUri': '/calls/7'}",
            "POST /me/calls/{id}",
        ),
        (
            "POST /me/calls/7\n{'operationName': 'Mute'}\nSample\nRequest\nPOST /me/calls/{id}\n{'b': 1}",
            "POST /me/calls/{id}",
        ),
    ] {
        let text = format!("{table}Sample\nRequest\n{requests}");
        let expected = (request.to_owned(), notice("4:1", request));
        assert_eq!(of("a.txt", &text), expected, "{requests}");
    }
    let html = "<html><body>\n<p>Mutes the call that goes on.</p>\n<table><tr><th>Parameter</th><th>Value</th></tr><tr><td>text</td><td>Optional.</td></tr></table>\n<h3>Request</h3><pre>POST /a/7\n{'text': 1}</pre>";
    let expected = ("POST /a/7".to_owned(), notice("3:57", "POST /a/7"));
    assert_eq!(of("a.html", html), expected);
}

#[test]
fn prose_about_requests_is_no_page_of_them() {
    let output = import(&["README.md", "-o", "-"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(output.stdout.is_empty());
    assert!(words.contains("README.md: no request was found"), "{words}");
}

#[test]
fn an_unreadable_sample_is_shown_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("a.tape");
    let page = page("broken.txt");
    let output = import(&[page.to_str().unwrap(), "-o", tape.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty() && !tape.exists());
    let words = String::from_utf8(output.stderr).unwrap();
    let place = format!("{}:11:", page.display());
    assert!(words.contains(&place), "{words}");
    let lines: Vec<&str> = words.lines().collect();
    let shown = lines
        .iter()
        .position(|line| line.contains("'state': 'a prose"))
        .unwrap();
    assert_eq!(lines[shown + 1].trim(), "^");
}

#[test]
fn strict_refuses_repairs_and_names_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("a.tape");
    let tape = tape.to_str().unwrap();
    let damaged = page("hold.txt");
    let output = import(&[damaged.to_str().unwrap(), "--strict", "-o", tape]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!Path::new(tape).exists());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("hold.txt:30:50: ") && words.contains("hold.txt:50:10: "),
        "{words}"
    );
    let whole = page("alternatives.txt");
    let output = import(&[whole.to_str().unwrap(), "--strict", "-o", tape]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn several_pages_make_one_tape_that_is_always_the_same() {
    let pages = [page("hold.txt"), page("accept.html")];
    let [hold, accept] = pages.each_ref().map(|page| page.to_str().unwrap());
    let run = || {
        import(&[
            hold,
            accept,
            "-o",
            "-",
            "--channel",
            "/v9/x",
            "--endpoint",
            "/n",
        ])
    };
    let text = String::from_utf8(run().stdout).unwrap();
    assert_eq!(text, String::from_utf8(run().stdout).unwrap());
    assert!(text.contains("\"title\": \"HoldEverything, Accept\""));
    assert!(text.contains("\"source\": \"hold.txt, accept.html\""));
    assert!(text.contains("\"endpoint\": \"/n\""));
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("both.tape");
    fs::write(&tape, &text).unwrap();
    let shown = antiphon(&["show", "--json", tape.to_str().unwrap()]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let after: Vec<&Value> = shown["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["after"][0])
        .collect();
    assert_eq!(after, [1, 1, 1, 5, 5]);
    let channels: Vec<&Value> = shown["notifications"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["channel"])
        .collect();
    assert_eq!(
        channels,
        ["/v9/x", "/v9/x", "/v9/x", "/v9/x", "/v2/me/other"]
    );
}

#[test]
fn the_summary_is_one_document() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("new").join("a.tape");
    let tape = tape.to_str().unwrap();
    let output = import(&[page("hold.txt").to_str().unwrap(), "--json", "-o", tape]);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["title"], "HoldEverything");
    assert_eq!(summary["tape"], tape);
    assert_eq!(summary["operations"], 1);
    assert_eq!(summary["notifications"], 3);
    assert_eq!(
        summary["sessions"],
        serde_json::json!(["agent1", "supervisor", "agent2"])
    );
    assert_eq!(summary["repairs"][0]["line"], 30);
    assert_eq!(summary["notices"].as_array().unwrap().len(), 3);
}

#[test]
fn a_tape_that_differs_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("a.tape");
    let path = tape.to_str().unwrap();
    let rows = page("rows-only.txt");
    let rows = rows.to_str().unwrap();
    assert_eq!(import(&[rows, "-o", path]).status.code(), Some(0));
    assert_eq!(
        import(&[rows, "-o", path]).status.code(),
        Some(0),
        "the same again is no loss"
    );
    fs::write(&tape, "edited").unwrap();
    assert_eq!(import(&[rows, "-o", path]).status.code(), Some(2));
    assert_eq!(fs::read_to_string(&tape).unwrap(), "edited");
    assert_eq!(
        import(&[rows, "-o", path, "--force"]).status.code(),
        Some(0)
    );
    assert_ne!(fs::read_to_string(&tape).unwrap(), "edited");
}

#[test]
fn wrong_use_and_missing_pages_have_their_exit_codes() {
    let missing = import(&["no/such/page.txt"]);
    assert_eq!(missing.status.code(), Some(4));
    assert!(
        String::from_utf8(missing.stderr)
            .unwrap()
            .contains("no/such/page.txt")
    );
    assert_eq!(import(&[]).status.code(), Some(2));
    let rows = page("rows-only.txt");
    let both = import(&[rows.to_str().unwrap(), "--json", "-o", "-"]);
    assert_eq!(both.status.code(), Some(2));
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("a.txt");
    fs::write(&binary, b"Request\n\xff").unwrap();
    let output = import(&[binary.to_str().unwrap(), "-o", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("a.txt:2: byte 0xff")
    );
}

#[test]
fn the_settings_file_tells_channel_and_endpoint_and_flags_override_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("antiphon.json5"),
        "{ channel: '/v2/me/other', endpoint: '/push' }",
    )
    .unwrap();
    let page =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples/pages/remove-participant.txt");
    let import = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .args(["import", page.to_str().unwrap(), "-o", "-"])
            .args(more)
            .current_dir(folder.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let tape = import(&[]);
    assert!(tape.contains(r#""endpoint": "/push""#), "{tape}");
    assert!(tape.contains(r#""channel": "/v2/me/other""#), "{tape}");
    assert!(import(&["--channel", "/mine"]).contains(r#""channel": "/mine""#));
}

#[test]
fn a_channel_or_endpoint_that_cannot_be_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let page = page("rows-only.txt");
    let page = page.to_str().unwrap();
    let refused = |arguments: &[&str], origin: &str| {
        let output = import(&[&[page, "-o", "-"], arguments].concat());
        let words = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(output.stdout.is_empty());
        assert!(words.contains(origin), "{words}");
    };
    refused(&["--channel", "foo"], "--channel");
    refused(&["--channel", "/v2/me/*"], "--channel");
    refused(&["--endpoint", "foo"], "--endpoint");
    let settings = folder.path().join("mine.json5");
    let settings = settings.to_str().unwrap();
    for field in ["channel", "endpoint"] {
        fs::write(settings, format!("{{ {field}: 'foo' }}")).unwrap();
        refused(&["--config", settings], &format!("{settings}: {field}"));
    }
}
