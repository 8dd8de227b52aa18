//! Secrets in recordings of many files, and in all that is pushed, framed, compressed and refused.

mod http2;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use antiphon::tape::{Layout, Packing, Tape};
use serde_json::json;

use super::*;

/// A secret that is named only in the last of many exchanges.
const LATE: &str = "cnry-late-4Kx7Qm2Z";

fn antiphon(arguments: &[&str], tape: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.args(arguments).arg(tape).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

/// The segments in a folder, each as it stands and as text.
pub(super) fn segments(folder: &Path) -> Vec<(Vec<u8>, String)> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        let tape = Tape::read_part(&bytes, path).unwrap().tape;
        (bytes, tape.write(Layout::Lines))
    };
    paths.iter().map(read).collect()
}

fn post(path: &str, content: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: front:1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{content}",
        content.len()
    )
}

#[test]
fn segments_are_redacted_and_checked_as_the_one_recording_that_they_are() {
    let service = Upstream::answering(|_, content| ok(content));
    for packing in [&["--compress"][..], &[]] {
        let arguments = [&["--rotate", "1KiB", "--no-redact", "*"][..], packing].concat();
        let mut recording = Recording::start(service.address, &arguments);
        let mut client = recording.connect();
        for number in 0..12 {
            let content = match number {
                11 => json!({ "password": LATE }),
                _ => json!({ "note": format!("{number} {LATE}") }),
            };
            client.send(&post("/a", &content.to_string()));
            client.message();
        }
        drop(client);
        assert_eq!(recording.end(), Some(0));
        let tape = recording.tape();
        let before = segments(&tape);
        assert!(before.len() > 3);
        assert!(before.iter().any(|(_, text)| text.contains(LATE)));
        let found = antiphon(&["redact", "--check"], &tape);
        assert_eq!(found.status.code(), Some(1), "{}", said(&found));
        assert!(!said(&found).contains(LATE));
        let other = tape.with_file_name("other.tape");
        let target = other.to_str().unwrap();
        let done = antiphon(&["redact", "-o", target], &tape);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        assert_eq!(segments(&tape), before, "the recording is left alone");
        // A folder in which a recording stands is not written into.
        let refused = antiphon(&["redact", "-o", target], &tape);
        assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
        let done = antiphon(&["redact"], &tape);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        for folder in [&tape, &other] {
            let after = segments(folder);
            assert_eq!(after.len(), before.len());
            for ((was, _), (bytes, text)) in before.iter().zip(&after) {
                assert!(!text.contains(LATE), "{text}");
                assert!(text.contains("\"redacted\":{}"), "{text}");
                assert_eq!(Packing::of(bytes), Packing::of(was));
            }
            for arguments in [&["redact", "--check"][..], &["verify"]] {
                let done = antiphon(arguments, folder);
                assert_eq!(
                    done.status.code(),
                    Some(0),
                    "{arguments:?}: {}",
                    said(&done)
                );
            }
        }
        let once = segments(&tape);
        antiphon(&["redact"], &tape);
        assert_eq!(segments(&tape), once, "once more changes nothing");
    }
}

/// The secrets that clients and services say, each in a place of its own.
const SAID: &[&str] = &[
    "cnry-handshake-1Aq2",
    "cnry-bayeux-event-2Bw3",
    "cnry-publish-3Ce4",
    "cnry-ws-client-4Dr5",
    "cnry-ws-service-5Et6",
    "cnry-ws-deflated-6Fy7",
    "cnry-gzip-request-7Gu8",
    "cnry-gzip-answer-8Hi9",
    "cnry-sse-data-9Jo1",
    "cnry-refused-1Kp2",
    "cnry-unanswered-2La3",
    "cnry-form-page-3Ms4",
];

fn zipped(content: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A message as permessage-deflate has it (RFC 7692 §7.2.1).
fn deflated(content: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1_024);
    let mut state = flate2::Compress::new(flate2::Compression::fast(), false);
    state
        .compress_vec(content.as_bytes(), &mut bytes, flate2::FlushCompress::Sync)
        .unwrap();
    bytes.truncate(bytes.len() - 4);
    bytes
}

/// What the service says on a socket: a message as it is, and one that is compressed.
fn pushed() -> Vec<u8> {
    let plain = json!({ "token": SAID[4] }).to_string();
    let packed = deflated(&json!({ "clientSecret": SAID[5] }).to_string());
    let frames = [
        sockets::bare(0x81, plain.as_bytes()),
        sockets::bare(0xc1, &packed),
    ];
    frames.concat()
}

/// A service that tells secrets in each way in which it can.
fn teller() -> Upstream {
    Upstream::start(|mut client, _| {
        loop {
            let head = client.head();
            let length = field(&head, "content-length").map_or(0, |text| text.parse().unwrap());
            let content = client.octets(length);
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            match path.as_str() {
                "" => return,
                "/ws" => {
                    let more = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
                    client.send(&sockets::agreed(more));
                    client.bytes(&pushed()).unwrap();
                    client.drain().1.ok();
                    return;
                }
                "/zip" => {
                    let bytes = zipped(&json!({ "apiKey": SAID[7] }).to_string());
                    client.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                        bytes.len()
                    ));
                    client.bytes(&bytes).unwrap();
                }
                "/stream" => {
                    let event = json!({ "password": SAID[8] });
                    client.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                         Connection: close\r\n\r\ndata: {event}\n\n"
                    ));
                    return;
                }
                "/page" => client.send(&ok(&format!(
                    "<form>\n<input value='{}' type=hidden\n name='_csrf'></form>",
                    SAID[11]
                ))),
                path if path.starts_with("/gone") => return,
                path if path.starts_with("/api/v2/notifications") => {
                    let message =
                        &serde_json::from_slice::<serde_json::Value>(&content).unwrap()[0];
                    let channel = message["channel"].as_str().unwrap();
                    let mut reply =
                        json!([{ "channel": channel, "id": message["id"], "successful": true }]);
                    match channel {
                        "/meta/handshake" => reply[0]["clientId"] = json!("3kq8x0client"),
                        "/meta/subscribe" => reply[0]["subscription"] = json!("/v2/me/x"),
                        "/meta/connect" => reply.as_array_mut().unwrap().push(
                            json!({ "channel": "/v2/me/x", "data": { "accessToken": SAID[1] } }),
                        ),
                        _ => {}
                    }
                    client.send(&ok(&reply.to_string()).replacen(
                        "\r\n",
                        "\r\nContent-Type: application/json\r\n",
                        1,
                    ));
                }
                path => panic!("{path}"),
            }
        }
    })
}

