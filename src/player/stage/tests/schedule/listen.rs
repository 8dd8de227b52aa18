//! The Bayeux connections of the clients of a run: what they say on them, and what they hear.

use bytes::Bytes;

use crate::bayeux::Exchange;
use crate::exchange::Micros;
use crate::player::cast::Role;

use super::super::super::Send;
use super::super::client::{Deed, Tie};
use super::{FOREVER, Fault, SLEEP, Schedule};

impl Schedule<'_> {
    /// Lets a client do the next thing on its Bayeux connection.
    pub(super) fn listen(&mut self, place: usize) -> Result<(), Fault> {
        let client = &mut self.clients[place];
        client.listens_at = None;
        let Some(deed) = client.choose(&mut self.random) else {
            return Ok(());
        };
        *self.tally.entry(deed).or_default() += 1;
        match deed {
            Deed::Sleep => {
                client.listens_at = Some(self.now.after(Micros(SLEEP)));
                return Ok(());
            }
            Deed::Lose => {
                if let Some(poll) = client.poll.take() {
                    self.waiting.remove(&poll);
                    self.stage.cancel(self.now, poll);
                }
                client.listens_at = Some(client.soon(self.now, &mut self.random));
                return Ok(());
            }
            Deed::Handshake
            | Deed::Subscribe
            | Deed::Batch
            | Deed::Poll
            | Deed::PollBriefly
            | Deed::Unsubscribe
            | Deed::Disconnect
            | Deed::MissReply
            | Deed::LoseStream
            | Deed::MissEvent
            | Deed::MissSentEvent
            | Deed::Reopen => {}
        }
        // A poll that is answered because of what its client does else is not lost.
        self.safe = client.poll.map(|_| place);
        self.say(place, deed)?;
        self.safe = None;
        let client = &mut self.clients[place];
        if deed == Deed::Disconnect {
            client.is_forgotten();
        }
        let quiet = client.poll.is_some() && client.unsubscribed.is_empty();
        if !quiet || self.random.chance(50) {
            // A poll that was answered at once must not come again at the same instant.
            let pause = Micros(self.random.within(1..=1_000));
            client.listens_at = Some(client.soon(self.now, &mut self.random).after(pause));
        }
        Ok(())
    }

    /// Sends the messages of a deed, and takes in what comes back.
    fn say(&mut self, place: usize, deed: Deed) -> Result<(), Fault> {
        self.next_exchange += 1;
        let exchange = Exchange(self.next_exchange);
        let client = &mut self.clients[place];
        let mut identity = client.identity.clone();
        if client.manner.tie == Tie::User && deed == Deed::Handshake && self.random.chance(10) {
            identity.session = identity.user.take();
        }
        let messages = client.messages(deed, &mut self.random);
        let polls = messages
            .last()
            .is_some_and(|last| last.channel == "/meta/connect");
        let alone = messages.len() == 1;
        self.waiting.insert(exchange, place);
        let (sends, cookie) =
            self.stage
                .messages(self.now, exchange, &identity, Role::Player, &messages);
        if let (Some(cookie), Tie::Cookie) = (cookie, self.clients[place].manner.tie) {
            let identity = &mut self.clients[place].identity;
            (identity.browser, identity.session) = (Some(cookie), None);
        }
        self.deliver(sends)?;
        if !self.waiting.contains_key(&exchange) {
            return Ok(());
        }
        if !polls || !alone || deed == Deed::PollBriefly {
            return Err(format!(
                "{} gets no reply to its {deed:?}",
                self.clients[place].name
            ));
        }
        let client = &mut self.clients[place];
        if let Some(before) = client.poll.replace(exchange)
            && self.waiting.contains_key(&before)
        {
            return Err(format!("two polls of {} are held", client.name));
        }
        Ok(())
    }

    /// Takes replies to the clients that wait for them.
    pub(super) fn deliver(&mut self, sends: Vec<Send>) -> Result<(), Fault> {
        self.pass_on()?;
        for Send { exchange, messages } in sends {
            let Some(place) = self.waiting.remove(&exchange) else {
                return Err(format!("a reply to request {} of nobody", exchange.0));
            };
            let client = &mut self.clients[place];
            if client.poll == Some(exchange) {
                client.poll = None;
                let at = client.soon(self.now, &mut self.random);
                client.listens_at = Some(client.listens_at.map_or(at, |other| other.min(at)));
            }
            if client.acknowledged.is_some()
                && self.safe != Some(place)
                && messages.last().is_some_and(|last| has(last, r#""ack":"#))
                && !messages
                    .last()
                    .is_some_and(|last| has(last, r#""ack":true"#))
                && client.dares(15, &mut self.random)
            {
                *self.tally.entry(Deed::MissReply).or_default() += 1;
                client.lost = true;
                continue;
            }
            for message in &messages {
                self.read(place, message)?;
            }
        }
        Ok(())
    }

    /// Reads one message that a client got.
    fn read(&mut self, place: usize, message: &Bytes) -> Result<(), Fault> {
        let client = &mut self.clients[place];
        let text = std::str::from_utf8(message).unwrap();
        if text.starts_with(r#"{"channel":"/v2/"#) {
            let number = between(text, r#""data":{"n":"#, "}").unwrap_or_default();
            return self.hear(place, number);
        }
        if text.contains(r#""successful":true"#) {
            if let Some(number) = between(text, r#""ack":"#, "}").and_then(|ack| ack.parse().ok()) {
                client.acknowledged = Some(number);
            }
            if text.contains(r#""channel":"/meta/handshake""#) {
                let id = between(text, r#""clientId":""#, "\"").unwrap_or_default();
                client.shook_hands(id.to_owned(), &mut self.random);
                // Who has just come puts off the time at which the others count as absent.
                self.progress = self.now;
            }
            return Ok(());
        }
        if text.contains("402::Unknown client") && self.max_interval < FOREVER {
            client.is_forgotten();
            return Ok(());
        }
        // The poll of the client that it was before it shook hands again.
        if text.contains("403::another client") {
            return Ok(());
        }
        Err(format!("{} gets {text}", client.name))
    }

    /// A client hears a notification: the next of its session that comes by its way, and all its causes
    /// have happened.
    pub(super) fn hear(&mut self, place: usize, number: &str) -> Result<(), Fault> {
        let client = &mut self.clients[place];
        let mut all = self.case.plan.notifications.iter();
        let heard = all.position(|due| due.notification.id.0.to_string() == number);
        let heard = heard.ok_or_else(|| format!("notification {number} is on no tape"))?;
        if !self.world.due[heard] {
            return Err(format!("notification {number} comes before its causes"));
        }
        let plan = &self.case.plan;
        let way = |place: &usize| plan.way(&plan.notifications[*place]);
        let of_way = self.outcome.heard[client.session].iter();
        let mut of_way = of_way.filter(|other| way(other) == way(&heard));
        let before = client
            .heard
            .iter()
            .filter(|other| way(other) == way(&heard));
        if of_way.nth(before.count()) != Some(&heard) {
            return Err(format!(
                "notification {number} comes out of order or once too often"
            ));
        }
        client.heard.push(heard);
        client.calls_at = Some(client.soon(self.now, &mut self.random));
        self.progress = self.now;
        Ok(())
    }
}

fn has(message: &Bytes, text: &str) -> bool {
    message
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// What stands in a text between these two.
pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}
