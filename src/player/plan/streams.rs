//! What is planned of streams: which follow each other, and what comes before each ends.
//!
//! What came on them is planned with all other notifications.

use std::collections::BTreeMap;

use crate::exchange::{Closed, Ender, Fact};

use super::adding::Numbers;
use super::strands::Strands;
use super::{Ending, LaneEvent, Opened, Plan};

impl Plan {
    /// Learns which streams of a tape follow each other.
    pub(super) fn learn_strands(&mut self, strands: &Strands, numbers: &Numbers, first: usize) {
        for &place in self.openings.iter().filter(|place| **place >= first) {
            if let Some(planned) = self.operations.get(place)
                && let Some(stream) = planned.travels.opens()
                && let Some(strand) = strands.get(planned.id)
            {
                let resumes = strand.resumes.and_then(|id| numbers.get(id));
                let opened = Opened {
                    stream,
                    strand: numbers.get(strand.first).unwrap_or(place),
                    number: strand.number,
                    resumes,
                    ending: None,
                };
                self.opened.insert(place, opened);
                self.resuming.extend(resumes.map(|_| place));
            }
        }
    }

    /// Takes the end of a stream.
    pub(super) fn ends(
        &mut self,
        fact: &Fact,
        closed: &Closed,
        numbers: &Numbers,
        lanes: &mut BTreeMap<usize, usize>,
    ) {
        let (_, lane) = self.lane(&fact.session, lanes);
        let events = self.lanes.get(lane).map_or(0, |lane| lane.events.len());
        let stream = numbers.get(closed.stream);
        if let Some(opened) = stream.and_then(|stream| self.opened.get_mut(&stream)) {
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
        let places: Vec<usize> = self
            .opened
            .range(first..)
            .map(|(place, _)| *place)
            .collect();
        for &place in &places {
            let resumed = self.operations.get(place).and_then(|planned| {
                let resumes = self.opened.get(&place)?.resumes?;
                let events = &self.lanes.get(planned.lane())?.events;
                let own = LaneEvent::Operation(place);
                Some((resumes, events.iter().position(|event| event == own)?))
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
        for place in places {
            let begun = self.begun_at_end(place);
            if let Some(ending) = self.ending_mut(place) {
                ending.begun = begun;
            }
        }
    }

    fn ending_mut(&mut self, place: usize) -> Option<&mut Ending> {
        self.opened.get_mut(&place)?.ending.as_mut()
    }

    /// The operations that had begun when the service ended the stream of this one, and stand behind
    /// that.
    fn begun_at_end(&self, place: usize) -> Vec<usize> {
        let found = self.operations.get(place).and_then(|planned| {
            let ending = self.opened.get(&place)?.ending.as_ref()?;
            let events = &self.lanes.get(planned.lane())?.events;
            let by_service = ending.closed.by == Ender::Service;
            by_service.then(|| (ending.at, events.iter().skip(ending.events)))
        });
        let Some((at, behind)) = found else {
            return Vec::new();
        };
        let begun = |event: LaneEvent| match event {
            LaneEvent::Operation(place) => {
                let planned = self.operations.get(place)?;
                let begun = planned.times.is_change() && planned.at <= at;
                begun.then_some(place)
            }
            LaneEvent::Notification(_) => None,
        };
        behind.filter_map(begun).collect()
    }
}
