//! No secret leaves a recorder but to the service: not onto the tape, nor to those who watch.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::proxy::harness::{Upstream, ok};
use crate::spellings::holds;
use crate::support::{get, signal};

/// The secrets, each of which stands in a place of its own.
const CANARIES: &[&str] = &[
    "cnry-basic-7Qx1",
    "cnry-bearer-8Rw2",
    "cnry-cookie-9Sv3",
    "cnry-csrf-1Tu4",
    "cnry-query-2Ut5",
    "cnry/form+3Vs6",
    "cnry-json-\"4Wr7",
    "cnry-deep-5Xq8",
    "cnry-setcookie-6Yp9",
    "cnry-given-7Zo1",
    "cnry-proxy-8An2",
    "cnry-path-9Bm3",
    "cnry-part-1Cl4",
    "cnry-event-2Dk5",
    "cnry-push-3Ej6",
];

fn antiphon(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.current_dir(folder);
    command
}

fn request(target: &str, fields: &[String], content: &str) -> String {
    let fields: String = fields
        .iter()
        .flat_map(|field| [field.as_str(), "\r\n"])
        .collect();
    let length = content.len();
    format!(
        "POST {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}Content-Length: {length}\r\n\r\n{content}"
    )
}

fn requests() -> Vec<String> {
    let [
        basic,
        bearer,
        cookie,
        csrf,
        query,
        form,
        json,
        deep,
        _,
        given,
        proxy,
        path,
        part,
        ..,
    ] = CANARIES
    else {
        panic!("a secret for each place");
    };
    let form: String = form_urlencoded::byte_serialize(form.as_bytes()).collect();
    let json = serde_json::to_string(json).unwrap();
    let inner = serde_json::to_string(&format!("{{\"secret\":\"{deep}\"}}")).unwrap();
    let kind = |kind: &str| format!("Content-Type: {kind}");
    vec![
        request(
            "/a",
            &[format!(
                "Authorization: Basic {}",
                STANDARD.encode(format!("bob:{basic}"))
            )],
            "",
        ),
        request(
            "/b",
            &[
                format!("Authorization: Bearer {bearer}"),
                format!("Cookie: SID={cookie}; b=2"),
            ],
            "",
        ),
        request(
            "/c",
            &[
                format!("X-CSRF-TOKEN: {csrf}"),
                format!("Proxy-Authorization: Bearer {proxy}"),
            ],
            "",
        ),
        request(
            &format!("/d;jsessionid={path}/x?page=1&access_token={query}"),
            &[],
            "",
        ),
        request(
            "/login",
            &[kind("application/x-www-form-urlencoded")],
            &format!("user=bob&password={form}"),
        ),
        request(
            "/e",
            &[kind("application/json")],
            &format!("{{\"apiKey\": {json}, \"inner\":{inner}}}"),
        ),
        request(
            "/f",
            &[kind("multipart/form-data; boundary=B")],
            &format!(
                "--B\r\nContent-Disposition: form-data; name=\"pwd\"\r\n\r\n{part}\r\n--B--\r\n"
            ),
        ),
        // What was seen once is a secret under any name.
        request(
            &format!("/g/{given}/{cookie}"),
            &[format!("X-Echo: {bearer}")],
            &format!("{given} {bearer}"),
        ),
    ]
}

fn answer(head: &str) -> String {
    let [.., setcookie, given, _, _, _, event, push] = CANARIES else {
        panic!("a secret for each place");
    };
    if head.contains(" /events") {
        let events = format!(
            "data: {{\"token\":\"{event}\"}}\n\nevent: x\ndata: {{\"n\":1,\ndata: \"clientSecret\":\"{push}\"}}\n\n"
        );
        return format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n{events}"
        );
    }
    let content = format!("{{\"refreshToken\":\"{given}\",\"tokenType\":\"bearer\"}}");
    let fields = format!("Set-Cookie: JSESSIONID={setcookie}; Path=/\r\n");
    ok(&content).replacen("Content-Length", &format!("{fields}Content-Length"), 1)
}

/// What a recording leaves: each with its name.
struct Left {
    folder: TempDir,
    said: Vec<(String, Vec<u8>)>,
}

