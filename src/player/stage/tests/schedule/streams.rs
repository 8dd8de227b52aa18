//! The streams of the clients of a run: what comes on them, how they are lost, and opened again.

use crate::exchange::{LAST_EVENT, Stream};

use super::super::super::Answer;
use super::super::super::outlets::{Outgoing, OutletId, Parcel};
use super::super::client::{Deed, Ear};
use super::listen::between;
use super::{Fault, Schedule};

impl Schedule<'_> {
    /// A client has opened a stream.
    pub(super) fn opened(&mut self, place: usize, operation: usize, outlet: OutletId) {
        let ear = Ear { outlet, last: None };
        self.clients[place].ears.insert(operation, ear);
    }

    /// Passes on what goes out on streams, as long as their connections hold.
    pub(super) fn pass_on(&mut self) -> Result<(), Fault> {
        for Outgoing { outlet, what } in self.stage.outgoing() {
            let Parcel::Notification { token, bytes, .. } = what else {
                continue; // no tape here ends a stream; what replaces one its client has opened
            };
            let Some((place, operation)) = self.owner(outlet) else {
                continue; // it is lost with its stream
            };
            let planned = &self.case.plan.operations[operation];
            let events = planned.travels.opens() == Some(Stream::Events);
            let client = &mut self.clients[place];
            let says = client.ears[&operation].last.is_some();
            if client.dares(60, &mut self.random) {
                // Who cannot say what it has seen gets nothing again that has left.
                let sent = events && says && self.random.chance(80);
                if sent {
                    self.stage.went_out(self.now, outlet, token);
                }
                let deed = if sent {
                    Deed::MissSentEvent
                } else {
                    Deed::MissEvent
                };
                self.lose(place, operation, deed);
                continue;
            }
            self.stage.went_out(self.now, outlet, token);
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let number = between(&text, r#"{"n":"#, "}").unwrap_or_default();
            if events && let Some(ear) = self.clients[place].ears.get_mut(&operation) {
                ear.last = Some(number.to_owned());
            }
            self.hear(place, number)?;
        }
        Ok(())
    }

    /// Loses one of the streams of a client, if it has any.
    pub(super) fn lose_any(&mut self, place: usize) -> Result<(), Fault> {
        let all: Vec<usize> = self.clients[place].ears.keys().copied().collect();
        if all.is_empty() {
            return Ok(());
        }
        let operation = self.random.pick(&all);
        self.lose(place, operation, Deed::LoseStream);
        self.notice(place, operation)
    }

    /// Opens a stream again that was lost.
    pub(super) fn reopen(&mut self, place: usize, operation: usize) -> Result<(), Fault> {
        // A lost connection may be noticed before, or not at all.
        if self.random.chance(50) {
            self.notice(place, operation)?;
        }
        let client = &mut self.clients[place];
        let Some((_, ear)) = client.deaf.remove(&operation) else {
            return Ok(());
        };
        let mut live = self.case.request(&self.case.plan.operations[operation]);
        let seen = ear.last.iter().map(|last| (LAST_EVENT, last.as_bytes()));
        live.headers = seen.collect();
        let identity = client.identity.clone();
        *self.tally.entry(Deed::Reopen).or_default() += 1;
        let (answer, sends) = self.stage.operation(self.now, &identity, &live);
        let outlet = match answer {
            Answer::Recorded {
                operation: got,
                outlet: Some((outlet, _)),
                ..
            } if got == operation => outlet,
            other @ (Answer::Recorded { .. } | Answer::Refused(_)) => {
                return Err(format!("a stream is opened again as {other:?}"));
            }
        };
        let ear = Ear { outlet, ..ear };
        self.clients[place].ears.insert(operation, ear);
        self.deliver(sends)
    }

    fn lose(&mut self, place: usize, operation: usize, deed: Deed) {
        *self.tally.entry(deed).or_default() += 1;
        let client = &mut self.clients[place];
        if let Some(ear) = client.ears.remove(&operation) {
            let at = client.soon(self.now, &mut self.random);
            client.deaf.insert(operation, (at, ear));
        }
    }

    /// The player notices that a stream is lost.
    fn notice(&mut self, place: usize, operation: usize) -> Result<(), Fault> {
        let lost = self.clients[place].deaf.get(&operation);
        let Some(outlet) = lost.map(|(_, ear)| ear.outlet) else {
            return Ok(());
        };
        let sends = self.stage.hung_up(self.now, outlet);
        self.deliver(sends)
    }

    /// Whose stream this is, if it is not lost.
    fn owner(&self, outlet: OutletId) -> Option<(usize, usize)> {
        let all = self.clients.iter().enumerate();
        let mut all = all.flat_map(|(place, client)| {
            let ears = client.ears.iter();
            ears.map(move |(operation, ear)| (place, *operation, ear.outlet))
        });
        let owner = all.find(|(_, _, other)| *other == outlet);
        owner.map(|(place, operation, _)| (place, operation))
    }
}
