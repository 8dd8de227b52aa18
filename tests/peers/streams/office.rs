//! The office: our service with npm's server of events, in a process of its own.

use crate::programs;
use crate::telling::{Telling, Truth};

/// A running office, which ends with this value.
pub(super) struct Office {
    service: Telling,
    pub(super) origin: String,
}

impl Office {
    pub(super) fn open() -> Office {
        Office::by(&[])
    }

    /// The same with these arguments.
    pub(super) fn by(arguments: &[&str]) -> Office {
        let mut command = programs::node("office.mjs");
        command.args(arguments);
        let service = Telling::start(command);
        Office {
            origin: service.origin.clone(),
            service,
        }
    }

    /// Ends it; all that it has said.
    pub(super) fn close(self) -> Truth {
        let mut truth = Truth::default();
        self.service.end(&mut truth);
        truth
    }
}
