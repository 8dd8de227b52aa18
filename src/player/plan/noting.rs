//! Takes note of events where they stand in their file: of what a plan needs at once, and where the rest is.
//!
//! Of whatever needs a closer look it takes none: of what cannot be sent, and of placeholders, in whose place other
//! values are to stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::exchange::credentials::{self, Credential};
use crate::exchange::{Headers, Notification, Session};
use crate::player::settings::Reading;
use crate::player::standin;
use crate::tape::reel::{Reader, Spot};
use crate::tape::{Content, Glance, Likeness};

use super::pushed::{self, Filed};
use super::shelf::{Manner, published};
use super::{Planned, Times, Travels, adding, narrow, paths};

/// The longest line of a notification that is held in memory, in bytes. What is known of each takes as much in any
/// case, and to read it again where it is delivered takes longer than to send so little.
const MAX_HELD: u32 = 512;

/// Reads a piece of a tape.
pub(super) struct Noting<'a> {
    pub(super) file: u32,
    pub(super) manner: &'a Manner,
    pub(super) reading: &'a Reading,
    placeholders: Placeholders,
    pub(super) notes: Notes,
    /// What the header fields of the latest operation tell.
    last: Option<Arc<Heads>>,
    /// How the contents of its request and of its response look.
    looks: [Look; 2],
    /// How a target began, up to its last segment, in which all is plain and no placeholder stands: so do many.
    base: String,
}

/// What is to be done about placeholders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placeholders {
    Sought,
    /// Other values stand in their places, and what still looks like one is none.
    Replaced,
}

/// Whether a placeholder may stand in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Look {
    #[default]
    Clean,
    Suspect,
}

/// What was noted.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// The operations; the session of each is the number of its name.
    pub(super) operations: Vec<Planned>,
    /// The digests of their paths.
    pub(super) paths: Vec<u32>,
    /// Which of them open streams.
    pub(super) openings: Vec<usize>,
    pub(super) sessions: Vec<Session>,
    /// The number of each of them, by the name that stands there.
    numbers: BTreeMap<Session, usize>,
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

impl<'a> Noting<'a> {
    pub(super) fn new(
        file: u32,
        manner: &'a Manner,
        reading: &'a Reading,
        placeholders: Placeholders,
    ) -> Self {
        Noting {
            file,
            manner,
            reading,
            placeholders,
            notes: Notes::default(),
            last: None,
            looks: Default::default(),
            base: String::new(),
        }
    }

    /// What the header fields of an operation tell; `None` where they cannot be sent, or hold a placeholder.
    fn heads(&mut self, glance: &Glance<'_>) -> Option<Arc<Heads>> {
        if let Some(heads) = &self.last
            && glance.same.head == Likeness::Same
        {
            return Some(Arc::clone(heads));
        }
        let [asked, given, trailers] = glance.fields.read()?;
        let sendable = adding::are_sendable(&given) && adding::are_sendable(&trailers);
        let covered = self.placeholders == Placeholders::Sought
            && (standin::may_hold(&asked) || standin::may_hold(&given));
        if !sendable || covered || !adding::is_method(&glance.method) {
            return None;
        }
        if let Some(status) = glance.status
            && !adding::is_final(status, glance.form)
        {
            return None;
        }
        let heads = Arc::new(Heads::of(&asked, &given));
        self.last = Some(Arc::clone(&heads));
        Some(heads)
    }

    /// How a target looks; `None` where it is none.
    fn target(&mut self, target: &str) -> Option<Look> {
        if let Some(rest) = target.strip_prefix(&self.base)
            && !self.base.is_empty()
            && adding::is_plain(rest)
        {
            return Some(Look::at_target(rest));
        }
        if !adding::is_target(target) {
            return None;
        }
        let look = Look::at_target(target);
        if look == Look::Clean
            && let Some((base, _)) = target.rsplit_once('/')
            && adding::is_plain(target)
        {
            self.base.clear();
            self.base.extend([base, "/"]);
        }
        Some(look)
    }

    /// Whether an operation holds a placeholder. Few look as if they might, and are read as a whole.
    fn holds_placeholder(&mut self, glance: &Glance<'_>, target: Look) -> bool {
        if self.placeholders == Placeholders::Replaced {
            return false;
        }
        let contents = glance.contents.iter().zip(glance.same.contents);
        for (look, (content, likeness)) in self.looks.iter_mut().zip(contents) {
            if likeness == Likeness::Unknown {
                *look = Look::at(content);
            }
        }
        let may = self.looks.contains(&Look::Suspect) || target == Look::Suspect;
        may && glance
            .operation()
            .is_none_or(|operation| standin::may_hold_one(&operation))
    }
}

impl Reader for Noting<'_> {
    fn operation(&mut self, glance: &Glance<'_>, spot: Spot) -> Option<()> {
        let heads = self.heads(glance)?;
        let target = self.target(&glance.target)?;
        if self.holds_placeholder(glance, target) {
            return None;
        }
        let place = self.notes.operations.len();
        let travels = Travels::of(glance.form);
        let mut times = Times::of(&glance.method, &heads.given);
        let path = paths::path(&glance.target);
        let mut digest = paths::digest(path);
        // What is published has another method and another path.
        if self.manner.may_publish(path) {
            let mut operation = glance.operation()?;
            published(&mut operation, self.manner);
            times = Times::of(&operation.request.method, &heads.given);
            digest = paths::digest(paths::path(&operation.request.target));
        }
        if self.reading.session_by.is_some() {
            let client = self.reading.client(&glance.operation()?.request);
            self.notes
                .named
                .extend(client.map(|client| (place, client)));
        }
        let session = self.notes.session(&glance.session);
        if path.len() < glance.target.len() {
            let asked = credentials::in_query(&glance.target);
            self.notes
                .asked
                .extend((!asked.is_empty()).then_some((place, asked)));
        }
        if !heads.is_empty() {
            self.notes.heads.push((place, heads));
        }
        self.notes.paths.push(digest);
        self.notes.openings.extend(travels.opens().map(|_| place));
        self.notes.operations.push(Planned {
            id: glance.id,
            at: glance.at,
            answered: glance.answered,
            file: self.file,
            spot,
            session: narrow(session),
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
        let latest = self.operations.last().map(Planned::session);
        let is_named = |session: &usize| {
            self.sessions
                .get(*session)
                .is_some_and(|session| session.name() == name)
        };
        if let Some(latest) = latest.filter(is_named) {
            return latest;
        }
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let (session, number) = (Session::new(name), self.sessions.len());
        self.numbers.insert(session.clone(), number);
        self.sessions.push(session);
        number
    }
}

impl Look {
    fn at_target(part: &str) -> Look {
        if standin::may_stand_in_target(part) {
            Look::Suspect
        } else {
            Look::Clean
        }
    }

    fn at(content: &Content<'_>) -> Look {
        match content {
            Content::Json(json) if standin::may_stand_in_json(json) => Look::Suspect,
            Content::None | Content::Json(_) => Look::Clean,
            Content::Other => Look::Suspect,
        }
    }
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
