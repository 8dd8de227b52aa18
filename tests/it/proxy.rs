//! What `antiphon record` does to traffic: raw sockets on both sides of the built binary.

mod caps;
mod crowds;
mod floods;
mod frames;
mod full;
pub(crate) mod harness;
mod informational;
mod pushing;
mod refusals;
mod rewriting;
mod secrets;
mod segments;
mod serving;
mod settings;
mod sockets;
mod streams;
mod tiny;
mod tokens;
mod trailers;
mod upstream;

use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use harness::{Client, Recording, Upstream, field, get, ok};

use crate::support::{self, PATIENCE};

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A way to let an upstream go on, and its wait for that.
fn gate() -> (Sender<()>, impl Fn() + Send + Sync) {
    let (sender, receiver) = channel();
    let receiver = Mutex::new(receiver);
    let wait = move || receiver.lock().unwrap().recv_timeout(PATIENCE).unwrap();
    (sender, wait)
}
