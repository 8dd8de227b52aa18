//! A client that does what a session did on the tapes, and compares what it gets with what that got.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::exchange::{Carrier, End, Form, Notification, Operation, Stream, coding};
use crate::player::{PUBLISH, Plan};

use super::board::{Board, Standing};
use super::difference;
use super::jitter::Jitter;
use super::listening::Listening;
use super::script::{Published, Script, Step, Strand};
use super::sockets::{KEY, Sockets};
use super::subscriber::Subscriber;
use super::wire::Wire;

/// One client.
pub(super) struct Actor {
    script: Script,
    plan: Arc<Plan>,
    address: SocketAddr,
    jitter: Jitter,
    board: Arc<Board>,
    place: usize,
    subscriber: Subscriber,
    listening: Listening,
    sockets: Sockets,
    wire: Option<Wire>,
}

impl Actor {
    /// The client of a script of this plan, whose place on the board is given.
    pub(super) fn new(
        (script, plan): (Script, Arc<Plan>),
        address: SocketAddr,
        jitter: Jitter,
        board: Arc<Board>,
        place: usize,
    ) -> Actor {
        Actor {
            script,
            plan,
            address,
            jitter,
            board,
            place,
            subscriber: Subscriber::default(),
            listening: Listening::default(),
            sockets: Sockets::default(),
            wire: None,
        }
    }

    /// Does everything in the script. What goes wrong stands on the board; a client that the service
    /// does not take ends there.
    pub(super) async fn play(mut self) -> Actor {
        match Wire::new(self.address, &self.script.session) {
            Ok(wire) => {
                if let Err(what) = self.act(&wire).await {
                    self.differs(&what);
                }
                self.wire = Some(wire);
            }
            Err(what) => self.differs(&what),
        }
        self.board.stands(self.place, Standing::Ended);
        self
    }

    /// Looks whether there is more to hear than the tapes hold, and goes.
    pub(super) async fn leave(mut self) {
        let Some(wire) = self.wire.take() else {
            return;
        };
        while let Ok(Some(heard)) = self.subscriber.hear(&wire, Some(0)).await {
            let (channel, data) = (&heard.channel, difference::quoted(&heard.data));
            self.differs(&format!(
                "one more notification comes, on {channel}: {data}"
            ));
        }
        std::mem::take(&mut self.sockets).close().await;
        if let Err(what) = self.subscriber.disconnect(&wire).await {
            self.differs(&what);
        }
    }

    async fn act(&mut self, wire: &Wire) -> Result<(), String> {
        let steps = Arc::clone(&self.script.steps);
        let plan = Arc::clone(&self.plan);
        for step in steps.iter() {
            self.jitter.pause().await;
            self.stands(Standing::Ready);
            match step {
                Step::Call(place) => self.call_or_publish(wire, *place).await?,
                Step::Open(place, strand) => {
                    let operation = self.operation(*place)?;
                    self.call(wire, &operation, Some(*strand)).await;
                }
                Step::Hear(place) => {
                    let notification = heard(&plan, *place)?;
                    self.hear(wire, &notification).await?;
                }
                Step::HearOn(place, strand) => {
                    let notification = heard(&plan, *place)?;
                    self.hear_on(&notification, *strand).await?;
                }
                Step::Shake(endpoint) => self.subscriber.shake(wire, endpoint).await?,
                Step::Subscribe(channel) => {
                    self.connect(wire).await?;
                    self.subscriber.subscribe(wire, channel).await?;
                }
                Step::Unsubscribe(channel) => {
                    self.connect(wire).await?;
                    self.subscriber.unsubscribe(wire, channel).await?;
                }
                Step::Disconnect => self.subscriber.disconnect(wire).await?,
            }
        }
        Ok(())
    }

    /// The operation at a place of the plan.
    fn operation(&self, place: usize) -> Result<Arc<Operation>, String> {
        let operation = self.plan.called(place);
        operation.ok_or_else(|| self.plan.fault().unwrap_or_default().to_owned())
    }

    /// Calls an operation over HTTP, or publishes what it published.
    async fn call_or_publish(&mut self, wire: &Wire, place: usize) -> Result<(), String> {
        let operation = self.operation(place)?;
        let publishes = operation.request.method == PUBLISH;
        if let Some(published) = publishes.then(|| self.plan.published(place)).flatten() {
            let published = Published::of(operation.id, published);
            return self.publish(wire, &published).await;
        }
        self.call(wire, &operation, None).await;
        Ok(())
    }

