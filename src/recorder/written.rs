//! What the proxy waits for before more may pass.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

/// Resolves when the end of an exchange is as durable as the user asked for.
#[must_use = "the client may have the last byte only when this has resolved"]
#[derive(Debug)]
pub struct Written(pub(super) Option<oneshot::Receiver<()>>);

impl Written {
    /// Whether nothing is waited for.
    #[cfg(test)]
    pub(super) fn is_immediate(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Written {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(receiver) = &mut self.0 else {
            return Poll::Ready(());
        };
        // A writer that has gone answers with an error. It has said why, and the client must not
        // wait for ever.
        let answer = Pin::new(receiver).poll(context);
        if answer.is_ready() {
            self.0 = None;
        }
        answer.map(|_| ())
    }
}
