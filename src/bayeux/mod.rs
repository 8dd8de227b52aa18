//! The server's side of the Bayeux protocol (`CometD`'s publish and subscribe over HTTP), sans-I/O.
//!
//! [`message`] reads what clients send in any of its forms, and `replying` writes what they are answered;
//! [`Server`] keeps the state of every client and says what must be sent. Sockets, timers and the
//! choice of events are the caller's.
//!
//! Source of the rules: the Bayeux specification 1.0, and the habits of `CometD` where it is silent.

mod channel;
mod client;
pub mod message;
pub mod recorded;
pub mod reply;
mod replying;
mod server;

pub use channel::Pattern;
pub use client::Event;
pub use message::{Carrier, Message, Unreadable};
pub use server::{Admission, ClientId, Effect, Exchange, Server, Settings, Sockets, Verdict};
