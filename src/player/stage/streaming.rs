//! Notifications that travel on streams: who hears them, when a stream ends, and what a client that
//! comes back gets again.

use bytes::Bytes;

use crate::exchange::{Body, Carrier, Headers, Kind, Micros, OnSocket, Request, SEND, Stream};

use super::super::cast::Identity;
use super::super::plan::{self, Planned, Wording};
use super::outlets::{Outgoing, OutletId, Place, Sent};
use super::{Answer, Quiet, Send, Stage};

/// The header by which a client says which event it has seen last (WHATWG HTML §9.2.4).
const LAST_EVENT: &str = "last-event-id";

impl Stage {
    /// What is to go out on streams since it was last asked.
    pub(crate) fn outgoing(&mut self) -> Vec<Outgoing> {
        self.outlets.outgoing()
    }

    /// How many streams are open.
    pub(crate) fn streams_open(&self) -> usize {
        self.outlets.count()
    }

    /// A client has what was sent on a stream with this token.
    pub(crate) fn went_out(&mut self, now: Micros, outlet: OutletId, token: usize) {
        if let Some((notification, seat)) = self.outlets.went_out(outlet, token) {
            self.heard_by(now, notification, seat);
        }
    }

    /// What went out on a stream with this token has not reached its client after all: it waits for it.
    pub(crate) fn came_back(&mut self, now: Micros, token: usize) {
        if let Some(&notification) = self.events.get(token) {
            self.again.insert(notification);
            self.run.put_back(now, &self.plan, notification);
        }
    }

    /// A client has said something on its socket: an operation that nobody answers.
    pub(crate) fn said(&mut self, now: Micros, outlet: OutletId, data: Bytes) -> Vec<Send> {
        let place = self.outlets.place(outlet);
        let opened = place.and_then(|place| self.plan.operations.get(place.operation));
        let Some(opened) = opened else {
            return Vec::new();
        };
        let live = Request {
            method: SEND.to_owned(),
            target: opened.operation.request.target.clone(),
            headers: Headers::new(),
            body: Body::new(data),
            trailers: Headers::new(),
        };
        let identity = Identity {
            session: Some(self.name(opened.session).to_owned()),
            ..Identity::default()
        };
        let served = self
            .choose(&identity, &live)
            .and_then(|choice| self.serve(now, &identity, &live, choice));
        match served {
            Ok(Answer::Recorded { operation, .. }) => self.run.answer(now, operation),
            Ok(Answer::Refused(refusal)) | Err(refusal) => self.missed(&live, refusal.message),
        }
        self.advance(now)
    }

    /// The client of a stream is gone. What it has not got waits for it to come back.
    pub(crate) fn hung_up(&mut self, now: Micros, outlet: OutletId) -> Vec<Send> {
        let lost = self.outlets.close(outlet);
        self.put_back(now, &lost);
        self.advance(now)
    }

    /// A client opens a stream by a recorded operation, if that opens one.
    pub(super) fn opens(
        &mut self,
        now: Micros,
        place: usize,
        live: &Request,
    ) -> Option<(OutletId, Stream)> {
        let of = outlet_of(place, self.plan.operations.get(place)?)?;
        let (seat, stream) = (of.seat, of.stream);
        let seen = live.headers.get(LAST_EVENT).map(String::from_utf8_lossy);
        let unseen = match seen {
            Some(seen) => {
                let plan = &self.plan;
                self.outlets.after(&of, |notification| {
                    let due = plan.notifications.get(notification);
                    let carrier = due.map(|due| &due.notification.carrier);
                    matches!(carrier, Some(Carrier::Event(event)) if event.id.as_deref() == Some(&*seen))
                })
            }
            None => Vec::new(),
        };
        let (outlet, lost) = self.outlets.open(of);
        self.put_back(now, &lost);
        self.again.extend(unseen.iter().copied());
        self.put_back(now, &unseen);
        self.run.begin(now, &self.plan, seat);
        if !matches!(self.quiet, Quiet::Over) {
            self.quiet = Quiet::Since(now);
        }
        Some((outlet, stream))
    }

    /// Sends the next notification of a lane on its stream, if its client has that open.
    pub(super) fn hand_on(&mut self, notification: usize, stream: usize) -> Option<usize> {
        let due = self.plan.notifications.get(notification)?;
        let of = outlet_of(stream, self.plan.operations.get(stream)?)?;
        let outlet = self.outlets.way(&of)?;
        let bytes = match self.live(notification, due) {
            Some((_, data)) => plan::carried(&due.notification.carrier, &data, Wording::Anew),
            None => due.message.clone(),
        };
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
            let planned = self.plan.operations.get(place);
            let Some((lane, ending)) = planned.and_then(|planned| {
                let ending = planned.ending.as_ref()?;
                Some((planned.lane, ending))
            }) else {
                continue;
            };
            if self.run.is_past(&self.plan, lane, ending.events) {
                self.outlets.end(outlet, place, ending.closed.clone());
            }
        }
    }

    fn put_back(&mut self, now: Micros, notifications: &[usize]) {
        for notification in notifications.iter().rev() {
            self.run.put_back(now, &self.plan, *notification);
        }
    }
}

/// Where the stream belongs that an operation opens, if it opens one.
fn outlet_of(operation: usize, planned: &Planned) -> Option<Place> {
    let stream = planned.operation.form.opens()?;
    let target = &planned.operation.request.target;
    Some(Place {
        operation,
        seat: planned.session,
        path: target.split('?').next().unwrap_or_default().to_owned(),
        stream,
    })
}
