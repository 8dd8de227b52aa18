//! One exchange on its way: the request to the upstream, the response back.
//!
//! What is done to header fields and URLs stands in [`headers`] and [`super::origin`]; here is the
//! order in which it is done, and what is said when it fails.

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version, request, uri};
use hyper::body::Body as _;

use crate::exchange::End;

use super::gate::{self, Keeper};
use super::meter::{Meter, Span, Watch};
use super::origin::Origin;
use super::relay::{
    Collected, Content, Delivery, Download, Passing, Sending, Upload, UpstreamContent,
};
use super::turn::Client;
use super::upstream::{Carrier, Cause, Failure, Lost, Protocol};
use super::{Bodies, Breaker, Caller, Shared, Tell, headers};
use crate::recorder::{Connection, ResponseTap};

/// The most content that is held to move the URLs in it; more streams through as it is.
const MAX_REWRITTEN: usize = 8 * 1024 * 1024;

/// What an exchange carries along until its response is out.
pub(super) struct Course {
    pub(super) tap: ResponseTap,
    pub(super) keeper: Option<Keeper>,
    pub(super) delivery: Delivery,
    pub(super) span: Span,
    pub(super) watch: Watch,
}

/// What became of a body whose URLs were to be moved.
enum Moved {
    /// It is this now.
    Changed(Bytes),
    /// Nothing.
    No,
    /// It broke off.
    Broken,
}

impl Shared {
    /// Passes a client's request to the upstream, and the answer back.
    pub(super) fn handle<T: Tell, B: Breaker>(
        &self,
        caller: Caller,
        (tell, breaker): (T, B),
        (mut head, content): (request::Parts, Content),
    ) -> impl Future<Output = Response<Download>> {
        let mut watch = Watch::start();
        let span = self.meter.begin();
        let client = Client::of(&head, caller);
        let target = head
            .uri
            .path_and_query()
            .map_or("/", uri::PathAndQuery::as_str);
        let tap = self.recorder.begin(
            Connection(caller.connection),
            head.method.as_str(),
            target,
            |spare| headers::recorded_in(spare, &head.headers),
        );
        let (asked, mut tap) = tap.split();
        tap.broken_by(breaker);
        async move {
            let protocol = match self.protocol(&mut watch).await {
                Ok(protocol) => protocol,
                Err(failure) => return self.failed(&failure, &watch),
            };
            let (keeper, gate) = if awaits_continue(&head, protocol) {
                let (keeper, gate) = gate::gate();
                (Some(keeper), Some(gate))
            } else {
                (None, None)
            };
            let delivery = Delivery::default();
            let meter = self.meter.clone();
            let mut sending = Sending::new(content, asked, gate, delivery.clone(), meter);
            let moved = match self.settings.bodies {
                Bodies::Leave => Moved::No,
                Bodies::Rewrite => {
                    Box::pin(self.move_request(&mut head, &mut sending, &client)).await
                }
            };
            self.prepare(&mut head, &client, protocol);
            let upload = match moved {
                Moved::Changed(content) => Upload::whole(content),
                Moved::No => Upload::live(sending),
                Moved::Broken => return broken_off(&self.meter, &watch),
            };
            let course = Course {
                tap,
                keeper,
                delivery,
                span,
                watch,
            };
            let mut request = Request::from_parts(head, upload);
            self.exchange(&mut request, tell, &client, course).await
        }
    }

    /// What the upstream speaks. It is waited for only where that is not known.
    async fn protocol(&self, watch: &mut Watch) -> Result<Protocol, Failure> {
        if let Some(protocol) = self.upstream.known() {
            return Ok(protocol);
        }
        watch.pause();
        let protocol = Box::pin(self.upstream.protocol()).await;
        watch.resume();
        protocol
    }

