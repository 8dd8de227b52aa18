//! A notification with what it waits for, and the bytes that carry it. When it is released is not known here.

use bytes::Bytes;

use super::adding::Numbers;
use super::{By, Cause, Due, Plan, PlanError, Wording, carried};
use crate::bayeux::Pattern;
use crate::exchange::Notification;
use crate::journal::Identity;
use crate::player::shift::Shift;

impl Plan {
    /// A notification of this lane, before which so many operations stand, with what it waits for.
    pub(super) fn due(
        &self,
        notification: &Notification,
        (lane, before): (usize, usize),
        numbers: &Numbers,
        shift: Shift,
    ) -> Result<Due, PlanError> {
        let identity = Identity::of_notification(notification);
        let mut notification = notification.clone();
        let recorded = notification.data.clone();
        shift.notification(&mut notification);
        let as_written = if recorded == notification.data {
            Wording::Recorded
        } else {
            Wording::Anew
        };
        let id = notification.id.0;
        let stream = match notification.carrier.stream() {
            None => None,
            Some(stream) => {
                let missing = PlanError::NoStream(id, stream.0);
                Some(numbers.get(stream).ok_or(missing)?)
            }
        };
        let message = if stream.is_some() {
            carried(&notification.carrier, notification.data.bytes(), as_written)
        } else {
            bayeux(&notification)?
        };
        let mut causes = Vec::new();
        let mut since = None;
        for cause in &notification.after {
            let missing = || PlanError::NoCause(id, cause.0);
            let operation = numbers.get(*cause).ok_or_else(missing)?;
            let recorded = self.operations.get(operation).ok_or_else(missing)?;
            let (by, at) = if notification.at < recorded.answered {
                (By::Received, recorded.at)
            } else {
                (By::Answered, recorded.answered)
            };
            causes.push(Cause { operation, by });
            since = since.max(Some(at));
        }
        let since = since.or_else(|| self.heard_last(lane)).unwrap_or_default();
        Ok(Due {
            identity,
            gap: notification.at.since(since),
            notification,
            lane,
            before,
            causes,
            stream,
            message,
        })
    }
}

/// The Bayeux message that carries this data, which is JSON.
pub(in crate::player) fn message(channel: &str, data: &[u8]) -> Bytes {
    let channel = serde_json::Value::from(channel).to_string();
    let parts = [
        b"{\"channel\":",
        channel.as_bytes(),
        b",\"data\":",
        data,
        b"}",
    ];
    parts.concat().into()
}

/// The Bayeux message that carries a notification.
fn bayeux(notification: &Notification) -> Result<Bytes, PlanError> {
    let id = notification.id.0;
    let data = notification.data.json().ok_or(PlanError::NotJson(id))?;
    let plain = Pattern::parse(&notification.channel).filter(|pattern| !pattern.is_wild());
    if plain.is_none() {
        return Err(PlanError::Channel(id, notification.channel.clone()));
    }
    Ok(message(&notification.channel, data.get().as_bytes()))
}
