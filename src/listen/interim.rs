//! Informational responses (RFC 9110 §15.2), which hyper's server cannot send: they go on the wire
//! before the response that they come with, and after every byte of the one before.
//!
//! HTTP/2 has no place for them here: hyper does not open what its codec can.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Response, StatusCode, Version};
use tokio::sync::Notify;

use super::connection::Connection;

/// How many may wait for a client that does not read; a further one is left out. Services send one
/// or two, so that only a mistake comes near.
const MAX_WAITING: usize = 64;

/// Takes the informational responses of one request.
#[derive(Clone, Debug)]
pub struct Interim(Option<Arc<Connection>>);

impl Interim {
    /// For a request of this version on this connection: HTTP/1.0 knows none (RFC 9110 §15.2).
    pub(super) fn of(version: Version, connection: &Arc<Connection>) -> Interim {
        Interim((version == Version::HTTP_11).then(|| Arc::clone(connection)))
    }

    /// Sends the head of one to the client, if it can take it. A status that is not informational, or
    /// means something to the connection itself (100, 101), is left out.
    pub fn send(&self, head: &Response<()>) {
        let status = head.status();
        let own = [StatusCode::CONTINUE, StatusCode::SWITCHING_PROTOCOLS];
        if let Some(connection) = &self.0
            && status.is_informational()
            && !own.contains(&status)
        {
            connection.interim.push(written(head));
        }
    }
}

/// What waits to be written on one connection.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Tells that nothing waits any more.
    empty: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    heads: VecDeque<Bytes>,
    /// Whether the first of them is in the writer's hands.
    taken: bool,
    writer: Option<Waker>,
}

impl Queue {
    fn push(&self, head: Bytes) {
        let mut waiting = self.lock();
        if waiting.heads.len() < MAX_WAITING {
            waiting.heads.push_back(head);
        }
        if let Some(writer) = waiting.writer.take() {
            writer.wake();
        }
    }

    /// The next head to write. The one before is written, if there was one; where there is none
    /// left, `writer` is woken for the next.
    pub(super) fn next(&self, writer: &Waker) -> Option<Bytes> {
        let mut waiting = self.lock();
        if std::mem::take(&mut waiting.taken) {
            waiting.heads.pop_front();
            if waiting.heads.is_empty() {
                self.empty.notify_waiters();
            }
        }
        let next = waiting.heads.front().cloned();
        waiting.taken = next.is_some();
        if next.is_none() {
            let known = waiting.writer.get_or_insert_with(|| writer.clone());
            known.clone_from(writer); // nearly always it is the same task
        }
        next
    }

    /// Whether every head is written.
    pub(super) fn is_written(&self) -> bool {
        self.lock().heads.is_empty()
    }

    /// Returns when every head is written.
    pub(super) async fn written(&self) {
        loop {
            let empty = self.empty.notified();
            tokio::pin!(empty);
            empty.as_mut().enable();
            if self.is_written() {
                return;
            }
            empty.await;
        }
    }

    /// The queue. A thread that panicked while it held the lock has left it between two whole steps.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A head as it stands on an HTTP/1.1 wire (RFC 9112 §4).
pub(super) fn written(head: &Response<()>) -> Bytes {
    let status = head.status();
    let mut bytes = BytesMut::new();
    bytes.put_slice(b"HTTP/1.1 ");
    bytes.put_slice(status.as_str().as_bytes());
    bytes.put_u8(b' ');
    bytes.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    bytes.put_slice(b"\r\n");
    for (name, value) in head.headers() {
        bytes.put_slice(name.as_str().as_bytes());
        bytes.put_slice(b": ");
        bytes.put_slice(value.as_bytes());
        bytes.put_slice(b"\r\n");
    }
    bytes.put_slice(b"\r\n");
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16) -> Response<()> {
        let builder = Response::builder().status(status);
        builder
            .header("link", "</a>; rel=preload")
            .body(())
            .unwrap()
    }

    #[test]
    fn what_may_be_sent_waits_in_order_and_is_taken_once() {
        let connection = Arc::new(Connection::default());
        let interim = Interim::of(Version::HTTP_11, &connection);
        for status in [103, 100, 101, 200, 102] {
            interim.send(&head(status));
        }
        let next = || connection.interim.next(Waker::noop());
        assert_eq!(
            next().as_deref(),
            Some(&b"HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\n"[..])
        );
        assert!(next().unwrap().starts_with(b"HTTP/1.1 102 Processing\r\n"));
        assert_eq!(next(), None);
    }

    #[test]
    fn only_http_1_1_takes_any_and_only_so_many() {
        let connection = Arc::new(Connection::default());
        for version in [Version::HTTP_10, Version::HTTP_2] {
            Interim::of(version, &connection).send(&head(103));
        }
        assert_eq!(connection.interim.next(Waker::noop()), None);
        let interim = Interim::of(Version::HTTP_11, &connection);
        for _ in 0..=MAX_WAITING {
            interim.send(&head(103));
        }
        let next = || connection.interim.next(Waker::noop());
        assert_eq!(std::iter::from_fn(next).count(), MAX_WAITING);
    }

    #[tokio::test]
    async fn a_response_waits_until_all_of_them_are_written() {
        let connection = Arc::new(Connection::default());
        connection.interim.written().await;
        Interim::of(Version::HTTP_11, &connection).send(&head(103));
        let written = connection.interim.written();
        tokio::pin!(written);
        let poll = || std::future::poll_fn(|_| std::task::Poll::Ready(()));
        tokio::select! {
            biased;
            () = &mut written => panic!("it is not written yet"),
            () = poll() => {}
        }
        assert!(connection.interim.next(Waker::noop()).is_some());
        assert!(connection.interim.next(Waker::noop()).is_none());
        written.await;
    }
}
