//! A notification with what it waits for. What it says and when it is released is not known here.

use super::adding::Adding;
use super::pushed::{Said, Saying, check};
use super::{By, Cause, Due, Plan, PlanError};
use crate::exchange::Notification;

impl Plan {
    /// A notification of this lane, before which so many operations stand, with what it waits for.
    pub(super) fn due(
        &self,
        notification: &Notification,
        (lane, before): (usize, usize),
        adding: &Adding,
    ) -> Result<Due, PlanError> {
        let mut notification = notification.clone();
        let numbers = &adding.numbers;
        let id = notification.id.0;
        let stream = match notification.carrier.stream() {
            None => None,
            Some(stream) => {
                let missing = PlanError::NoStream(id, stream.0);
                Some(numbers.get(stream).ok_or(missing)?)
            }
        };
        let said = if let Some((file, spot)) = adding.filed.get(&notification.id) {
            // It was checked when it was noted.
            Said::Filed(*file, *spot)
        } else {
            check(&notification)?;
            Said::Held(Saying::of(&mut notification, adding.shift))
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
            right: adding.subscribed.right(&notification),
            gap: notification.at.since(since),
            notification,
            lane,
            before,
            causes,
            stream,
            said,
        })
    }
}
