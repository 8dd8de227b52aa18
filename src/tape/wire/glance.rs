//! An operation as it stands on a line of a tape: checked as a whole, and taken apart only as far as it must
//! be to be found again.
//!
//! What it accepts, and what that means, is the same as where an operation is read; what it costs is not.
//! Bodies and header fields stay where they are.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::value::RawValue;

use super::body::{BodyForm, MAX_EMBEDDED_BYTES, is_shallow};
use super::field::{True, WireStatus, WireValue};
use super::stream::WireForm;
use super::{Kind, WireRepair, quick};
use crate::exchange::{Form, Headers, Micros, Operation, OperationId};
use crate::tape::json::{Object, present};

/// How the line of an operation begins, as capture writes it.
pub(in crate::tape) const OPERATION: &str = r#"{"kind":"operation","#;

/// An operation where it stands.
#[derive(Debug)]
pub struct Glance<'a> {
    /// Its object on the tape.
    pub text: &'a str,
    /// Its number.
    pub id: OperationId,
    /// Whose it is, by the name that stands there.
    pub session: Cow<'a, str>,
    /// When the request arrived.
    pub at: Micros,
    /// When the response was there.
    pub answered: Micros,
    /// How it travelled.
    pub form: Form,
    /// The method.
    pub method: Cow<'a, str>,
    /// The target.
    pub target: Cow<'a, str>,
    /// What it has of header fields.
    pub fields: Fields<'a>,
    /// The status of the response, where there is one.
    pub status: Option<u16>,
    /// The contents of the request and the response.
    pub contents: [Content<'a>; 2],
    /// What of it is the same as in the operation that was looked at before.
    pub same: Same,
    /// What stands behind the target, where it was read letter by letter.
    pub(super) behind: &'a str,
}

/// What of an operation is known to be the same as in the one before: what was found out of it there holds here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Same {
    /// The method, the status and the header fields.
    pub head: Likeness,
    /// The contents, in their order.
    pub contents: [Likeness; 2],
}

/// Whether something is the same as it was before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Likeness {
    /// To the letter.
    Same,
    /// Nobody has compared it, or it is another.
    #[default]
    Unknown,
}

/// As much of an operation as the next one is compared with.
#[derive(Clone, Copy, Debug)]
pub(in crate::tape) struct Before<'a> {
    pub(super) form: Form,
    pub(super) method: &'a str,
    pub(super) status: Option<u16>,
    pub(super) fields: Fields<'a>,
    pub(super) contents: [Content<'a>; 2],
    /// What stands behind its target, if it was read letter by letter: where the same stands there again, all that
    /// is above is the same.
    pub(super) behind: &'a str,
}

impl Same {
    /// All is the same.
    pub(super) const ALL: Same = Same {
        head: Likeness::Same,
        contents: [Likeness::Same; 2],
    };
}

/// The header fields of an operation, as JSON; equal texts are equal fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Those of the request.
    pub asked: &'a str,
    /// Those of the response.
    pub given: &'a str,
    /// The trailer fields of the response.
    pub trailers: &'a str,
}

/// The content of a message where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// There is none.
    None,
    /// This JSON, but for white space between its tokens.
    Json(&'a str),
    /// Anything else.
    Other,
}

/// No header fields, as JSON.
pub(super) const NO_FIELDS: &str = "[]";

