//! Notifications that travel on streams: who hears them, when a stream ends, and what a client that
//! comes back gets again.

use std::borrow::Cow;
use std::collections::BTreeSet;

use bytes::Bytes;

use crate::exchange::{
    Body, Carrier, Ender, Headers, Kind, LAST_EVENT, Micros, OnSocket, Request, SEND, Stream,
};

use super::super::cast::Identity;
use super::super::plan::{self, Opened, Plan, Wording};
use super::super::settings::Reconnections;
use super::outlets::{Outgoing, OutletId, Place, Sent};
use super::{Answer, Quiet, Send, Stage};

impl Stage {
    /// What is to go out on streams since it was last asked.
    pub(crate) fn outgoing(&mut self) -> Vec<Outgoing> {
        self.outlets.outgoing()
    }

    /// How many streams are open.
    pub(crate) fn streams_open(&self) -> usize {
        self.outlets.count()
    }

    /// A client has what was sent on a stream with this token. Where more waited for that, the caller
    /// [goes on](Stage::go_on) with it: on a stream nobody asks for it.
    pub(crate) fn went_out(&mut self, now: Micros, outlet: OutletId, token: usize) {
        if let Some((notification, seat)) = self.outlets.went_out(outlet, token) {
            let lane = self
                .plan
                .notifications
                .get(notification)
                .map(|due| due.lane);
            let waited = lane.filter(|lane| !self.under_way.has_room(*lane));
            self.heard_by(now, notification, seat);
            let freed = waited.filter(|lane| self.under_way.has_room(*lane));
            self.rest = self.rest.into_iter().chain(freed).min();
        }
    }

    /// What went out on a stream with this token has not reached its client after all: it waits for it.
    pub(crate) fn came_back(&mut self, now: Micros, token: usize) {
        if let Some(&notification) = self.events.get(token) {
            self.again.insert(notification);
            self.put_back(now, notification);
        }
    }

    /// A client has said something on its socket: an operation that nobody answers.
    pub(crate) fn said(&mut self, now: Micros, outlet: OutletId, data: Bytes) -> Vec<Send> {
        let place = self.outlets.place(outlet);
        let opened = place.and_then(|place| {
            let recorded = self.plan.recorded(place.operation)?;
            Some((place, recorded))
        });
        let Some((
            &Place {
                operation, seat, ..
            },
            opened,
        )) = opened
        else {
            return Vec::new();
        };
        // With what the client chose, or brought, when it opened the socket.
        let recorded = &opened.operation().request;
        let asked = self.plan.request(operation, recorded, &self.bound);
        let target = asked.map_or_else(|| recorded.target.clone(), |asked| asked.target.clone());
        let live = Request {
            method: SEND.to_owned(),
            target,
            headers: Headers::new(),
            body: Body::new(data),
            trailers: Headers::new(),
        };
        let identity = Identity {
            session: Some(self.name(seat).to_owned()),
            ..Identity::default()
        };
        match self.play(now, &identity, &live) {
            Ok(Answer::Recorded { operation, .. }) => self.run.answer(now, &self.plan, operation),
            Ok(Answer::Refused(refusal)) | Err(refusal) => self.missed(&live, refusal.message),
        }
        self.advance(now)
    }

    /// The client of a stream is gone. What it has not got waits for it to come back.
    pub(crate) fn hung_up(&mut self, now: Micros, outlet: OutletId) -> Vec<Send> {
        let lost = self.outlets.close(outlet);
        self.put_all_back(now, &lost);
        self.advance(now)
    }

    /// A client opens a stream by a recorded operation, if that opens one.
    pub(super) fn opens(
        &mut self,
        now: Micros,
        place: usize,
        live: &Request,
    ) -> Option<(OutletId, Stream)> {
        let of = self.outlet_of(place)?;
        let (seat, stream) = (of.seat, of.stream);
        let plan = &self.plan;
        let mut unseen = match seen_last(live) {
            Some(seen) => self
                .outlets
                .after(of.strand, |place| name_of(plan, place) == Some(&*seen)),
            None => Vec::new(),
        };
        // Of what has no identifier nobody can tell; nearly always it was seen.
        unseen.retain(|place| name_of(plan, *place).is_some());
        let (outlet, lost) = self.outlets.open(of);
        self.put_all_back(now, &lost);
        self.again.extend(unseen.iter().copied());
        self.put_all_back(now, &unseen);
        self.run.begin(now, seat);
        if !matches!(self.quiet, Quiet::Over) {
            self.quiet = Quiet::Since(now);
        }
        Some((outlet, stream))
    }

    /// Sends the next notification of a lane on its stream, if its client has that open.
    pub(super) fn hand_on(&mut self, notification: usize, stream: usize) -> Option<usize> {
        let due = self.plan.notifications.get(notification)?;
        let outlet = self.outlets.way(self.opened(stream)?.strand)?;
        let pushed = self.plan.pushed(notification)?;
        let bytes = match self.live(notification, &pushed) {
            Some((_, data)) => plan::carried(&due.notification.carrier, &data, Wording::Anew),
            None => pushed.saying.message.clone(),
        };
        if let Some(read) = pushed.read() {
            self.under_way.add(due.lane, notification, read);
        }
        let token = self.events.len();
        self.events.push(notification);
        self.run.take(due.lane);
        let kind = match &due.notification.carrier {
            Carrier::Message(OnSocket { kind, .. }) => *kind,
            Carrier::Bayeux | Carrier::Event(_) | Carrier::Line(_) => Kind::Text,
        };
        let sent = Sent {
            token,
            notification,
            bytes,
            kind,
        };
        self.outlets.push(outlet, sent);
        Some(notification)
    }

