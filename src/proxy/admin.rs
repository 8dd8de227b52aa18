//! What a person and a monitor ask of a recording, on a port of its own: health and metrics.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use super::{Proxy, Shared};

/// The type of a Prometheus exposition.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    mode: &'static str,
    upstream: &'a str,
    answered: u64,
    under_way: u64,
    bytes: u64,
    recorded: Recorded,
    connections: Connections,
}

/// The numbers of the port that clients use, by their names.
pub type Connections = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
struct Recorded {
    operations: u64,
    notifications: u64,
    sessions: usize,
    waiting_bytes: usize,
    lost_events: u64,
}

/// Answers a request to the admin port.
pub async fn handle<B>(
    proxy: Proxy,
    request: Request<B>,
    connections: Connections,
) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/__admin/health" | "/metrics") {
        let message = format!("there is nothing at {path}; GET /__admin/health or /metrics");
        return refused(StatusCode::NOT_FOUND, "miss", &message);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let message = format!("{path} takes GET only");
        let mut response = refused(StatusCode::METHOD_NOT_ALLOWED, "malformed", &message);
        let allow = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allow);
        return response;
    }
    match path {
        "/metrics" => answer(StatusCode::OK, EXPOSITION, metrics(&proxy.0, &connections)),
        _ => json(StatusCode::OK, &health(&proxy.0, connections)),
    }
}

fn health(shared: &Shared, connections: Connections) -> serde_json::Value {
    let count = shared.meter.count();
    let recorded = shared.recorder.progress();
    let health = Health {
        status: if recorded.lacks() == 0 {
            "ok"
        } else {
            "losing"
        },
        mode: "record",
        upstream: &shared.settings.upstream.to_string(),
        answered: count.answered,
        under_way: count.under_way,
        bytes: count.bytes,
        recorded: Recorded {
            operations: recorded.operations,
            notifications: recorded.notifications,
            sessions: recorded.sessions,
            waiting_bytes: recorded.waiting,
            lost_events: recorded.lacks(),
        },
        connections,
    };
    serde_json::json!(health)
}

fn metrics(shared: &Shared, connections: &Connections) -> String {
    let recorded = shared.recorder.progress();
    let lines = [
        (
            "operations_total",
            "counter",
            "Operations on the tape",
            recorded.operations,
        ),
        (
            "notifications_total",
            "counter",
            "Notifications on the tape",
            recorded.notifications,
        ),
        (
            "lost_events_total",
            "counter",
            "Events that could not be written or read",
            recorded.lacks(),
        ),
        (
            "waiting_bytes",
            "gauge",
            "Bytes that wait to be written",
            recorded.waiting as u64,
        ),
    ];
    let lines = lines.map(|(name, kind, help, value)| {
        format!(
            "# HELP antiphon_{name} {help}.\n# TYPE antiphon_{name} {kind}\nantiphon_{name} {value}\n"
        )
    });
    shared.meter.exposition() + &lines.concat() + &exposition(connections)
}

/// The numbers of the port: those that are open now, and how many there were of each other kind.
fn exposition(connections: &Connections) -> String {
    let lines = connections.iter().map(|(name, value)| {
        let (name, kind) = match *name {
            "open" => ("connections_open".to_owned(), "gauge"),
            name => (format!("connections_{name}_total"), "counter"),
        };
        format!("# TYPE antiphon_{name} {kind}\nantiphon_{name} {value}\n")
    });
    lines.collect()
}

fn refused(status: StatusCode, error: &str, message: &str) -> Response<Full<Bytes>> {
    json(
        status,
        &serde_json::json!({ "error": error, "message": message }),
    )
}

fn json(status: StatusCode, document: &serde_json::Value) -> Response<Full<Bytes>> {
    answer(status, "application/json", document.to_string())
}

fn answer(status: StatusCode, kind: &'static str, content: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(content));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
