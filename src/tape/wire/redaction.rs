//! The wire form of what a tape says of its redaction: `{}` for the usual rules alone.
//!
//! Rules that are none are refused here, so that whoever has a tape has rules that work.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::tape::json::{Object, Writer, present, quote};
use crate::tape::redaction::{Extent, Personal, Redaction, Rules};

use super::field::True;

pub(super) struct WireRedaction(pub(super) Redaction);

impl<'de> Deserialize<'de> for WireRedaction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(form) = Object::<Form>::deserialize(deserializer)?;
        let redaction = Redaction {
            added: form.added,
            exempted: form.exempted,
            pointers: form.pointers,
            patterns: form.patterns,
            personal: match form.personal {
                Some(True) => Personal::Replaced,
                None => Personal::Kept,
            },
            extent: match form.partly {
                Some(True) => Extent::Part,
                None => Extent::Whole,
            },
        };
        match Rules::new(&redaction) {
            Ok(_) => Ok(WireRedaction(redaction)),
            Err(error) => Err(D::Error::custom(format!("`redacted`: {error}"))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    #[serde(default)]
    added: Vec<String>,
    #[serde(default)]
    exempted: Vec<String>,
    #[serde(default)]
    pointers: Vec<String>,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    personal: Option<True>,
    #[serde(default, deserialize_with = "present")]
    partly: Option<True>,
}

/// Writes it.
pub(super) fn write(redaction: &Redaction) -> String {
    let list = |texts: &[String]| {
        texts
            .iter()
            .map(|text| quote(text))
            .collect::<Vec<_>>()
            .into_iter()
    };
    let personal = match redaction.personal {
        Personal::Kept => None,
        Personal::Replaced => Some("true".to_owned()),
    };
    let partly = match redaction.extent {
        Extent::Whole => None,
        Extent::Part => Some("true".to_owned()),
    };
    Writer::new()
        .optional_list("added", list(&redaction.added))
        .optional_list("exempted", list(&redaction.exempted))
        .optional_list("pointers", list(&redaction.pointers))
        .optional_list("patterns", list(&redaction.patterns))
        .optional_raw("personal", personal)
        .optional_raw("partly", partly)
        .end()
}
