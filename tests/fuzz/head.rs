//! The checks of what HTTP/1.1 clients send: the verdict is the same however the bytes arrive, and what passes
//! has one meaning: hyper reads the same requests in it.
//!
//! The first byte is how long a piece is.

#![no_main]

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use antiphon::listen::fuzzing::{Passed, follow};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use libfuzzer_sys::fuzz_target;

/// A request as hyper reads it: method, target, content.
type Heard = (String, String, Bytes);

fuzz_target!(|data: &[u8]| {
    let [piece, stream @ ..] = data else {
        return;
    };
    let piece = usize::from(*piece % 32) + 1;
    let whole = follow(stream, stream.len().max(1));
    let pieces = follow(stream, piece);
    assert_eq!(pieces.requests, whole.requests, "by {piece}");
    assert_eq!(pieces.refused, whole.refused, "by {piece}");
    let heard = heard_by_hyper(&whole);
    assert!(heard.len() <= whole.requests.len(), "{heard:?}: {whole:?}");
    for ((method, target, content), passed) in heard.iter().zip(&whole.requests) {
        let line = passed
            .head
            .split(|byte| *byte == b'\r')
            .next()
            .unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some(method.as_str()));
        // In absolute form hyper writes an empty path as a slash.
        let named = words.next().unwrap_or_default();
        assert!(
            named == target || !named.starts_with('/'),
            "{named:?} {target:?}"
        );
        assert_eq!(plain(&passed.content, &passed.head), *content, "{line}");
    }
});

/// The requests that hyper hears whole in what has passed.
fn heard_by_hyper(passed: &Passed) -> Vec<Heard> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let service = service_fn(move |request: Request<Incoming>| {
        let told = Arc::clone(&told);
        async move {
            let (head, content) = request.into_parts();
            if let Ok(content) = content.collect().await {
                let one = (
                    head.method.to_string(),
                    head.uri.to_string(),
                    content.to_bytes(),
                );
                told.lock().expect("one thread").push(one);
            }
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    let io = tokio::io::join(passed.bytes.as_slice(), tokio::io::sink());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let connection = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(io), service);
    // What hyper refuses has no second meaning.
    let _ = runtime.expect("a runtime").block_on(connection);
    let heard = heard.lock().expect("one thread");
    heard.clone()
}

/// The content without its chunks (RFC 9112 §7.1), where the head says that it has them.
fn plain(content: &[u8], head: &[u8]) -> Vec<u8> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    if !head.contains("\r\ntransfer-encoding:") {
        return content.to_vec();
    }
    let (mut plain, mut rest) = (Vec::new(), content);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        let digits = line
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        let digits = std::str::from_utf8(&line[..digits]).expect("digits");
        let size = usize::from_str_radix(digits, 16).expect("a size");
        if size == 0 {
            break;
        }
        plain.extend_from_slice(&after[..size]);
        rest = &after[size + 2..];
    }
    plain
}