impl<'a> Glance<'a> {
    /// Looks at an operation, perhaps one behind another; `None` where its object cannot be read.
    pub(in crate::tape) fn at(text: &'a str, before: Option<&Before<'a>>) -> Option<Glance<'a>> {
        quick::glance(text, before).or_else(|| Glance::by_json(text))
    }

    /// What the next operation is compared with; `None` where that is not worth it.
    pub(in crate::tape) fn before(&self) -> Option<Before<'a>> {
        let Cow::Borrowed(method) = self.method else {
            return None;
        };
        Some(Before {
            form: self.form,
            method,
            status: self.status,
            fields: self.fields,
            contents: self.contents,
            behind: self.behind,
        })
    }

    /// The same for any order and spelling.
    pub(super) fn by_json(text: &'a str) -> Option<Glance<'a>> {
        let wire: WireGlance<'a> = serde_json::from_str(text).ok()?;
        let form = wire.form.map_or(Form::Exchange, Form::from);
        if wire.response.is_none() && !matches!(form, Form::Message(_)) {
            return None;
        }
        let Object(asked) = wire.request;
        let answer = wire.response.map(|Object(response)| response);
        let of_answer = |field: fn(&WireAnswer<'a>) -> Option<&'a RawValue>| {
            answer
                .as_ref()
                .and_then(field)
                .map_or(NO_FIELDS, RawValue::get)
        };
        Some(Glance {
            text,
            id: OperationId(wire.id),
            session: wire.session,
            at: Micros(wire.at),
            answered: Micros(wire.answered),
            form,
            method: asked.method,
            target: asked.target,
            fields: Fields {
                asked: asked.headers.get(),
                given: of_answer(|answer| Some(answer.headers)),
                trailers: of_answer(|answer| answer.trailers),
            },
            status: answer.as_ref().map(|answer| answer.status.0),
            contents: [
                asked.body.0,
                answer.map_or(Content::None, |answer| answer.body.0),
            ],
            same: Same::default(),
            behind: "",
        })
        .filter(|glance| {
            let Fields {
                asked: of_request,
                given,
                trailers,
            } = glance.fields;
            let of_asked = asked.trailers.map_or(NO_FIELDS, RawValue::get);
            wire.repairs.is_empty()
                && [of_request, of_asked, given, trailers]
                    .into_iter()
                    .all(is_fields)
        })
    }

    /// The operation as a whole; `None` where it cannot be read.
    pub fn operation(&self) -> Option<Operation> {
        operation(self.text)
    }
}

impl Fields<'_> {
    /// The fields of the request, of the response, and behind its content; `None` where they are none.
    pub fn read(&self) -> Option<[Headers; 3]> {
        let [asked, given, trailers] =
            [self.asked, self.given, self.trailers].map(quick::any_headers);
        Some([asked?, given?, trailers?])
    }
}

/// The operation that an object on a tape is; `None` where it is none.
pub(in crate::tape) fn operation(text: &str) -> Option<Operation> {
    let begins = text.starts_with(OPERATION);
    let read = || quick::operation(text).or_else(|| super::read_operation(text).ok());
    begins.then(read).flatten()
}

/// Whether this is a list of header fields.
fn is_fields(text: &str) -> bool {
    serde_json::from_str::<Vec<(String, WireValue)>>(text).is_ok()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireGlance<'a> {
    #[serde(rename = "kind")]
    _kind: Kind,
    id: u64,
    #[serde(borrow)]
    session: Cow<'a, str>,
    at: u64,
    answered: u64,
    #[serde(default, deserialize_with = "present")]
    form: Option<WireForm>,
    #[serde(borrow)]
    request: Object<WireAsked<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    response: Option<Object<WireAnswer<'a>>>,
    #[serde(default, deserialize_with = "present", rename = "truncated")]
    _truncated: Option<True>,
    #[serde(default)]
    repairs: Vec<Object<WireRepair>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAsked<'a> {
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    target: Cow<'a, str>,
    #[serde(borrow)]
    headers: &'a RawValue,
    #[serde(borrow, default)]
    body: GlanceBody<'a>,
    #[serde(borrow, default)]
    trailers: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireAnswer<'a> {
    status: WireStatus,
    #[serde(borrow)]
    headers: &'a RawValue,
    #[serde(borrow, default)]
    body: GlanceBody<'a>,
    #[serde(borrow, default)]
    trailers: Option<&'a RawValue>,
}

struct GlanceBody<'a>(Content<'a>);

impl Default for GlanceBody<'_> {
    fn default() -> Self {
        GlanceBody(Content::None)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for GlanceBody<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(form) = Object::<BodyForm<'de>>::deserialize(deserializer)?;
        match form.plain_json() {
            Some(json) if json.len() <= MAX_EMBEDDED_BYTES && is_shallow(json) => {
                Ok(GlanceBody(Content::Json(json)))
            }
            _ => match form.body() {
                Ok(_) => Ok(GlanceBody(Content::Other)),
                Err(why) => Err(serde::de::Error::custom(why)),
            },
        }
    }
}