    /// Ends the streams that the service ended, where everything before that has come.
    pub(super) fn end_streams(&mut self) {
        for (outlet, place) in self.outlets.unended() {
            let opened = self.opened(place);
            let ending = opened.and_then(|opened| opened.ending.as_ref());
            if let Some(ending) = ending
                && ending.closed.by == Ender::Service
                && self.is_over(place)
            {
                let closed = ending.closed.clone();
                self.outlets.end(outlet, place, closed);
            }
        }
    }

    /// Lets the reconnections happen by themselves that have no reason in this run: their clients have
    /// not lost what they had lost on the tape. Whether there was any.
    pub(super) fn resume(&mut self, now: Micros) -> bool {
        let awaited = self.settings.reconnections == Reconnections::AsRecorded;
        if awaited || self.plan.resuming.is_empty() {
            return false;
        }
        let open = self.outlets.unended().into_iter();
        let open: BTreeSet<usize> = open
            .filter_map(|(_, place)| Some(self.opened(place)?.strand))
            .collect();
        let needless = |place: usize| {
            let strand = self.opened(place)?.strand;
            let due = !self.run.has_happened(place) && !self.is_ahead(place);
            (due && open.contains(&strand)).then_some((place, strand))
        };
        // One at a time: the next goes on with this one.
        let mut all = self.plan.resuming.iter().copied();
        let Some((place, strand)) = all.find_map(needless) else {
            return false;
        };
        self.run.answer(now, &self.plan, place);
        self.outlets.go_on(strand, place);
        true
    }

    /// Whether a stream must not be opened yet by this operation: its client is still to hear what
    /// came on the one before, and if it comes back, it has lost that.
    pub(super) fn is_ahead(&self, operation: usize) -> bool {
        let resumes = self.opened(operation).and_then(|opened| opened.resumes);
        resumes.is_some_and(|resumes| !self.is_over(resumes))
    }

    /// The one of these operations that goes on with the stream on which a client says that it has
    /// seen something last.
    pub(super) fn resumed(&self, matching: &[usize], live: &Request) -> Option<usize> {
        // Most operations open nothing, and to look a field up takes longer.
        matching
            .iter()
            .find(|place| self.opened(**place).is_some())?;
        let seen = seen_last(live)?;
        let strands = self
            .outlets
            .strands_with(|place| name_of(&self.plan, place) == Some(&*seen));
        let strand_of = |place: &usize| self.opened(*place).map(|opened| opened.strand);
        let fits = |place: &usize| {
            let strand = strand_of(place);
            strand.is_some_and(|strand| strands.contains(&strand)) && !self.is_ahead(*place)
        };
        let fitting: Vec<usize> = matching.iter().copied().filter(fits).collect();
        // One that is closed has been lost for sure.
        let closed = |place: &&usize| {
            strand_of(place).is_some_and(|strand| self.outlets.way(strand).is_none())
        };
        let strand = strand_of(fitting.iter().find(closed).or(fitting.first())?);
        let mut same = fitting.iter().filter(|place| strand_of(place) == strand);
        let fresh = same.clone().find(|place| self.is_fresh(**place));
        fresh.or(same.next_back()).copied()
    }

    /// Whether everything has come that came before a stream ended.
    fn is_over(&self, operation: usize) -> bool {
        let Some(planned) = self.plan.operations.get(operation) else {
            return true;
        };
        let opened = self.opened(operation);
        let Some(ending) = opened.and_then(|opened| opened.ending.as_ref()) else {
            return true;
        };
        let mut begun = ending.begun.iter();
        self.outlets.has_ended(operation)
            || self.run.is_past(&self.plan, planned.lane(), ending.events)
                && begun.all(|place| self.run.has_happened(*place))
    }

    fn opened(&self, operation: usize) -> Option<&Opened> {
        self.plan.opened.get(&operation)
    }

    /// Where the stream belongs that an operation opens, if it opens one.
    fn outlet_of(&self, operation: usize) -> Option<Place> {
        let opened = self.opened(operation)?;
        Some(Place {
            operation,
            seat: self.plan.operations.get(operation)?.session(),
            strand: opened.strand,
            stream: opened.stream,
        })
    }

    fn put_all_back(&mut self, now: Micros, notifications: &[usize]) {
        for notification in notifications.iter().rev() {
            self.put_back(now, *notification);
        }
    }
}

/// What a client says that it has seen last.
fn seen_last(live: &Request) -> Option<Cow<'_, str>> {
    live.headers.get(LAST_EVENT).map(String::from_utf8_lossy)
}

/// The identifier of a notification that is an event.
fn name_of(plan: &Plan, notification: usize) -> Option<&str> {
    match &plan.notifications.get(notification)?.notification.carrier {
        Carrier::Event(event) => event.id.as_deref(),
        Carrier::Line(_) | Carrier::Message(_) | Carrier::Bayeux => None,
    }
}
