//! What is learned of the values on the tapes, in the order of time: when it is first needed, since as long as
//! clients send what was recorded, nothing of it is. Only secrets are needed from the beginning.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use crate::exchange::{Headers, Micros, Notification, Operation, Request, Response};
use crate::matcher::Part;
use crate::player::standin::StandIn;
use crate::player::values::secret::{Seat, Secrets};
use crate::player::values::{Bound, ChoiceId, Learner, Values, brings_choices};

use super::paths::{self, Here};
use super::{Plan, Recorded, narrow, wide};

/// How many operations are held between their requests and their responses: as many as are under way at one
/// time, as a rule. Of others the tape is read twice.
const MAX_UNDER_WAY: usize = 1024;

/// What a plan has learned.
#[derive(Debug, Default)]
pub(super) struct Learned {
    values: Values,
    /// The operations that may be called at another path than the recorded one: a value in it was chosen by
    /// a client, or a rule lets paths differ.
    moving: Vec<usize>,
}

/// A tape of a plan.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) operations: Range<usize>,
    pub(super) notifications: Range<usize>,
    pub(super) lanes: Range<usize>,
    pub(super) secrets: Secrets,
    /// The values that the service gives in place of placeholders.
    pub(super) given: Vec<StandIn>,
}

/// Something that was said at one time: by its place in the plan, a request, a response or a
/// notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Request(u32),
    Response(u32),
    Notification(u32),
}

impl Plan {
    /// The values on the tapes. What was not learned yet is learned now, which takes its time on a long tape.
    pub(in crate::player) fn values(&self) -> &Values {
        &self.learned().values
    }

    /// The values, where something in a run may depend on them.
    fn values_for(&self, bound: &Bound) -> Option<&Values> {
        self.may_flow(bound).then(|| self.values())
    }

    /// Whether clients bring secrets with them, or may.
    pub(in crate::player) fn have_secrets(&self) -> bool {
        let mut all = self.conversations.iter();
        all.any(|one| one.secrets.are_there() || !one.given.is_empty())
    }

    /// The places at which the client of an operation sent secrets.
    pub(in crate::player) fn seats(&self, operation: usize) -> &[Seat] {
        if self.have_secrets() {
            self.values().seats(operation)
        } else {
            &[]
        }
    }

    /// What is chosen in a copy of the conversation before it begins.
    pub(in crate::player) fn given(&self, copy: usize) -> Bound {
        if self.have_secrets() {
            self.values().given(copy)
        } else {
            Bound::default()
        }
    }

    /// The recorded request with the live values in it; `None` where none is.
    pub(in crate::player) fn request(
        &self,
        operation: usize,
        recorded: &Request,
        bound: &Bound,
    ) -> Option<Request> {
        self.values_for(bound)?.request(operation, recorded, bound)
    }

    /// The recorded response with the live values in it; `None` where there is no place for any.
    pub(in crate::player) fn response(
        &self,
        operation: usize,
        recorded: &Response,
        bound: &Bound,
    ) -> Option<Response> {
        self.values_for(bound)?.response(operation, recorded, bound)
    }

