//! Trailers, on their way, on the tape and in a replay; and messages that are octets, as gRPC's are.

use std::net::SocketAddr;
use std::process::Command;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use crate::support::{Replay, tape};

use super::*;

/// A message of gRPC whose one field is this text.
fn message(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap();
    let head = [0, 0, 0, 0, length + 2, 0x0a, length];
    [&head[..], text.as_bytes()].concat()
}

/// An operation of a tape.
fn operation(number: u64, request: &Value, response: &Value) -> String {
    let event = json!({
        "kind": "operation", "id": number, "session": "a", "at": number, "answered": number,
        "request": request, "response": response,
    });
    format!("{event}\n")
}

/// A read, as it stands on a tape.
fn read(target: &str) -> Value {
    json!({ "method": "GET", "target": target, "headers": [] })
}

/// A POST of octets, as it stands on a tape; all of it is UTF-8.
fn posted(target: &str, headers: &Value, content: &[u8]) -> Value {
    let text = std::str::from_utf8(content).unwrap();
    json!({ "method": "POST", "target": target, "headers": headers, "body": { "text": text } })
}

/// Reads with each kind of answer: content and trailers, trailers alone, announced ones, and a head in
/// which all is said.
fn reads() -> String {
    let end = json!([["x-end", "2"], ["grpc-status", "0"], ["X-End", "3"]]);
    let bye = json!({ "text": "bye" });
    [
        json!({ "status": 200, "headers": [["content-length", "3"]], "body": bye, "trailers": end }),
        json!({ "status": 200, "headers": [], "trailers": end }),
        json!({ "status": 200, "headers": [["trailer", "x-end"]], "body": bye, "trailers": end }),
        json!({ "status": 200, "headers": [["grpc-status", "5"]] }),
    ]
    .iter()
    .zip(["/content", "/alone", "/announced", "/head"])
    .zip(1..)
    .map(|((response, target), number)| operation(number, &read(target), response))
    .collect()
}

fn address(replay: &Replay) -> SocketAddr {
    let address = replay.origin.strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

/// The answer to this request by HTTP/2.
async fn by_http2(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<Incoming> {
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(tcp))
            .await
            .unwrap();
    tokio::spawn(connection);
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    response
}

/// The fields in their order of a map.
fn fields(map: &HeaderMap) -> Vec<String> {
    let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        format!("{name}: {}", value.to_str().unwrap())
    };
    map.iter().map(line).collect()
}

#[test]
fn trailers_pass_both_ways_and_stand_on_the_tape() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        let head = client.head();
        let content = client.content("2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n".len());
        sender.send((head, content)).unwrap();
        client.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-End\r\n\r\n\
             3\r\nbye\r\n0\r\nX-End: 2\r\n\r\n",
        );
    });
    let recording = Recording::start(upstream.address, &[]);
    // And this one speaks HTTP/2 to the other.
    let over_h2 = Recording::start(recording.address, &["--upstream-http2"]);
    for recording in [&recording, &over_h2] {
        let answer = recording.exchange(
            "POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, close\r\nTrailer: X-Sum\r\n\
             Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n",
        );
        let (head, body) = seen.recv_timeout(PATIENCE).unwrap();
        assert_eq!(field(&head, "te").as_deref(), Some("trailers"), "{head}");
        assert!(
            body.to_lowercase().ends_with("0\r\nx-sum: 1\r\n\r\n"),
            "{body}"
        );
        assert!(
            answer.to_lowercase().ends_with("0\r\nx-end: 2\r\n\r\n"),
            "{answer}"
        );
    }
    for (recording, count) in [(over_h2, 1), (recording, 2)] {
        let shown = recording.finish();
        let operations = shown["operations"].as_array().unwrap();
        assert_eq!(operations.len(), count, "{shown}");
        for operation in operations {
            assert_eq!(operation["request"], "hi");
            assert_eq!(operation["request_trailers"], json!([["x-sum", "1"]]));
            assert_eq!(operation["response"], "bye");
            assert_eq!(operation["response_trailers"], json!([["x-end", "2"]]));
        }
    }
}

