//! The JSON in which a live request is refused: what is wrong, the closest recorded operation, and
//! each place where it differs. Never a guess.

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::exchange::Request;
use crate::matcher::{Breach, Mismatch};

use super::plan::Recorded;

/// A longer value is told by its size: a refusal is for reading.
const MAX_SHOWN: usize = 16 * 1024;

/// A refusal, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// What is refused.
    pub(crate) kind: Kind,
    /// The status code.
    pub(crate) status: u16,
    /// A JSON document.
    pub(crate) document: Bytes,
    /// Its message alone.
    pub(crate) message: String,
}

/// What is refused, as programs read it in the document's `error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No recorded operation answers the request.
    Miss,
    /// One does, and it has been answered as often as it was recorded.
    Exhausted,
    /// One does, and the tape has only the beginning of its response.
    Cut,
    /// The request breaks a rule of the page.
    Contract,
    /// The request asks for a session that there is not.
    Session,
    /// The request cannot be read.
    Malformed,
    /// The request has more content than is read.
    TooLarge,
    /// The service that the request was sent on to gave no answer.
    Upstream,
    /// The tape was changed while it is played.
    Tape,
}

#[derive(Serialize)]
struct Document<'a> {
    error: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    near_miss: Option<NearMiss<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Vec<Place<'a>>>,
}

#[derive(Serialize)]
struct NearMiss<'a> {
    operation: u64,
    session: &'a str,
    method: &'a str,
    target: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    r#in: &'static str,
    pointer: &'a str,
    /// `null` also where nothing stands there: `kind` tells.
    recorded: Option<Box<RawValue>>,
    live: Option<Box<RawValue>>,
    kind: &'static str,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Miss => "miss",
            Kind::Exhausted => "exhausted",
            Kind::Cut => "cut",
            Kind::Contract => "contract",
            Kind::Session => "session",
            Kind::Malformed => "malformed",
            Kind::TooLarge => "too_large",
            Kind::Upstream => "upstream",
            Kind::Tape => "tape",
        }
    }

    /// Whether the service itself could answer.
    pub(crate) fn is_miss(self) -> bool {
        match self {
            Kind::Miss | Kind::Exhausted | Kind::Cut => true,
            Kind::Contract
            | Kind::Session
            | Kind::Malformed
            | Kind::TooLarge
            | Kind::Upstream
            | Kind::Tape => false,
        }
    }

    fn status(self) -> u16 {
        match self {
            Kind::Miss | Kind::Exhausted | Kind::Cut | Kind::Session => 404,
            Kind::Contract | Kind::Malformed => 400,
            Kind::TooLarge => 413,
            Kind::Upstream => 502,
            Kind::Tape => 500,
        }
    }
}

impl Refusal {
    /// A refusal that is all said in its message.
    pub(crate) fn plain(kind: Kind, message: String) -> Refusal {
        Refusal::of(kind, message, |_| {})
    }

    /// A request that breaks a rule.
    pub(super) fn breach(live: &Request, breach: &Breach) -> Refusal {
        let message = format!("{} {}: {}", live.method, live.target, breach.rule);
        Refusal::of(Kind::Contract, message, |document| {
            document.field = Some(&breach.field);
            document.rule = Some(&breach.rule);
        })
    }

    /// An operation that was answered as often as it was recorded.
    pub(super) fn exhausted(
        live: &Request,
        planned: &Recorded,
        session: &str,
        recorded: usize,
    ) -> Refusal {
        let message = format!(
            "{} {} comes more often than it was recorded ({recorded})",
            live.method, live.target
        );
        Refusal::of(Kind::Exhausted, message, |document| {
            document.near_miss = Some(NearMiss::of(planned, session));
            document.differences = Some(Vec::new());
        })
    }

    /// A request that nothing answers, with the closest operation and how it differs.
    pub(super) fn miss(
        live: &Request,
        near: Option<(&Recorded, &str, &[Mismatch])>,
        seat: Option<&str>,
    ) -> Refusal {
        let message = format!(
            "no recorded operation answers {} {}",
            live.method, live.target
        );
        Refusal::of(Kind::Miss, message, |document| {
            let Some((planned, session, mismatches)) = near else {
                return;
            };
            document.near_miss = Some(NearMiss::of(planned, session));
            let mut differences: Vec<Place<'_>> = mismatches.iter().map(Place::of).collect();
            if let Some(seat) = seat.filter(|seat| *seat != session) {
                differences.push(Place::session(session, seat));
            }
            document.differences = Some(differences);
        })
    }

    fn of<'a>(kind: Kind, message: String, fill: impl FnOnce(&mut Document<'a>)) -> Refusal {
        let mut document = Document {
            error: kind.name(),
            message: "",
            field: None,
            rule: None,
            near_miss: None,
            differences: None,
        };
        fill(&mut document);
        let document = Document {
            message: &message,
            ..document
        };
        // Nothing in the document can fail to be written.
        let document = serde_json::to_vec_pretty(&document)
            .unwrap_or_default()
            .into();
        Refusal {
            kind,
            status: kind.status(),
            document,
            message,
        }
    }
}

impl<'a> NearMiss<'a> {
    fn of(planned: &'a Recorded, session: &'a str) -> Self {
        let request = &planned.operation().request;
        NearMiss {
            operation: planned.operation().id.0,
            session,
            method: &request.method,
            target: &request.target,
        }
    }
}

impl<'a> Place<'a> {
    fn of(mismatch: &'a Mismatch) -> Self {
        let (recorded, live) = (
            mismatch.recorded().and_then(raw),
            mismatch.live().and_then(raw),
        );
        let kind = match (&recorded, &live) {
            (Some(_), None) => "missing",
            (None, Some(_)) => "extra",
            _ => "changed",
        };
        Place {
            r#in: mismatch.part.name(),
            pointer: &mismatch.difference.pointer,
            recorded,
            live,
            kind,
        }
    }

    /// The request came from the client of another session.
    fn session(recorded: &str, live: &str) -> Self {
        let name = |name: &str| raw(serde_json::Value::from(name).to_string());
        Place {
            r#in: "session",
            pointer: "",
            recorded: name(recorded),
            live: name(live),
            kind: "changed",
        }
    }
}

/// A value as a refusal shows it.
fn raw(json: String) -> Option<Box<RawValue>> {
    let long = json.len() > MAX_SHOWN;
    let told = || serde_json::Value::from(format!("{} bytes of JSON", json.len())).to_string();
    RawValue::from_string(if long { told() } else { json }).ok()
}
