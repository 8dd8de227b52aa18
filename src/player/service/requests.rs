//! Requests of live clients, as the service sees them: hyper's requests in, hyper's responses out.
//!
//! A request may wait long, for its own content or as a poll. What it holds meanwhile is little, since
//! thousands do.

use std::any::Any;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};

use crate::exchange::{self, Micros, coding};
use crate::player::body::ReplayBody;
use crate::player::cast::Identity;
use crate::player::copies::{CopyId, Mark};
use crate::player::fields::{self, recorded, refused};
use crate::player::refusal::{Kind, Refusal};
use crate::player::settings::Spare;
use crate::player::socket::Wish;
use crate::player::stage::{Answer, Awaited};
use crate::player::streaming::{Moored, Streaming};

use super::{Replay, Scene, live};

/// What becomes of a request that is there as a whole.
#[allow(clippy::large_enum_variant)] // it lives for a moment, and most are the large one
enum Next {
    /// It is answered.
    Now(Response<ReplayBody>),
    /// It waits: for the Bayeux server, for its time, or for the service itself.
    Later(Pin<Box<dyn Future<Output = Response<ReplayBody>> + Send>>),
}

impl Replay {
    /// Answers a request of a live client. If it asks for a socket, `held` is dropped when that is over, and else at
    /// once.
    pub fn handle<B>(
        self,
        request: Request<B>,
        held: impl Any + std::marker::Send,
    ) -> impl Future<Output = Response<ReplayBody>>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // Before the future begins, which would keep room for the request beside that for its parts.
        let (mut head, content) = request.into_parts();
        let wish = Wish::of(&mut head).map(|wish| wish.holding(Box::new(held)));
        async move {
            if let Some(wish) = wish {
                return Box::pin(self.socket(head, wish)).await;
            }
            let whole = self.whole(content).await;
            let next = match whole {
                Ok((content, trailers)) => self.take(head, content, trailers),
                Err(refusal) => Next::Now(refused(&refusal)),
            };
            match next {
                Next::Now(response) => response,
                Next::Later(response) => response.await,
            }
        }
    }

    /// The content of a request and its trailers, when all of it is there.
    async fn whole<B>(&self, content: B) -> Result<(Bytes, exchange::Headers), Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: std::fmt::Display + Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let most = self.0.settings.caps.content;
        match collected(Limited::new(content, most)).await {
            Ok(whole) => Ok(whole),
            Err(error) if error.is::<LengthLimitError>() => {
                self.0.too_large.fetch_add(1, Ordering::Relaxed);
                let message = format!("the content is larger than {most} bytes");
                Err(Refusal::plain(Kind::TooLarge, message))
            }
            Err(error) => {
                let message = format!("the content cannot be read: {error}");
                Err(Refusal::plain(Kind::Malformed, message))
            }
        }
    }

    /// Takes a request that is there as a whole; nothing of it is kept.
    fn take(self, head: Parts, content: Bytes, trailers: exchange::Headers) -> Next {
        let live = live::read(&head, content, trailers);
        let identity = self.identity(&head, &live);
        let next = if self.is_bayeux(&head) {
            match self.poll(&head, &identity, live.body.bytes()) {
                Ok(poll) => Next::Later(Box::pin(poll.answered())),
                Err(refusal) => Next::Now(refused(&refusal)),
            }
        } else {
            self.operation(head, &identity, &live)
        };
        live::over(live);
        next
    }

    fn operation(self, head: Parts, identity: &Identity, live: &exchange::Request) -> Next {
        let (answer, scene, moored) = self.answer(identity, live);
        let mark = self.mark(identity, scene.copy);
        match answer {
            Answer::Refused(refusal) if refusal.kind.is_miss() && self.0.forward.is_some() => {
                let request = Request::from_parts(head, Full::new(live.body.bytes().clone()));
                let session = self.session_of(identity, scene.copy);
                self.send_on(request, session.as_deref(), mark)
            }
            Answer::Refused(refusal) => {
                self.0.missed.notify_one();
                Next::Now(marked(refused(&refusal), mark))
            }
            Answer::Recorded { delay, .. } => {
                let response = marked(self.recorded(head, &answer, scene, moored), mark);
                if delay == Micros(0) {
                    Next::Now(response)
                } else {
                    Next::Later(Box::pin(async move {
                        pause(delay).await;
                        response
                    }))
                }
            }
        }
    }

    /// What is recorded as an answer, for the client that sent this head.
    fn recorded(
        self,
        mut head: Parts,
        answer: &Answer,
        scene: Scene,
        moored: Option<Moored>,
    ) -> Response<ReplayBody> {
        let Some((operation, awaited, response)) = answer.recorded() else {
            return refused(&Refusal::plain(
                Kind::Miss,
                "nothing is recorded".to_owned(),
            ));
        };
        let takes = fields::takes(&head, response);
        let response = match &moored {
            // Most responses have no coding.
            None if !answer.is_coded() => Cow::Borrowed(response),
            None => fields::acceptable(response, &head.headers),
            Some(_) => Cow::Owned(coding::plain(response)),
        };
        // They have been read, and there is room in them.
        let headers = std::mem::take(&mut head.headers);
        let fields = match &response {
            Cow::Borrowed(_) => answer.fields(headers),
            Cow::Owned(plain) => fields::sendable(&plain.headers),
        };
        let trailers = fields::trailers(&response, takes);
        let content = response.body.bytes().clone();
        // Made before any delay: a client that does not wait for its answer has called all the same,
        // and what its call released must come.
        let body = match (moored, awaited) {
            (Some(moored), _) => {
                self.out(scene, operation);
                let heartbeat = self.0.settings.heartbeat;
                ReplayBody::stream(Streaming::new(moored, self, heartbeat))
            }
            (None, Awaited::Yes) => {
                ReplayBody::telling(content, trailers, move || self.out(scene, operation))
            }
            (None, Awaited::No) => ReplayBody::with_trailers(content, trailers),
        };
        recorded(&response, fields, takes, body)
    }

    /// Sends a request on to the service.
    fn send_on(
        &self,
        request: Request<Full<Bytes>>,
        session: Option<&str>,
        mark: Option<CopyId>,
    ) -> Next {
        let sent = self.0.forward.as_ref();
        let sent = sent.map(|forward| forward.send(request, session));
        Next::Later(Box::pin(async move {
            let answer = match sent {
                Some(sent) => sent.await,
                None => Err("nothing is sent on".to_owned()),
            };
            marked(sent_on(answer), mark)
        }))
    }

    /// The name of the session that a client is tied to.
    fn session_of(&self, identity: &Identity, copy: CopyId) -> Option<String> {
        let mut state = self.state();
        let session = state.copies.get(copy).session_of(identity);
        session.map(|session| session.name().to_owned())
    }

    /// The copy of the conversation that a client is in, where it must be told: there may be several,
    /// and it has not said so itself.
    pub(super) fn mark(&self, identity: &Identity, copy: CopyId) -> Option<CopyId> {
        let known = match &identity.copy {
            Some(Mark::Name(_)) => true,
            Some(Mark::Number(number)) => *number == copy.0 + 1,
            None => false,
        };
        (self.0.settings.spare == Spare::Fork && !known).then_some(copy)
    }

    /// By what the sender of a request can be recognized.
    pub(super) fn identity(
        &self,
        head: &http::request::Parts,
        live: &exchange::Request,
    ) -> Identity {
        Identity {
            named: self.0.plan.reading.client(live),
            ..fields::identity(&head.headers, &live.target)
        }
    }
}

