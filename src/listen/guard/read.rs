//! One half of the guard: what a client sends goes on as far as it may, and no further.
//!
//! How far that is, is found out in [`super::look`].

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, ReadBuf};

use crate::listen::connection::Offer;
use crate::listen::stopped;

use super::{Fate, Guard, READ};

/// How much is read of what a client sends behind an offer that is not answered. Clients wait for the
/// answer, so that there is seldom anything.
const MAX_EARLY: usize = 64 * 1024;

/// What comes after a step of reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Another one.
    Step,
    /// Waiting: there is nothing to read.
    Wait,
    /// Whoever reads has bytes; or there are none any more.
    Return,
}

impl AsyncRead for Guard {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.goes_on(context)?;
        loop {
            if this.good > 0 {
                this.hand_on(buffer);
                return Poll::Ready(Ok(()));
            }
            match ready!(this.step(context, buffer))? {
                Next::Step => {}
                Next::Wait => {
                    ready!(this.wait(context));
                    this.give_up();
                }
                Next::Return => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl Guard {
    /// Hands on what may go on.
    fn hand_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.good.min(buffer.remaining());
        buffer.put_slice(self.held.get(..count).unwrap_or_default());
        self.held.advance(count);
        self.good -= count;
        if self.held.is_empty() {
            // Frees what a long head took; most connections are idle most of the time.
            self.held = BytesMut::new();
        }
    }

    /// Goes a step towards bytes that may go on.
    fn step(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Next>> {
        if self.framing.awaits_answer() {
            if let Some(answer) = self.connection.take_answer(context.waker()) {
                self.go_on_after(answer);
                return Poll::Ready(Ok(Next::Step));
            }
            if self.held.len() >= MAX_EARLY {
                return Poll::Pending;
            }
        }
        match self.fate {
            Fate::Open => self.read_on(context, buffer),
            Fate::Ended if self.awaits_response() => Poll::Ready(Ok(Next::Wait)),
            Fate::Ended => Poll::Ready(Ok(Next::Return)),
            // The answer to the guard's own request ends the connection.
            Fate::Refused => Poll::Pending,
            Fate::Broken => {
                let error = io::Error::new(io::ErrorKind::InvalidData, "broken content");
                Poll::Ready(Err(error))
            }
        }
    }

    /// The server has answered an offer, and what came behind it can be understood.
    fn go_on_after(&mut self, answer: Offer) {
        self.framing.answered(answer);
        if self.framing.is_socket() {
            self.cut = Some(Box::pin(stopped(self.cuts.clone())));
        }
        self.look();
    }

    /// Looks again at what is held, and reads more where nothing comes of that.
    fn read_on(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Next>> {
        if !self.held.is_empty() {
            self.look();
            if self.good > 0 || self.fate != Fate::Open {
                return Poll::Ready(Ok(Next::Step));
            }
        }
        // Behind a head that is not whole more of it is held, and behind an offer what comes early.
        let holds = !self.held.is_empty() || self.framing.awaits_answer();
        let read = if holds || buffer.remaining() == 0 {
            self.read_held(context)
        } else {
            self.read_straight(context, buffer)
        };
        match read {
            Poll::Ready(_) => read,
            Poll::Pending => Poll::Ready(Ok(Next::Wait)),
        }
    }

    /// Reads into the buffer of whoever reads, where most bytes can stay.
    fn read_straight(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<Next>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if self.framing.is_socket() {
            self.patience.forget();
        }
        if buffer.filled().len() == before {
            self.fate = Fate::Ended;
            return Poll::Ready(Ok(Next::Step));
        }
        self.look_at(buffer, before);
        let next = if buffer.filled().len() > before {
            Next::Return
        } else {
            Next::Step
        };
        Poll::Ready(Ok(next))
    }

    /// Reads more behind what is held.
    fn read_held(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Next>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            self.fate = Fate::Ended;
        }
        self.held.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(Next::Step))
    }
}
