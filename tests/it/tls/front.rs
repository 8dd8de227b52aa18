//! Towards clients: which certificate is shown to whom, what is spoken, and what is refused.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use http::{Request, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;

use super::harness::{Installation, client, connect, exchange, get, patient};
use crate::proxy::harness::{Upstream, field, ok};
use crate::support::PATIENCE;

#[test]
fn each_name_gets_a_certificate_of_its_own() {
    let installation = Installation::new();
    let replay = installation.replay(&["--tls"]);
    assert!(
        replay.origin.starts_with("https://127.0.0.1:"),
        "{}",
        replay.origin
    );
    let mut shown = BTreeSet::new();
    // An address is asked for by no name; it is that of the connection, or the loopback's.
    for name in [
        "localhost",
        "gws.example",
        "GWS.other.example",
        "127.0.0.1",
        "::1",
    ] {
        let settings = client(&installation.authority(), &["http/1.1"]);
        let connection = connect(replay.address, name, settings).unwrap();
        let chain = connection.conn.peer_certificates().unwrap();
        shown.insert(chain[0].as_ref().to_vec());
        let response = exchange(connection, &get("/nothing"));
        assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    }
    assert_eq!(shown.len(), 4, "the two addresses share one");
    // Nobody else's client believes it.
    let stranger = Installation::new();
    assert!(
        stranger
            .command()
            .arg("ca")
            .output()
            .unwrap()
            .status
            .success()
    );
    let settings = client(&stranger.authority(), &[]);
    assert!(connect(replay.address, "localhost", settings).is_err());
}

#[test]
fn the_client_chooses_what_is_spoken() {
    let installation = Installation::new();
    let replay = installation.replay(&["--tls"]);
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some("h2")),
        (&["http/1.1"][..], Some("http/1.1")),
        (&[][..], None),
    ] {
        let settings = client(&installation.authority(), offered);
        let connection = connect(replay.address, "localhost", settings).unwrap();
        let spoken = connection.conn.alpn_protocol().map(<[u8]>::to_vec);
        assert_eq!(spoken.as_deref(), chosen.map(str::as_bytes), "{offered:?}");
    }
    let settings = client(&installation.authority(), &["spdy/1"]);
    assert!(connect(replay.address, "localhost", settings).is_err());
}

#[tokio::test]
async fn http2_passes_over_tls() {
    let upstream = Upstream::answering(|head, _| ok(head));
    let installation = Installation::new();
    let recording = installation.record(
        &format!("http://{}", upstream.address),
        &["--tls", "--forwarded"],
    );
    let settings = client(&installation.authority(), &["h2"]);
    let tcp = tokio::net::TcpStream::connect(recording.address)
        .await
        .unwrap();
    let name = ServerName::try_from("desk.example").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(settings));
    let stream = connector.connect(name, tcp).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://desk.example/a").body(Full::<Bytes>::default());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.version()),
        (200, Version::HTTP_2)
    );
    let content = response.into_body().collect().await.unwrap().to_bytes();
    let head = String::from_utf8(content.to_vec()).unwrap();
    assert!(head.starts_with("GET /a HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("x-forwarded-proto: https\r\n"), "{head}");
    assert!(
        head.contains("x-forwarded-host: desk.example\r\n"),
        "{head}"
    );
    // A Host that is no :authority is refused here too; the port of https goes without saying.
    for (host, status) in [("desk.example:443", 200), ("other.example", 400)] {
        let request = Request::get("https://desk.example/").header("host", host);
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.status(), status, "{host}");
    }
}

#[test]
fn what_names_the_service_names_the_proxy_by_its_scheme() {
    let upstream = Upstream::answering(|head, _| {
        let host = field(head, "host").unwrap();
        format!(
            "HTTP/1.1 302 Found\r\nLocation: http://{host}/there\r\nContent-Length: 0\r\n\
             Set-Cookie: a=1; Secure; SameSite=None\r\n\r\n"
        )
    });
    let installation = Installation::new();
    let recording = installation.record(&format!("http://{}", upstream.address), &["--tls"]);
    let response = recording.get_by_tls("/");
    assert_eq!(
        field(&response, "location").unwrap(),
        "https://localhost:1/there"
    );
    assert_eq!(
        field(&response, "set-cookie").unwrap(),
        "a=1; Secure; SameSite=None"
    );
}

