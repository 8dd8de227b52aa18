//! What a person and a test ask of a replay, on a port of its own: health, the transcript, a fresh
//! start, and one session's notifications without a Bayeux client.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::bayeux::message;
use crate::exchange::Session;
use crate::journal::{Journal, Lane};
use crate::metrics::CONTENT_TYPE;

use super::body::ReplayBody;
use super::cast::{Identity, Role};
use super::copies::Mark;
use super::fields::{json, refused};
use super::numbers;
use super::refusal::{Kind, Refusal};
use super::service::Replay;
use super::stage::Stage;

/// How many lines wait for a reader that is slower than the conversation; then its polls stop, and
/// the notifications wait in the run.
const WAITING_LINES: usize = 64;

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    mode: &'static str,
    run: u64,
    sessions: Vec<&'a str>,
    operations: usize,
    notifications: usize,
    copies: usize,
    polls_held: usize,
    streams_open: usize,
    misses: usize,
    connections: Connections,
}

/// The numbers of the port that clients use, by their names.
pub type Connections = BTreeMap<&'static str, u64>;

#[derive(Serialize)]
struct Transcript<'a> {
    run: u64,
    digest: String,
    misses: usize,
    sessions: Vec<SessionTranscript<'a>>,
}

#[derive(Serialize)]
struct SessionTranscript<'a> {
    session: &'a str,
    digest: String,
    operations: Vec<OperationEntry<'a>>,
    notifications: Vec<NotificationEntry<'a>>,
}

#[derive(Serialize)]
struct OperationEntry<'a> {
    operation: u64,
    method: &'a str,
    target: &'a str,
    status: u16,
}

#[derive(Serialize)]
struct NotificationEntry<'a> {
    notification: u64,
    channel: &'a str,
    data: Option<&'a RawValue>,
}

/// Answers a request to the admin port.
pub async fn handle<B>(
    replay: Replay,
    request: Request<B>,
    connections: Connections,
) -> Response<ReplayBody> {
    let wanted = |method: Method| {
        if request.method() == method {
            None
        } else {
            Some(method)
        }
    };
    let path = request.uri().path();
    let wrong_method = match path {
        "/__admin/health"
        | "/__admin/metrics"
        | "/metrics"
        | "/__admin/transcript"
        | "/__admin/report"
        | "/__admin/pending"
        | "/__try/notifications" => wanted(Method::GET),
        "/__admin/reset" | "/__admin/step" => wanted(Method::POST),
        _ => {
            let message = format!(
                "there is nothing at {path}; GET /__admin/health, /__admin/metrics, \
                 /__admin/transcript, /__admin/report, /__admin/pending or /__try/notifications?session=NAME, \
                 POST /__admin/reset or /__admin/step?count=N"
            );
            return refused(&Refusal::plain(Kind::Miss, message));
        }
    };
    if let Some(method) = wrong_method {
        let refusal = Refusal::plain(Kind::Malformed, format!("{path} takes {method} only"));
        let mut response = json(StatusCode::METHOD_NOT_ALLOWED, refusal.document);
        if let Ok(method) = method.as_str().parse() {
            response.headers_mut().insert(http::header::ALLOW, method);
        }
        return response;
    }
    let query = request.uri().query().unwrap_or_default();
    let copy = parameter(query, "copy").map_or(Some(1), |number| number.parse().ok());
    let Some(copy) = copy else {
        return no_copy(query);
    };
    match path {
        "/__admin/health" => health(&replay, connections),
        "/__admin/metrics" | "/metrics" => metrics(&replay, &connections),
        "/__admin/transcript" => transcript(&replay, copy),
        "/__admin/report" => document(&replay.report()),
        "/__admin/pending" => match replay.report().copy(copy) {
            Some(report) => document(&report.waiting()),
            None => no_copy(copy),
        },
        "/__admin/reset" => {
            let run = replay.reset();
            tracing::info!("run {run} begins");
            document(&serde_json::json!({ "run": run }))
        }
        "/__admin/step" => step(&replay, query, copy),
        _ => listen(replay, query, copy).await,
    }
}

/// The value of a parameter of a query.
fn parameter<'a>(query: &'a str, name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes())
        .find(|(candidate, _)| candidate == name)
        .map(|(_, value)| value)
}

fn step(replay: &Replay, query: &str, copy: usize) -> Response<ReplayBody> {
    if !replay.goes_by_steps() {
        let message = "notifications wait for no step: replay with --pace step".to_owned();
        return refused(&Refusal::plain(Kind::Malformed, message));
    }
    let count = parameter(query, "count").map_or(Some(1), |count| count.parse().ok());
    let Some(count) = count else {
        let message = format!("{query}: count is no number");
        return refused(&Refusal::plain(Kind::Malformed, message));
    };
    match replay.step(copy, count) {
        Some(released) => {
            let released: Vec<u64> = released.iter().map(|number| number.0).collect();
            document(&serde_json::json!({ "released": released }))
        }
        None => no_copy(copy),
    }
}

fn no_copy(which: impl std::fmt::Display) -> Response<ReplayBody> {
    let message = format!("there is no copy {which} of the conversation");
    refused(&Refusal::plain(Kind::Miss, message))
}

fn health(replay: &Replay, connections: Connections) -> Response<ReplayBody> {
    replay.look(|copies, run| {
        let plan = copies.first().plan();
        let misses = copies.iter().map(|stage| stage.journal().misses().total());
        document(&Health {
            status: "ok",
            mode: "replay",
            run,
            sessions: plan.sessions().iter().map(Session::name).collect(),
            operations: plan.operations.len(),
            notifications: plan.notifications.len(),
            copies: copies.iter().count(),
            polls_held: copies.iter().map(Stage::polls_held).sum(),
            streams_open: copies.iter().map(Stage::streams_open).sum(),
            misses: misses.sum(),
            connections,
        })
    })
}

