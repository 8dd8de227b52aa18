//! What is planned of streams: which follow each other, and what comes before each ends.
//!
//! What came on them is planned with all other notifications.

use std::collections::BTreeMap;

use crate::exchange::{Closed, Ender, Fact, OperationId};

use super::strands::Strands;
use super::{Ending, LaneEvent, Opened, Plan};

impl Plan {
    /// Learns which streams of a tape follow each other.
    pub(super) fn learn_strands(
        &mut self,
        strands: &Strands,
        numbers: &BTreeMap<OperationId, usize>,
    ) {
        for (id, &place) in numbers {
            let place_of = |id: OperationId| numbers.get(&id).copied();
            if let Some(planned) = self.operations.get_mut(place)
                && let Some(strand) = strands.get(*id)
                && let Some(stream) = planned.operation.form.opens()
            {
                let resumes = strand.resumes.and_then(place_of);
                planned.opened = Some(Opened {
                    stream,
                    strand: place_of(strand.first).unwrap_or(place),
                    number: strand.number,
                    resumes,
                    ending: None,
                });
                self.resuming.extend(resumes.map(|_| place));
            }
        }
    }

    /// Takes the end of a stream.
    pub(super) fn ends(
        &mut self,
        fact: &Fact,
        closed: &Closed,
        numbers: &BTreeMap<OperationId, usize>,
        lanes: &mut BTreeMap<usize, usize>,
    ) {
        let (_, lane) = self.lane(&fact.session, lanes);
        let events = self.lanes.get(lane).map_or(0, |lane| lane.events.len());
        let stream = numbers.get(&closed.stream);
        let planned = stream.and_then(|stream| self.operations.get_mut(*stream));
        if let Some(opened) = planned.and_then(|planned| planned.opened.as_mut()) {
            opened.ending = Some(Ending {
                closed: closed.clone(),
                at: fact.at,
                events,
                begun: Vec::new(),
            });
        }
    }

    /// Works out what came before the ends of streams, from this operation on.
    pub(super) fn complete_endings(&mut self, first: usize) {
        for place in first..self.operations.len() {
            let resumed = self.operations.get(place).and_then(|planned| {
                // First what most operations lack: to look for each in its lane would take the square of their
                // number.
                let resumes = planned.opened.as_ref()?.resumes?;
                let events = &self.lanes.get(planned.lane)?.events;
                let own = LaneEvent::Operation(place);
                Some((resumes, events.iter().position(|event| *event == own)?))
            });
            // A client that comes back has lost a stream that ends only then, whoever ended it.
            if let Some((resumed, before)) = resumed
                && let Some(ending) = self.ending_mut(resumed)
                && ending.events > before
            {
                ending.events = before;
                ending.closed.by = Ender::Client;
            }
        }
        for place in first..self.operations.len() {
            let begun = self.begun_at_end(place);
            if let Some(ending) = self.ending_mut(place) {
                ending.begun = begun;
            }
        }
    }

    fn ending_mut(&mut self, place: usize) -> Option<&mut Ending> {
        let opened = self.operations.get_mut(place)?.opened.as_mut()?;
        opened.ending.as_mut()
    }

    /// The operations that had begun when the service ended the stream of this one, and stand behind
    /// that.
    fn begun_at_end(&self, place: usize) -> Vec<usize> {
        let found = self.operations.get(place).and_then(|planned| {
            let ending = planned.opened.as_ref()?.ending.as_ref()?;
            let events = &self.lanes.get(planned.lane)?.events;
            let by_service = ending.closed.by == Ender::Service;
            by_service.then_some((ending.at, events.get(ending.events..)?))
        });
        let Some((at, behind)) = found else {
            return Vec::new();
        };
        let begun = |event: &LaneEvent| match event {
            LaneEvent::Operation(place) => {
                let planned = self.operations.get(*place)?;
                let begun = planned.times.is_change() && planned.operation.at <= at;
                begun.then_some(*place)
            }
            LaneEvent::Notification(_) => None,
        };
        behind.iter().filter_map(begun).collect()
    }
}
