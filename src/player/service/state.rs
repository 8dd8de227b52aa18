//! What the requests of a replay share: its run, who waits, and the open streams.

use std::collections::BTreeMap;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::bayeux::Exchange;
use crate::exchange::Micros;
use crate::player::copies::{Copies, CopyId};
use crate::player::stage::outlets::{Outgoing, OutletId, Parcel};
use crate::player::stage::{Answer, Send, Stage};
use crate::player::streaming::{Berth, Moored};

use super::Scene;

/// The state of a replay.
pub(super) struct State {
    pub(super) copies: Copies,
    pub(super) waiting: BTreeMap<Exchange, Waiter>,
    /// What goes to requests that waited, as soon as the state is free: whoever is woken by it would
    /// only wait for that.
    pub(super) answers: Vec<Answered>,
    /// The open streams of each copy. What waits in them the stages bound.
    pub(super) streams: BTreeMap<(CopyId, OutletId), mpsc::UnboundedSender<Parcel>>,
    pub(super) next: u64,
    pub(super) runs: u64,
    pub(super) phase: Phase,
    /// When the timer goes off; `None` where it waits for word.
    alarm: Option<Micros>,
    /// The copy in which something has happened that the timer may not know of.
    touched: Option<CopyId>,
}

/// The answer to a request that waited.
pub(super) struct Answered {
    sender: oneshot::Sender<Vec<Bytes>>,
    messages: Vec<Bytes>,
}

impl Answered {
    /// Gives it to the request. Where nobody waits any more, the connection is gone and says so itself.
    pub(super) fn give(self) {
        drop(self.sender.send(self.messages));
    }
}

