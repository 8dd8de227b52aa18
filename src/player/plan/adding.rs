//! A tape's part of a plan: its events in order, each put where it belongs. What follows from all of them is
//! worked out elsewhere.

use std::collections::BTreeMap;
use std::mem;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread;

use super::learned::Conversation;
use super::noting::Notes;
use super::pushed::Filed;
use super::recording::Roll;
use super::strands::Strands;
use super::subscribed::Subscribed;
use super::{LaneEvent, Plan, PlanError, Planned, narrow};
use crate::exchange::{
    Fact, Form, Headers, Notification, Operation, OperationId, Session, Stream, What,
};
use crate::player::shift::Shift;
use crate::player::standin::StandIns;
use crate::player::ties::Ears;
use crate::tape::{Event, Gaps};

/// The statuses that a response can have that is the last word on its request (RFC 9110 §15).
const FINAL_STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// What is known of a tape while its events are added.
pub(super) struct Adding {
    pub(super) numbers: Numbers,
    strands: Strands,
    pub(super) subscribed: Subscribed,
    pub(super) shift: Shift,
    pub(super) filed: Filed,
    /// The lane of each session that is on it.
    lanes: BTreeMap<usize, usize>,
}

/// Where each operation of a tape stands in the plan; nothing of a tape on which nothing refers to one.
#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<(OperationId, usize)>);

impl Numbers {
    /// Of these operations, of which some may open streams, and these events.
    fn of(
        operations: &[Planned],
        openings: &[usize],
        events: &[(usize, Event)],
        first: usize,
    ) -> Numbers {
        let refers = |(_, event): &(usize, Event)| match event {
            Event::Notification(_) | Event::Fact(_) => true,
            Event::Contract(_) | Event::Operation(_) | Event::Gap(_) => false,
        };
        if !events.iter().any(refers) && openings.is_empty() {
            return Numbers::default();
        }
        let numbered = operations.iter().zip(first..);
        let mut numbers: Vec<_> = numbered
            .map(|(planned, place)| (planned.id, place))
            .collect();
        numbers.sort_unstable();
        Numbers(numbers)
    }

    pub(super) fn get(&self, id: OperationId) -> Option<usize> {
        let found = self.0.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.0.get(found).map(|(_, place)| *place)
    }
}

impl Plan {
    /// Adds a conversation to the plan.
    pub(super) fn add(&mut self, mut roll: Roll) -> Result<(), PlanError> {
        let first = self.operations.len();
        let (paths, digests) = (mem::take(&mut self.paths), mem::take(&mut roll.notes.paths));
        // To sort those of a long tape takes half as long as all else, which asks for none of them.
        let (paths, added) = thread::scope(|scope| {
            let paths = scope.spawn(|| paths.with(&digests, first));
            let added = self.add_all(roll);
            (paths.join(), added)
        });
        self.paths = paths.unwrap_or_else(|panic| resume_unwind(panic));
        added
    }

    /// Adds all of a conversation but where its operations were called.
    fn add_all(&mut self, roll: Roll) -> Result<(), PlanError> {
        let Roll {
            notes,
            events,
            stand_ins,
            secrets,
            shift,
        } = roll;
        // Numbers first: a captured operation is written when it is complete, so a notification
        // may stand before the operation that caused it.
        let first = self.operations.len();
        let heard = self.notifications.len();
        let played = self.lanes.len();
        let seats: Vec<usize> = notes
            .sessions
            .iter()
            .map(|session| self.seat(session))
            .collect();
        let seat_of = |session: usize| seats.get(session).copied().unwrap_or_default();
        self.learn_ties(&notes, seat_of);
        self.take_operations(notes.operations, &seats);
        let numbers = Numbers::of(
            self.operations.get(first..).unwrap_or_default(),
            &notes.openings,
            &events,
            first,
        );
        let openings = notes.openings.iter().map(|place| first + place);
        let opening = openings.clone().filter_map(|place| self.operation(place));
        let opening: Vec<Arc<Operation>> = opening.collect();
        self.openings.extend(openings);
        let data = |known: &Notification| self.data(known, &notes.filed);
        let strands = Strands::of(&opening, &events, &data);
        self.learn_strands(&strands, &numbers, first);
        let mut adding = Adding {
            numbers,
            strands,
            subscribed: Subscribed::of(&events),
            shift,
            filed: notes.filed,
            lanes: BTreeMap::new(),
        };
        self.add_in_order(first, &events, &mut adding)?;
        let Adding { lanes, .. } = adding;
        self.count(lanes.values().copied());
        self.complete_endings(first);
        self.learn_ears(&events, &lanes);
        self.learn_stand_ins(&stand_ins);
        self.names = secrets.names().or(self.names.take());
        self.conversations.push(Conversation {
            operations: first..self.operations.len(),
            notifications: heard..self.notifications.len(),
            lanes: played..self.lanes.len(),
            secrets,
            given: stand_ins.given.clone(),
        });
        self.stand_ins.extend(stand_ins);
        Ok(())
    }

