//! The thin shell around a [`Stage`]: hyper's requests in, hyper's responses out, and the one timer.

mod sockets;
mod state;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use crate::bayeux::{Carrier, Exchange, Message, Sockets, message};
use crate::exchange::{self, Micros, NotificationId, coding};

use super::body::ReplayBody;
use super::cast::{Identity, Role};
use super::copies::{Ask, Copies, CopyId, Mark};
use super::fields::{self, identity, recorded, refused};
use super::forward::Forward;
use super::pace::Pace;
use super::plan::Plan;
use super::publish;
use super::refusal::{Kind, Refusal};
use super::report::Report;
use super::settings::{Misses, Settings, Spare};
use super::socket::Wish;
use super::stage::{Answer, Stage};
use super::streaming::{Moored, Streaming};
pub(super) use state::Waiter;
use state::{Phase, State};

/// A replay: a service for hyper, with the run that it plays. Clones share the run.
#[derive(Clone)]
pub struct Replay(Arc<Shared>);

struct Shared {
    plan: Arc<Plan>,
    settings: Settings,
    endpoints: Vec<String>,
    /// Where misses go on to.
    forward: Option<Forward>,
    started: Instant,
    state: Mutex<State>,
    /// Wakes the timer, whose deadline may have changed.
    changed: Notify,
    /// Wakes who waits for a miss.
    missed: Notify,
    /// How many requests had more content than may be held.
    too_large: AtomicU64,
    /// Tells the sockets of Bayeux clients that the end is near.
    stopping: watch::Sender<bool>,
}

/// What is kept as long as a live client's socket is open.
pub type Held = Box<dyn std::any::Any + std::marker::Send>;

/// What the Bayeux server answered to one request.
pub(super) struct Replies {
    pub(super) messages: Vec<Bytes>,
    pub(super) cookie: Option<String>,
    copy: CopyId,
}

impl Replay {
    /// A replay of `plan` that answers Bayeux requests at these paths and below them.
    pub fn new(plan: Plan, settings: Settings, endpoints: Vec<String>) -> Replay {
        Replay::begin(plan, settings, endpoints, None)
    }

    /// Learns what values flow through the tapes, beside everything else. A request that needs to know waits.
    pub fn learn(self) {
        let plan = Arc::clone(&self.0.plan);
        // It ends with the program at the latest, and nobody needs to wait for it.
        std::thread::spawn(move || {
            plan.values();
        });
    }

    /// The same, that sends on what the tapes do not answer.
    pub fn forwarding(
        plan: Plan,
        mut settings: Settings,
        endpoints: Vec<String>,
        forward: Forward,
    ) -> Replay {
        settings.misses = Misses::Forwarded;
        Replay::begin(plan, settings, endpoints, Some(forward))
    }

    fn begin(
        plan: Plan,
        mut settings: Settings,
        endpoints: Vec<String>,
        forward: Option<Forward>,
    ) -> Replay {
        if plan.speaks_bayeux_on_sockets() {
            settings.bayeux.sockets = Sockets::Offered;
        }
        let plan = Arc::new(plan);
        let state = State {
            copies: Copies::new(Arc::clone(&plan), settings.clone()),
            waiting: BTreeMap::new(),
            streams: BTreeMap::new(),
            next: 0,
            runs: 1,
            phase: Phase::Playing,
        };
        Replay(Arc::new(Shared {
            plan,
            settings,
            endpoints,
            forward,
            started: Instant::now(),
            state: Mutex::new(state),
            changed: Notify::new(),
            missed: Notify::new(),
            too_large: AtomicU64::new(0),
            stopping: watch::channel(false).0,
        }))
    }