    /// The channel of a notification with the live values in it.
    pub(in crate::player) fn channel(
        &self,
        notification: usize,
        bound: &Bound,
    ) -> Option<Cow<'_, str>> {
        let recorded = &self.notifications.get(notification)?.notification.channel;
        let live = self
            .values_for(bound)
            .and_then(|values| values.channel(notification, recorded, bound));
        Some(live.map_or(Cow::Borrowed(recorded.as_str()), Cow::Owned))
    }

    /// The channel and the data of a notification with the live values in them; `None` where none is.
    pub(in crate::player) fn heard<'a>(
        &self,
        notification: usize,
        recorded: &'a Notification,
        bound: &Bound,
    ) -> Option<(Cow<'a, str>, Bytes)> {
        let values = self.values_for(bound)?;
        values.notification(notification, recorded, bound)
    }

    /// The header fields of an operation's request whose values come again, with those values; none where the
    /// live ones are the same.
    pub(in crate::player) fn header_choices(
        &self,
        operation: usize,
        recorded: &Recorded,
        live: &Headers,
    ) -> impl Iterator<Item = (ChoiceId, &str, &str)> {
        let headers = &recorded.operation().request.headers;
        let differs = recorded.may_bring_choices() && brings_choices(headers, live);
        let values = differs.then(|| self.values());
        values
            .into_iter()
            .flat_map(move |values| values.header_choices(operation))
    }

    /// Whether live values may stand in the places of recorded ones.
    pub(in crate::player) fn may_flow(&self, bound: &Bound) -> bool {
        !bound.is_empty() || self.have_secrets()
    }

    /// Where the operations stand that were called at the path of this target.
    pub(in crate::player) fn here(&self, target: &str) -> Here {
        self.paths.find(paths::digest(paths::path(target)))
    }

    /// The operations that an equal request to this path may mean, in recorded order.
    pub(in crate::player) fn at(&self, path: Here, bound: &Bound) -> impl Iterator<Item = usize> {
        let moving = if self.may_flow(bound) {
            self.learned().moving.as_slice()
        } else {
            &[]
        };
        self.here_or_among(path, moving)
    }

    /// The operations that a request to this path may mean that differs in what it may, in recorded order.
    pub(in crate::player) fn about(&self, path: Here) -> impl Iterator<Item = usize> {
        self.here_or_among(path, &self.learned().moving)
    }

    /// The operations that were called at this path, and these, in recorded order.
    fn here_or_among(&self, path: Here, moving: &[usize]) -> impl Iterator<Item = usize> {
        let here = self.paths.at(path);
        // Nearly always nothing moves, and then those of a path are in order as they stand.
        let (here, all) = if moving.is_empty() {
            (Some(here), Vec::new())
        } else {
            let mut all: Vec<usize> = here.chain(moving.iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            (None, all)
        };
        here.into_iter().flatten().chain(all)
    }

    fn learned(&self) -> &Learned {
        self.learned.get_or_init(|| self.learn())
    }

    fn learn(&self) -> Learned {
        let mut values = Values::default();
        for one in &self.conversations {
            self.follow(&mut values, one);
            values.compare_repeats(self, one.operations.clone());
        }
        values.tidy();
        let all_move = self.reading.rules.ignores_some(Part::Path);
        let moves = |place: &usize| all_move || values.may_move(*place);
        let moving = (0..self.operations.len()).filter(moves).collect();
        Learned { values, moving }
    }

    /// Follows the values through the moments of one tape. Moments of one time, such as all of an
    /// imported tape, count in the order in which they stand there.
    fn follow(&self, values: &mut Values, one: &Conversation) {
        let mut moments = self.moments(one);
        moments.sort_by_key(|moment| self.time(*moment));
        let mut learner = Learner::new(values, &one.secrets, &one.given);
        let mut under_way: BTreeMap<usize, Arc<Operation>> = BTreeMap::new();
        for moment in moments {
            match moment {
                Moment::Request(place) => {
                    let place = wide(place);
                    if let Some(planned) = self.operations.get(place)
                        && let Some(operation) = self.operation(place)
                    {
                        learner.request(place, planned.session(), &operation);
                        if under_way.len() < MAX_UNDER_WAY {
                            under_way.insert(place, operation);
                        }
                    }
                }
                Moment::Response(place) => {
                    let place = wide(place);
                    let operation = under_way.remove(&place);
                    if let Some(planned) = self.operations.get(place)
                        && let Some(operation) = operation.or_else(|| self.operation(place))
                    {
                        learner.response(place, planned.session(), &operation);
                    }
                }
                Moment::Notification(place) => {
                    let place = wide(place);
                    let Some(due) = self.notifications.get(place) else {
                        continue;
                    };
                    let session = self.lanes.get(due.lane).map_or(0, |lane| lane.session);
                    let causes: Vec<usize> =
                        due.causes.iter().map(|cause| cause.operation).collect();
                    if let Some(pushed) = self.pushed(place) {
                        learner.notification(place, session, &causes, &pushed.notification);
                    }
                }
            }
        }
    }

    /// What happened when on a tape, of all sessions, in the order in which it stands there.
    fn moments(&self, one: &Conversation) -> Vec<Moment> {
        let mut moments = Vec::new();
        let mut heard = one.notifications.clone().peekable();
        let mut before = |operation: usize, moments: &mut Vec<Moment>| {
            let stands_before = |place: &usize| {
                let due = self.notifications.get(*place);
                due.is_some_and(|due| due.before <= operation)
            };
            while let Some(place) = heard.next_if(stands_before) {
                moments.push(Moment::Notification(narrow(place)));
            }
        };
        for place in one.operations.clone() {
            before(place, &mut moments);
            let place = narrow(place);
            moments.extend([Moment::Request(place), Moment::Response(place)]);
        }
        before(usize::MAX, &mut moments);
        moments
    }
    /// When something was said.
    fn time(&self, moment: Moment) -> Micros {
        let operation = |place| self.operations.get(wide(place));
        let at = match moment {
            Moment::Request(place) => operation(place).map(|planned| planned.at),
            Moment::Response(place) => operation(place).map(|planned| planned.answered),
            Moment::Notification(place) => {
                let due = self.notifications.get(wide(place));
                due.map(|due| due.notification.at)
            }
        };
        at.unwrap_or_default()
    }
}
