//! Calls a task such that no other has to make room for it.
//!
//! A task that is woken by another runs next on that worker, and what was to run next there goes to another worker,
//! which has to be woken: for an exchange that passes alone this takes longer than all the rest of recording it. A
//! bell is heard through the system instead, by the worker that has done everything else and looks whether traffic
//! comes; so the task finds all that has come until then.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::net::unix::pipe;

/// What rings: whoever waits at the other end of a pipe is told when something stands in it.
pub(super) struct Doorbell {
    push: PipeWriter,
    /// The other end, until somebody hears it.
    unheard: Mutex<Option<PipeReader>>,
    is_heard: AtomicBool,
}

/// Where the bell is heard.
#[derive(Debug)]
pub(super) struct Hearing(pipe::Receiver);

impl Doorbell {
    pub(super) fn new() -> io::Result<Doorbell> {
        let (reader, push) = io::pipe()?;
        // Where so much stands in it already, one more tells nothing.
        fcntl_setfl(&push, fcntl_getfl(&push)? | OFlags::NONBLOCK)?;
        Ok(Doorbell {
            push,
            unheard: Mutex::new(Some(reader)),
            is_heard: AtomicBool::new(false),
        })
    }

    /// Rings, where somebody hears it; whether that is so.
    pub(super) fn ring(&self) -> bool {
        let is_heard = self.is_heard.load(Ordering::Acquire);
        if is_heard {
            let _ = (&self.push).write(&[0]); // or it is full of calls already
        }
        is_heard
    }

    /// Begins to hear it, in a runtime whose workers wait for files.
    pub(super) fn hear(&self) -> Option<Hearing> {
        let mut unheard = self.unheard.lock().unwrap_or_else(PoisonError::into_inner);
        let hearing = pipe::Receiver::from_owned_fd(unheard.take()?.into()).ok()?;
        self.is_heard.store(true, Ordering::Release);
        Some(Hearing(hearing))
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doorbell").finish_non_exhaustive()
    }
}

impl Hearing {
    /// Ready where it has rung since it was last ready.
    pub(super) fn poll_rung(&self, context: &mut Context<'_>) -> Poll<()> {
        match ready!(self.0.poll_read_ready(context)) {
            Ok(()) => {
                // How many there were is nothing to anybody, and with this one they are heard: what rings from now
                // on is told anew.
                let _ = self.0.try_io(|| {
                    let mut calls = [0; 64];
                    rustix::io::read(&self.0, &mut calls)?;
                    Err::<(), _>(io::ErrorKind::WouldBlock.into())
                });
                Poll::Ready(())
            }
            Err(_) => Poll::Pending, // the runtime ends
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn each_ring_is_heard_and_many_at_once_do_not_block() {
        let bell = Arc::new(Doorbell::new().unwrap());
        assert!(!bell.ring());
        let hearing = bell.hear().unwrap();
        let heard = async || poll_fn(|context| hearing.poll_rung(context)).await;
        assert!(heard().now_or_never().is_none());
        for rings in [1, 1, 100_000] {
            let ringing = Arc::clone(&bell);
            std::thread::spawn(move || (0..rings).all(|_| ringing.ring()));
            heard().await;
        }
        assert!(bell.hear().is_none());
    }
}