    /// Answers a request of a live client. If it asks for a socket, `held` is dropped when that is over.
    pub async fn handle<B>(self, request: Request<B>, held: Held) -> Response<ReplayBody>
    where
        B: Body,
        B::Error: std::fmt::Display + Into<Box<dyn std::error::Error + std::marker::Send + Sync>>,
    {
        let (mut head, content) = request.into_parts();
        if let Some(wish) = Wish::of(&mut head) {
            return self.socket(head, wish.holding(held)).await;
        }
        let most = self.0.settings.caps.content;
        let (content, trailers) = match Limited::new(content, most).collect().await {
            Ok(content) => {
                let trailers = content.trailers().map(fields::sent);
                (content.to_bytes(), trailers.unwrap_or_default())
            }
            Err(error) if error.is::<LengthLimitError>() => {
                self.0.too_large.fetch_add(1, Ordering::Relaxed);
                let message = format!("the content is larger than {most} bytes");
                return refused(&Refusal::plain(Kind::TooLarge, message));
            }
            Err(error) => {
                return refused(&Refusal::plain(
                    Kind::Malformed,
                    format!("the content cannot be read: {error}"),
                ));
            }
        };
        let live = exchange::Request {
            trailers,
            ..live(&head, content)
        };
        let identity = self.identity(&head, &live);
        if self.is_bayeux(&head) {
            return self.bayeux(&head, &identity, live.body.bytes()).await;
        }
        self.operation(&identity, &live, head).await
    }

    /// Keeps the time: does what is due, until the replay is dropped. To be spawned once.
    pub async fn keep_time(self) {
        loop {
            let changed = self.0.changed.notified();
            let deadline = self.state().copies.iter().filter_map(Stage::deadline).min();
            let Some(deadline) = deadline else {
                changed.await;
                continue;
            };
            let wait = Duration::from_micros(deadline.since(self.now()).0);
            if tokio::time::timeout(wait, changed).await.is_err() {
                let now = self.now();
                self.state().each(|stage| stage.tick(now));
            }
        }
    }

    /// Returns when a live request has been refused, once for each or for several at a time.
    pub async fn missed(&self) {
        self.0.missed.notified().await;
    }

    /// Answers every held poll, and holds none from now on.
    pub fn stop(&self) {
        let mut state = self.state();
        state.phase = Phase::Stopping;
        self.0.stopping.send_replace(true);
        state.streams.clear();
        let now = self.now();
        state.each(|stage| stage.release_all(now));
    }

    /// Whether [`Replay::stop`] was called.
    pub(super) fn is_stopping(&self) -> bool {
        self.state().phase == Phase::Stopping
    }

    /// Starts the run over: every client is unknown, and nothing has happened yet. Returns the
    /// number of the new run.
    pub(super) fn reset(&self) -> u64 {
        let mut state = self.state();
        let now = self.now();
        state.each(|stage| stage.release_all(now));
        state.copies = Copies::new(Arc::clone(&self.0.plan), self.0.settings.clone());
        state.streams.clear();
        state.runs += 1;
        let runs = state.runs;
        drop(state);
        self.0.changed.notify_one();
        runs
    }

    /// Releases the next notifications of a copy of the conversation, at the pace of steps; `None`
    /// where there is no such copy, from 1.
    pub(super) fn step(&self, copy: usize, count: usize) -> Option<Vec<NotificationId>> {
        let mut state = self.state();
        let now = self.now();
        let stage = state.copies.iter_mut().nth(copy.checked_sub(1)?)?;
        let (sends, released) = stage.step(now, count);
        state.dispatch(sends);
        drop(state);
        self.0.changed.notify_one();
        Some(released)
    }

    /// How many requests were refused for the length of their content.
    pub(super) fn too_large(&self) -> u64 {
        self.0.too_large.load(Ordering::Relaxed)
    }

    /// Whether notifications wait for the word to go on.
    pub(super) fn goes_by_steps(&self) -> bool {
        self.0.settings.pace == Pace::Step
    }

    /// What the run has come to so far.
    pub fn report(&self) -> Report {
        let now = self.now();
        self.look(|copies, run| Report::of(copies, run, now))
    }

    /// Looks at the run.
    pub(super) fn look<T>(&self, at: impl FnOnce(&Copies, u64) -> T) -> T {
        let state = self.state();
        at(&state.copies, state.runs)
    }