/// A client that tells its own in each way.
fn tell(recording: &Recording) {
    let mut client = recording.connect();
    let who = json!({ "authentication": { "token": SAID[0] } });
    for message in [
        json!({ "channel": "/meta/handshake", "id": "1", "version": "1.0",
            "supportedConnectionTypes": ["long-polling"], "ext": who }),
        json!({ "channel": "/meta/subscribe", "id": "2", "clientId": "3kq8x0client",
            "subscription": "/v2/me/x" }),
        json!({ "channel": "/meta/connect", "id": "3", "clientId": "3kq8x0client",
            "connectionType": "long-polling" }),
        json!({ "channel": "/service/x", "id": "4", "clientId": "3kq8x0client",
            "data": { "secret": SAID[2] } }),
    ] {
        client.send(&post(
            "/api/v2/notifications/",
            &json!([message]).to_string(),
        ));
        assert!(client.message().0.starts_with("HTTP/1.1 200 "));
    }
    let bytes = zipped(&json!({ "password": SAID[6] }).to_string());
    client.send(&format!(
        "POST /zip HTTP/1.1\r\nHost: front:1\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        bytes.len()
    ));
    client.bytes(&bytes).unwrap();
    let head = client.head();
    client.octets(field(&head, "content-length").unwrap().parse().unwrap());
    client.send(&get("/page"));
    assert!(client.message().1.contains(SAID[11]));
    // Nobody answers, and what cannot be is refused: neither is to tell what was asked.
    client.send(&get(&format!("/gone?token={}", SAID[10])));
    let (head, content) = client.message();
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    assert!(!content.contains(SAID[10]), "{content}");
    let refused = recording.exchange(&format!(
        "GET /x?token={} HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
        SAID[9]
    ));
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(!refused.contains(SAID[9]), "{refused}");
    let mut socket = recording.connect();
    let deflate = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    socket.send(&sockets::offer("/ws", deflate));
    assert!(socket.head().starts_with("HTTP/1.1 101 "));
    let text = json!({ "token": SAID[3] }).to_string();
    socket
        .bytes(&sockets::masked(0x81, text.as_bytes()))
        .unwrap();
    let text = deflated(&json!({ "token": SAID[3] }).to_string());
    socket.bytes(&sockets::masked(0xc1, &text)).unwrap();
    socket.bytes(&sockets::masked(0x88, b"\x03\xe8")).unwrap();
    assert_eq!(socket.octets(pushed().len()), pushed());
    drop(socket);
    let heard =
        recording.exchange("GET /stream HTTP/1.1\r\nHost: front:1\r\nConnection: close\r\n\r\n");
    assert!(heard.contains(SAID[8]), "{heard}");
}

#[test]
fn nothing_that_is_pushed_framed_compressed_or_refused_leaves_a_secret() {
    let service = teller();
    for more in [
        &["--compress"][..],
        &["--rotate", "2KiB"],
        &["--no-redact", "*"],
    ] {
        let mut command = Command::new("sh");
        command
            .args([
                "-c",
                "exec \"$@\" 2>words.log",
                "sh",
                env!("CARGO_BIN_EXE_antiphon"),
            ])
            .env("RUST_LOG", "trace");
        let mut recording = Recording::start_by(command, service.address, more);
        tell(&recording);
        let mut told = Vec::new();
        for page in ["health", "metrics"] {
            told.push(support::get(&format!("{}/__admin/{page}", recording.admin)).text);
        }
        assert_eq!(recording.end(), Some(0));
        let tape = recording.tape();
        let words = fs::read_to_string(tape.with_file_name("words.log")).unwrap();
        assert!(!words.is_empty());
        let text = Tape::load(&tape).unwrap().tape.write(Layout::Lines);
        if more.contains(&"*") {
            // They come by: what is asserted below is no accident. Of a handshake the tape keeps the client alone,
            // coded content stands as it is coded, and what was refused, or not answered, need not stand there.
            for secret in [&SAID[1..6], &SAID[8..9], &SAID[11..]].concat() {
                assert!(text.contains(secret), "{secret}: {text}");
            }
            continue;
        }
        assert!(text.contains("apiKey"), "without its coding: {text}");
        told.extend([words, text]);
        for told in &told {
            for secret in SAID {
                assert!(!told.contains(secret), "{secret}: {told}");
            }
        }
        for arguments in [&["redact", "--check"][..], &["verify"]] {
            let done = antiphon(arguments, &tape);
            assert_eq!(
                done.status.code(),
                Some(0),
                "{arguments:?}: {}",
                said(&done)
            );
        }
    }
}
