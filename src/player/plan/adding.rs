//! A tape's part of a plan: its events in order, each put where it belongs. What follows from all of them is
//! worked out elsewhere.

use std::collections::BTreeMap;

use super::follow::Moment;
use super::strands::Strands;
use super::{LaneEvent, Plan, PlanError, Planned, Times};
use crate::exchange::{Fact, Micros, Notification, Operation, OperationId, Stream, What};
use crate::journal::Identity;
use crate::matcher::{Key, Rules};
use crate::player::publish;
use crate::player::shift::Shift;
use crate::player::standin;
use crate::player::ties::Ears;
use crate::player::values::secret::Secrets;
use crate::tape::{Event, Gaps, Tape};

/// The statuses that a response can have that is the last word on its request (RFC 9110 §15).
const FINAL_STATUSES: std::ops::RangeInclusive<u16> = 200..=599;

/// What is known of a tape while its events are added.
struct Adding {
    /// Where each of its operations stands in the plan.
    numbers: BTreeMap<OperationId, usize>,
    strands: Strands,
    shift: Shift,
    /// The lane of each session that is on it.
    lanes: BTreeMap<usize, usize>,
    /// When what happened, of all sessions.
    moments: Vec<(Micros, Moment)>,
}

impl Plan {
    /// Adds a conversation to the plan.
    pub(super) fn add(&mut self, tape: &Tape) -> Result<(), PlanError> {
        let (tape, stand_ins) = standin::put_in(tape.settled());
        self.learn_endpoints(&tape);
        // Numbers first: a captured operation is written when it is complete, so a notification
        // may stand before the operation that caused it.
        let first = self.operations.len();
        let ids = tape.operations().map(|operation| operation.id);
        let mut adding = Adding {
            numbers: ids.zip(first..).collect(),
            strands: Strands::of(&tape),
            shift: Shift::of(&tape, self.reading.present),
            lanes: BTreeMap::new(),
            moments: Vec::new(),
        };
        let rules = &self.reading.rules;
        let planned =
            |operation: &Operation| planned(operation, &self.endpoints, rules, adding.shift);
        self.operations.extend(tape.operations().map(planned));
        self.learn_strands(&adding.strands, &adding.numbers);
        for event in &tape.events {
            match event {
                Event::Contract(contract) => self.contracts.push(contract.clone()),
                Event::Gap(gap) => self.gaps.join(&Gaps::of([gap])),
                Event::Fact(fact) => self.add_fact(fact, &mut adding),
                Event::Operation(operation) => self.add_operation(operation, &mut adding)?,
                Event::Notification(heard) => self.add_notification(heard, &mut adding)?,
            }
        }
        let Adding { lanes, moments, .. } = adding;
        self.count(lanes.values().copied());
        self.complete_endings(first);
        self.learn_ears(&tape, &lanes);
        self.learn_stand_ins(&stand_ins);
        let secrets = Secrets::of(&tape, &stand_ins);
        self.names = secrets.names().or(self.names.take());
        self.follow(moments, &secrets, &stand_ins);
        self.learn_brought();
        self.stand_ins.extend(stand_ins);
        let operations = self.operations.get(first..).unwrap_or_default();
        self.values.compare_repeats(first, operations);
        Ok(())
    }

    /// Learns where Bayeux is spoken. A recording finds that after its header was written.
    fn learn_endpoints(&mut self, tape: &Tape) {
        let shaken = tape.facts().filter_map(|fact| {
            if let What::Handshake { endpoint, .. } = &fact.what {
                Some(endpoint)
            } else {
                None
            }
        });
        for endpoint in tape.header.endpoint.iter().chain(shaken) {
            if !self.endpoints.contains(endpoint) {
                self.endpoints.push(endpoint.clone());
            }
        }
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

    fn add_operation(
        &mut self,
        operation: &Operation,
        adding: &mut Adding,
    ) -> Result<(), PlanError> {
        check(operation)?;
        let (session, lane) = self.lane(&operation.session, &mut adding.lanes);
        let Some(&place) = adding.numbers.get(&operation.id) else {
            return Ok(());
        };
        self.append(lane, LaneEvent::Operation(place));
        let begun = (operation.at, Moment::Request(place));
        let answered = (operation.answered, Moment::Response(place));
        adding.moments.extend([begun, answered]);
        if let Some(planned) = self.operations.get_mut(place) {
            (planned.session, planned.lane) = (session, lane);
        }
        self.ties.learn(session, operation);
        if let Some(client) = self.reading.client(&operation.request) {
            self.ties.learn_named(session, client);
        }
        Ok(())
    }

    fn add_notification(
        &mut self,
        notification: &Notification,
        adding: &mut Adding,
    ) -> Result<(), PlanError> {
        if adding.strands.is_unheard(notification.id) {
            return Ok(());
        }
        let (_, lane) = self.lane(&notification.session, &mut adding.lanes);
        let due = self.due(notification, lane, &adding.numbers, adding.shift)?;
        let place = self.notifications.len();
        for cause in &due.causes {
            if let Some(planned) = self.operations.get_mut(cause.operation) {
                planned.releases.push(place);
            }
        }
        self.notifications.push(due);
        let moment = (notification.at, Moment::Notification(place));
        adding.moments.push(moment);
        self.append(lane, LaneEvent::Notification(place));
        Ok(())
    }

    /// Learns which sessions of a tape listened. A tape without handshakes, such as that of a page,
    /// does not say.
    fn learn_ears(&mut self, tape: &Tape, lanes: &BTreeMap<usize, usize>) {
        let shook_hands = |fact: &&Fact| matches!(fact.what, What::Handshake { .. });
        let facts: Vec<&Fact> = tape.facts().filter(shook_hands).collect();
        for (&seat, &lane) in lanes {
            let session = self.sessions.get(seat);
            let greeted = facts.iter().any(|fact| Some(&fact.session) == session);
            let heard = self.heard_last(lane).is_some();
            let ears = if facts.is_empty() || greeted || heard {
                Ears::Some
            } else {
                Ears::None
            };
            self.ties.learn_ears(seat, ears);
        }
    }
}

/// An operation as it is planned, before its place in its session is known.
fn planned(operation: &Operation, endpoints: &[String], rules: &Rules, shift: Shift) -> Planned {
    let mut operation = operation.clone();
    let mut replies = Vec::new();
    if let Some(published) = publish::recorded(&operation, endpoints) {
        operation.request = published.request;
        replies = published.replies;
    }
    let identity = Identity::of_operation(&operation);
    shift.operation(&mut operation);
    Planned {
        identity,
        key: Key::of(&operation.request, rules),
        operation,
        replies,
        session: 0,
        lane: 0,
        releases: Vec::new(),
        times: Times::default(),
        opened: None,
        epoch: 0,
    }
}

/// Whether live requests can match this operation, and whether its response can be sent.
fn check(operation: &Operation) -> Result<(), PlanError> {
    let (request, response) = (&operation.request, &operation.response);
    let no = |what, text: String| Err(PlanError::Http(operation.id.0, text, what));
    if http::Method::from_bytes(request.method.as_bytes()).is_err() {
        return no("method", request.method.clone());
    }
    if !request.target.starts_with('/')
        || request.target.parse::<http::uri::PathAndQuery>().is_err()
    {
        return no("path to match", request.target.clone());
    }
    let switched = response.status == 101 && operation.form.opens() == Some(Stream::Socket);
    if !switched && !FINAL_STATUSES.contains(&response.status) {
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