    /// Sends messages to the Bayeux server, and waits for its answer.
    pub(super) async fn say(
        &self,
        identity: &Identity,
        role: Role,
        messages: &[Message],
    ) -> Replies {
        let (sender, receiver) = oneshot::channel();
        let (waiting, cookie) = self.ask(identity, role, messages, Waiter::Request(sender));
        let messages = receiver.await.unwrap_or_default();
        Replies {
            messages,
            cookie,
            copy: waiting.copy,
        }
    }

    /// Sends messages to the Bayeux server, which answers to the one who waits. That one keeps what is
    /// returned until then.
    pub(super) fn ask(
        &self,
        identity: &Identity,
        role: Role,
        messages: &[Message],
        waiter: Waiter,
    ) -> (Waiting, Option<String>) {
        let mut state = self.state();
        state.next += 1;
        let exchange = Exchange(state.next);
        state.waiting.insert(exchange, waiter);
        let now = self.now();
        let copy = state.copies.of(identity, Ask::Messages(messages));
        let stage = state.copies.get(copy);
        let misses = stage.journal().misses().total();
        let (mut sends, cookie) = stage.messages(now, exchange, identity, role, messages);
        if stage.journal().misses().total() > misses {
            self.0.missed.notify_one();
        }
        if state.phase == Phase::Stopping {
            sends.extend(state.copies.get(copy).release_all(now));
        }
        state.dispatch(sends);
        drop(state);
        self.0.changed.notify_one();
        let replay = self.clone();
        let waiting = Waiting {
            replay,
            copy,
            exchange,
        };
        (waiting, cookie)
    }

    /// What the stage answers to an operation, in which copy of the conversation, and the stream that
    /// it opens.
    fn answer(
        &self,
        identity: &Identity,
        live: &exchange::Request,
    ) -> (Answer, CopyId, Option<Moored>) {
        let mut state = self.state();
        let copy = state.copies.of(identity, Ask::Operation(live));
        let stage = state.copies.get(copy);
        let (answer, sends) = stage.operation(self.now(), identity, live);
        let moored = state.moor(copy, &answer);
        state.dispatch(sends);
        drop(state);
        self.0.changed.notify_one();
        (answer, copy, moored)
    }

    /// The answer to an operation is out.
    fn out(&self, copy: CopyId, operation: usize) {
        let mut state = self.state();
        let sends = state.copies.get(copy).answered(self.now(), operation);
        state.dispatch(sends);
        drop(state);
        self.0.changed.notify_one();
    }

    async fn operation(
        &self,
        identity: &Identity,
        live: &exchange::Request,
        head: http::request::Parts,
    ) -> Response<ReplayBody> {
        let accept = fields::accepted_codings(&head.headers);
        let takes = fields::takes(&head);
        let (answer, copy, moored) = self.answer(identity, live);
        let mut response = match answer {
            Answer::Refused(refusal) => match &self.0.forward {
                Some(forward) if refusal.kind.is_miss() => {
                    let session = self.session_of(identity, copy);
                    let request = Request::from_parts(head, Full::new(live.body.bytes().clone()));
                    sent_on(forward.send(request, session.as_deref()).await)
                }
                Some(_) | None => {
                    self.0.missed.notify_one();
                    refused(&refusal)
                }
            },
            Answer::Recorded {
                operation,
                response,
                delay,
                ..
            } => {
                let replay = self.clone();
                let out = move || replay.out(copy, operation);
                let response = match &moored {
                    None => fields::acceptable(response, &accept),
                    Some(_) => coding::plain(&response),
                };
                let trailers = fields::trailers(&response, takes);
                // Before the delay: a client that does not wait for its answer has called all the
                // same, and what its call released must come.
                let body = match moored {
                    None => ReplayBody::telling(response.body.bytes().clone(), trailers, out),
                    Some(moored) => {
                        out();
                        let heartbeat = self.0.settings.heartbeat;
                        ReplayBody::stream(Streaming::new(moored, self.clone(), heartbeat))
                    }
                };
                pause(delay).await;
                recorded(&response, takes, body)
            }
        };
        self.mark(&mut response, identity, copy);
        response
    }

