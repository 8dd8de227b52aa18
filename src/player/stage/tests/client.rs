//! A live client as it goes about its calls and its polls, in a random manner.
//!
//! It says what it does next; [`super::schedule`] does it, and tells what comes back.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::bayeux::{Exchange, Message, message};
use crate::exchange::Micros;
use crate::player::cast::Identity;

use super::super::outlets::OutletId;
use super::random::Random;
use super::tapes::CHANNELS;

/// The latest that a client comes.
const LATEST_ARRIVAL: u64 = 1_500_000;

/// How often a client does something that a plain client does not.
const MAX_MISCHIEF: u64 = 8;

/// One client of a run.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) session: usize,
    pub(super) name: String,
    pub(super) identity: Identity,
    pub(super) manner: Manner,
    /// The step of its program that is next.
    pub(super) step: usize,
    /// When it looks at its next step; never, while it waits.
    pub(super) calls_at: Option<Micros>,
    /// When it next speaks Bayeux; never, while its poll is held and it leaves it alone.
    pub(super) listens_at: Option<Micros>,
    /// Its operations that wait for their answers, each with the time of its answer.
    pub(super) answers: Vec<(Micros, usize)>,
    /// The notifications that it heard, in order.
    pub(super) heard: Vec<usize>,
    pub(super) id: Option<String>,
    /// What it has yet to subscribe to.
    pub(super) unsubscribed: Vec<&'static str>,
    /// Its poll that is held.
    pub(super) poll: Option<Exchange>,
    /// Its open streams, by the operations that opened them.
    pub(super) ears: BTreeMap<usize, Ear>,
    /// The streams that it has lost, by their operations, with when it opens each again.
    pub(super) deaf: BTreeMap<usize, (Micros, Ear)>,
    /// The number of the last reply that it got, where it acknowledges them.
    pub(super) acknowledged: Option<u64>,
    /// A reply was lost, so it must poll again under its old number.
    pub(super) lost: bool,
    mischief: u64,
}

/// A stream on which a client listens.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    pub(super) outlet: OutletId,
    /// The identifier of the last event that it has heard on it.
    pub(super) last: Option<String>,
}

/// What kind of client it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) patience: Patience,
    pub(super) reads: Reads,
    pub(super) tie: Tie,
    pub(super) acknowledges: bool,
    /// The most time between what it could do and does, in microseconds.
    pub(super) slowness: u64,
}

/// Whether it waits for what it heard on the tape before it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    Waits,
    GoesOn,
}

/// How often it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    AsRecorded,
    Never,
    Often,
}

/// By what it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    Header,
    User,
    /// By the cookie that it got with its handshake.
    Cookie,
}

/// What a client does next on its Bayeux connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deed {
    Handshake,
    Subscribe,
    /// Subscribes and polls in one request.
    Batch,
    Poll,
    /// Polls without wanting to wait.
    PollBriefly,
    Unsubscribe,
    Disconnect,
    /// Loses the connection of its held poll.
    Lose,
    /// Says nothing for so long that the server forgets it, if it ever does.
    Sleep,
    /// A reply is lost on the way. The client does not do this, it happens to it.
    MissReply,
    /// The connection of a stream is lost between two events.
    LoseStream,
    /// It is lost with an event that has not left the player.
    MissEvent,
    /// It is lost with an event that has.
    MissSentEvent,
    /// It opens a stream again.
    Reopen,
}

impl Client {
    pub(super) fn new(session: usize, name: &str, patience: Patience, random: &mut Random) -> Self {
        let manner = Manner {
            patience,
            reads: random.pick(&[
                Reads::AsRecorded,
                Reads::AsRecorded,
                Reads::Never,
                Reads::Often,
            ]),
            tie: random.pick(&[Tie::Header, Tie::User, Tie::Cookie]),
            acknowledges: random.chance(30),
            slowness: random.pick(&[0, 100, 10_000, 200_000]),
        };
        let mut client = Client {
            session,
            name: name.into(),
            identity: Identity::default(),
            manner,
            step: 0,
            calls_at: Some(Micros(random.within(0..=LATEST_ARRIVAL))),
            listens_at: Some(Micros(random.within(0..=LATEST_ARRIVAL))),
            answers: Vec::new(),
            heard: Vec::new(),
            id: None,
            unsubscribed: Vec::new(),
            poll: None,
            ears: BTreeMap::new(),
            deaf: BTreeMap::new(),
            acknowledged: None,
            lost: false,
            mischief: random.within(0..=MAX_MISCHIEF),
        };
        match manner.tie {
            Tie::Header | Tie::Cookie => client.identity.session = Some(name.into()),
            Tie::User => client.identity.user = Some(name.into()),
        }
        client
    }

