//! What passes on an open socket: bytes, both ways, as they are, until both sides have ended.
//!
//! What they mean the recorder hears from its tap. Each direction waits for whoever takes its bytes, and
//! for the recorder where that is far behind; nothing is held but one buffer of each.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split,
};
use tokio::time::timeout;

use crate::exchange::{Ender, Side};
use crate::recorder::{SocketTap, Written};

use super::meter::{Meter, Span};
use super::upgrade::Socket;
use super::upstream::Line;

/// How much is read at once. Most messages are smaller, and there may be many sockets.
const BUFFER: usize = 16 * 1024;

/// How long one direction may be silent when the other has ended. In this protocol nobody has more to
/// say then but what was under way (RFC 6455 §7.1.1).
const LAST_WORDS: Duration = Duration::from_secs(60);

/// A socket that is open.
pub(super) struct Tunnel {
    pub(super) tap: SocketTap,
    pub(super) meter: Meter,
    pub(super) span: Span,
    /// The client's end.
    pub(super) socket: Socket,
    /// Resets the upstream's end.
    pub(super) line: Option<Line>,
}

/// Why nothing passes any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// The connection of this side broke.
    Broken(Side),
    /// One side has ended, and the other has said nothing since.
    Silent,
    /// The proxy ends.
    Cut,
}

/// What both directions share.
struct Passage {
    /// Until it is told the end.
    tap: Mutex<Option<SocketTap>>,
    /// Who has ended first, if somebody has.
    first: Mutex<Option<Side>>,
    meter: Meter,
}

impl Tunnel {
    /// Passes on what both sides say, until that is over.
    pub(super) async fn run(self, client: Upgraded, upstream: impl AsyncRead + AsyncWrite) {
        let Tunnel {
            tap,
            meter,
            span: _span,
            mut socket,
            line,
        } = self;
        let passage = Passage {
            tap: Mutex::new(Some(tap)),
            first: Mutex::new(None),
            meter,
        };
        let (from_client, to_client) = split(TokioIo::new(client));
        let (from_upstream, to_upstream) = split(upstream);
        let said = passage.pass(Side::Client, from_client, to_upstream);
        let heard = passage.pass(Side::Service, from_upstream, to_client);
        // They live until the tape has it all, and with them the client's connection.
        tokio::pin!(said, heard);
        let both = async { tokio::try_join!(&mut said, &mut heard).map(|_| ()) };
        let over = tokio::select! {
            biased; // a cut breaks the client's connection too, which is not the client's doing
            () = &mut socket.cut => Some(Over::Cut),
            over = both => over.err(),
        };
        match over {
            Some(Over::Broken(Side::Client)) => {
                if let Some(line) = line {
                    line.tear();
                }
            }
            Some(Over::Broken(Side::Service)) => (socket.reset)(),
            Some(Over::Silent | Over::Cut) | None => {}
        }
        passage.end(over);
    }
}

impl Passage {
    /// Passes on what one side says, until it ends.
    async fn pass(
        &self,
        by: Side,
        mut from: ReadHalf<impl AsyncRead>,
        mut to: WriteHalf<impl AsyncWrite>,
    ) -> Result<(), Over> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = match timeout(LAST_WORDS, from.read(&mut buffer)).await {
                Err(_) if self.first().is_some() => return Err(Over::Silent),
                Err(_) => continue, // an open socket may be silent for as long as it wants
                Ok(Err(_)) => return Err(Over::Broken(by)),
                Ok(Ok(0)) => break,
                Ok(Ok(count)) => count,
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            if let Some(written) = self.tell(by, bytes) {
                written.await;
            }
            let passed = async {
                to.write_all(bytes).await?;
                to.flush().await
            };
            passed.await.map_err(|_| Over::Broken(other(by)))?;
        }
        self.first().get_or_insert(by);
        // Where the other side has gone, its own direction tells.
        let _ = to.shutdown().await;
        Ok(())
    }

    /// Tells the recorder and the meter what is about to pass; perhaps with what to wait for before.
    fn tell(&self, by: Side, bytes: &[u8]) -> Option<Written> {
        match by {
            Side::Client => self.meter.sent(bytes.len()),
            Side::Service => self.meter.received(bytes.len()),
        }
        self.tap().as_mut()?.data(by, bytes)
    }

    fn first(&self) -> MutexGuard<'_, Option<Side>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the recorder that it is over.
    fn end(&self, over: Option<Over>) {
        // Where nobody has ended, there is nobody else left who could have.
        let first = match (*self.first(), over) {
            (Some(side), _) | (None, Some(Over::Broken(side))) => side.into(),
            (None, Some(Over::Silent | Over::Cut) | None) => Ender::Recorder,
        };
        if let Some(tap) = self.tap().take() {
            tap.end(first);
        }
    }

    fn tap(&self) -> MutexGuard<'_, Option<SocketTap>> {
        self.tap.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Service,
        Side::Service => Side::Client,
    }
}
