//! Plays tapes in the service's place: sessions, causes, the clock, and the service that answers.
//!
//! [`plan`] makes of tapes what a run needs; [`stage`] is one run, sans-I/O; [`service`] and
//! [`admin`] stand between it and hyper. It opens no connection to any upstream.

pub mod admin;
mod body;
mod caps;
mod cast;
mod claims;
mod copies;
mod fields;
mod forward;
mod numbers;
mod pace;
mod plan;
mod publish;
mod refusal;
mod report;
mod run;
mod service;
mod settings;
mod shift;
mod socket;
mod stage;
mod standin;
mod streaming;
mod ties;
mod values;

pub use body::ReplayBody;
pub use caps::{Caps, DEFAULT_MAX_CONTENT};
pub use forward::{Forward, Forwarded};
pub use pace::{Pace, PaceError};
pub use plan::{Happening, Part, Plan, PlanError, Recording};
pub use publish::{METHOD as PUBLISH, Published};
pub use report::Report;
pub use service::Replay;
pub use settings::{
    Absence, Heartbeat, Misses, OnExhausted, Present, Reading, Reconnections, Settings, Spare,
    Strictness,
};