#[test]
fn what_has_no_one_meaning_is_refused_over_tls_too() {
    let upstream = Upstream::answering(|head, _| ok(head));
    let installation = Installation::new();
    let recording = installation.record(&format!("http://{}", upstream.address), &["--tls"]);
    let own = recording.address;
    let cases = [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n".to_owned(), "400"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".to_owned(),
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_owned(),
            "400",
        ),
        // The target in absolute form names this server by its scheme.
        (
            format!("GET http://{own}/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            "400",
        ),
        (
            format!("GET https://{own}/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n"),
            "200",
        ),
    ];
    for (request, status) in cases {
        let settings = client(&installation.authority(), &["http/1.1"]);
        let connection = connect(own, "localhost", settings).unwrap();
        let response = exchange(connection, &request);
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}: {response}"
        );
    }
    assert_eq!(upstream.heads().len(), 1);
}

#[test]
fn a_handshake_that_fails_ends_nothing_else() {
    let installation = Installation::new();
    let replay = installation.replay(&["--tls"]);
    let plain = replay.get("/");
    assert!(plain.starts_with("HTTP/1.1 400 "), "{plain}");
    assert!(
        plain.contains(&format!("call https://{}", replay.address)),
        "{plain}"
    );
    for noise in [&b"\x16\x03\x01\x00\x05hello"[..], b"\x00\x01\x02", b""] {
        let mut tcp = patient(TcpStream::connect(replay.address).unwrap());
        tcp.write_all(noise).unwrap();
        tcp.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP"), "{noise:?}");
    }
    assert!(replay.get_by_tls("/").starts_with("HTTP/1.1 404 "));
}

#[test]
fn who_does_not_shake_hands_is_not_waited_for_without_end() {
    let upstream = Upstream::answering(|head, _| ok(head));
    let installation = Installation::new();
    let upstream = format!("http://{}", upstream.address);
    let recording = installation.record(&upstream, &["--tls", "--head-timeout", "0.2"]);
    for begun in [&b""[..], b"\x16\x03\x01"] {
        let mut tcp = patient(TcpStream::connect(recording.address).unwrap());
        tcp.write_all(begun).unwrap();
        let began = std::time::Instant::now();
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer);
        assert!(answer.is_empty() && began.elapsed() < PATIENCE / 2);
    }
    assert!(recording.get_by_tls("/").starts_with("HTTP/1.1 200 "));
    // One that has not shaken hands does not hold up the end either.
    let _idle = TcpStream::connect(recording.address).unwrap();
    assert_eq!(recording.end().0, Some(0));
}

#[test]
fn a_replay_over_tls_plays_as_any_other() {
    let installation = Installation::new();
    let replay = installation.replay(&["--tls", "--absent-after", "0"]);
    let body = r#"{"operationName":"RemoveParticipantFromConference","targetUri":"http://10.10.15.212:9090/api/v2/users/c30d06daa1ea43b8be79f9b071f30d70"}"#;
    let request = format!(
        "POST /api/v2/me/chats/00010a9FSGFP001F HTTP/1.1\r\nHost: localhost\r\nAntiphon-Session: agent1\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let settings = client(&installation.authority(), &["http/1.1"]);
    let connection = connect(replay.address, "localhost", settings).unwrap();
    let response = exchange(connection, &request);
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(response.ends_with(r#"{"statusCode":0}"#), "{response}");
    let (_, said) = replay.end();
    assert!(
        said.contains("home/ca/ca.pem' -X POST 'https://127.0.0.1:"),
        "the curl line works as it stands: {said}"
    );
}
