//! Records what passes: bodies are teed, understood, and written to the tape by one writer.
//!
//! The proxy tells a [`Recorder`] of every exchange as it passes. What the exchanges mean (sessions,
//! Bayeux messages, causes) is worked out by [`understanding`]; writing is the writer's.

mod understanding;

pub use understanding::{
    Connection, NoSessionBy, Observation, Passing, SessionBy, Settings, Understanding,
};
