//! The streams that live clients have open, and what is on its way on them.
//!
//! What a stream carries, and how, is the business of whoever writes it; here is which notification
//! goes where, and what becomes of those that never got out.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::exchange::{Closed, Kind, Stream};

/// The number of a live stream in its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OutletId(pub(crate) u64);

/// Something for a live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) outlet: OutletId,
    pub(crate) what: Parcel,
}

/// What goes out on a live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parcel {
    /// A notification, as the bytes that carry it. The caller says [`super::Stage::went_out`] with its
    /// token when the client has it.
    Notification {
        token: usize,
        bytes: Bytes,
        /// As what it goes on a socket.
        kind: Kind,
    },
    /// The stream ends as it did on the tape.
    End(Closed),
    /// The stream ends because its client has opened it anew.
    Replaced,
}

/// The open streams of a run.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    open: BTreeMap<OutletId, Outlet>,
    next: u64,
    outgoing: Vec<Outgoing>,
    /// The sessions that have had a stream.
    seats: BTreeSet<usize>,
    /// The operations whose streams have come to the end that they have on the tape.
    ended: BTreeSet<usize>,
    /// What got out, by strand: what a client that comes back may not have seen.
    history: BTreeMap<usize, Vec<usize>>,
}

/// Where a stream belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The recorded operation that opens it.
    pub(super) operation: usize,
    pub(super) seat: usize,
    /// The operation that opens the first stream of its strand.
    pub(super) strand: usize,
    pub(super) stream: Stream,
}

/// A notification on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) token: usize,
    pub(super) notification: usize,
    pub(super) bytes: Bytes,
    pub(super) kind: Kind,
}

#[derive(Debug)]
struct Outlet {
    place: Place,
    /// The tokens of what is on its way, in order, each with its notification.
    under_way: Vec<(usize, usize)>,
}

impl Outlets {
    /// A client has opened a stream. One of the same strand that is still open is given up: its client
    /// has lost it, or will not look at it any more. What was on its way on that is returned, in order.
    pub(super) fn open(&mut self, place: Place) -> (OutletId, Vec<usize>) {
        let before = self.way(place.strand);
        let lost = before.map(|id| self.close(id)).unwrap_or_default();
        self.outgoing.extend(before.map(|outlet| Outgoing {
            outlet,
            what: Parcel::Replaced,
        }));
        let id = OutletId(self.next);
        self.next += 1;
        self.seats.insert(place.seat);
        let outlet = Outlet {
            place,
            under_way: Vec::new(),
        };
        self.open.insert(id, outlet);
        (id, lost)
    }

    /// A stream is gone: what was on its way, in order.
    pub(super) fn close(&mut self, id: OutletId) -> Vec<usize> {
        let outlet = self.open.remove(&id);
        let tokens = outlet.map(|outlet| outlet.under_way).unwrap_or_default();
        tokens
            .into_iter()
            .map(|(_, notification)| notification)
            .collect()
    }

    /// The open stream of a strand. There is never more than one.
    pub(super) fn way(&self, strand: usize) -> Option<OutletId> {
        let mut all = self.open.iter();
        let open = all.find(|(_, outlet)| outlet.place.strand == strand);
        open.map(|(id, _)| *id)
    }

    /// The open stream of a strand goes on as the one that this operation opened.
    pub(super) fn go_on(&mut self, strand: usize, operation: usize) {
        let mut all = self.open.values_mut();
        if let Some(outlet) = all.find(|outlet| outlet.place.strand == strand) {
            outlet.place.operation = operation;
        }
    }

    /// Sends a notification on a stream.
    pub(super) fn push(&mut self, id: OutletId, sent: Sent) {
        let Sent {
            token,
            notification,
            bytes,
            kind,
        } = sent;
        if let Some(outlet) = self.open.get_mut(&id) {
            outlet.under_way.push((token, notification));
            self.outgoing.push(Outgoing {
                outlet: id,
                what: Parcel::Notification { token, bytes, kind },
            });
        }
    }

    /// Where a stream belongs that is open.
    pub(super) fn place(&self, id: OutletId) -> Option<&Place> {
        self.open.get(&id).map(|outlet| &outlet.place)
    }

    /// A client has what was sent with this token: which notification it was, and in which session.
    pub(super) fn went_out(&mut self, id: OutletId, token: usize) -> Option<(usize, usize)> {
        let outlet = self.open.get_mut(&id)?;
        let sent = outlet
            .under_way
            .iter()
            .position(|(other, _)| *other == token)?;
        let (_, notification) = outlet.under_way.remove(sent);
        let history = self.history.entry(outlet.place.strand).or_default();
        history.push(notification);
        Some((notification, outlet.place.seat))
    }

    /// What got out on this strand after the last notification that fits, and so may not have been
    /// seen; nothing where none fits.
    pub(super) fn after(&mut self, strand: usize, fits: impl Fn(usize) -> bool) -> Vec<usize> {
        let Some(history) = self.history.get_mut(&strand) else {
            return Vec::new();
        };
        match history.iter().rposition(|notification| fits(*notification)) {
            Some(last) => history.split_off(last + 1),
            None => Vec::new(),
        }
    }

    /// The strands on which a notification got out that fits.
    pub(super) fn strands_with(&self, fits: impl Fn(usize) -> bool) -> Vec<usize> {
        let has = |history: &Vec<usize>| history.iter().any(|notification| fits(*notification));
        let all = self.history.iter();
        all.filter(|(_, history)| has(history))
            .map(|(strand, _)| *strand)
            .collect()
    }

    /// Whether the stream of this operation has come to the end that it has on the tape.
    pub(super) fn has_ended(&self, operation: usize) -> bool {
        self.ended.contains(&operation)
    }

    /// The open streams that have not ended as they did on the tape, with their operations.
    pub(super) fn unended(&self) -> Vec<(OutletId, usize)> {
        let all = self.open.iter();
        let all = all.map(|(id, outlet)| (*id, outlet.place.operation));
        all.filter(|(_, operation)| !self.ended.contains(operation))
            .collect()
    }

    /// Ends a stream as on the tape.
    pub(super) fn end(&mut self, outlet: OutletId, operation: usize, closed: Closed) {
        self.ended.insert(operation);
        let what = Parcel::End(closed);
        self.outgoing.push(Outgoing { outlet, what });
    }

    /// Whether a session has had a stream.
    pub(super) fn knows(&self, seat: usize) -> bool {
        self.seats.contains(&seat)
    }

    /// How many streams are open.
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }

    /// What is to go out since it was last asked.
    pub(super) fn outgoing(&mut self) -> Vec<Outgoing> {
        std::mem::take(&mut self.outgoing)
    }
}
