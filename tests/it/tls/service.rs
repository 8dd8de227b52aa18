//! Towards the service: whom the recorder believes, and what it says where it does not.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, mpsc};
use std::thread;

use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, IsCa};
use rustls::ServerConfig;

use super::harness::{
    Installation, Maker, Pair, Service, When, refusal, self_signed, server, signed_by_itself, text,
};
use crate::proxy::harness::field;
use crate::support::PATIENCE;

#[test]
fn a_service_that_is_not_who_it_should_be_is_sent_nothing() {
    let (maker, other) = (Maker::new("good"), Maker::new("other"));
    let cases: [(Pair, &str, &str); 5] = [
        (
            maker.sign("127.0.0.1", When::Past),
            "expired",
            "has expired",
        ),
        (
            maker.sign("127.0.0.1", When::Future),
            "not-yet-valid",
            "not valid yet",
        ),
        (
            maker.sign("localhost", When::Always),
            "wrong-name",
            "another name",
        ),
        (
            other.sign("127.0.0.1", When::Always),
            "unknown-issuer",
            "--upstream-ca",
        ),
        (self_signed("127.0.0.1"), "unknown-issuer", "nobody"),
    ];
    for (pair, cause, words) in cases {
        let installation = Installation::new();
        let ca = text(&installation.file("test-ca.pem", &maker.pem));
        let service = Service::start(server(&pair, None));
        let recording = installation.record(&service.origin(), &["--upstream-ca", &ca]);
        for _ in 0..2 {
            let (status, document) = refusal(&recording.get("/secret"));
            assert_eq!(status, "502", "{document}");
            assert_eq!(document["error"], "upstream");
            assert_eq!(document["cause"], cause, "{document}");
            let message = document["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
            assert_eq!(service.sent(), "", "{cause}");
        }
        let (code, said) = recording.end();
        assert_eq!(code, Some(0), "{said}");
    }
}

#[test]
fn a_service_whose_own_certificate_is_named_is_trusted_while_it_holds_and_by_its_name() {
    let any = || IsCa::Ca(BasicConstraints::Unconstrained);
    let cases = [
        ("127.0.0.1", When::Always, any(), None),
        ("127.0.0.1", When::Always, IsCa::NoCa, None),
        ("127.0.0.1", When::Past, any(), Some("expired")),
        ("127.0.0.1", When::Future, any(), Some("not-yet-valid")),
        ("localhost", When::Always, any(), Some("wrong-name")),
    ];
    for (name, when, authority, cause) in cases {
        let installation = Installation::new();
        let pair = signed_by_itself(name, when, authority);
        let own = text(&installation.file("own.pem", &pair.certificate));
        let service = Service::start(server(&pair, None));
        let recording = installation.record(&service.origin(), &["--upstream-ca", &own]);
        let response = recording.get("/");
        match cause {
            None => assert!(response.starts_with("HTTP/1.1 200 "), "{response}"),
            Some(cause) => {
                let (status, document) = refusal(&response);
                assert_eq!(
                    (status.as_str(), &document["cause"]),
                    ("502", &cause.into())
                );
                assert_eq!(service.sent(), "");
            }
        }
    }
    // To be named does not help another one with the same name.
    let installation = Installation::new();
    let own = signed_by_itself("127.0.0.1", When::Always, any()).certificate;
    let own = text(&installation.file("own.pem", &own));
    let service = Service::start(server(
        &signed_by_itself("127.0.0.1", When::Always, any()),
        None,
    ));
    let recording = installation.record(&service.origin(), &["--upstream-ca", &own]);
    let (_, document) = refusal(&recording.get("/"));
    assert_eq!(document["cause"], "unknown-issuer", "{document}");
    assert_eq!(service.sent(), "");
}

#[test]
fn a_port_without_tls_and_one_that_says_nothing_are_named() {
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &Maker::new("good").pem));
    let ask = |port: &TcpListener, arguments: &[&str]| {
        let upstream = format!("https://{}", port.local_addr().unwrap());
        let mut all = vec!["--force", "--upstream-ca", &ca];
        all.extend(arguments);
        let recording = installation.record(&upstream, &all);
        let (status, document) = refusal(&recording.get("/"));
        assert_eq!(recording.end().0, Some(0));
        (status, document["cause"].as_str().unwrap().to_owned())
    };
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let answer = ask(&mute, &["--connect-timeout", "0.2"]);
    assert_eq!(answer, ("504".into(), "timeout".into()));
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let mouth = plain.try_clone().unwrap();
    thread::spawn(move || {
        for mut stream in mouth.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            // Closed on unread bytes, the connection would take the answer with it.
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    assert_eq!(ask(&plain, &[]), ("502".into(), "no-tls".into()));
}

#[test]
fn what_the_system_trusts_is_trusted_where_nothing_else_is_said() {
    let (maker, other) = (Maker::new("good"), Maker::new("other"));
    let service = Service::start(server(&maker.sign("127.0.0.1", When::Always), None));
    for (trusted, status) in [(&maker, "200"), (&other, "502")] {
        let installation = Installation::new();
        let system = installation.file("system.pem", &trusted.pem);
        let installation = installation.with("SSL_CERT_FILE", system);
        let recording = installation.record(&service.origin(), &[]);
        let response = recording.get("/");
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{response}"
        );
    }
}

