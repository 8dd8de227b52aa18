//! Secrets of clients that speak HTTP/2, in each place that it has for them.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http2::SendRequest;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// What stands on a tape whose secrets are left alone.
const TOLD: &[&str] = &[
    "cnry-h2-field-1Zq9",
    "cnry-h2-bearer-2Yw8",
    "cnry-h2-cookie-3Xe7",
    "cnry-h2-cookie-4Wr6",
    "cnry-h2-path-5Vt5",
    "cnry-h2-json-6Uy4",
    "cnry-h2-trailer-7Tu3",
    "cnry-h2-set-cookie-8Si2",
    "cnry-h2-answer-9Ro1",
    "cnry-h2-answered-trailer-1Qp9",
    "cnry-h2-socket-path-2Pa8",
    "cnry-h2-socket-client-3Os7",
    "cnry-h2-socket-service-4Nd6",
];

/// What is refused or not answered, and need not stand there.
const REFUSED: &[&str] = &[
    "cnry-h2-host-5Mf5",
    "cnry-h2-authority-6Lg4",
    "cnry-h2-connect-7Kh3",
    "cnry-h2-unanswered-8Jj2",
];

type Sender = SendRequest<BoxBody<Bytes, Infallible>>;

/// A service that keeps what it hears, and tells secrets.
fn keeper() -> (Upstream, Arc<Mutex<String>>) {
    let heard = Arc::<Mutex<String>>::default();
    let kept = Arc::clone(&heard);
    let upstream = Upstream::start(move |mut client, _| {
        loop {
            let head = client.head();
            kept.lock().unwrap().push_str(&head);
            match head.split([' ', '?']).nth(1).unwrap_or_default() {
                "/call" => {
                    let mut content = String::new();
                    while !content.ends_with("0\r\n") {
                        content.push_str(&client.line());
                    }
                    while !content.ends_with("\r\n\r\n") {
                        content.push_str(&client.line());
                    }
                    kept.lock().unwrap().push_str(&content);
                    let answer = json!({ "accessToken": TOLD[8] }).to_string();
                    client.send(&format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                         Set-Cookie: SID={}; Path=/\r\nTransfer-Encoding: chunked\r\n\
                         Trailer: X-Secret\r\n\r\n{:x}\r\n{answer}\r\n0\r\nX-Secret: {}\r\n\r\n",
                        TOLD[7],
                        answer.len(),
                        TOLD[9],
                    ));
                }
                "/ws" => {
                    let key = field(&head, "sec-websocket-key").unwrap();
                    let accept = antiphon::websocket::accept(&key);
                    client.send(&format!(
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                         Upgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
                    ));
                    client.bytes(&pushed()).unwrap();
                    client.drain().1.ok();
                    return;
                }
                _ => return,
            }
        }
    });
    (upstream, heard)
}

/// What the service says on the socket, as a frame.
fn pushed() -> Vec<u8> {
    let text = json!({ "password": TOLD[12] }).to_string();
    sockets::bare(0x81, text.as_bytes())
}

