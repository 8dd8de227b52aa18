//! What a person and a monitor ask of a recording, on a port of its own: health and metrics.
//!
//! It tells what the recorder and the meter count, and changes nothing.

mod numbers;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::metrics;
use crate::recorder::{Admission, Loss};

use super::{Proxy, Shared};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<Wrong>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missed: Option<Missed>,
}

/// What is wrong now.
#[derive(Serialize)]
struct Wrong {
    why: String,
    for_seconds: u64,
}

/// What passed and is not on the tape, or not for certain.
#[derive(Serialize)]
struct Missed {
    events: u64,
    exchanges: u64,
    bytes: u64,
    uncertain_events: u64,
    gaps: u64,
}

/// The numbers of the port that clients use, by their names.
pub type Connections = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
struct Recorded {
    operations: u64,
    notifications: u64,
    sessions: usize,
    left_out: u64,
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
    if !matches!(path, "/__admin/health" | "/__admin/metrics" | "/metrics") {
        let message =
            format!("there is nothing at {path}; GET /__admin/health or /__admin/metrics");
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
        "/__admin/health" => health(&proxy.0, connections),
        _ => answer(
            StatusCode::OK,
            metrics::CONTENT_TYPE,
            exposition(&proxy.0, &connections),
        ),
    }
}

/// The document of `/__admin/health`. Whoever asks a proxy that passes everything on whether to send it
/// traffic gets a yes (200), however the recording fares; one that lets nothing in answers 503.
fn health(shared: &Shared, connections: Connections) -> Response<Full<Bytes>> {
    let count = shared.meter.count();
    let recorded = shared.recorder.progress();
    let condition = shared.recorder.condition();
    let (code, status) = match (condition.admission, &condition.trouble, condition.loss) {
        (Admission::Paused | Admission::Ended, _, _) => {
            (StatusCode::SERVICE_UNAVAILABLE, "stopped")
        }
        (Admission::Open, Some(_), _) => (StatusCode::OK, "failing"),
        (Admission::Open, None, Loss::Some) => (StatusCode::OK, "incomplete"),
        (Admission::Open, None, Loss::None) => (StatusCode::OK, "ok"),
    };
    let missed = (condition.loss == Loss::Some).then_some(Missed {
        events: recorded.lacks(),
        exchanges: recorded.dropped,
        bytes: recorded.lost_bytes,
        uncertain_events: recorded.uncertain,
        gaps: recorded.gaps,
    });
    let health = Health {
        status,
        mode: "record",
        upstream: &shared.settings.upstream.to_string(),
        answered: count.answered,
        under_way: count.under_way,
        bytes: count.bytes,
        recorded: Recorded {
            operations: recorded.operations,
            notifications: recorded.notifications,
            sessions: recorded.sessions,
            left_out: recorded.left_out,
            waiting_bytes: recorded.waiting,
            lost_events: recorded.lacks(),
        },
        connections,
        trouble: condition.trouble.map(|trouble| Wrong {
            why: trouble.why,
            for_seconds: trouble.lasting.as_secs(),
        }),
        missed,
    };
    json(code, &serde_json::json!(health))
}

fn exposition(shared: &Shared, connections: &Connections) -> String {
    let (progress, condition) = (shared.recorder.progress(), shared.recorder.condition());
    let recorded = numbers::of(&progress, &condition);
    let numbers = recorded.chain(metrics::connections(connections));
    shared.meter.exposition() + &metrics::exposition(numbers)
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
