//! A live stream as the content of a response: what comes for it goes out as it comes, and now and then
//! something that means nothing, so that nobody takes the connection for dead.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::exchange::{End, Stream};

use super::body::BoxError;
use super::copies::CopyId;
use super::service::Replay;
use super::settings::Heartbeat;
use super::stage::outlets::{OutletId, Parcel};

/// Where a live stream stands in a replay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Berth {
    pub(super) copy: CopyId,
    pub(super) outlet: OutletId,
    /// The run that it belongs to: after a reset its number means another stream.
    pub(super) run: u64,
}

/// A live stream before it is known on what it goes out.
pub(super) struct Moored {
    pub(super) parcels: mpsc::UnboundedReceiver<Parcel>,
    pub(super) berth: Berth,
    pub(super) stream: Stream,
}

/// A live stream of a response.
pub(super) struct Streaming {
    parcels: mpsc::UnboundedReceiver<Parcel>,
    replay: Replay,
    berth: Berth,
    beat: &'static [u8],
    heartbeat: Heartbeat,
    next_beat: Pin<Box<Sleep>>,
}

impl Streaming {
    /// The stream on which these parcels go out.
    pub(super) fn new(moored: Moored, replay: Replay, heartbeat: Heartbeat) -> Streaming {
        let Moored {
            parcels,
            berth,
            stream,
        } = moored;
        Streaming {
            parcels,
            replay,
            berth,
            beat: match stream {
                Stream::Events => b":\n\n",
                Stream::Lines => b"\n",
                Stream::Socket => b"",
            },
            heartbeat,
            next_beat: Box::pin(tokio::time::sleep(heartbeat.0)),
        }
    }

    /// The next bytes.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let bytes = match self.parcels.poll_recv(context) {
            Poll::Ready(Some(Parcel::Notification { token, bytes, .. })) => {
                self.replay.went_out(self.berth, token);
                bytes
            }
            Poll::Ready(Some(Parcel::End(closed))) if closed.end == End::Truncated => {
                return Poll::Ready(Some(Err("the stream broke off on the tape".into())));
            }
            Poll::Ready(Some(Parcel::End(_) | Parcel::Replaced) | None) => {
                return Poll::Ready(None);
            }
            Poll::Pending => match self.next_beat.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(()) => Bytes::from_static(self.beat),
            },
        };
        let next = Instant::now() + self.heartbeat.0;
        self.next_beat.as_mut().reset(next);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Drop for Streaming {
    /// hyper drops a body when its client is gone, too.
    fn drop(&mut self) {
        self.replay.hung_up(self.berth);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, Empty};

    use super::*;
    use crate::exchange::{Body, Carrier, Form};
    use crate::player::body::ReplayBody;
    use crate::player::plan::tests::{plan, tape};
    use crate::player::settings::{Absence, Settings};
    use crate::tape::Event;

    /// A replay of a stream of lines or events, on which one comes because of another operation.
    fn replay(stream: Stream, settings: Settings) -> Replay {
        let mut tape = tape("a:op1@0-1 a:op2@2-3 a:n1@4<2");
        for event in &mut tape.events {
            match event {
                Event::Operation(operation) => {
                    let request = &mut operation.request;
                    request.method = "GET".into();
                    request.body = Body::default();
                    if operation.id.0 == 1 {
                        operation.form = Form::Opens(stream);
                    }
                }
                Event::Notification(notification) => {
                    notification.carrier = Carrier::Line(crate::exchange::OperationId(1));
                }
                Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
            }
        }
        Replay::new(plan(&[tape]), settings, Vec::new())
    }

    async fn call(replay: &Replay, path: &str) -> ReplayBody {
        let request = http::Request::get(path).body(Empty::<Bytes>::new());
        let response = replay.clone().handle(request.unwrap(), ()).await;
        assert_eq!(response.status(), 200);
        response.into_body()
    }

    async fn next(body: &mut ReplayBody) -> Bytes {
        let frame = body.frame().await.unwrap().unwrap();
        frame.into_data().unwrap()
    }

    /// Whether so much time has passed, by a timer that counts whole milliseconds.
    fn passed(start: Instant, time: Duration) -> bool {
        start.elapsed() + Duration::from_millis(2) >= time
    }

    #[tokio::test]
    async fn an_answer_of_the_run_before_releases_nothing() {
        let settings = Settings {
            absence: Absence::Never,
            ..Settings::default()
        };
        let replay = replay(Stream::Lines, settings);
        let late = call(&replay, "/op/2").await;
        replay.reset();
        let mut body = call(&replay, "/op/1").await;
        drop(late);
        let early = body.frame().now_or_never();
        assert!(early.is_none(), "before its operation: {early:?}");
        drop(call(&replay, "/op/2").await);
        assert_eq!(next(&mut body).await, "{\"n\":1}\n");
    }

    #[tokio::test]
    async fn a_stream_of_the_run_before_ends_none_of_this_one() {
        let settings = Settings {
            absence: Absence::Never,
            ..Settings::default()
        };
        let replay = replay(Stream::Lines, settings);
        let late = call(&replay, "/op/1").await;
        replay.reset();
        let mut body = call(&replay, "/op/1").await;
        drop(late);
        drop(call(&replay, "/op/2").await);
        assert_eq!(next(&mut body).await, "{\"n\":1}\n");
    }

    #[tokio::test]
    async fn a_stream_on_which_nothing_comes_says_now_and_then_that_it_lives() {
        assert_eq!(Heartbeat::default().0, Duration::from_secs(15));
        let heartbeat = Heartbeat(Duration::from_millis(30));
        for (stream, beat) in [(Stream::Events, ":\n\n"), (Stream::Lines, "\n")] {
            let settings = Settings {
                heartbeat,
                absence: Absence::Never,
                ..Settings::default()
            };
            let replay = replay(stream, settings);
            let start = Instant::now();
            let mut body = call(&replay, "/op/1").await;
            for beats in 1..=3 {
                assert_eq!(next(&mut body).await, beat);
                assert!(passed(start, heartbeat.0 * beats));
            }
            drop(call(&replay, "/op/2").await);
            let start = Instant::now();
            assert_eq!(next(&mut body).await, "{\"n\":1}\n");
            // What has come puts it off.
            assert_eq!(next(&mut body).await, beat);
            assert!(passed(start, heartbeat.0));
        }
    }
}
