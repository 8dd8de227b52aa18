//! Random tapes, each with what its clients did when it was recorded.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::{
    Body, Carrier, End, Form, Headers, Micros, Notification, NotificationId, Operation,
    OperationId, Request, Response, ServerSent, Session, Stream,
};
use crate::player::plan::{By, Plan, Planned, Times};
use crate::player::settings::Reading;
use crate::tape::redaction::{KEY_BYTES, Key, Redaction, Redactor};
use crate::tape::{Event, Header, Tape};

use super::random::Random;

/// The channels that notifications come on. One pattern subscribes to both.
pub(super) const CHANNELS: [&str; 2] = ["/v2/me/chats", "/v2/me/calls"];

const MAX_SESSIONS: u64 = 4;
const MAX_OPERATIONS: u64 = 12;
const MAX_NOTIFICATIONS: u64 = 20;

/// The longest time between two events, in microseconds.
const MAX_GAP: u64 = 40_000;

/// A tape, and who plays it.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) plan: Arc<Plan>,
    /// What the client of each session did, by the session's place in the plan.
    pub(super) programs: Vec<Vec<Step>>,
    /// What each notification waits for, by its place in the plan.
    pub(super) causes: Vec<Vec<(usize, By)>>,
    /// The session that nobody plays.
    pub(super) absent: Option<usize>,
    pub(super) traits: Traits,
    /// What stands for each secret on the tape, and the secret, which clients send.
    secrets: Vec<(String, String)>,
    /// The tape in the shorthand of the player's tests, for who looks into a fault.
    pub(super) shorthand: String,
}

/// What is special about a tape.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Traits {
    /// It stands on the tape as it does when it was captured: an operation where it was answered.
    pub(super) captured: bool,
    /// A notification came before the answer of an operation that caused it.
    pub(super) early: bool,
    /// Notifications came on streams.
    pub(super) streams: bool,
}

/// Something that a client did. The numbers are places in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Call(usize),
    /// It got the answer.
    Answer(usize),
    Hear(usize),
}

/// How the times of a tape stand on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// An operation stands where it was answered.
    Captured,
    /// An operation stands where it was called.
    Written,
    /// As a page tells it: in order, and without times.
    Page,
}

/// A tape in the making.
struct Draft {
    random: Random,
    now: u64,
    sessions: u64,
    operations: Vec<Operation>,
    notifications: Vec<Notification>,
    /// Until when each session has an operation without an answer.
    busy: BTreeMap<String, u64>,
    /// The secrets, of which the tape is to be rid.
    secrets: Vec<String>,
}

impl Case {
    /// The tape of this seed.
    pub(super) fn of(seed: u64) -> Case {
        Case::made(seed, |_| Vec::new())
    }

    /// The same tape with secrets in what clients send and are answered, of which it was rid: what its
    /// clients send is what they sent.
    pub(super) fn redacted(seed: u64) -> Case {
        Case::made(seed, Draft::add_secrets)
    }

    fn made(seed: u64, add: impl FnOnce(&mut Draft) -> Vec<String>) -> Case {
        let mut draft = Draft::new(Random::new(seed, 0));
        draft.fill();
        draft.secrets = add(&mut draft);
        if draft.random.chance(70) {
            draft.spoil();
        }
        let origin = draft.random.pick(&[
            Origin::Captured,
            Origin::Captured,
            Origin::Written,
            Origin::Page,
        ]);
        draft.case(origin)
    }

    /// The request of an operation as its client sends it.
    pub(super) fn request(&self, planned: &Planned) -> Request {
        let mut request = super::schedule::live(&self.plan, planned);
        request.target = self.unveiled(&request.target);
        request.body = self.body(&request.body);
        request
    }

    /// The response to it.
    pub(super) fn response(&self, planned: &Planned) -> Response {
        let mut response = self.plan.played(planned).response.clone();
        response.body = self.body(&response.body);
        response
    }

    fn body(&self, body: &Body) -> Body {
        Body::new(self.unveiled(body.text().unwrap()))
    }

    fn unveiled(&self, text: &str) -> String {
        let secrets = self.secrets.iter();
        secrets.fold(text.to_owned(), |text, (pseudonym, secret)| {
            text.replace(pseudonym, secret)
        })
    }

    /// Whether a client plays this session.
    pub(super) fn is_played(&self, session: usize) -> bool {
        self.absent != Some(session)
    }