fn recorded(arguments: &[&str]) -> Left {
    let got: Arc<Mutex<String>> = Arc::default();
    let seen = Arc::clone(&got);
    let upstream = Upstream::answering(move |head, content| {
        seen.lock().unwrap().extend([head, content]);
        answer(head)
    });
    let folder = TempDir::new().unwrap();
    let errors = fs::File::create(folder.path().join("stderr.log")).unwrap();
    let mut child = antiphon(folder.path())
        .args([
            "record",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "-o",
            "t.tape",
        ])
        .args(["--upstream", &format!("http://{}", upstream.address)])
        .args(arguments)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(errors)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = || {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        line.trim().to_owned()
    };
    let address = line()
        .strip_prefix("listening on http://")
        .unwrap()
        .to_owned();
    let admin = line().strip_prefix("admin on ").unwrap().to_owned();
    let mut sent = requests();
    sent.push(request("/events", &[], ""));
    for request in &sent {
        let mut client = TcpStream::connect(&address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut answered = String::new();
        // The head of an answer without a length ends with its connection.
        client.read_to_string(&mut answered).unwrap();
        assert!(answered.starts_with("HTTP/1.1 200"), "{request} {answered}");
    }
    let health = get(&format!("{admin}/__admin/health")).text;
    signal(&child, "-TERM");
    let mut said = Vec::new();
    stdout.read_to_end(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // The service got everything as it was.
    let got = got.lock().unwrap().clone();
    for request in &requests() {
        let content = request.rsplit("\r\n\r\n").next().unwrap();
        assert!(got.contains(content), "{content}");
    }
    let said = vec![
        ("stdout".to_owned(), said),
        ("health".to_owned(), health.into()),
    ];
    Left { folder, said }
}

fn everything(left: &Left) -> Vec<(String, Vec<u8>)> {
    let mut all = left.said.clone();
    for entry in fs::read_dir(left.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        all.push((path.display().to_string(), fs::read(&path).unwrap()));
    }
    all
}

#[test]
fn no_secret_is_in_any_file_log_or_answer_of_a_recorder() {
    let left = recorded(&[]);
    let all = everything(&left);
    assert!(all.len() >= 4, "the tape, stderr, stdout, health");
    for (name, content) in &all {
        for canary in CANARIES {
            assert_eq!(holds(content, canary), None, "{name} holds {canary}");
        }
    }
    let tape = fs::read_to_string(left.folder.path().join("t.tape")).unwrap();
    assert!(tape.contains("\"redacted\":{}"), "{tape}");
    assert!(
        tape.contains("\\\"tokenType\\\":\\\"bearer\\\"")
            || tape.contains("\"tokenType\":\"bearer\"")
    );
    let check = antiphon(left.folder.path())
        .args(["redact", "--check", "t.tape"])
        .output()
        .unwrap();
    let said = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(0), "{said}");
}

#[test]
fn nothing_on_the_tapes_of_the_project_looks_secret() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings");
    for entry in fs::read_dir(&folder).unwrap() {
        let tape = entry.unwrap().path();
        let check = antiphon(&folder)
            .args(["redact", "--check"])
            .arg(&tape)
            .output()
            .unwrap();
        let said = String::from_utf8(check.stdout).unwrap();
        assert_eq!(check.status.code(), Some(0), "{said}");
    }
}

#[test]
fn a_tape_recorded_without_redaction_is_redacted_afterwards_and_checked() {
    let left = recorded(&["--no-redact", "*"]);
    let tape = left.folder.path().join("t.tape");
    let raw = fs::read(&tape).unwrap();
    for canary in CANARIES {
        assert!(holds(&raw, canary).is_some(), "{canary}");
    }
    let errors = fs::read_to_string(left.folder.path().join("stderr.log")).unwrap();
    assert_eq!(errors.matches("nothing is redacted").count(), 2, "{errors}");
    let check = antiphon(left.folder.path())
        .args(["redact", "--check", "t.tape"])
        .output()
        .unwrap();
    assert_eq!(check.status.code(), Some(1));
    for canary in CANARIES {
        assert_eq!(holds(&check.stdout, canary), None, "{canary}");
    }
    let done = antiphon(left.folder.path())
        .args(["redact", "t.tape", "--keep-key"])
        .output()
        .unwrap();
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    let redacted = fs::read(&tape).unwrap();
    for canary in CANARIES {
        assert_eq!(holds(&redacted, canary), None, "{canary}");
    }
    let key = fs::metadata(left.folder.path().join("t.key")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777,
        0o600
    );
    // It is sealed, and once more changes nothing.
    for arguments in [
        &["redact", "t.tape"][..],
        &["format", "--check", "--lines", "t.tape"],
        &["redact", "--check", "t.tape"],
    ] {
        let done = antiphon(left.folder.path())
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(
            done.status.code(),
            Some(0),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&done.stdout)
        );
    }
    assert_eq!(fs::read(&tape).unwrap(), redacted);
}

