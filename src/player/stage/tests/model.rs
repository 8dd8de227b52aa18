//! What must come of a tape, worked out without a player, without protocol and without time.

use crate::exchange::{Micros, NotificationId, OperationId};
use crate::journal::{Answered, Delivered, Identity, Journal, Part};
use crate::player::plan::{By, LaneEvent, Times};

use super::super::Stage;
use super::super::progress::Waits;
use super::tapes::{Case, Step};

/// What has happened, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct World<'a> {
    case: &'a Case,
    pub(super) received: Vec<bool>,
    pub(super) answered: Vec<bool>,
    /// The notifications that nothing but time and their clients keeps.
    pub(super) due: Vec<bool>,
    /// How much of its program the absent session has done.
    acted: usize,
}

/// Where a run ends: everything that happens when every client does its part.
#[derive(Debug)]
pub(super) struct Outcome {
    /// What each session's client hears, in order.
    pub(super) heard: Vec<Vec<usize>>,
    pub(super) end: End,
    pub(super) digest: String,
}

/// What is left at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct End {
    /// The operations that nobody called.
    pub(super) uncalled: Vec<OperationId>,
    /// The notifications that nobody heard, each with what it waits for.
    pub(super) pending: Vec<(NotificationId, Waiting)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Operations(Vec<(OperationId, By)>),
    Predecessor,
    /// Anything that is no stuck point.
    Other(String),
}

impl<'a> World<'a> {
    pub(super) fn new(case: &'a Case) -> World<'a> {
        let mut world = World {
            case,
            received: vec![false; case.plan.operations.len()],
            answered: vec![false; case.plan.operations.len()],
            due: vec![false; case.plan.notifications.len()],
            acted: 0,
        };
        world.settle();
        world
    }

    /// Works out what follows, until nothing more does.
    pub(super) fn settle(&mut self) {
        loop {
            for lane in &self.case.plan.lanes {
                for event in lane.events.iter() {
                    if let LaneEvent::Notification(place) = event {
                        if self.open(place).next().is_some() {
                            break;
                        }
                        self.due[place] = true;
                    }
                }
            }
            if !self.act() {
                return;
            }
        }
    }

    /// The operations that nobody called, but for reads.
    pub(super) fn uncalled(&self) -> Vec<OperationId> {
        let all = self.case.plan.operations.iter().zip(&self.received);
        let open = all.filter(|(planned, received)| planned.times != Times::Any && !**received);
        open.map(|(planned, _)| planned.id).collect()
    }

    /// The causes of a notification that have not happened.
    fn open(&self, notification: usize) -> impl Iterator<Item = (usize, By)> {
        let causes = self.case.causes[notification].iter().copied();
        causes.filter(|(operation, by)| match by {
            By::Received => !self.received[*operation],
            By::Answered => !self.answered[*operation],
        })
    }

    /// Lets the absent session do what it did; whether it did anything.
    fn act(&mut self) -> bool {
        let before = self.acted;
        if let Some(session) = self.case.absent {
            while let Some(step) = self.case.programs[session].get(self.acted) {
                match *step {
                    Step::Call(operation) | Step::Answer(operation) => {
                        self.received[operation] = true;
                        self.answered[operation] = true;
                    }
                    Step::Hear(notification) if !self.due[notification] => break,
                    Step::Hear(_) => {}
                }
                self.acted += 1;
            }
        }
        self.acted > before
    }
}

impl Outcome {
    /// What comes of this tape.
    pub(super) fn of(case: &Case) -> Outcome {
        let mut world = World::new(case);
        let mut done = vec![0; case.programs.len()];
        loop {
            world.settle();
            let before = done.clone();
            for (session, program) in case.programs.iter().enumerate() {
                while case.is_played(session)
                    && let Some(step) = program.get(done[session])
                {
                    match *step {
                        // Whatever was called is answered.
                        Step::Call(operation) | Step::Answer(operation) => {
                            world.received[operation] = true;
                            world.answered[operation] = true;
                        }
                        Step::Hear(notification) if !world.due[notification] => break,
                        Step::Hear(_) => {}
                    }
                    done[session] += 1;
                }
            }
            if done == before {
                break;
            }
        }
        let heard: Vec<Vec<usize>> = (0..case.programs.len())
            .map(|session| heard(&world, session))
            .collect();
        Outcome {
            end: end(&world),
            digest: digest(&world, &heard),
            heard,
        }
    }