    /// Whether a client may call this operation as often as it likes, or never: a read whose
    /// request is in its session that of reads alone.
    pub(super) fn is_free(&self, operation: usize) -> bool {
        let this = &self.plan.operations[operation];
        let asked = self.plan.played(this);
        let mut all = self.plan.operations.iter();
        all.all(|other| {
            other.times == Times::Any
                || other.session() != this.session()
                || self.plan.played(other).request != asked.request
        })
    }

    /// The operation of a step that is such a read.
    pub(super) fn free_read(&self, step: Step) -> Option<usize> {
        match step {
            Step::Call(operation) => self.is_free(operation).then_some(operation),
            Step::Answer(_) | Step::Hear(_) => None,
        }
    }
}

impl Draft {
    fn new(mut random: Random) -> Draft {
        Draft {
            sessions: random.within(1..=MAX_SESSIONS),
            random,
            now: 0,
            operations: Vec::new(),
            notifications: Vec::new(),
            busy: BTreeMap::new(),
            secrets: Vec::new(),
        }
    }

    fn fill(&mut self) {
        // Small tapes more often: they are played in less time, and what is wrong is seen at once.
        let most = self.random.within(1..=MAX_OPERATIONS);
        let mut operations = self.random.within(1..=most);
        let most = self.random.within(0..=MAX_NOTIFICATIONS);
        let mut notifications = self.random.within(0..=most);
        while operations + notifications > 0 {
            self.now += self.random.within(1..=MAX_GAP);
            if self.random.within(1..=operations + notifications) <= operations {
                operations -= 1;
                self.call();
            } else {
                notifications -= 1;
                self.notify();
            }
        }
    }