#[test]
fn a_recording_that_goes_on_with_its_key_gives_equal_secrets_equal_pseudonyms() {
    let upstream = Upstream::answering(|_, _| ok("{}"));
    let folder = TempDir::new().unwrap();
    let mut cookies = Vec::new();
    for arguments in [&["--keep-key"][..], &["--append"], &["--force"]] {
        let mut child = antiphon(folder.path())
            .args(["record", "--listen", "127.0.0.1:0", "-o", "t.tape"])
            .args(["--upstream", &format!("http://{}", upstream.address)])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let mut client =
            TcpStream::connect(first.strip_prefix("listening on http://").unwrap()).unwrap();
        let request = request("/", &["Cookie: SID=abcdefgh-0123456789".into()], "");
        client.write_all(request.as_bytes()).unwrap();
        client.read_to_string(&mut String::new()).unwrap();
        signal(&child, "-TERM");
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let tape = fs::read_to_string(folder.path().join("t.tape")).unwrap();
        let (_, cookie) = tape.rsplit_once("SID=").unwrap();
        cookies.push(cookie.split('"').next().unwrap().to_owned());
    }
    assert_eq!(cookies[0], cookies[1]);
    assert_ne!(cookies[0], cookies[2], "another tape has another key");
    assert!(
        !folder.path().join("t.key").exists(),
        "the key of the tape that is gone"
    );
}

#[test]
fn a_wrong_rule_is_refused_with_its_place() {
    let folder = TempDir::new().unwrap();
    fs::write(
        folder.path().join("antiphon.json5"),
        "{redact: {matching: ['(']}}",
    )
    .unwrap();
    fs::write(
        folder.path().join("other.json5"),
        "{redact: {names: ['customer*']}}",
    )
    .unwrap();
    for (arguments, place) in [
        (
            &["--config", "antiphon.json5"][..],
            "antiphon.json5: redact.matching",
        ),
        (
            &["--config", "other.json5", "--redact-at", "x"],
            "--redact-at",
        ),
        (&["--config", "other.json5", "--redact", "-"], "--redact"),
    ] {
        let refused = antiphon(folder.path())
            .args([
                "record",
                "--upstream",
                "http://127.0.0.1:1",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(place), "{said}");
    }
}

#[test]
fn another_file_is_replaced_only_where_that_is_asked_for_and_a_device_never() {
    let folder = TempDir::new().unwrap();
    let tape = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/recordings/remove-participant-from-conference.tape"
    );
    let there = folder.path().join("there.tape");
    fs::write(&there, "another recording").unwrap();
    let redact = |arguments: &[&str]| {
        let mut command = antiphon(folder.path());
        let done = command.args(["redact", tape]).args(arguments).output();
        let done = done.unwrap();
        let words = String::from_utf8(done.stderr).unwrap();
        (done.status.code(), words)
    };
    let (code, words) = redact(&["-o", "there.tape"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("there.tape is already there"), "{words}");
    assert_eq!(fs::read(&there).unwrap(), b"another recording");
    assert_eq!(redact(&["-o", "there.tape", "--force"]).0, Some(0));
    assert_ne!(fs::read(&there).unwrap(), b"another recording");
    let socket = folder.path().join("socket");
    let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (code, words) = redact(&["-o", "socket", "--force"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("socket is no file"), "{words}");
    assert!(!fs::metadata(&socket).unwrap().is_file());
}

#[test]
fn what_goes_on_beside_another_tape_is_replaced_only_where_that_is_asked_for() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (number, name) in [(1, "a.tape"), (2, "a.000002.tape")] {
        let segment = format!(r#""segment":{{"recording":"r","number":{number}}}"#);
        let header = r#"{"kind":"header","antiphon":1,"title":"t","source":"s""#;
        fs::write(at(name), format!("{header},{segment}}}\n")).unwrap();
    }
    fs::write(at("b.000002.tape"), "another recording").unwrap();
    let redact = |arguments: &[&str]| {
        let mut command = antiphon(folder.path());
        let done = command.args(["redact", "a.tape", "-o", "b.tape"]);
        done.args(arguments).output().unwrap()
    };
    let refused = redact(&[]);
    let words = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{words}");
    assert!(words.contains("b.000002.tape is already there"), "{words}");
    assert!(!at("b.tape").exists());
    assert_eq!(fs::read(at("b.000002.tape")).unwrap(), b"another recording");
    assert_eq!(redact(&["--force"]).status.code(), Some(0));
    assert_ne!(fs::read(at("b.000002.tape")).unwrap(), b"another recording");
}

#[test]
fn a_recording_makes_the_folder_of_its_tape_and_says_what_to_do_where_one_is_there() {
    let folder = TempDir::new().unwrap();
    let record = || {
        let mut command = antiphon(folder.path());
        command.args(["record", "--listen", "127.0.0.1:0", "-o", "a/b/t.tape"]);
        command.args(["--upstream", "http://127.0.0.1:9"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let mut child = record().spawn().unwrap();
    let mut first = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut first).unwrap();
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0), "{first}");
    assert!(folder.path().join("a/b/t.tape").is_file());
    let again = record().output().unwrap();
    assert_eq!(again.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(again.stderr).unwrap(),
        "error: a/b/t.tape is already there: --append goes on with it, --force overwrites it\n"
    );
}
