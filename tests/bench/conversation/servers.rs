//! The servers of this bench, each a process of its own: one fixed answer, and bare long polls.
//!
//! They do the least that hyper can, so that they say what there is to reach.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::proxies;

/// Runs a party until it is ended from without: `fixed BYTES`, `proxy UPSTREAM` or `park`.
pub(crate) fn run(words: &[String]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fixed", bytes] => runtime.block_on(fixed(bytes.parse().unwrap())),
        ["proxy", upstream] => runtime.block_on(proxies::minimal(upstream)),
        ["park"] => runtime.block_on(park()),
        _ => panic!("{words:?} is no party"),
    }
}

/// Serves HTTP/1.1 on a free port, whose address is the first line on stdout.
pub(crate) async fn serve<F, R, B>(handle: F)
where
    F: Fn(Request<Incoming>) -> R + Clone + Send + 'static,
    R: Future<Output = Response<B>> + Send + 'static,
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening on http://{}", listener.local_addr().unwrap());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let _ = stream.set_nodelay(true);
        let handle = handle.clone();
        let service = service_fn(move |request| {
            let answer = handle(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

/// JSON of exactly this many bytes, at least 16.
pub(crate) fn answer(bytes: usize) -> String {
    let head = "{\"statusCode\":0";
    let rest = bytes.saturating_sub(head.len() + 1);
    match rest {
        0 => format!("{head}}}"),
        // A member around which `,"t":""` stands.
        8.. => format!("{head},\"t\":\"{}\"}}", "x".repeat(rest - 7)),
        _ => format!("{head}{}}}", " ".repeat(rest)),
    }
}

async fn fixed(bytes: usize) {
    let content = Bytes::from(answer(bytes));
    serve(move |request| {
        let content = content.clone();
        async move {
            // The request is read to its end, as a service does.
            let _ = request.into_body().collect().await;
            json(content)
        }
    })
    .await;
}

/// `GET /poll` waits for the next `POST /go`; `GET /parked` says how many wait.
async fn park() {
    let (go, _) = watch::channel(0_usize);
    let (go, parked) = (Arc::new(go), Arc::new(AtomicUsize::new(0)));
    serve(move |request| {
        let (go, parked) = (Arc::clone(&go), Arc::clone(&parked));
        async move {
            match request.uri().path() {
                "/poll" => {
                    let mut turn = go.subscribe();
                    parked.fetch_add(1, Ordering::SeqCst);
                    let _ = turn.changed().await;
                    parked.fetch_sub(1, Ordering::SeqCst);
                    json(Bytes::from(answer(crate::work::PUSHED)))
                }
                "/parked" => json(parked.load(Ordering::SeqCst).to_string().into()),
                _ => {
                    go.send_modify(|turn| *turn += 1);
                    json(Bytes::from(answer(16)))
                }
            }
        }
    })
    .await;
}

fn json(content: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(content));
    let kind = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert("content-type", kind);
    response
}