    /// Adds the operations from the first of a tape on, and these events of it between them: each behind so many.
    fn add_in_order(
        &mut self,
        first: usize,
        events: &[(usize, Event)],
        adding: &mut Adding,
    ) -> Result<(), PlanError> {
        let mut next = first;
        for (before, event) in events {
            for place in next..first + before {
                self.add_operation(place, adding);
            }
            next = next.max(first + before);
            self.add_event(event, next, adding)?;
        }
        for place in next..self.operations.len() {
            self.add_operation(place, adding);
        }
        Ok(())
    }

    /// Takes the operations of a tape whose sessions have these numbers in the plan.
    fn take_operations(&mut self, mut operations: Vec<Planned>, seats: &[usize]) {
        if !seats.iter().copied().eq(0..seats.len()) {
            for planned in &mut operations {
                let seat = seats.get(planned.session()).copied();
                planned.session = narrow(seat.unwrap_or_default());
            }
        }
        // A first tape may be most of the memory: it is taken as it is.
        if self.operations.is_empty() {
            self.operations = operations;
        } else {
            self.operations.append(&mut operations);
        }
    }

    fn add_event(
        &mut self,
        event: &Event,
        before: usize,
        adding: &mut Adding,
    ) -> Result<(), PlanError> {
        match event {
            Event::Contract(contract) => self.contracts.push(contract.clone()),
            Event::Gap(gap) => self.gaps.join(&Gaps::of([gap])),
            Event::Fact(fact) => self.add_fact(fact, adding),
            Event::Notification(heard) => self.add_notification(heard, before, adding)?,
            // Those were taken note of before.
            Event::Operation(_) => {}
        }
        Ok(())
    }

    fn add_fact(&mut self, fact: &Fact, adding: &mut Adding) {
        if let What::Closed(closed) = &fact.what {
            self.ends(fact, closed, &adding.numbers, &mut adding.lanes);
        }
        if matches!(fact.what, What::Handshake { .. }) {
            let (session, _) = self.lane(&fact.session, &mut adding.lanes);
            self.ties.learn_fact(session, fact);
        }
    }

    fn add_operation(&mut self, place: usize, adding: &mut Adding) {
        let Some(planned) = self.operations.get(place) else {
            return;
        };
        let lane = self.lane_of(planned.session(), &mut adding.lanes);
        if let Some(planned) = self.operations.get_mut(place) {
            planned.lane = narrow(lane);
        }
        self.append(lane, LaneEvent::Operation(place));
    }

    fn add_notification(
        &mut self,
        notification: &Notification,
        before: usize,
        adding: &mut Adding,
    ) -> Result<(), PlanError> {
        if adding.strands.is_unheard(notification.id) {
            return Ok(());
        }
        let (_, lane) = self.lane(&notification.session, &mut adding.lanes);
        let due = self.due(notification, (lane, before), adding)?;
        let place = self.notifications.len();
        for cause in &due.causes {
            self.releases
                .entry(cause.operation)
                .or_default()
                .push(place);
        }
        self.notifications.push(due);
        self.append(lane, LaneEvent::Notification(place));
        Ok(())
    }