#[test]
fn a_service_over_tls_is_recorded_as_any_other() {
    let maker = Maker::new("good");
    let service = Service::start(server(&maker.sign("127.0.0.1", When::Always), None));
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let recording = installation.record(&service.origin(), &["--upstream-ca", &ca]);
    let response = recording.get("/a?b");
    assert!(response.ends_with("heard GET /a?b HTTP/1.1"), "{response}");
    // The client is not on TLS: what ties cookie and URL to it goes.
    assert_eq!(field(&response, "set-cookie").unwrap(), "a=1; Path=/");
    assert_eq!(
        field(&response, "location").unwrap(),
        "http://localhost:1/there"
    );
    for _ in 0..3 {
        assert!(recording.get("/again").starts_with("HTTP/1.1 200 "));
    }
    let (code, said) = recording.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("insecure"), "{said}");
    let sent = service.sent();
    assert_eq!(sent.matches("GET ").count(), 4, "one connection: {sent}");
    let shown = installation.show(&[]);
    assert!(
        shown.contains(&format!("from {}", service.origin())),
        "{shown}"
    );
    assert!(!shown.contains("not checked"), "{shown}");
}

#[test]
fn a_service_gets_the_certificate_that_it_wants() {
    let (maker, clients) = (Maker::new("good"), Maker::new("clients"));
    let pair = maker.sign("127.0.0.1", When::Always);
    let service = Service::start(server(&pair, Some(&clients)));
    let installation = Installation::new();
    let ca = text(&installation.file("test-ca.pem", &maker.pem));
    let own = installation.files(&clients.sign("recorder", When::Always), "upstream");
    let wrong = Installation::new();
    let wrong_files = wrong.files(&maker.sign("recorder", When::Always), "upstream");
    for (files, status) in [
        (&[][..], "502"),
        (&own[..], "200"),
        (&wrong_files[..], "502"),
    ] {
        let mut arguments = vec!["--force", "--upstream-ca", &ca];
        arguments.extend(files.iter().map(String::as_str));
        let recording = installation.record(&service.origin(), &arguments);
        let response = recording.get("/");
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{files:?}: {response}"
        );
        if status == "502" {
            let (_, document) = refusal(&response);
            assert_eq!(document["cause"], "client-certificate", "{document}");
        }
    }
}

/// A service that speaks these protocols over TLS, and tells of each request by which one it came.
fn choosing(mut settings: ServerConfig, protocols: &[&str]) -> (String, mpsc::Receiver<String>) {
    settings.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(settings));
    let (sender, told) = mpsc::channel();
    let (port, origin) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            port.send(listener.local_addr().unwrap()).unwrap();
            while let Ok((tcp, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(tcp).await else {
                    continue;
                };
                let sender = sender.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let authority = match request.version() {
                        Version::HTTP_2 => request.uri().authority().unwrap().to_string(),
                        _ => request.headers()["host"].to_str().unwrap().to_owned(),
                    };
                    let doubled = request.version() == Version::HTTP_2
                        && request.headers().contains_key("host");
                    assert!(!doubled, "a Host beside :authority");
                    let told = format!("{:?} {authority}", request.version());
                    sender.send(told).unwrap();
                    async {
                        let body = Full::new(Bytes::from_static(b"chosen"));
                        Ok::<_, std::convert::Infallible>(Response::new(body))
                    }
                });
                let chosen = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let stream = TokioIo::new(stream);
                tokio::spawn(async move {
                    let _ = if chosen {
                        let http = http2::Builder::new(TokioExecutor::new());
                        http.serve_connection(stream, service).await
                    } else {
                        http1::Builder::new()
                            .serve_connection(stream, service)
                            .await
                    };
                });
            }
        });
    });
    let address = origin.recv_timeout(PATIENCE).unwrap();
    (format!("https://{address}"), told)
}

#[test]
fn the_service_chooses_what_is_spoken() {
    let maker = Maker::new("good");
    let pair = maker.sign("127.0.0.1", When::Always);
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["h2"][..], "HTTP/2.0"),
        (&["http/1.1"][..], "HTTP/1.1"),
        (&[][..], "HTTP/1.1"),
    ] {
        let (origin, told) = choosing(server(&pair, None), protocols);
        let installation = Installation::new();
        let ca = text(&installation.file("test-ca.pem", &maker.pem));
        let recording = installation.record(&origin, &["--upstream-ca", &ca]);
        let gets = |count: usize| {
            thread::scope(|scope| {
                let threads: Vec<_> = (0..count)
                    .map(|_| scope.spawn(|| recording.get("/")))
                    .collect();
                for thread in threads {
                    let response = thread.join().unwrap();
                    assert!(response.ends_with("chosen"), "{protocols:?}: {response}");
                }
            });
        };
        // Many at once, before it is known what the service speaks; then one.
        gets(12);
        gets(1);
        let authority = origin.strip_prefix("https://").unwrap();
        for _ in 0..13 {
            let told = told.recv_timeout(PATIENCE).unwrap();
            assert_eq!(told, format!("{version} {authority}"), "{protocols:?}");
        }
    }
}