    /// The name of the session that a client is tied to.
    fn session_of(&self, identity: &Identity, copy: CopyId) -> Option<String> {
        let mut state = self.state();
        let session = state.copies.get(copy).session_of(identity);
        session.map(|session| session.name().to_owned())
    }

    /// Tells a client in which copy of the conversation it is, if there may be several and it has
    /// not said so itself.
    fn mark(&self, response: &mut Response<ReplayBody>, identity: &Identity, copy: CopyId) {
        let known = match &identity.copy {
            Some(Mark::Name(_)) => true,
            Some(Mark::Number(number)) => *number == copy.0 + 1,
            None => false,
        };
        if self.0.settings.spare == Spare::Fork && !known {
            fields::mark(response, copy);
        }
    }

    /// Whether a request is to the Bayeux endpoint, by one of the methods that carry messages.
    fn is_bayeux(&self, head: &http::request::Parts) -> bool {
        self.is_endpoint(head.uri.path())
            && (head.method == Method::POST || head.method == Method::GET)
    }

    fn is_endpoint(&self, path: &str) -> bool {
        let mut endpoints = self.0.endpoints.iter();
        endpoints.any(|endpoint| publish::is_below(path, endpoint))
    }

    /// By what the sender of a request can be recognized.
    fn identity(&self, head: &http::request::Parts, live: &exchange::Request) -> Identity {
        Identity {
            named: self.0.plan.reading.client(live),
            ..identity(&head.headers, &live.target)
        }
    }

    async fn bayeux(
        &self,
        head: &http::request::Parts,
        identity: &Identity,
        content: &[u8],
    ) -> Response<ReplayBody> {
        let read = if head.method == Method::GET {
            message::read_query(head.uri.query().unwrap_or_default())
        } else {
            let kind = head
                .headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok());
            message::read(kind, content).map(|messages| (messages, Carrier::Json))
        };
        let (messages, carrier) = match read {
            Ok(read) => read,
            Err(error) => {
                return refused(&Refusal::plain(
                    Kind::Malformed,
                    format!("{}: {error}", head.uri.path()),
                ));
            }
        };
        let answer = self.say(identity, Role::Player, &messages).await;
        let (kind, content) = carrier.response(&answer.messages);
        let mut response = fields::bayeux(kind, content, answer.cookie);
        self.mark(&mut response, identity, answer.copy);
        response
    }

    fn now(&self) -> Micros {
        Micros(u64::try_from(self.0.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The state. A thread that panicked while it held the lock has left it between two whole
    /// steps, so going on with it is right.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A live request as it is compared.
fn live(head: &http::request::Parts, content: Bytes) -> exchange::Request {
    let target = head.uri.path_and_query();
    let target = target.map_or("/", http::uri::PathAndQuery::as_str);
    exchange::Request {
        method: head.method.as_str().to_owned(),
        target: target.to_owned(),
        headers: fields::sent(&head.headers),
        body: exchange::Body::new(content),
        trailers: exchange::Headers::new(),
    }
}

/// Waits with an answer.
async fn pause(delay: Micros) {
    if delay > Micros(0) {
        tokio::time::sleep(Duration::from_micros(delay.0)).await;
    }
}

/// What the service itself answered.
fn sent_on(answer: Result<Response<Incoming>, String>) -> Response<ReplayBody> {
    match answer {
        Ok(response) => response.map(ReplayBody::forwarded),
        Err(error) => {
            let message = format!("the request could not be sent on: {error}");
            refused(&Refusal::plain(Kind::Upstream, message))
        }
    }
}

/// A request that waits for the Bayeux server. When it is given up, so is its poll.
pub(super) struct Waiting {
    replay: Replay,
    copy: CopyId,
    pub(super) exchange: Exchange,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.replay.state();
        if state.waiting.remove(&self.exchange).is_some() {
            let stage = state.copies.get(self.copy);
            stage.cancel(self.replay.now(), self.exchange);
            drop(state);
            self.replay.0.changed.notify_one();
        }
    }
}
