//! The desk: our service on npm's `CometD` server, in a process of its own.

use std::io::Write as _;
use std::time::Instant;

use crate::programs;
use crate::server::PATIENCE;
use crate::telling::{Telling, Truth};

/// A running desk, which ends with this value.
pub(super) struct Desk {
    service: Telling,
    pub(super) origin: String,
    pub(super) truth: Truth,
}

impl Desk {
    pub(super) fn start() -> Desk {
        Desk::by(&[])
    }

    /// The same on a Bayeux server that these arguments choose.
    pub(super) fn by(arguments: &[&str]) -> Desk {
        let mut command = programs::node("desk.mjs");
        command.args(arguments);
        let service = Telling::start(command);
        Desk {
            origin: service.origin.clone(),
            service,
            truth: Truth::default(),
        }
    }

    /// Lets a customer call this agent.
    pub(super) fn ring(&mut self, name: &str) {
        writeln!(self.service.commands, "{name}").unwrap();
    }

    /// Waits until the desk has sent so many messages to an agent in all.
    pub(super) fn sent(&mut self, name: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.truth.of(name).count() < count {
            let wait = end.saturating_duration_since(Instant::now());
            let line = self.service.lines.recv_timeout(wait);
            self.truth.add(&line.expect("more of the truth"));
        }
    }

    /// All that it says, when everything is over.
    pub(super) fn end(mut self) -> Truth {
        self.service.end(&mut self.truth);
        self.truth
    }
}
