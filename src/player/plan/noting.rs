//! Takes note of events where they stand in their file: of what a plan needs at once, and where the rest is.
//!
//! Whatever needs a closer look has the whole tape read into memory: what cannot be sent, which is told there
//! with its place, and placeholders, in whose place other values are to stand.

use std::sync::Arc;

use crate::exchange::credentials::{self, Credential};
use crate::exchange::{Headers, Notification, Session};
use crate::player::settings::Reading;
use crate::player::standin;
use crate::tape::reel::{Reader, Spot};
use crate::tape::{Content, Fields, Glance};

use super::pushed::{self, Filed};
use super::shelf::{Manner, Place, published};
use super::{Planned, Times, Travels, adding, paths};

/// The longest line of a notification that is held in memory, in bytes. What is known of each takes as much in any
/// case, and to read it again where it is delivered takes longer than to send so little.
const MAX_HELD: u32 = 512;

/// The longest content that is remembered to see that the next is the same: longer ones seldom are.
const MAX_REMEMBERED: usize = 4 * 1024;

/// Reads a piece of a tape.
pub(super) struct Noting<'a> {
    pub(super) file: u32,
    pub(super) manner: &'a Manner,
    pub(super) reading: &'a Reading,
    pub(super) notes: Notes,
    /// What the header fields of the latest operation tell.
    last: Option<(Texts, Arc<Heads>)>,
    /// The latest content of a request, and of a response, in which no placeholder can stand.
    clean: [String; 2],
}

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The operations; the session of each is the number of its name.
    pub(super) operations: Vec<Planned>,
    /// The digests of their paths.
    pub(super) paths: Vec<u32>,
    pub(super) sessions: Vec<Session>,
    /// What tells clients apart, of those that show anything.
    pub(super) heads: Vec<(usize, Arc<Heads>)>,
    /// The same in their targets.
    pub(super) asked: Vec<(usize, Vec<Credential>)>,
    /// By what their clients are to be told apart.
    pub(super) named: Vec<(usize, String)>,
    /// The notifications that stay in their files.
    pub(super) filed: Filed,
}

/// What the header fields of an operation tell.
#[derive(Debug, Default)]
pub(super) struct Heads {
    pub(super) shown: Vec<Credential>,
    pub(super) given: Vec<Credential>,
    /// What the response gives that should be the session's own.
    pub(super) own: standin::Given,
}

/// What the header fields of an operation were told from: equal texts tell equal things.
#[derive(Debug, PartialEq, Eq)]
struct Texts {
    method: String,
    status: Option<u16>,
    asked: String,
    given: String,
    trailers: String,
}

impl<'a> Noting<'a> {
    pub(super) fn new(file: u32, manner: &'a Manner, reading: &'a Reading) -> Self {
        Noting {
            file,
            manner,
            reading,
            notes: Notes::default(),
            last: None,
            clean: Default::default(),
        }
    }

    /// What the header fields of an operation tell; `None` where they cannot be sent, or hold a placeholder.
    fn heads(&mut self, glance: &Glance<'_>) -> Option<Arc<Heads>> {
        if let Some((texts, heads)) = &self.last
            && texts.are_of(glance)
        {
            return Some(Arc::clone(heads));
        }
        let [asked, given, trailers] = glance.fields.read()?;
        let sendable = adding::are_sendable(&given) && adding::are_sendable(&trailers);
        let covered = standin::may_hold(&asked) || standin::may_hold(&given);
        if !sendable || covered || !adding::is_method(&glance.method) {
            return None;
        }
        if let Some(status) = glance.status
            && !adding::is_final(status, glance.form)
        {
            return None;
        }
        let heads = Arc::new(Heads::of(&asked, &given));
        self.last = Some((Texts::of(glance), Arc::clone(&heads)));
        Some(heads)
    }

    /// Whether an operation holds a placeholder. Few look as if they might, and are read as a whole.
    fn holds_placeholder(&mut self, glance: &Glance<'_>) -> bool {
        let contents = self.clean.iter_mut().zip(&glance.contents);
        let in_contents = contents.fold(false, |may, (clean, content)| {
            may | may_stand_in(clean, content)
        });
        let may = in_contents || standin::may_stand_in_target(&glance.target);
        may && glance
            .operation()
            .is_none_or(|operation| standin::may_hold_one(&operation))
    }
}