#[test]
fn what_has_no_trailers_says_nothing_of_them() {
    let upstream = Upstream::answering(|_, _| ok("plain"));
    let mut recording = Recording::start(upstream.address, &[]);
    let mut client = recording.connect();
    client.send(&get("/"));
    assert_eq!(client.message().1, "plain");
    assert_eq!(recording.end(), Some(0));
    let text = std::fs::read_to_string(recording.tape()).unwrap();
    assert!(!text.contains("trailers"), "{text}");
    assert_eq!(
        recording.show()["operations"][0].get("response_trailers"),
        None
    );
}

#[test]
fn a_replay_sends_trailers_over_http1_to_who_wants_them() {
    let tape = tape("trailers-http1", &reads());
    let replay = Replay::start(&[&tape]);
    let ask = |target: &str, version: &str, more: &str| {
        let mut client = Client::connect(address(&replay));
        client.send(&format!(
            "GET {target} HTTP/{version}\r\nHost: a\r\nConnection: TE, close\r\n{more}\r\n"
        ));
        (client.head(), client.rest())
    };
    let end = "0\r\nx-end: 2\r\nx-end: 3\r\ngrpc-status: 0\r\n\r\n";
    for (target, content) in [
        ("/content", "3\r\nbye\r\n"),
        ("/alone", ""),
        ("/announced", "3\r\nbye\r\n"),
    ] {
        for wanted in [
            "TE: trailers\r\n",
            "TE: gzip;q=0.5\r\nTE: deflate, Trailers\r\n",
        ] {
            let (head, rest) = ask(target, "1.1", wanted);
            assert_eq!(
                field(&head, "transfer-encoding").as_deref(),
                Some("chunked"),
                "{head}"
            );
            assert_eq!(field(&head, "content-length"), None, "{head}");
            assert_eq!(
                field(&head, "trailer").as_deref(),
                Some("x-end, grpc-status"),
                "{head}"
            );
            assert_eq!(rest, format!("{content}{end}"), "{target}");
        }
        for unwanted in ["", "TE: gzip\r\n"] {
            let (head, rest) = ask(target, "1.1", unwanted);
            assert_eq!(field(&head, "content-length"), None, "{head}");
            assert_eq!(field(&head, "trailer"), None, "{head}");
            assert_eq!(rest, format!("{content}0\r\n\r\n"), "{target}");
        }
    }
    let (head, rest) = ask("/content", "1.0", "TE: trailers\r\n");
    assert_eq!((field(&head, "trailer"), rest.as_str()), (None, "bye"));
    let (head, rest) = ask("/head", "1.1", "TE: trailers\r\n");
    assert_eq!(field(&head, "grpc-status").as_deref(), Some("5"));
    assert_eq!(
        (field(&head, "content-length").as_deref(), rest.as_str()),
        (Some("0"), "")
    );
}

#[tokio::test]
async fn a_replay_sends_trailers_over_http2() {
    let tape = tape("trailers-http2", &reads());
    let replay = Replay::start(&[&tape]);
    let ask = async |target: &str| {
        let request = Request::get(format!("http://a{target}"));
        by_http2(address(&replay), request.body(Full::default()).unwrap()).await
    };
    for (target, content) in [("/content", "bye"), ("/alone", ""), ("/announced", "bye")] {
        let response = ask(target).await;
        assert_eq!(response.headers().get("content-length"), None);
        let announced = response.headers().get("trailer").is_some();
        assert_eq!(announced, target == "/announced");
        let collected = response.into_body().collect().await.unwrap();
        let trailers = fields(collected.trailers().unwrap());
        assert_eq!(trailers, ["x-end: 2", "x-end: 3", "grpc-status: 0"]);
        assert_eq!(collected.to_bytes(), content);
    }
    let response = ask("/head").await;
    assert_eq!(response.headers()["grpc-status"], "5");
    assert_eq!(response.headers().get("content-length"), None);
    assert!(response.body().is_end_stream());
}

