//! Keeps a port to the connections that it may have.
//!
//! One connection more is accepted, told so, and closed: left in the system's queue, its client would
//! hang without a word until it gives up, and nobody could count it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::counts::{Counter, Counts, Opened};
use super::refusal::Refusal;
use super::tls::Wire;

/// How many clients are told at once that there is no place; more are closed without a word.
const TOLD: usize = 64;

/// How long one of them may take to read it.
const LINGER: Duration = Duration::from_secs(1);

/// The places of a port.
pub(super) struct Crowd {
    most: usize,
    places: Arc<Semaphore>,
    told: Arc<Semaphore>,
    counts: Counts,
}

/// A connection's place, which is free again when this is dropped.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _opened: Opened,
}

impl Crowd {
    /// As many as `most`.
    pub(super) fn new(most: usize, counts: Counts) -> Crowd {
        let most = most.min(Semaphore::MAX_PERMITS);
        Crowd {
            most,
            places: Arc::new(Semaphore::new(most)),
            told: Arc::new(Semaphore::new(TOLD)),
            counts,
        }
    }

    /// A place, if there is one.
    pub(super) fn place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place {
            _permit: permit,
            _opened: self.counts.opened(),
        })
    }

    /// Turns a connection away. Under TLS that is done without a word: a handshake is the dearest part
    /// of a connection.
    pub(super) fn turn_away(&self, tcp: TcpStream, wire: &Wire) {
        self.counts.count(Counter::Refused);
        let place = Arc::clone(&self.told).try_acquire_owned();
        let (Wire::Plain, Ok(place)) = (wire, place) else {
            return;
        };
        let message = format!("all {} connections are taken; come again later", self.most);
        let refusal = Refusal::with(StatusCode::SERVICE_UNAVAILABLE, message);
        tokio::spawn(async move {
            let _ = timeout(LINGER, tell(tcp, &refusal)).await;
            drop(place);
        });
    }
}

async fn tell(mut tcp: TcpStream, refusal: &Refusal) -> std::io::Result<()> {
    tcp.write_all(&refusal.written()).await?;
    tcp.shutdown().await?;
    // Closed on unread bytes, the connection would take the answer with it.
    let mut space = [0; 1024];
    while tcp.read(&mut space).await? > 0 {}
    Ok(())
}
