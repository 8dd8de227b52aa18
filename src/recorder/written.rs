//! What the proxy waits for before more may pass.

use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::Shared;
use super::dealt::{Asks, Number};

/// Resolves when the end of an exchange is as durable as the user asked for; or when the disk lets it
/// wait for too long, which the recorder has said then.
#[must_use = "the client may have the last byte only when this has resolved"]
pub struct Written(Option<Waiting>);

/// Waits for the writer to deal with a message.
struct Waiting {
    shared: Arc<Shared>,
    number: Number,
    asks: Asks,
}

impl Written {
    /// Nothing is waited for.
    pub(super) fn at_once() -> Written {
        Written(None)
    }

    /// It waits until the writer has dealt with this message, as long as that is of use.
    pub(super) fn waiting(shared: Arc<Shared>, number: Number) -> Written {
        Written(Some(Waiting {
            shared,
            number,
            asks: Asks::First,
        }))
    }

    /// Whether nothing is waited for.
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Written").field(&self.0.is_none()).finish()
    }
}

impl Future for Written {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(waiting) = &mut self.0 else {
            return Poll::Ready(());
        };
        let asks = replace(&mut waiting.asks, Asks::Again);
        let backlog = &waiting.shared.backlog;
        ready!(backlog.poll_dealt(waiting.number, asks, context));
        self.0 = None;
        Poll::Ready(())
    }
}
