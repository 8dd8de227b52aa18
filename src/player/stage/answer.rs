//! Answers live operations: with what is recorded, or a refusal; and notes what was done.

use std::sync::Arc;

use crate::exchange::{End, Micros, Request, Response};
use crate::journal::{Answered, Miss, Part, Remark};

use super::super::cast::Identity;
use super::super::plan::{Planned, Times};
use super::super::refusal::{Kind, Refusal};
use super::super::settings::OnExhausted;
use super::choice::{Choice, How};
use super::{Quiet, Send, Stage};

/// The answer to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A recorded response. The caller says [`Stage::answered`] when it is out.
    Recorded {
        operation: usize,
        response: Response,
        /// How long to wait with it.
        delay: Micros,
    },
    /// No recorded response is for it.
    Refused(Refusal),
}

impl Stage {
    /// Answers a live operation.
    pub(crate) fn operation(
        &mut self,
        now: Micros,
        identity: &Identity,
        live: &Request,
    ) -> (Answer, Vec<Send>) {
        let answer = match self.choose(identity, live) {
            Ok(choice) => self.serve(now, identity, live, choice),
            Err(refusal) => Err(refusal),
        };
        match answer {
            Ok(answer) => (answer, self.advance(now)),
            Err(refusal) => {
                self.missed(live, refusal.message.clone());
                (Answer::Refused(refusal), Vec::new())
            }
        }
    }

    /// Notes that the answer to an operation is out.
    pub(crate) fn answered(&mut self, now: Micros, operation: usize) -> Vec<Send> {
        self.run.answer(now, operation);
        self.advance(now)
    }

    fn serve(
        &mut self,
        now: Micros,
        identity: &Identity,
        live: &Request,
        Choice {
            operation: place,
            how,
        }: Choice,
    ) -> Result<Answer, Refusal> {
        let gone = || Refusal::plain(Kind::Miss, format!("operation {place} is not planned"));
        let plan = Arc::clone(&self.plan);
        let planned = plan.operations.get(place).ok_or_else(gone)?;
        let recorded = &planned.operation;
        if recorded.end == End::Truncated || recorded.response.body.cut().is_some() {
            let id = recorded.id;
            let message =
                format!("operation {id}: the tape has only the beginning of its response");
            return Err(Refusal::plain(Kind::Cut, message));
        }
        if self.run.served(place) > 0 && self.settings.on_exhausted == OnExhausted::Loop {
            self.run.release_again(now, &plan, place);
        }
        self.remark(planned, how);
        self.run.receive(now, &plan, place);
        self.cast.called(identity, planned.session);
        if let Quiet::Since(since) = &mut self.quiet {
            *since = now;
        }
        let entry = Answered {
            operation: recorded.id,
            method: live.method.clone(),
            target: live.target.clone(),
            status: recorded.response.status,
            part: match planned.times {
                Times::Any => Part::Read,
                Times::Exactly | Times::AtLeast => Part::Step,
            },
        };
        self.journal.answered(
            &recorded.session,
            entry,
            live.body.bytes(),
            recorded.response.body.bytes(),
        );
        let delay = self
            .settings
            .pace
            .real(recorded.answered.since(recorded.at));
        Ok(Answer::Recorded {
            operation: place,
            response: recorded.response.clone(),
            delay,
        })
    }

    /// Notes what is unusual about an operation that is about to be answered.
    fn remark(&mut self, planned: &Planned, how: How) {
        let remark = |what: &str| Remark {
            session: planned.operation.session.clone(),
            operation: planned.operation.id,
            what: what.to_owned(),
        };
        match (how, planned.times) {
            (How::Next, _) | (How::Again, Times::Any) => {}
            (How::Again, Times::Exactly | Times::AtLeast) => {
                self.journal.repeated(remark("came again"));
            }
            (How::Early, _) => self.journal.tolerated(remark(
                "was read before a change that stands before it on the tape",
            )),
        }
    }

    fn missed(&mut self, live: &Request, reason: String) {
        tracing::warn!("{reason}");
        let (method, target) = (live.method.clone(), live.target.clone());
        self.journal.missed(Miss {
            method,
            target,
            reason,
        });
    }
}