    /// Calls an operation; it opens a stream of this strand, if it opens one.
    async fn call(&mut self, wire: &Wire, operation: &Operation, strand: Option<Strand>) {
        let number = operation.id;
        let (request, response) = (&operation.request, &operation.response);
        let part = match (request.body.cut(), response.body.cut(), operation.end) {
            (Some(_), _, _) => Some("only the beginning of its request is on the tape"),
            (_, Some(_), _) => Some("only the beginning of its answer is on the tape"),
            (_, _, End::Truncated) => Some("its answer broke off"),
            (None, None, End::Complete) => None,
        };
        if let Some(part) = part {
            self.differs(&format!("operation {number} cannot be played: {part}"));
            return;
        }
        self.stands(Standing::Calling(number));
        if let Some(what) = self.on_socket(wire, operation).await {
            return what.into_iter().for_each(|what| self.differs(&what));
        }
        let answer = match (operation.form.opens(), strand) {
            (Some(stream), Some(strand)) => {
                let request = self.listening.lose(strand, request.clone());
                wire.open(&request).await.map(|(head, content)| {
                    self.listening.open(strand, stream, content);
                    head
                })
            }
            (None, _) | (_, None) => wire.call(request).await,
        };
        match answer {
            Ok(live) => {
                // A stream goes without its recorded coding.
                let recorded = match operation.form.opens() {
                    None => Cow::Borrowed(response),
                    Some(_) => Cow::Owned(coding::plain(response)),
                };
                if let Some(what) = difference::of_answer(number, &recorded, &live) {
                    self.differs(&what);
                }
            }
            Err(error) => self.differs(&format!("operation {number}: {error}")),
        }
    }

    /// Does what is done on a socket: opens it, or says something on it. What about it is not as
    /// recorded; `None` where the operation is another.
    async fn on_socket(&mut self, wire: &Wire, operation: &Operation) -> Option<Option<String>> {
        let done = match operation.form {
            Form::Opens(Stream::Socket) => self.sockets.open(operation, wire).await,
            Form::Message(on) => {
                let said = self.sockets.say(on, &operation.request.body).await;
                said.map(|()| None)
            }
            // A request for one that was declined.
            Form::Exchange if operation.request.headers.get(KEY).is_some() => {
                self.sockets.open(operation, wire).await
            }
            Form::Exchange | Form::Opens(Stream::Events | Stream::Lines) => return None,
        };
        let number = operation.id;
        Some(done.unwrap_or_else(|error| Some(format!("operation {number}: {error}"))))
    }

    async fn publish(&mut self, wire: &Wire, published: &Published) -> Result<(), String> {
        self.connect(wire).await?;
        self.stands(Standing::Calling(published.operation));
        let messages = &published.messages;
        let replies = self.subscriber.publish(wire, messages).await?;
        if let Some(what) = difference::of_publish(published, &replies) {
            self.differs(&what);
        }
        Ok(())
    }

    async fn hear(&mut self, wire: &Wire, notification: &Notification) -> Result<(), String> {
        self.connect(wire).await?;
        self.stands(Standing::Hearing(
            notification.id,
            notification.channel.clone(),
        ));
        loop {
            let hold = self.jitter.short_poll();
            if let Some(heard) = self.subscriber.hear(wire, hold).await? {
                if let Some(what) = difference::of_notification(notification, &heard) {
                    self.differs(&what);
                }
                return Ok(());
            }
        }
    }

    async fn hear_on(&mut self, notification: &Notification, strand: Strand) -> Result<(), String> {
        let channel = notification.channel.clone();
        self.stands(Standing::Hearing(notification.id, channel));
        let what = match notification.carrier {
            Carrier::Message(on) => self.sockets.hear(notification, on).await?,
            Carrier::Bayeux | Carrier::Event(_) | Carrier::Line(_) => {
                self.listening.hear(notification, strand).await?
            }
        };
        if let Some(what) = what {
            self.differs(&what);
        }
        Ok(())
    }

    /// Shakes hands, where the tape does not show when its session did, and subscribes to what it is
    /// going to hear, where the tape does not show that either.
    async fn connect(&mut self, wire: &Wire) -> Result<(), String> {
        if !self.subscriber.is_known() {
            let endpoint = self.script.endpoint.clone();
            self.subscriber.shake(wire, &endpoint).await?;
        }
        for channel in std::mem::take(&mut self.script.channels) {
            self.subscriber.subscribe(wire, &channel).await?;
        }
        Ok(())
    }

    fn stands(&self, standing: Standing) {
        self.board.stands(self.place, standing);
    }

    fn differs(&self, what: &str) {
        self.board.differs(self.place, what);
    }
}

/// The notification at a place of a plan.
fn heard(plan: &Plan, place: usize) -> Result<Cow<'_, Notification>, String> {
    let notification = plan.heard_at(place);
    notification.ok_or_else(|| plan.fault().unwrap_or_default().to_owned())
}