fn metrics(replay: &Replay, connections: &Connections) -> Response<ReplayBody> {
    let mut response = json(StatusCode::OK, numbers::text(replay, connections).into());
    let kind = HeaderValue::from_static(CONTENT_TYPE);
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

fn transcript(replay: &Replay, copy: usize) -> Response<ReplayBody> {
    replay.look(|copies, run| {
        let stage = copy
            .checked_sub(1)
            .and_then(|place| copies.iter().nth(place));
        let Some(stage) = stage else {
            return no_copy(copy);
        };
        let journal: &Journal = stage.journal();
        document(&Transcript {
            run,
            digest: journal.digest(),
            misses: journal.misses().total(),
            sessions: journal
                .sessions()
                .map(|(session, lane)| of_session(session, lane))
                .collect(),
        })
    })
}

fn of_session<'a>(session: &'a Session, lane: &'a Lane) -> SessionTranscript<'a> {
    let operations = lane.operations().kept().map(|entry| OperationEntry {
        operation: entry.operation.0,
        method: &entry.method,
        target: &entry.target,
        status: entry.status,
    });
    let notifications = lane.notifications().kept().map(|entry| NotificationEntry {
        notification: entry.notification.0,
        channel: &entry.channel,
        data: serde_json::from_slice(&entry.data).ok(),
    });
    SessionTranscript {
        session: session.name(),
        digest: lane.digest(),
        operations: operations.collect(),
        notifications: notifications.collect(),
    }
}

/// Streams the notifications of one session, each as one line of JSON, as a client of its own.
async fn listen(replay: Replay, query: &str, copy: usize) -> Response<ReplayBody> {
    let Some(session) = parameter(query, "session") else {
        let message = "which session? /__try/notifications?session=NAME".to_owned();
        return refused(&Refusal::plain(Kind::Malformed, message));
    };
    let spectator = Spectator {
        replay,
        identity: Identity {
            session: Some(session.into_owned()),
            copy: Some(Mark::Number(copy)),
            ..Identity::default()
        },
    };
    let client = match spectator.join().await {
        Ok(client) => client,
        Err(error) => return refused(&Refusal::plain(Kind::Session, error)),
    };
    let (sender, receiver) = mpsc::channel(WAITING_LINES);
    tokio::spawn(spectator.relay(client, sender));
    let mut response = Response::new(ReplayBody::lines(receiver));
    let kind = http::HeaderValue::from_static("application/x-ndjson");
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    response
}

/// A Bayeux client inside the replay itself.
struct Spectator {
    replay: Replay,
    identity: Identity,
}

/// What the spectator reads of a message that it gets.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    successful: Option<bool>,
    #[serde(default)]
    error: Option<String>,
}

impl Spectator {
    /// Shakes hands and subscribes to everything; the client's identifier.
    async fn join(&self) -> Result<String, String> {
        let answer = self.say(r#"{"channel":"/meta/handshake"}"#).await;
        let reply = answer.first().map(|(reply, _)| reply);
        let client = reply.and_then(|reply| reply.client_id.clone());
        let Some(client) = client else {
            let error = reply.and_then(|reply| reply.error.clone());
            let error = error.unwrap_or_else(|| "the handshake was not answered".to_owned());
            // The code before the words is Bayeux's.
            return Err(error.rsplit("::").next().unwrap_or_default().to_owned());
        };
        self.say(&about("subscribe", &client, r#","subscription":"/**""#))
            .await;
        Ok(client)
    }

    /// Polls and hands on what comes, until the reader is gone or another client takes over.
    async fn relay(self, mut client: String, lines: mpsc::Sender<Bytes>) {
        'polls: loop {
            let poll = about("connect", &client, "");
            let answer = tokio::select! {
                answer = self.say(&poll) => answer,
                () = lines.closed() => break,
            };
            let mut refused = None;
            for (message, json) in answer {
                match message.successful {
                    Some(true) => {}
                    Some(false) => refused = Some(message.error.unwrap_or_default()),
                    None => {
                        let line = [&json[..], b"\n"].concat();
                        if lines.send(line.into()).await.is_err() {
                            break 'polls;
                        }
                    }
                }
            }
            match refused {
                // Unknown after a fresh start: it joins the new run.
                Some(error) if error.starts_with("402") => match self.join().await {
                    Ok(again) => client = again,
                    Err(_) => return,
                },
                // Another client has the session.
                Some(_) => return,
                None if self.replay.is_stopping() => return,
                None => {}
            }
        }
        self.say(&about("disconnect", &client, "")).await;
    }

    async fn say(&self, text: &str) -> Vec<(Received, Bytes)> {
        let messages = message::read(None, text.as_bytes()).unwrap_or_default();
        let answer = self
            .replay
            .say(&self.identity, Role::Spectator, &messages)
            .await;
        let read = |json: Bytes| Some((serde_json::from_slice(&json).ok()?, json));
        answer.into_iter().filter_map(read).collect()
    }
}

/// A message on a meta channel by this client.
fn about(verb: &str, client: &str, more: &str) -> String {
    format!(r#"{{"channel":"/meta/{verb}","clientId":"{client}"{more}}}"#)
}

fn document(value: &impl Serialize) -> Response<ReplayBody> {
    // None of the documents can fail to be written.
    let mut text = serde_json::to_vec_pretty(value).unwrap_or_default();
    text.push(b'\n');
    json(StatusCode::OK, text.into())
}