    /// A time from now on at which it may do the next thing.
    pub(super) fn soon(&self, now: Micros, random: &mut Random) -> Micros {
        now.after(Micros(random.within(0..=self.manner.slowness)))
    }

    /// Its handshake was granted.
    pub(super) fn shook_hands(&mut self, id: String, random: &mut Random) {
        self.id = Some(id);
        self.acknowledged = self.manner.acknowledges.then_some(0);
        self.unsubscribed = if random.chance(50) {
            vec!["/v2/me/*"]
        } else {
            CHANNELS.to_vec()
        };
    }

    /// It is nobody any more: by its own word, or because it was told so.
    pub(super) fn is_forgotten(&mut self) {
        self.id = None;
        self.unsubscribed.clear();
    }

    /// Spends a bit of its mischief, where there is any left.
    pub(super) fn dares(&mut self, percent: u64, random: &mut Random) -> bool {
        let dares = self.mischief > 0 && random.chance(percent);
        self.mischief -= u64::from(dares);
        dares
    }

    /// What it does next; nothing, while a poll is held and there is nothing else to do.
    pub(super) fn choose(&mut self, random: &mut Random) -> Option<Deed> {
        if self.id.is_none() {
            return Some(Deed::Handshake);
        }
        if std::mem::take(&mut self.lost) {
            return Some(Deed::Poll);
        }
        let dares = self.dares(40, random);
        let deeds: &[Deed] = if dares && self.poll.is_some() {
            &[
                Deed::Lose,
                Deed::Lose,
                Deed::Poll,
                Deed::PollBriefly,
                Deed::Handshake,
                Deed::Disconnect,
                Deed::Unsubscribe,
            ]
        } else if dares {
            &[
                Deed::Handshake,
                Deed::Disconnect,
                Deed::Unsubscribe,
                Deed::PollBriefly,
                Deed::Batch,
                Deed::Sleep,
                Deed::Poll,
            ]
        } else if !self.unsubscribed.is_empty() {
            &[Deed::Subscribe, Deed::Subscribe, Deed::Batch]
        } else if self.poll.is_none() {
            &[Deed::Poll]
        } else {
            return None;
        };
        Some(random.pick(deeds))
    }

    /// The messages of what it does.
    pub(super) fn messages(&mut self, deed: Deed, random: &mut Random) -> Vec<Message> {
        match deed {
            Deed::Handshake => vec![self.handshake()],
            Deed::Subscribe => vec![self.subscribe(random)],
            Deed::Batch => vec![self.subscribe(random), self.connect()],
            Deed::Poll => vec![self.connect()],
            Deed::PollBriefly => vec![Message {
                advice: serde_json::from_str(r#"{"timeout":0}"#).unwrap(),
                ..self.connect()
            }],
            Deed::Unsubscribe => {
                let all: &[&'static str] = &["/v2/me/*", CHANNELS[0], CHANNELS[1]];
                self.unsubscribed = all.to_vec();
                vec![self.about("/meta/unsubscribe", all)]
            }
            Deed::Disconnect => vec![self.message("/meta/disconnect")],
            Deed::Lose
            | Deed::Sleep
            | Deed::MissReply
            | Deed::LoseStream
            | Deed::MissEvent
            | Deed::MissSentEvent
            | Deed::Reopen => Vec::new(),
        }
    }

    fn handshake(&self) -> Message {
        Message {
            client_id: None,
            ext: self.manner.acknowledges.then(|| extension("true")),
            ..self.message("/meta/handshake")
        }
    }

    fn connect(&self) -> Message {
        Message {
            ext: self
                .acknowledged
                .map(|number| extension(&number.to_string())),
            ..self.message("/meta/connect")
        }
    }

    /// Subscribes to all that is left, or to a part of it; again, where nothing is.
    fn subscribe(&mut self, random: &mut Random) -> Message {
        let mut these = std::mem::take(&mut self.unsubscribed);
        if these.is_empty() {
            these = CHANNELS.to_vec();
        }
        if these.len() > 1 && random.chance(50) {
            self.unsubscribed = these.split_off(1);
        }
        self.about("/meta/subscribe", &these)
    }

    fn about(&self, channel: &str, patterns: &[&str]) -> Message {
        let patterns = serde_json::value::to_raw_value(patterns).unwrap();
        Message {
            subscription: Some(patterns),
            ..self.message(channel)
        }
    }

    fn message(&self, channel: &str) -> Message {
        Message {
            channel: channel.into(),
            id: None,
            client_id: self.id.clone(),
            subscription: None,
            supported_connection_types: None,
            data: None,
            advice: None,
            ext: None,
        }
    }
}

fn extension(acknowledgement: &str) -> message::Extensions {
    let raw = RawValue::from_string(acknowledgement.to_owned()).unwrap();
    message::Extensions { ack: Some(raw) }
}
