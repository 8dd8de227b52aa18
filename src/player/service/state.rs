//! What the requests of a replay share: its run, who waits, and the open streams.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::bayeux::Exchange;
use crate::player::copies::{Copies, CopyId};
use crate::player::stage::outlets::{Outgoing, OutletId, Parcel};
use crate::player::stage::{Answer, Send, Stage};
use crate::player::streaming::{Berth, Moored};

/// The state of a replay.
pub(super) struct State {
    pub(super) copies: Copies,
    pub(super) waiting: BTreeMap<Exchange, Waiter>,
    /// The open streams of each copy. What waits in them is bounded by what the tapes hold.
    pub(super) streams: BTreeMap<(CopyId, OutletId), mpsc::UnboundedSender<Parcel>>,
    pub(super) next: u64,
    pub(super) runs: u64,
    pub(super) phase: Phase,
}

/// Whether polls are still held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Playing,
    Stopping,
}

/// Who waits for an answer of the Bayeux server.
pub(in crate::player) enum Waiter {
    /// A request.
    Request(oneshot::Sender<Vec<Bytes>>),
    /// A socket, on which answers go out in the order in which they are given: a client that has the
    /// answer to its disconnect closes it, and must have that to its poll before. No more wait in
    /// here than the socket has taken messages for.
    Socket(mpsc::UnboundedSender<(Exchange, Vec<Bytes>)>),
}

impl State {
    /// Does something to every copy, and sends what comes of it.
    pub(super) fn each(&mut self, mut act: impl FnMut(&mut Stage) -> Vec<Send>) {
        let sends: Vec<Send> = self.copies.iter_mut().flat_map(&mut act).collect();
        self.dispatch(sends);
    }

    /// Makes room for the stream that an answer opens, if it opens one.
    pub(super) fn moor(&mut self, copy: CopyId, answer: &Answer) -> Option<Moored> {
        let Answer::Recorded {
            outlet: Some((outlet, stream)),
            ..
        } = answer
        else {
            return None;
        };
        let (sender, parcels) = mpsc::unbounded_channel();
        if self.phase == Phase::Playing {
            self.streams.insert((copy, *outlet), sender);
        }
        let berth = Berth {
            copy,
            outlet: *outlet,
            run: self.runs,
        };
        Some(Moored {
            parcels,
            berth,
            stream: *stream,
        })
    }

    pub(super) fn dispatch(&mut self, sends: Vec<Send>) {
        for (number, stage) in self.copies.iter_mut().enumerate() {
            for Outgoing { outlet, what } in stage.outgoing() {
                if let Some(stream) = self.streams.get(&(CopyId(number), outlet)) {
                    // Where nobody takes it any more, the body that is dropped says so itself.
                    let _ = stream.send(what);
                }
            }
        }
        for Send { exchange, messages } in sends {
            // Where nobody waits any more, the connection is gone and says so itself.
            match self.waiting.remove(&exchange) {
                Some(Waiter::Request(sender)) => drop(sender.send(messages)),
                Some(Waiter::Socket(sender)) => drop(sender.send((exchange, messages))),
                None => {}
            }
        }
    }
}