    /// Learns by what the sessions of a tape are known.
    fn learn_ties(&mut self, notes: &Notes, seat_of: impl Fn(usize) -> usize) {
        let seat = |place: &usize| {
            notes
                .operations
                .get(*place)
                .map(|one| seat_of(one.session()))
        };
        let mut last = None;
        for (place, heads) in &notes.heads {
            let Some(seat) = seat(place) else { continue };
            // Most operations of a session show the same.
            let this = (seat, Arc::as_ptr(heads));
            if last.replace(this) != Some(this) {
                self.ties
                    .learn(seat, heads.shown.iter().chain(&heads.given));
            }
        }
        for (place, asked) in &notes.asked {
            if let Some(seat) = seat(place) {
                self.ties.learn(seat, asked);
            }
        }
        for (place, client) in &notes.named {
            if let Some(seat) = seat(place) {
                self.ties.learn_named(seat, client.clone());
            }
        }
    }

    /// Learns whose the stand-ins are, however a client shows them again.
    fn learn_stand_ins(&mut self, stand_ins: &StandIns) {
        for stand_in in &stand_ins.given {
            let mut sessions = self.sessions.iter();
            if let Some(seat) = sessions.position(|session| *session == stand_in.session) {
                self.ties.learn_stand_in(seat, stand_in.text(0));
            }
        }
    }

    /// Learns which sessions of a tape listened. A tape without handshakes, such as that of a page,
    /// does not say.
    fn learn_ears(&mut self, events: &[(usize, Event)], lanes: &BTreeMap<usize, usize>) {
        let shaken = events.iter().filter_map(|(_, event)| match event {
            Event::Fact(fact) if matches!(fact.what, What::Handshake { .. }) => Some(&fact.session),
            Event::Contract(_)
            | Event::Operation(_)
            | Event::Notification(_)
            | Event::Fact(_)
            | Event::Gap(_) => None,
        });
        let shaken: Vec<&Session> = shaken.collect();
        for (&seat, &lane) in lanes {
            let session = self.sessions.get(seat);
            let greeted = shaken.iter().any(|shaken| Some(*shaken) == session);
            let heard = self.heard_last(lane).is_some();
            let ears = if shaken.is_empty() || greeted || heard {
                Ears::Some
            } else {
                Ears::None
            };
            self.ties.learn_ears(seat, ears);
        }
    }
}

/// Whether live requests can match this operation, and whether its response can be sent.
pub(super) fn check(operation: &Operation) -> Result<(), PlanError> {
    let (request, response) = (&operation.request, &operation.response);
    let no = |what, text: String| Err(PlanError::Http(operation.id.0, text, what));
    if !is_method(&request.method) {
        return no("method", request.method.clone());
    }
    if !is_target(&request.target) {
        return no("path to match", request.target.clone());
    }
    if !is_final(response.status, operation.form) {
        return no("final status", response.status.to_string());
    }
    for (name, value) in response.headers.iter().chain(response.trailers.iter()) {
        if http::HeaderName::try_from(name).is_err() {
            return no("field name", name.to_owned());
        }
        if http::HeaderValue::from_bytes(value).is_err() {
            return no("field value", String::from_utf8_lossy(value).into_owned());
        }
    }
    Ok(())
}

pub(super) fn is_method(method: &str) -> bool {
    http::Method::from_bytes(method.as_bytes()).is_ok()
}

pub(super) fn is_target(target: &str) -> bool {
    // Most are plain, and to read them costs more than to see that.
    let fits = || is_plain(target) || target.parse::<http::uri::PathAndQuery>().is_ok();
    target.starts_with('/') && fits()
}

/// Whether a part of a target is of letters, digits, and what may stand everywhere in a path.
pub(super) fn is_plain(part: &str) -> bool {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    part.bytes().all(plain)
}

pub(super) fn is_final(status: u16, form: Form) -> bool {
    let switched = status == 101 && form.opens() == Some(Stream::Socket);
    switched || FINAL_STATUSES.contains(&status)
}

pub(super) fn are_sendable(fields: &Headers) -> bool {
    fields.iter().all(|(name, value)| {
        http::HeaderName::try_from(name).is_ok() && http::HeaderValue::from_bytes(value).is_ok()
    })
}