#[tokio::test]
async fn octets_are_matched_and_answered_as_they_are() {
    let kind = |id: &str| json!([["content-type", "application/grpc"], ["x-request-id", id]]);
    let answer = message("for req-0001234: Alice");
    let response = json!({
        "status": 200,
        "headers": [["content-type", "application/grpc"]],
        "body": { "text": std::str::from_utf8(&answer).unwrap() },
        "trailers": [["grpc-status", "0"], ["x-request-id", "req-0001234"]],
    });
    let asked = posted("/desk.Desk/Ask", &kind("req-0001234"), &message("Alice"));
    let tape = tape("octets", &operation(1, &asked, &response));
    let replay = Replay::start(&["--lenient", &tape]);
    let ask = async |text: &str| {
        let request = Request::post("http://a/desk.Desk/Ask")
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("x-request-id", "req-987654321")
            .body(Full::from(message(text)));
        let response = by_http2(address(&replay), request.unwrap()).await;
        (
            response.status(),
            response.into_body().collect().await.unwrap(),
        )
    };
    for other in ["Alina", "alice", "Alice "] {
        let (status, content) = ask(other).await;
        assert_eq!(status, 404, "{other}");
        let refusal: Value = serde_json::from_slice(&content.to_bytes()).unwrap();
        let told = refusal.to_string();
        assert!(
            told.contains("bytes that are not text, from byte"),
            "{told}"
        );
    }
    let (status, content) = ask("Alice").await;
    assert_eq!(status, 200);
    // The value that the client chose takes the recorded one's place where no length is told of it.
    let trailers = fields(content.trailers().unwrap());
    assert_eq!(trailers, ["grpc-status: 0", "x-request-id: req-987654321"]);
    assert_eq!(content.to_bytes(), answer);
}

#[tokio::test]
async fn a_miss_that_goes_on_to_the_service_comes_back_with_trailers() {
    let (sender, seen) = channel();
    let upstream = Upstream::start(move |mut client, _| {
        sender.send(client.head()).unwrap();
        // Nothing announces them.
        client.send(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbye\r\n0\r\nX-End: 2\r\n\r\n",
        );
    });
    let forward = format!("forward=http://{}", upstream.address);
    let tape = tape("trailers-forwarded", &reads());
    let replay = Replay::start(&["--on-miss", &forward, &tape]);
    let request = Request::get("http://a/elsewhere").header("te", "trailers");
    let request = request.body(Full::default()).unwrap();
    let response = by_http2(address(&replay), request).await;
    assert_eq!(response.status(), 200);
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(fields(collected.trailers().unwrap()), ["x-end: 2"]);
    assert_eq!(collected.to_bytes(), "bye");
    let head = seen.recv_timeout(PATIENCE).unwrap();
    assert!(head.starts_with("GET /elsewhere "), "{head}");
    assert_eq!(field(&head, "te").as_deref(), Some("trailers"), "{head}");
}

#[test]
fn a_tape_with_trailers_verifies_and_shows_them() {
    let tape = tape("trailers-verified", &reads());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        let output = command.args(arguments).arg(&tape).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    };
    run(&["verify"]);
    let shown = run(&["show"]);
    assert!(shown.contains("response: trailer x-end: 2\n"), "{shown}");
    assert!(
        shown.contains("response: trailer grpc-status: 0\n"),
        "{shown}"
    );
}

#[test]
fn octets_are_no_curl_line() {
    let asked = posted("/desk.Desk/Ask", &json!([]), &message("Alice"));
    let answer = json!({ "status": 200, "headers": [] });
    let events = operation(1, &asked, &answer) + &operation(2, &read("/plain"), &answer);
    let replay = Replay::start(&[&tape("octets-unsaid", &events)]);
    let line = replay.says("curl -X ");
    assert!(line.contains("/plain"), "{line}");
}