    /// Whether everything on the tape happens.
    pub(super) fn is_whole(&self) -> bool {
        self.end == End::default()
    }
}

impl End {
    /// Where a run of the player stands.
    pub(super) fn reported(stage: &Stage, now: Micros) -> End {
        let pending = stage.pending(now).map(|pending| {
            let waiting = match pending.waits {
                Waits::Operations(operations) => Waiting::Operations(
                    operations
                        .iter()
                        .map(|called| (called.operation, called.by))
                        .collect(),
                ),
                Waits::Predecessor => Waiting::Predecessor,
                other @ (Waits::Begin | Waits::Time(_) | Waits::Client(_)) => {
                    Waiting::Other(format!("{other:?}"))
                }
            };
            (pending.notification, waiting)
        });
        End {
            uncalled: stage
                .uncalled()
                .map(|place| stage.plan().operations[place].id)
                .collect(),
            pending: pending.collect(),
        }
    }
}

/// What a session's client hears in the end: nothing, where there is none.
fn heard(world: &World<'_>, session: usize) -> Vec<usize> {
    let plan = &world.case.plan;
    let all = 0..plan.notifications.len();
    all.filter(|place| {
        let lane = &plan.lanes[plan.notifications[*place].lane];
        world.due[*place] && lane.session == session && world.case.is_played(session)
    })
    .collect()
}

fn end(world: &World<'_>) -> End {
    let plan = &world.case.plan;
    let mut end = End {
        uncalled: world.uncalled(),
        pending: Vec::new(),
    };
    for (place, due) in plan.notifications.iter().enumerate() {
        if world.case.is_played(plan.lanes[due.lane].session) && !world.due[place] {
            let id = |(operation, by): (usize, By)| (plan.operations[operation].id, by);
            let open: Vec<_> = world.open(place).map(id).collect();
            let waiting = if open.is_empty() {
                Waiting::Predecessor
            } else {
                Waiting::Operations(open)
            };
            end.pending.push((due.notification.id, waiting));
        }
    }
    end
}

/// The digest of the transcript: of each client its calls that are steps, and what it heard.
fn digest(world: &World<'_>, heard: &[Vec<usize>]) -> String {
    let (case, plan) = (world.case, &world.case.plan);
    let mut journal = Journal::default();
    for (session, program) in case.programs.iter().enumerate() {
        for step in program {
            let Step::Call(place) = *step else { continue };
            let planned = &plan.operations[place];
            let reads = matches!(planned.times, Times::Any | Times::Stream);
            if !case.is_played(session) || !world.received[place] || reads {
                continue;
            }
            let operation = plan.played(planned);
            let entry = Answered {
                operation: operation.id,
                method: operation.request.method.clone().into(),
                target: operation.request.target.as_str().into(),
                status: operation.response.status,
                part: Part::Step,
            };
            let identity = Identity::of_operation(&operation);
            journal.answered(&operation.session, entry, || &identity);
        }
        for place in &heard[session] {
            let due = &plan.notifications[*place];
            let notification = &due.notification;
            let entry = Delivered {
                notification: notification.id,
                channel: notification.channel.clone(),
                data: notification.data.bytes().clone(),
            };
            let identity = Identity::of_notification(notification);
            journal.delivered(&plan.sessions[session], plan.way(due), entry, &identity);
        }
    }
    journal.digest()
}
