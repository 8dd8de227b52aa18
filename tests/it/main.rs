//! Behaviour of the built binary and of the source tree.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)] // a test may stop at the first thing that is not as it should be

mod bounded;
mod caps;
mod copies;
mod diff;
mod events;
mod filed;
mod forward;
mod house;
mod import;
mod normalize;
mod proxy;
mod readme;
mod recording;
mod redaction;
mod replay;
mod sessions;
mod spellings;
mod standin;
mod support;
mod tape;
mod time;
mod tls;
mod values;
mod verify;
