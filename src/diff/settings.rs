//! What is no difference between two tapes, though it differs.

use crate::exchange::Session;
use crate::exchange::secret::NamePattern;
use crate::matcher::{Part, Place, Rules};

/// How two tapes are compared.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How requests are compared on replay: what may differ there is no difference here. The header fields that
    /// they name are compared in responses too.
    pub requests: Rules,
    /// Places in requests, responses and notifications that may differ. The content of each is a body.
    pub places: Vec<Place>,
    /// Fields of these names may differ, wherever they stand: in JSON, forms and queries.
    pub names: Vec<NamePattern>,
    /// Sessions that are one, by their names on the left tape and on the right one.
    pub sessions: Vec<(Session, Session)>,
    /// What becomes of values that stand for one another throughout.
    pub renames: Renames,
}

/// What becomes of values that stand for one another throughout: identifiers, tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renames {
    /// They differ.
    #[default]
    Differ,
    /// They are the same.
    Same,
}

/// Whether a place is in a request or in something that the service said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Request,
    Back,
}

impl Settings {
    /// Whether what stands at a place may differ.
    pub(super) fn ignores(&self, said: Said, part: Part, pointer: &str) -> bool {
        let mut places = self.places.iter();
        places.any(|place| place.holds(part, pointer))
            || (said == Said::Request && self.requests.ignores(part, pointer))
    }

    /// Whether a field of this name may differ.
    pub(super) fn ignores_name(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| pattern.means(name))
    }
}
