//! Real programs against the built binary: the Bayeux libraries of npm, each agent in a process of
//! its own, npm's libraries of server-sent events, `CPython`, gRPC's library for Node.js, and clients and
//! servers of HTTP. `cargo test --test peers` runs it, plain `cargo test` does not.
//!
//! It needs node, npm, python3, curl, nginx, nghttp and h2load, slowhttptest, Chromium with certutil, strace,
//! zstd, unshare and nsenter, ip, a JDK, Python 2.7 with pip, and the registries of npm and Python the first
//! time. Where one is missing it fails and says so: it never skips. What the conversation is, it asks of the tape.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)] // a test may stop at the first thing that is not as it should be, and say why

mod agent;
mod canaries;
mod clock;
mod conversation;
mod cpython;
mod desk;
mod failing;
mod jitter;
mod kill;
mod large;
mod programs;
mod random;
mod recording;
mod segments;
mod server;
mod slow;
#[path = "../it/spellings.rs"]
mod spellings;
mod streams;
mod suite;
mod tape;
mod telling;
mod through;
mod wire;