    /// Moves the URLs in a request's content to the upstream's origin.
    async fn move_request(
        &self,
        head: &mut request::Parts,
        sending: &mut Sending,
        client: &Client,
    ) -> Moved {
        if !headers::is_text(&head.headers) || sending.is_empty() {
            return Moved::No;
        }
        let Some(origin) = client.origin() else {
            return Moved::No;
        };
        match sending.collect(MAX_REWRITTEN).await {
            Collected::Whole(content) => {
                let moved = origin.text(&content, &self.settings.upstream);
                let content = moved.unwrap_or(content);
                headers::forget_digests(&mut head.headers);
                head.headers.remove(header::TRANSFER_ENCODING);
                head.headers.remove(header::EXPECT);
                head.headers
                    .insert(header::CONTENT_LENGTH, content.len().into());
                Moved::Changed(content)
            }
            Collected::TooLong => {
                tracing::warn!(
                    "the content of a {} is longer than {MAX_REWRITTEN} bytes and passes as it is",
                    head.method
                );
                Moved::No
            }
            Collected::Broken => Moved::Broken,
        }
    }

    /// Sends a request to the upstream, and makes its answer the client's.
    async fn exchange(
        &self,
        request: &mut Request<Upload>,
        tell: impl Tell,
        client: &Client,
        mut course: Course,
    ) -> Response<Download> {
        let method = request.method().clone();
        course.watch.pause();
        let answer = self.send(request, tell, course.keeper.as_ref()).await;
        course.watch.resume();
        match answer {
            Ok(response) => self.pass_back(response, &method, client, course).await,
            Err(_) if course.delivery.failed() => broken_off(&self.meter, &course.watch),
            Err(failure) => self.failed(&failure, &course.watch),
        }
    }

    /// The answer where the upstream gave none.
    pub(super) fn failed(&self, failure: &Failure, watch: &Watch) -> Response<Download> {
        let cause = Cause::of(failure);
        tracing::debug!("{}: {}: {failure:?}", self.settings.upstream, cause.name());
        self.gave_none(cause, Some(failure), watch)
    }

    /// The answer where that of the upstream is none.
    pub(super) fn gave_none(
        &self,
        cause: Cause,
        failure: Option<&Failure>,
        watch: &Watch,
    ) -> Response<Download> {
        let response = cause.response(&self.settings.upstream, failure);
        self.meter.answered(response.status().as_u16(), watch.own());
        response.map(Download::whole)
    }

    /// Sends a request; once more where it was lost with a connection that had been idle.
    ///
    /// It is taken from where it is, as it is all the way to its connection: a future has room of its own for
    /// whatever it is given, and all that room is copied for each request.
    pub(super) async fn send(
        &self,
        request: &mut Request<Upload>,
        tell: impl Tell,
        keeper: Option<&Keeper>,
    ) -> Result<Response<UpstreamContent>, Failure> {
        // Only where the upstream may get it twice without harm (RFC 9110 §9.2.1).
        let again = (request.method().is_safe() && request.body().is_end_stream())
            .then(|| Box::new(without_content(request)));
        let keeper = keeper.cloned();
        hyper::ext::on_informational(request, move |interim| {
            if let Some(keeper) = &keeper {
                keeper.informed(interim.status());
            }
            let mut head = Response::new(());
            *head.status_mut() = interim.status();
            *head.headers_mut() = interim.headers().clone();
            headers::end_hop(head.headers_mut());
            tell(&head);
        });
        let lost = match self.upstream.request(request).await {
            Ok(response) => return Ok(response),
            Err(lost) => lost,
        };
        let failure = match (again, lost) {
            (Some(mut request), Lost { failure, carrier })
                if carrier == Carrier::Used && Cause::of(&failure).may_be_stale() =>
            {
                match Box::pin(self.upstream.request(&mut request)).await {
                    Ok(response) => return Ok(response),
                    Err(lost) => lost.failure,
                }
            }
            (_, lost) => lost.failure,
        };
        Err(failure)
    }