/// Whether the timer must go off earlier than it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alarm {
    AsSet,
    Earlier,
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
    /// The state before anything has happened.
    pub(super) fn new(copies: Copies) -> State {
        State {
            copies,
            waiting: BTreeMap::new(),
            answers: Vec::new(),
            streams: BTreeMap::new(),
            next: 0,
            runs: 1,
            phase: Phase::Playing,
            alarm: None,
            touched: None,
        }
    }

    /// The copy in which something is about to happen.
    pub(super) fn stage(&mut self, copy: CopyId) -> &mut Stage {
        self.touched = Some(copy);
        self.copies.get(copy)
    }

    /// When the timer must go off for the first of all copies, and will now.
    pub(super) fn set_alarm(&mut self) -> Option<Micros> {
        self.touched = None;
        self.alarm = self.copies.iter().filter_map(Stage::deadline).min();
        self.alarm
    }

    /// Whether what has happened wants the timer to go off earlier than it would. Where it may go off
    /// later, it finds out by itself.
    pub(super) fn alarm(&mut self) -> Alarm {
        let copy = self.touched.take();
        let deadline = copy.and_then(|copy| self.copies.get(copy).deadline());
        match deadline {
            Some(deadline) if self.alarm.is_none_or(|alarm| deadline < alarm) => {
                self.alarm = Some(deadline);
                Alarm::Earlier
            }
            Some(_) | None => Alarm::AsSet,
        }
    }

    /// Does something to every copy, and sends what comes of it.
    pub(super) fn each(&mut self, mut act: impl FnMut(&mut Stage) -> Vec<Send>) {
        let sends: Vec<Send> = self.copies.iter_mut().flat_map(&mut act).collect();
        self.dispatch(sends);
        self.touched = self
            .copies
            .iter()
            .position(Stage::is_unfinished)
            .map(CopyId);
    }

    /// The copy in which something has happened, where more is due at once than was handed over.
    pub(super) fn unfinished(&mut self) -> Option<CopyId> {
        let copy = self.touched?;
        self.copies.get(copy).is_unfinished().then_some(copy)
    }

    /// This copy, as it is in this run.
    pub(super) fn scene(&self, copy: CopyId) -> Scene {
        let run = self.runs;
        Scene { copy, run }
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
                Some(Waiter::Request(sender)) => self.answers.push(Answered { sender, messages }),
                Some(Waiter::Socket(sender)) => drop(sender.send((exchange, messages))),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::bayeux::message;
    use crate::player::cast::{Identity, Role};
    use crate::player::plan::tests::{plan, tape};
    use crate::player::settings::{Absence, Settings};

    #[test]
    fn the_timer_gets_word_only_where_it_must_go_off_earlier() {
        let settings = Settings {
            absence: Absence::Never,
            ..Settings::default()
        };
        let plan = Arc::new(plan(&[tape("a:op1@0-0 a:n1@0<1 b:n2@0<1")]));
        let mut state = State::new(Copies::new(plan, settings));
        let say = |state: &mut State, now: u64, text: &str| {
            state.next += 1;
            let (exchange, messages) = (Exchange(state.next), message::read(None, text.as_bytes()));
            let (who, messages) = (Identity::default(), messages.unwrap());
            let stage = state.stage(CopyId(0));
            let (sends, _) = stage.messages(Micros(now), exchange, &who, Role::Player, &messages);
            let answer = sends.first().map(|send| send.messages.concat());
            (
                String::from_utf8(answer.unwrap_or_default()).unwrap(),
                state.alarm(),
            )
        };
        assert_eq!(state.set_alarm(), None);
        let (shaken, alarm) = say(&mut state, 1, r#"{"channel":"/meta/handshake"}"#);
        assert_eq!(alarm, Alarm::Earlier, "a client may fall silent");
        let id = shaken.split(r#""clientId":""#).nth(1).unwrap();
        let id = id.split('"').next().unwrap();
        let connect =
            |advice: &str| format!(r#"{{"channel":"/meta/connect","clientId":"{id}"{advice}}}"#);
        assert_eq!(say(&mut state, 2, &connect("")).1, Alarm::AsSet);
        let poll = connect(r#","advice":{"timeout":1000}"#);
        assert_eq!(say(&mut state, 3, &poll), (String::new(), Alarm::Earlier));
        assert_eq!(
            say(&mut state, 4, r#"{"channel":"/meta/handshake"}"#).1,
            Alarm::AsSet
        );
        assert_eq!(state.set_alarm(), Some(Micros(1_000_003)));
    }

    /// A client of this session shakes hands, subscribes, and leaves its poll there.
    fn listens(state: &mut State, session: &str) {
        let who = Identity {
            session: Some(session.to_owned()),
            ..Identity::default()
        };
        let mut say = |text: &str| {
            state.next += 1;
            let (exchange, messages) = (Exchange(state.next), message::read(None, text.as_bytes()));
            let stage = state.stage(CopyId(0));
            let messages = messages.unwrap();
            let (sends, _) = stage.messages(Micros(1), exchange, &who, Role::Player, &messages);
            let answer = sends.first().map(|send| send.messages.concat());
            let (waiter, _) = oneshot::channel();
            state.waiting.insert(exchange, Waiter::Request(waiter));
            String::from_utf8(answer.unwrap_or_default()).unwrap()
        };
        let shaken = say(r#"{"channel":"/meta/handshake"}"#);
        let id = shaken.split(r#""clientId":""#).nth(1).unwrap();
        let id = id.split('"').next().unwrap();
        let message = |channel: &str, rest: &str| {
            format!(r#"{{"channel":"/meta/{channel}","clientId":"{id}"{rest}}}"#)
        };
        say(&message("subscribe", r#","subscription":"/**""#));
        say(&message("connect", ""));
        assert_eq!(say(&message("connect", "")), "");
    }

    #[test]
    fn of_much_the_first_goes_out_before_the_last_is_worked_out() {
        let heard = (0..300).map(|number| format!(" l{number}:n{number}@1<1"));
        let shorthand = format!("a:op1@0-0{}", heard.collect::<String>());
        let plan = Arc::new(plan(&[tape(&shorthand)]));
        let mut state = State::new(Copies::new(Arc::clone(&plan), Settings::default()));
        for session in plan.sessions().iter().skip(1) {
            listens(&mut state, session.name());
        }
        let caller = Identity {
            session: Some("a".to_owned()),
            ..Identity::default()
        };
        let request = &plan.called(0).unwrap().request;
        let stage = state.stage(CopyId(0));
        assert!(stage.operation(Micros(2), &caller, request).1.is_empty());
        let sends = stage.answered(Micros(3), 0);
        state.dispatch(sends);
        let first = state.answers.len();
        assert!((1..300).contains(&first), "{first}");
        let deadline = state.stage(CopyId(0)).deadline();
        assert_eq!(
            deadline,
            Some(Micros(0)),
            "the timer goes on where nobody does"
        );
        while let Some(copy) = state.unfinished() {
            let sends = state.stage(copy).go_on(Micros(4));
            assert!(!sends.is_empty());
            state.dispatch(sends);
        }
        assert_eq!(state.answers.len(), 300);
        assert!(state.set_alarm() > Some(Micros(4)));
    }
}
