//! What `antiphon.json5` says of recordings under `record`, and how flags come before it.
//!
//! How many clients and bytes there may be stands under `limits`, and what is secret under `redact`.

use std::str::FromStr;

use anyhow::Context as _;
use serde::Deserialize;

use crate::cli::config::{ConfigFlag, read};

/// What a recording does where no flag says otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::cli) struct RecordSettings {
    /// What a completed operation survives: `"relaxed"`, `"written"` or `"synced"`.
    pub(super) durability: Option<String>,
    /// What becomes of traffic that cannot be recorded: `"pass"` or `"stop"`.
    pub(super) on_failure: Option<String>,
    /// What becomes of exchanges that are faster than the disk: `"wait"` or `"drop"`.
    pub(super) when_behind: Option<String>,
    /// For how many seconds they wait.
    pub(super) patience: Option<f64>,
    /// When another segment begins: `"64MiB"`, `"1h"` or `"never"`.
    pub(super) rotate: Option<String>,
    /// Which segments stay: `"10"`, `"10GiB"`, `"7d"` or `"all"`.
    pub(super) keep: Option<String>,
    /// Whether what is written is compressed.
    pub(super) compress: bool,
    /// Which operations alone are kept: methods, paths and content types.
    pub(super) only: Vec<String>,
    /// Which are left out.
    pub(super) except: Vec<String>,
    /// The paths whose responses are streams of JSON lines.
    pub(super) lines: Vec<String>,
}

/// What a flag says, else the file; an error names which of them, and where.
pub(super) fn chosen<T>(
    config: &ConfigFlag,
    flag: (&str, Option<&String>),
    file: (&str, Option<&String>),
) -> anyhow::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let (name, configured) = file;
    let picked = config.pick(flag, (name, configured.cloned()));
    read(picked, |text| Ok(text.parse::<T>()?))
}

/// The same for what may be given more than once: a flag takes the place of the file's whole list, and an empty
/// one leaves nothing of it.
pub(super) fn each<T>(
    config: &ConfigFlag,
    (flag, given): (&str, &[String]),
    (name, configured): (&str, &[String]),
) -> anyhow::Result<Vec<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let (origin, texts) = if given.is_empty() {
        (format!("{}: {name}", config.path().display()), configured)
    } else {
        (flag.to_owned(), given)
    };
    let empty = given.iter().all(String::is_empty) && !given.is_empty();
    let texts = if empty { &[] } else { texts };
    let each = texts.iter().map(|text| text.parse::<T>());
    each.collect::<Result<_, _>>().context(origin)
}