    /// Makes the upstream's answer the client's.
    pub(super) async fn pass_back(
        &self,
        response: Response<UpstreamContent>,
        method: &Method,
        client: &Client,
        course: Course,
    ) -> Response<Download> {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            // Nobody has asked for that, and what would come next is no HTTP.
            return self.gave_none(Cause::Failed, None, &course.watch);
        }
        let (mut head, content) = response.into_parts();
        let Course {
            mut tap,
            keeper,
            span,
            mut watch,
            ..
        } = course;
        if let Some(keeper) = &keeper {
            keeper.answered();
        }
        tap.head(head.status.as_u16(), |spare| {
            headers::recorded_in(spare, &head.headers)
        });
        let passing = Passing::new(content, tap, keeper, span);
        let text = self.settings.bodies == Bodies::Rewrite && headers::is_text(&head.headers);
        self.turn_back(&mut head, client);
        let origin = text.then(|| client.origin()).flatten();
        if passing.is_empty() {
            if origin.is_some() && *method == Method::HEAD {
                // How long the content is when its URLs are moved is not known.
                head.headers.remove(header::CONTENT_LENGTH);
            }
            // The head is all there is: it waits for the recorder as a last byte does.
            if let Some((written, _span)) = passing.finish(End::Complete) {
                written.await;
            }
            self.meter.answered(head.status.as_u16(), watch.own());
            return Response::from_parts(head, Download::whole(Bytes::new()));
        }
        let body = if let Some(origin) = origin {
            watch.pause();
            let moved = self.move_response(passing, &origin, &mut head.headers);
            let moved = Box::pin(moved).await;
            watch.resume();
            moved
        } else {
            Some(Download::settled(passing).await)
        };
        let response = match body {
            Some(body) => Response::from_parts(head, body),
            None => Cause::Reset
                .response(&self.settings.upstream, None)
                .map(Download::whole),
        };
        self.meter.answered(response.status().as_u16(), watch.own());
        response
    }

    /// Moves the URLs in a response's content to the proxy's origin; `None` where it broke off.
    async fn move_response(
        &self,
        mut passing: Passing,
        origin: &Origin,
        fields: &mut HeaderMap,
    ) -> Option<Download> {
        match passing.collect(MAX_REWRITTEN).await {
            Collected::Whole(content) => {
                let moved = self.settings.upstream.text(&content, origin);
                if moved.is_some() {
                    headers::forget_digests(fields);
                }
                let content = moved.unwrap_or(content);
                fields.insert(header::CONTENT_LENGTH, content.len().into());
                let (written, span) = passing.finish(End::Complete)?;
                Some(Download::recorded(content, written, span))
            }
            Collected::TooLong => {
                tracing::warn!(
                    "a response is longer than {MAX_REWRITTEN} bytes and passes as it is"
                );
                Some(Download::live(passing))
            }
            Collected::Broken => None,
        }
    }
}

/// The same request without its content.
fn without_content(request: &Request<Upload>) -> Request<Upload> {
    let mut same = Request::new(Upload::default());
    *same.method_mut() = request.method().clone();
    *same.uri_mut() = request.uri().clone();
    *same.version_mut() = request.version();
    *same.headers_mut() = request.headers().clone();
    *same.extensions_mut() = request.extensions().clone();
    same
}

/// Whether the client holds its content back until the upstream asks for it.
fn awaits_continue(head: &request::Parts, protocol: Protocol) -> bool {
    let expect = headers::first(&head.headers, &header::EXPECT);
    head.version == Version::HTTP_11
        && protocol == Protocol::Http1
        && expect.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// The answer to a client whose request broke off, should it still listen.
fn broken_off(meter: &Meter, watch: &Watch) -> Response<Download> {
    let message = "the content of the request did not arrive whole";
    let document = serde_json::json!({ "error": "malformed", "message": message });
    let mut response = Response::new(Download::whole(Bytes::from(document.to_string())));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    meter.answered(response.status().as_u16(), watch.own());
    response
}
