//! The wire form of a gap: what a recording lacks, and why.
//!
//! `{"kind":"gap","at":…,"until":…,"events":…,"exchanges":…,"bytes":…,"uncertain":…,"why":"…"}`; a number
//! that is 0 is left out.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::exchange::{Gap, Micros};
use crate::tape::json::Writer;

use super::Kind;

/// A gap as it stands on a tape.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireGap {
    #[serde(rename = "kind")]
    _kind: Kind,
    at: u64,
    until: u64,
    #[serde(default, deserialize_with = "some")]
    events: u64,
    #[serde(default, deserialize_with = "some")]
    exchanges: u64,
    #[serde(default, deserialize_with = "some")]
    bytes: u64,
    #[serde(default, deserialize_with = "some")]
    uncertain: u64,
    why: String,
}

impl From<WireGap> for Gap {
    fn from(wire: WireGap) -> Self {
        Gap {
            at: Micros(wire.at),
            until: Micros(wire.until),
            events: wire.events,
            exchanges: wire.exchanges,
            bytes: wire.bytes,
            uncertain: wire.uncertain,
            why: wire.why,
        }
    }
}

/// Writes a gap.
pub(super) fn write(gap: &Gap) -> String {
    let counts = [
        ("events", gap.events),
        ("exchanges", gap.exchanges),
        ("bytes", gap.bytes),
        ("uncertain", gap.uncertain),
    ];
    let times = Writer::of_kind("gap")
        .number("at", gap.at.0)
        .number("until", gap.until.0);
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .fold(times, |object, (name, count)| object.number(name, count))
        .string("why", &gap.why)
        .end()
}

/// A count that is there, and so is not 0: that would be a second way to leave it out.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(D::Error::custom(
            "0: expected a number above it, or no such field",
        )),
        count => Ok(count),
    }
}
