//! A live stream as the content of a response: what comes for it goes out as it comes, and now and then
//! something that means nothing, so that nobody takes the connection for dead.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};

use crate::exchange::{End, Stream};

use super::body::BoxError;
use super::copies::CopyId;
use super::service::Replay;
use super::stage::outlets::{OutletId, Parcel};

/// How long nothing may pass on a stream before something that means nothing does: the standard's own
/// advice (WHATWG HTML §9.2.7), and less than proxies wait.
const HEARTBEAT: Duration = Duration::from_secs(15);

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
    next_beat: Pin<Box<Sleep>>,
}

impl Streaming {
    /// The stream on which these parcels go out. There are never more than the tape has notifications.
    pub(super) fn new(moored: Moored, replay: Replay) -> Streaming {
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
            next_beat: Box::pin(tokio::time::sleep(HEARTBEAT)),
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
        self.next_beat.as_mut().reset(Instant::now() + HEARTBEAT);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl Drop for Streaming {
    /// hyper drops a body when its client is gone, too.
    fn drop(&mut self) {
        self.replay.hung_up(self.berth);
    }
}