async fn connect(recording: &Recording) -> Sender {
    let tcp = tokio::net::TcpStream::connect(recording.address);
    let (sender, connection) = hyper::client::conn::http2::handshake(
        TokioExecutor::new(),
        TokioIo::new(tcp.await.unwrap()),
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    sender
}

fn empty() -> BoxBody<Bytes, Infallible> {
    Empty::new().boxed()
}

/// A call with a secret in each part of a request, answered with one in each part of a response.
async fn call(sender: &mut Sender) {
    let mut indexed_never = HeaderValue::from_static(TOLD[0]);
    indexed_never.set_sensitive(true);
    let mut trailers = HeaderMap::new();
    trailers.insert("x-auth-token", HeaderValue::from_static(TOLD[6]));
    let content = Bytes::from(json!({ "user": { "password": TOLD[5] } }).to_string());
    // A stream, whose length is not known: what has one has no room for trailers in HTTP/1.1.
    let frames = [Frame::data(content), Frame::trailers(trailers)];
    let content = StreamBody::new(futures_util::stream::iter(frames.map(Ok)));
    let request = Request::post(format!("http://front:1/call?access_token={}", TOLD[4]))
        .header("x-api-key", indexed_never)
        .header("authorization", format!("Bearer {}", TOLD[1]))
        // Each a field of its own, as clients send them for the sake of compression (RFC 9113 §8.2.3).
        .header("cookie", format!("SID={}", TOLD[2]))
        .header("cookie", format!("theme={}", TOLD[3]))
        .header("content-type", "application/json")
        .header("trailer", "x-auth-token")
        .body(content.boxed());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let cookie = response.headers()["set-cookie"].to_str().unwrap();
    assert_eq!(cookie, format!("SID={}; Path=/", TOLD[7]));
    let content = response.into_body().collect().await.unwrap();
    assert_eq!(content.trailers().unwrap()["x-secret"], TOLD[9]);
    let content = String::from_utf8(content.to_bytes().to_vec()).unwrap();
    assert!(content.contains(TOLD[8]), "{content}");
}

/// A socket whose address and messages hold secrets.
async fn speak(sender: &mut Sender) {
    let target = format!("http://front:1/ws?access_token={}", TOLD[10]);
    let request = Request::connect(target)
        .extension(Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13")
        .body(empty());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    let mut socket = TokioIo::new(hyper::upgrade::on(response).await.unwrap());
    let text = json!({ "token": TOLD[11] }).to_string();
    let frames = [
        sockets::masked(0x81, text.as_bytes()),
        sockets::masked(0x88, b"\x03\xe8"),
    ];
    socket.write_all(&frames.concat()).await.unwrap();
    let mut heard = vec![0; pushed().len()];
    socket.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, pushed());
    socket.shutdown().await.unwrap();
    socket.read_to_end(&mut Vec::new()).await.unwrap();
}

/// Requests that are refused, and one that nobody answers; none is told again what it asked.
async fn be_refused(sender: &mut Sender) {
    let get = |uri: String| Request::get(uri);
    let requests = [
        (
            get(format!("http://front:1/x?token={}", REFUSED[0])).header("host", "other"),
            400,
        ),
        (get(format!("http://ann:{}@front:1/x", REFUSED[1])), 400),
        (
            Request::connect(format!("http://front:1/x?token={}", REFUSED[2]))
                .extension(Protocol::from_static("connect-udp")),
            501,
        ),
        (
            get(format!("http://front:1/gone?token={}", REFUSED[3])),
            502,
        ),
    ];
    for (request, status) in requests {
        let request = request.body(empty()).unwrap();
        let response = sender.send_request(request).await.unwrap();

        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(response.status(), status);
        let content = response.into_body().collect().await.unwrap().to_bytes();
        let content = String::from_utf8(content.to_vec()).unwrap();
        for secret in REFUSED {
            assert!(!content.contains(secret), "{content}");
        }
    }
}

fn tell(recording: &Recording) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, async {
            let mut sender = connect(recording).await;
            call(&mut sender).await;
            speak(&mut sender).await;
            be_refused(&mut sender).await;
        })
        .await
        .expect("in time");
    });
}

/// A recording that logs what it can.
fn logging(upstream: std::net::SocketAddr, more: &[&str]) -> Recording {
    let mut command = Command::new("sh");
    let words = "exec \"$@\" 2>words.log";
    command
        .args(["-c", words, "sh", env!("CARGO_BIN_EXE_antiphon")])
        .env("RUST_LOG", "trace,h2=trace");
    Recording::start_by(command, upstream, more)
}

/// All that a recording says and leaves: pages, files, and what commands make of the tape.
fn left(recording: &mut Recording) -> Vec<String> {
    let pages = ["health", "metrics"];
    let mut told: Vec<String> = pages
        .map(|page| support::get(&format!("{}/__admin/{page}", recording.admin)).text)
        .into();
    assert_eq!(recording.end(), Some(0));
    let tape = recording.tape();
    for entry in fs::read_dir(tape.parent().unwrap()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        told.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    assert!(told.len() > 3, "the tape and the log");
    told.push(Tape::load(&tape).unwrap().tape.write(Layout::Lines));
    for arguments in [&["show"][..], &["show", "--json"], &["verify"]] {
        let done = antiphon(arguments, &tape);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        told.push(said(&done));
    }
    told
}

#[test]
fn nothing_that_comes_over_http2_leaves_a_secret() {
    for more in [&[][..], &["--compress"], &["--no-redact", "*"]] {
        let (service, heard) = keeper();
        let mut recording = logging(service.address, more);
        tell(&recording);
        let told = left(&mut recording);
        let heard = heard.lock().unwrap().clone();
        for secret in [&TOLD[..7], &TOLD[10..11]].concat() {
            assert!(heard.contains(secret), "{secret} is passed on: {heard}");
        }
        if more.contains(&"*") {
            // They come by: what is asserted below is no accident.
            for secret in TOLD {
                assert!(told.iter().any(|told| told.contains(secret)), "{secret}");
            }
            continue;
        }
        for told in &told {
            for secret in [TOLD, REFUSED].concat() {
                assert!(!told.contains(secret), "{secret}: {told}");
            }
        }
        let checked = antiphon(&["redact", "--check"], &recording.tape());
        assert_eq!(checked.status.code(), Some(0), "{}", said(&checked));
    }
}

#[test]
fn nothing_that_goes_on_over_http2_leaves_a_secret_either() {
    let (service, heard) = keeper();
    let mut behind = logging(service.address, &[]);
    let mut before = logging(behind.address, &["--upstream-http2"]);
    tell(&before);
    for recording in [&mut before, &mut behind] {
        for told in left(recording) {
            for secret in [TOLD, REFUSED].concat() {
                assert!(!told.contains(secret), "{secret}: {told}");
            }
        }
    }
    assert!(heard.lock().unwrap().contains(TOLD[6]));
}
