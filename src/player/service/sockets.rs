//! Streams and sockets of live clients, as the service sees them: how they are opened, what goes out on
//! them, and what comes back.

use bytes::Bytes;
use http::{HeaderMap, Response};

use crate::bayeux::Sockets;
use crate::exchange::{Headers, Request};
use crate::player::body::ReplayBody;
use crate::player::cast::Identity;
use crate::player::copies::{Ask, CopyId};
use crate::player::fields::{Takes, recorded, refused};
use crate::player::socket::{self, Wish};
use crate::player::stage::Answer;
use crate::player::streaming::{Berth, Moored};

use super::requests::{marked, pause};
use super::{Replay, Scene, live};

/// A client that waits for the answer to its request for a socket. If it goes before that, it has called all the same,
/// and the stream is over.
struct Asking<'a> {
    replay: &'a Replay,
    scene: Scene,
    operation: usize,
    berth: Option<Berth>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.replay.out(self.scene, self.operation);
        if let Some(berth) = self.berth {
            self.replay.hung_up(berth);
        }
    }
}

impl Replay {
    /// A client has what was sent on its stream with this token.
    pub(in crate::player) fn went_out(&self, berth: Berth, token: usize) {
        self.change(|state, now| {
            if state.runs == berth.run {
                state.stage(berth.copy).went_out(now, berth.outlet, token);
            }
        });
    }

    /// What went out on a stream with this token has not reached its client after all.
    pub(in crate::player) fn came_back(&self, berth: Berth, token: usize) {
        self.change(|state, now| {
            if state.runs == berth.run {
                state.stage(berth.copy).came_back(now, token);
            }
        });
    }

    /// A client has said something on its socket.
    pub(in crate::player) fn said(&self, berth: Berth, data: Bytes) {
        self.change(|state, now| {
            if state.runs != berth.run {
                return;
            }
            let stage = state.stage(berth.copy);
            let misses = stage.journal().misses().total();
            let sends = stage.said(now, berth.outlet, data);
            if stage.journal().misses().total() > misses {
                self.0.missed.notify_one();
            }
            state.dispatch(sends);
        });
    }

    /// The client of a stream is gone.
    pub(in crate::player) fn hung_up(&self, berth: Berth) {
        self.change(|state, now| {
            if state.runs == berth.run {
                state.streams.remove(&(berth.copy, berth.outlet));
                let sends = state.stage(berth.copy).hung_up(now, berth.outlet);
                state.dispatch(sends);
            }
        });
    }

    /// Answers a request for a socket.
    pub(super) async fn socket(
        self,
        head: http::request::Parts,
        wish: Wish,
    ) -> Response<ReplayBody> {
        let live = live::read(&head, Bytes::new(), Headers::new());
        let identity = self.identity(&head, &live);
        let offered = self.0.settings.bayeux.sockets == Sockets::Offered;
        let (response, copy) = if offered && self.is_endpoint(head.uri.path()) {
            self.converse_on(wish, &identity, &live)
        } else {
            let (answer, scene, moored) = self.answer(&identity, &live);
            (self.play_on(wish, answer, scene, moored).await, scene.copy)
        };
        marked(response, self.mark(&identity, copy))
    }

    /// Answers a Bayeux client's request for a socket: as the tape does if it has that, which it need
    /// not have.
    fn converse_on(
        &self,
        wish: Wish,
        identity: &Identity,
        live: &Request,
    ) -> (Response<ReplayBody>, CopyId) {
        let (answer, scene, berth) = self.change(|state, now| {
            let copy = state.copies.of(identity, Ask::Operation(live));
            let (answer, sends) = state.stage(copy).offered(now, identity, live);
            let berth = answer.as_ref().and_then(|answer| state.moor(copy, answer));
            state.dispatch(sends);
            (answer, state.scene(copy), berth.map(|moored| moored.berth))
        });
        let said = answer
            .as_ref()
            .and_then(|answer| Some((answer.recorded()?, answer.fields(HeaderMap::new()))));
        let mut response = match said {
            Some(((operation, _, response), fields)) => {
                self.out(scene, operation);
                recorded(response, fields, Takes::None, ReplayBody::whole(""))
            }
            None => Response::new(ReplayBody::whole("")),
        };
        wish.grant(&mut response);
        let stop = self.0.stopping.subscribe();
        let (replay, identity) = (self.clone(), identity.clone());
        tokio::spawn(async move {
            socket::converse(wish, &replay, identity, stop).await;
            if let Some(berth) = berth {
                replay.hung_up(berth);
            }
        });
        (response, scene.copy)
    }

    /// Answers a request for a socket on which a stream is played, if the tape has one there.
    async fn play_on(
        &self,
        wish: Wish,
        answer: Answer,
        scene: Scene,
        moored: Option<Moored>,
    ) -> Response<ReplayBody> {
        match &answer {
            Answer::Recorded { delay, .. } => {
                let Some((operation, _, response)) = answer.recorded() else {
                    return Response::new(ReplayBody::whole(""));
                };
                let mut asking = Asking {
                    replay: self,
                    scene,
                    operation,
                    berth: moored.as_ref().map(|moored| moored.berth),
                };
                pause(*delay).await;
                asking.berth = None; // whoever plays on it sees its end
                drop(asking);
                let content = response.body.bytes().clone();
                let mut response = recorded(
                    response,
                    answer.fields(HeaderMap::new()),
                    Takes::None,
                    ReplayBody::whole(content),
                );
                if let Some(Moored { parcels, berth, .. }) = moored {
                    wish.grant(&mut response);
                    tokio::spawn(socket::play(wish, self.clone(), berth, parcels));
                }
                response
            }
            Answer::Refused(refusal) => {
                self.0.missed.notify_one();
                refused(refusal)
            }
        }
    }
}
