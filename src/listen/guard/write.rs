//! The guard's other half: what goes to the client passes as it is, informational responses between.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use tokio::io::{AsyncRead as _, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use crate::listen::counts::Counter;

use super::{Fate, Guard, LINGER, READ, Shutdown, Wait, Watch};

impl AsyncWrite for Guard {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.goes_on(context)?;
        this.progress();
        ready!(this.tell_rest(context))?;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.taken(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.goes_on(context)?;
        this.progress();
        ready!(this.tell_rest(context))?;
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // hyper flushes when it has nothing left to write: all of the response before is out.
        ready!(this.tell(context))?;
        this.rest(context);
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.taken(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if matches!(this.shutdown, Shutdown::No) {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.shutdown = Shutdown::Lingering(Box::pin(sleep(LINGER)));
        }
        let unread = match this.fate {
            Fate::Ended => false,
            Fate::Refused | Fate::Broken => true,
            Fate::Open => this.framing.in_content() && !this.framing.is_through(),
        };
        if unread {
            ready!(this.drain(context));
        }
        Poll::Ready(Ok(()))
    }
}

impl Guard {
    /// Begins to wait for the next request, where the last response is out.
    fn rest(&mut self, context: &mut Context<'_>) {
        if self.watch == Watch::Writing && self.connection.is_idle() {
            self.watch = Watch::Reading;
            if self.fate != Fate::Open || self.wait(context).is_ready() {
                context.waker().wake_by_ref();
            }
        }
    }

    /// Writes the informational responses that wait.
    fn tell(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tell_rest(context))?;
            match self.connection.interim.next(context.waker()) {
                Some(head) => self.telling = head,
                None => return Poll::Ready(Ok(())),
            }
        }
    }

    /// Writes the rest of one that has begun.
    fn tell_rest(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.telling.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.telling);
            let written = ready!(self.taken(context, written))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.telling.advance(written);
        }
        Poll::Ready(Ok(()))
    }

    /// A write came to this: where the client takes nothing for too long, the connection is broken.
    fn taken<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.stall = None;
            return result;
        }
        let span = self.limits.reader;
        let timer = self.stall.get_or_insert_with(|| Box::pin(sleep(span)));
        ready!(timer.as_mut().poll(context));
        self.stall = None;
        if !self.connection.is_torn() {
            self.watched.counts.count(Counter::SlowReader);
            self.connection.tear();
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// A client that still takes what is sent is not gone.
    fn progress(&mut self) {
        self.patience
            .prolong(Wait::Response, self.limits.half_closed());
    }

    /// Reads and forgets, until the client has ended or its time is over.
    fn drain(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Shutdown::Lingering(timer) = &mut self.shutdown else {
            return Poll::Ready(());
        };
        if timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut space = [MaybeUninit::uninit(); READ];
        loop {
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}