    /// Adds secrets to the operations that tell: passwords, one for several of a session, that the service
    /// repeats, and the tokens of streams.
    fn add_secrets(&mut self) -> Vec<String> {
        let mut secrets = Vec::new();
        for operation in &mut self.operations {
            let (id, session) = (operation.id.0, operation.session.name());
            let number = id % 2;
            let secret = if operation.form == Form::Exchange {
                format!("pass{number}Word-of-{session}")
            } else {
                format!("tok{number}En-of-{session}")
            };
            let request = &mut operation.request;
            if operation.form != Form::Exchange {
                request.target = format!("{}?token={secret}", request.target);
            } else if request.method == "POST" {
                let body = request
                    .body
                    .text()
                    .unwrap()
                    .trim_matches(['{', '}'])
                    .to_owned();
                let joint = if body.is_empty() { "" } else { "," };
                request.body = Body::new(format!(r#"{{{body}{joint}"password":"{secret}"}}"#));
                let answer = format!(r#"{{"answer":{id}, "password" : "{secret}"}}"#);
                operation.response.body = Body::new(answer);
            }
            secrets.push(secret);
        }
        secrets.sort();
        secrets.dedup();
        secrets
    }

    fn call(&mut self) {
        let session = self.session();
        let busy = self.busy.get(session.name()).copied().unwrap_or_default();
        if self.now <= busy && self.random.chance(75) {
            self.now = busy + 1;
        }
        let id = self.operations.len() as u64 + 1;
        let form = self.random.pick(&[
            Form::Exchange,
            Form::Exchange,
            Form::Exchange,
            Form::Exchange,
            Form::Exchange,
            Form::Opens(Stream::Events),
            Form::Opens(Stream::Events),
            Form::Opens(Stream::Lines),
        ]);
        // Of two equal requests under way at once nobody could say which is which.
        let request = if form != Form::Exchange {
            request("GET", format!("/stream/{id}"), String::new())
        } else if self.now <= busy {
            request("POST", format!("/operation/{id}"), String::new())
        } else {
            self.request(id)
        };
        let length = self
            .random
            .pick(&[0, 1, 1_000, 5_000, MAX_GAP, 3 * MAX_GAP]);
        let answered = self.now + length;
        self.busy
            .insert(session.name().to_owned(), busy.max(answered));
        self.operations.push(Operation {
            id: OperationId(id),
            session,
            at: Micros(self.now),
            answered: Micros(answered),
            request,
            response: Response {
                status: 200,
                headers: Headers::new(),
                body: Body::new(format!(r#"{{"answer":{id}}}"#)),
                trailers: Headers::new(),
            },
            end: End::default(),
            form,
            repairs: Vec::new(),
        });
    }

    fn request(&mut self, id: u64) -> Request {
        let again = self.random.within(0..=1);
        match self.random.within(0..=3) {
            0 => request("GET", format!("/thing/{again}"), String::new()),
            1 => request("POST", "/again".into(), format!(r#"{{"which":{again}}}"#)),
            _ => request(
                "POST",
                format!("/operation/{id}"),
                format!(r#"{{"id":{id}}}"#),
            ),
        }
    }

    fn notify(&mut self) {
        let id = self.notifications.len() as u64 + 1;
        let mut after = Vec::new();
        for _ in 0..self.random.pick(&[0, 0, 1, 1, 1, 1, 1, 2, 2, 3]) {
            if !self.operations.is_empty() {
                after.push(self.random.pick(&self.operations).id);
            }
        }
        after.sort();
        after.dedup();
        let session = self.session();
        let carrier = self.carrier(&session, id);
        self.notifications.push(Notification {
            id: NotificationId(id),
            session,
            at: Micros(self.now),
            channel: self.random.pick(&CHANNELS).into(),
            after,
            carrier,
            cause_by: None,
            data: Body::new(format!(r#"{{"n":{id}}}"#)),
            repairs: Vec::new(),
        });
    }

    /// How a notification came: likely on a stream, if its session had opened one.
    fn carrier(&mut self, session: &Session, id: u64) -> Carrier {
        let streams = self.operations.iter().filter_map(|operation| {
            let open = operation.session == *session && operation.answered.0 <= self.now;
            let stream = operation.form.opens().filter(|_| open)?;
            Some((operation.id, stream))
        });
        let streams: Vec<(OperationId, Stream)> = streams.collect();
        if streams.is_empty() || self.random.chance(40) {
            return Carrier::Bayeux;
        }
        match self.random.pick(&streams) {
            (stream, Stream::Events) => Carrier::Event(ServerSent {
                stream,
                event: None,
                id: Some(id.to_string()),
                retry: None,
                written: None,
            }),
            (stream, Stream::Lines | Stream::Socket) => Carrier::Line(stream),
        }
    }

    /// Gives a notification one more cause, be it one that comes only after it: likely enough its
    /// own client's last operation, which may be waiting for it.
    fn spoil(&mut self) {
        if !self.notifications.is_empty() {
            let from = self.random.place(self.operations.len());
            let operation = self.random.pick(&self.operations[from..]).id;
            let place = self.random.place(self.notifications.len());
            let after = &mut self.notifications[place].after;
            if !after.contains(&operation) {
                after.push(operation);
            }
        }
    }

    fn session(&mut self) -> Session {
        Session::new(format!("agent{}", self.random.within(1..=self.sessions)))
    }

    fn case(mut self, origin: Origin) -> Case {
        let steps = self.steps();
        let mut tape = self.tape(origin);
        let mut secrets = Vec::new();
        if !self.secrets.is_empty() {
            let key = Key::new([7; KEY_BYTES]);
            let told = self.secrets.iter();
            secrets = told
                .map(|secret| (key.pseudonym(secret), secret.clone()))
                .collect();
            let mut redactor = Redactor::new(Redaction::default(), key).unwrap();
            redactor.tape(&mut tape);
            let told = format!("{tape:?}");
            assert!(self.secrets.iter().all(|secret| !told.contains(secret)));
            assert!(
                secrets
                    .iter()
                    .any(|(pseudonym, _)| told.contains(pseudonym))
                    || !told.contains("POST")
            );
        }
        let shorthand: Vec<String> = tape.events.iter().map(shorthand).collect();
        let plan = Plan::of(&[tape], Reading::default()).unwrap();
        let causes = plan.notifications.iter().map(|due| {
            let after = &due.notification.after;
            after.iter().map(|id| cause(&plan, &due.notification, *id))
        });
        let mut causes: Vec<Vec<(usize, By)>> = causes.map(Iterator::collect).collect();
        let early = |(_, by): &(usize, By)| *by == By::Received;
        let early = causes.iter().flatten().any(early);
        // None comes before its stream is there.
        for (causes, due) in causes.iter_mut().zip(&plan.notifications) {
            causes.extend(due.stream.map(|stream| (stream, By::Received)));
        }
        let mut programs = vec![Vec::new(); plan.sessions.len()];
        for (session, step) in steps {
            let seat = plan.sessions.iter().position(|known| *known == session);
            programs[seat.unwrap()].push(step.placed(&plan));
        }
        let absent = (plan.sessions.len() > 1 && self.random.chance(25))
            .then(|| self.random.place(plan.sessions.len()));
        Case {
            traits: Traits {
                captured: origin == Origin::Captured,
                early,
                streams: plan.notifications.iter().any(|due| due.stream.is_some()),
            },
            plan: Arc::new(plan),
            programs,
            causes,
            absent,
            secrets,
            shorthand: shorthand.join(" "),
        }
    }

    /// What every client did, in the order of time. The numbers are identifiers.
    fn steps(&self) -> Vec<(Session, Step)> {
        let number = |id: u64| usize::try_from(id).unwrap();
        let mut steps: Vec<(Micros, Session, Step)> = Vec::new();
        for operation in &self.operations {
            let (id, session) = (number(operation.id.0), &operation.session);
            steps.push((operation.at, session.clone(), Step::Call(id)));
            steps.push((operation.answered, session.clone(), Step::Answer(id)));
        }
        for Notification {
            id, session, at, ..
        } in &self.notifications
        {
            steps.push((*at, session.clone(), Step::Hear(number(id.0))));
        }
        // Of an answer and a notification at the same time the player takes the answer for the first.
        steps.sort_by_key(|(at, _, step)| (*at, matches!(step, Step::Hear(_))));
        let steps = steps.into_iter();
        steps.map(|(_, session, step)| (session, step)).collect()
    }

    fn tape(&self, origin: Origin) -> Tape {
        let operations = self.operations.iter().map(|operation| {
            let at = match origin {
                Origin::Captured => operation.answered,
                Origin::Written | Origin::Page => operation.at,
            };
            (at, Event::Operation(operation.clone()))
        });
        let notifications = self.notifications.iter();
        let notifications =
            notifications.map(|heard| (heard.at, Event::Notification(heard.clone())));
        let mut events: Vec<(Micros, Event)> = operations.chain(notifications).collect();
        events.sort_by_key(|(at, _)| *at);
        let mut events: Vec<Event> = events.into_iter().map(|(_, event)| event).collect();
        if origin == Origin::Page {
            events.iter_mut().for_each(forget_times);
        }
        Tape {
            header: Header {
                title: "random".into(),
                source: "a seed".into(),
                ..Header::default()
            },
            events,
        }
    }
}

impl Step {
    /// The same step with the place in the plan instead of the identifier.
    fn placed(self, plan: &Plan) -> Step {
        let operation = |id: usize| {
            let id = OperationId(id as u64);
            let mut all = plan.operations.iter();
            all.position(|planned| planned.id == id).unwrap()
        };
        match self {
            Step::Call(id) => Step::Call(operation(id)),
            Step::Answer(id) => Step::Answer(operation(id)),
            Step::Hear(id) => {
                let id = NotificationId(id as u64);
                let mut all = plan.notifications.iter();
                Step::Hear(all.position(|due| due.notification.id == id).unwrap())
            }
        }
    }
}

fn request(method: &str, target: String, body: String) -> Request {
    Request {
        method: method.into(),
        target,
        headers: Headers::new(),
        body: Body::new(body),
        trailers: Headers::new(),
    }
}

fn forget_times(event: &mut Event) {
    match event {
        Event::Operation(operation) => {
            (operation.at, operation.answered) = (Micros(0), Micros(0));
        }
        Event::Notification(notification) => notification.at = Micros(0),
        Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => {}
    }
}

fn cause(plan: &Plan, notification: &Notification, id: OperationId) -> (usize, By) {
    let mut all = plan.operations.iter();
    let place = all.position(|planned| planned.id == id).unwrap();
    let by = if notification.at < plan.operations[place].answered {
        By::Received
    } else {
        By::Answered
    };
    (place, by)
}

fn shorthand(event: &Event) -> String {
    match event {
        Event::Operation(Operation {
            id,
            session,
            at,
            answered,
            form,
            ..
        }) => {
            let kind = if form.opens().is_some() {
                "stream"
            } else {
                "op"
            };
            format!("{session}:{kind}{id}@{}-{}", at.0, answered.0)
        }
        Event::Notification(Notification {
            id,
            session,
            at,
            after,
            carrier,
            ..
        }) => {
            let after: Vec<String> = after.iter().map(ToString::to_string).collect();
            let stream = carrier.stream().map(|stream| format!("~{stream}"));
            let stream = stream.unwrap_or_default();
            format!("{session}:n{id}@{}<{}{stream}", at.0, after.join(","))
        }
        Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => String::new(),
    }
}