/// Content and its trailers. Nearly all content comes at once, and is not copied.
async fn collected<B: Body<Data = Bytes>>(
    content: B,
) -> Result<(Bytes, exchange::Headers), B::Error> {
    let mut content = std::pin::pin!(content);
    let (mut first, mut all) = (Bytes::new(), BytesMut::new());
    let mut trailers = exchange::Headers::new();
    while let Some(frame) = content.frame().await {
        match frame?.into_data() {
            Ok(data) if first.is_empty() && all.is_empty() => {
                first = data;
                // Where it is known that there is no more, nobody need be asked for it.
                if content.is_end_stream() {
                    break;
                }
            }
            Ok(data) => {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
            Err(other) => {
                let fields = other.trailers_ref().map(fields::sent);
                trailers = fields.unwrap_or(trailers);
            }
        }
    }
    let whole = if all.is_empty() { first } else { all.freeze() };
    Ok((whole, trailers))
}

/// A response that tells a client in which copy it is.
pub(super) fn marked(
    mut response: Response<ReplayBody>,
    mark: Option<CopyId>,
) -> Response<ReplayBody> {
    if let Some(copy) = mark {
        fields::mark(&mut response, copy);
    }
    response
}

/// Waits with an answer.
pub(super) async fn pause(delay: Micros) {
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
