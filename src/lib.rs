//! Antiphon records the conversations between clients and a service — the operations that clients
//! call and the notifications that the service pushes because of them — and replays them in the
//! service's place, deterministically.
//!
//! The library is what the `antiphon` binary is made of. A reader may start with [`exchange`], the
//! words everything else is written in.

pub mod admission;
pub mod bayeux;
pub mod cli;
pub mod compare;
pub mod diff;
pub mod exchange;
pub mod importer;
pub mod journal;
pub mod listen;
pub mod matcher;
pub mod metrics;
pub mod normalizer;
pub mod player;
pub mod proxy;
pub mod recorder;
pub mod stream;
pub mod tape;
pub mod trust;
pub mod verify;
pub mod websocket;
