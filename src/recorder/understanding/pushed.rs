//! What a Bayeux reply carries: notifications with their causes, and facts of the session.
//!
//! How replies are read is the business of [`super::polling`].

use serde_json::value::RawValue;

use crate::bayeux::Message;
use crate::bayeux::reply::{self, Role, Sent};
use crate::exchange::{
    Body, Carrier, CauseBy, Fact, Micros, Notification, NotificationId, OperationId, What,
};
use crate::tape::Event;

use super::clients::Who;
use super::{Understanding, content, polling};

impl Understanding {
    /// Takes one message of a reply to a request that carried `asked`.
    pub(super) fn sent(
        &mut self,
        who: Who,
        at: Micros,
        endpoint: &str,
        asked: &[Message],
        sent: Sent,
    ) -> Vec<Event> {
        match sent.role() {
            Role::Event => {
                let data = sent.data.map(|data| data.get().to_owned());
                let data = Body::new(data.unwrap_or_default());
                vec![self.notify(who, at, sent.channel, Carrier::Bayeux, data)]
            }
            Role::Published => Vec::new(),
            Role::Meta => {
                let id = sent.id.as_deref().map(RawValue::get);
                let answered = asked.iter().find(|message| {
                    message.channel == sent.channel
                        && message.id.as_deref().map(RawValue::get) == id
                });
                let facts = self.meta(who, endpoint, answered, &sent);
                let session = (!facts.is_empty()).then(|| self.clients.session(who));
                let fact = |(session, what)| Event::Fact(Fact { session, at, what });
                session.into_iter().cycle().zip(facts).map(fact).collect()
            }
        }
    }

    fn meta(
        &mut self,
        who: Who,
        endpoint: &str,
        asked: Option<&Message>,
        sent: &Sent,
    ) -> Vec<What> {
        let client = asked.and_then(|message| message.client_id.clone());
        let client = client.or_else(|| sent.client_id.clone());
        if let (true, Some(client)) = (sent.forgets_client(), &client) {
            self.clients.forgotten(who, client);
        }
        if sent.successful != Some(true) {
            return Vec::new();
        }
        let named = sent.subscription.as_deref();
        let named = named.or_else(|| asked.and_then(|message| message.subscription.as_deref()));
        let channels = || named.map(reply::channels).unwrap_or_default().into_iter();
        match (sent.channel.as_str(), client) {
            (polling::HANDSHAKE, Some(client)) => {
                self.clients.shook_hands(who, &client);
                let mut facts = vec![What::Handshake {
                    endpoint: endpoint.to_owned(),
                    client,
                }];
                facts.extend(sent.acknowledges().then_some(What::Acknowledge));
                facts
            }
            (polling::SUBSCRIBE, _) => channels().map(What::Subscribe).collect(),
            (polling::UNSUBSCRIBE, _) => channels().map(What::Unsubscribe).collect(),
            (polling::DISCONNECT, client) => {
                if let Some(client) = client {
                    self.clients.left(who, &client);
                }
                vec![What::Disconnect]
            }
            _ => Vec::new(),
        }
    }

    /// Takes a message that the service pushed.
    pub(super) fn notify(
        &mut self,
        who: Who,
        at: Micros,
        channel: String,
        carrier: Carrier,
        data: Body,
    ) -> Event {
        // What only sets a stream up comes of nothing that anybody did.
        let (after, by) = match &carrier {
            Carrier::Event(_) if data.is_empty() => (Vec::new(), CauseBy::Unsolicited),
            Carrier::Bayeux | Carrier::Event(_) | Carrier::Line(_) | Carrier::Message(_) => {
                let parts = content::json_parts(data.bytes());
                let login = self.clients.login(who).map(str::to_owned);
                self.causes
                    .cause(at, who, login.as_deref(), &channel, &parts)
            }
        };
        let waits = |id: &&OperationId| {
            let mut open = self
                .under_way
                .values()
                .filter_map(|passed| passed.operation);
            open.any(|(operation, _)| operation == **id)
        };
        let awaited: Vec<OperationId> = after.iter().filter(waits).copied().collect();
        self.awaited.extend(awaited);
        Event::Notification(Notification {
            carrier,
            id: NotificationId(self.number().0),
            session: self.clients.session(who),
            at,
            channel,
            after,
            cause_by: Some(by),
            data,
            repairs: Vec::new(),
        })
    }
}