impl Reader for Noting<'_> {
    fn operation(&mut self, glance: &Glance<'_>, spot: Spot) -> Option<()> {
        let heads = self.heads(glance)?;
        if !adding::is_target(&glance.target) || self.holds_placeholder(glance) {
            return None;
        }
        let place = self.notes.operations.len();
        let travels = Travels::of(glance.form);
        let mut times = Times::of(&glance.method, &heads.given);
        let mut path = paths::digest(&glance.target);
        // What is published has another method and another path.
        if self.manner.may_publish(&glance.target) {
            let (operation, _) = published(glance.operation()?, self.manner);
            times = Times::of(&operation.request.method, &heads.given);
            path = paths::digest(&operation.request.target);
        }
        if self.reading.session_by.is_some() {
            let client = self.reading.client(&glance.operation()?.request);
            self.notes
                .named
                .extend(client.map(|client| (place, client)));
        }
        let session = self.notes.session(&glance.session);
        let asked = credentials::in_query(&glance.target);
        if !asked.is_empty() {
            self.notes.asked.push((place, asked));
        }
        if !heads.is_empty() {
            self.notes.heads.push((place, heads));
        }
        self.notes.paths.push(path);
        self.notes.operations.push(Planned {
            id: glance.id,
            at: glance.at,
            answered: glance.answered,
            place: Place::Filed(self.file, spot),
            session,
            opened: None,
            lane: 0,
            epoch: 0,
            times,
            travels,
        });
        Some(())
    }

    fn notification(&mut self, notification: &mut Notification, spot: Spot) -> Option<()> {
        if spot.length() <= MAX_HELD {
            return Some(());
        }
        pushed::check(notification).ok()?;
        self.notes.filed.insert(notification.id, (self.file, spot));
        pushed::take_out(notification);
        Some(())
    }
}

impl Notes {
    /// The number of a session's name.
    pub(super) fn session(&mut self, name: &str) -> usize {
        let latest = self.operations.last().map(|planned| planned.session);
        let is_named = |session: &usize| {
            self.sessions
                .get(*session)
                .is_some_and(|session| session.name() == name)
        };
        if let Some(latest) = latest.filter(is_named) {
            return latest;
        }
        let known = self
            .sessions
            .iter()
            .position(|session| session.name() == name);
        known.unwrap_or_else(|| {
            self.sessions.push(Session::new(name));
            self.sessions.len() - 1
        })
    }
}

/// Whether a placeholder may stand in a content. The one that is known to be clean is not looked at again: many
/// answers are the same.
fn may_stand_in(clean: &mut String, content: &Content<'_>) -> bool {
    let json = match content {
        Content::None => return false,
        Content::Other => return true,
        Content::Json(json) => *json,
    };
    if json == clean {
        return false;
    }
    let may = standin::may_stand_in_json(json);
    if !may && json.len() <= MAX_REMEMBERED {
        clean.clear();
        clean.push_str(json);
    }
    may
}

impl Heads {
    /// What these header fields of a request and its response tell.
    pub(super) fn of(asked: &Headers, given: &Headers) -> Heads {
        Heads {
            shown: credentials::shown(asked.iter()),
            given: credentials::given(given.iter()),
            own: standin::given(given),
        }
    }

    fn is_empty(&self) -> bool {
        self.shown.is_empty() && self.given.is_empty() && self.own.is_empty()
    }
}

impl Texts {
    fn of(glance: &Glance<'_>) -> Texts {
        let Fields {
            asked,
            given,
            trailers,
        } = glance.fields;
        Texts {
            method: glance.method.clone().into_owned(),
            status: glance.status,
            asked: asked.to_owned(),
            given: given.to_owned(),
            trailers: trailers.to_owned(),
        }
    }

    fn are_of(&self, glance: &Glance<'_>) -> bool {
        let fields = Fields {
            asked: &self.asked,
            given: &self.given,
            trailers: &self.trailers,
        };
        fields == glance.fields && self.method == glance.method && self.status == glance.status
    }
}
