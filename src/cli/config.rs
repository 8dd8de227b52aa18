//! `antiphon.json5`: the settings of a project, which flags and the environment override.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;

use crate::compare::Json;
use crate::matcher::{Place, Rules};
use crate::normalizer::{self, Layout, Mending, Options};

use super::diff::DiffSettings;
use super::exit::{Because as _, Failure, Trouble};
use super::record::RecordSettings;
use super::redaction::RedactionSettings;
use super::serve::limits::LimitSettings;

/// The file that is read where no other is named.
const DEFAULT: &str = "antiphon.json5";

/// Where the settings stand.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigFlag {
    /// The settings file [default: antiphon.json5 in this directory, if there is one].
    #[arg(long, value_name = "FILE", env = "ANTIPHON_CONFIG")]
    config: Option<PathBuf>,
}

/// The settings. A name that is not one of these is an error.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Config {
    /// Where a server listens: `"127.0.0.1:8080"`.
    pub(super) listen: Option<String>,
    /// Where its admin port listens.
    pub(super) admin: Option<String>,
    /// The pace of a replay: `"instant"`, `"recorded"` or `"2x"`.
    pub(super) pace: Option<String>,
    /// What a miss does: `"refuse"`, `"stop"` or `"forward=URL"`.
    pub(super) on_miss: Option<String>,
    /// What an operation beyond the tape does: `"refuse"`, `"last"` or `"loop"`.
    pub(super) on_exhausted: Option<String>,
    /// What becomes of a client for whom no session is left: `"refuse"` or `"fork"`.
    pub(super) spare_sessions: Option<String>,
    /// After how many seconds a session that has no client goes on by itself, or `"never"`.
    pub(super) absent_after: Option<String>,
    /// The channel of imported notifications, instead of the one that the page's URL tells.
    pub(super) channel: Option<String>,
    /// The path of the Bayeux endpoint.
    pub(super) endpoint: Option<String>,
    /// What tells clients apart: `"cookie:NAME"`, `"header:NAME"` or `"field:NAME"`.
    pub(super) session_by: Option<String>,
    /// Whether the times inside bodies move to the present.
    pub(super) now: bool,
    /// Whether a value that never comes again may differ.
    pub(super) lenient: bool,
    /// How requests are compared.
    pub(super) r#match: Match,
    /// How much clients may have, and how long they are waited for.
    pub(super) limits: LimitSettings,
    /// What a recording does with the tape.
    pub(super) record: RecordSettings,
    /// The times of the Bayeux protocol.
    pub(super) bayeux: Bayeux,
    /// What is secret on a tape beside the usual.
    pub(super) redact: RedactionSettings,
    /// What is no difference between two tapes.
    pub(super) diff: DiffSettings,
}

/// How requests are compared. A place is written `body /POINTER`, `query NAME`, `header NAME` or
/// `path /NUMBER`, where `*` stands for any one step of a pointer.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Match {
    /// Places that may differ.
    ignore: Vec<String>,
    /// Places at which a client chooses nothing.
    fixed: Vec<String>,
    /// The header fields that are compared.
    headers: Vec<String>,
}

/// How the Bayeux protocol is spoken; times are in milliseconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Bayeux {
    /// How long a poll is held.
    pub(super) timeout: Option<u64>,
    /// How long a client may be silent between polls.
    pub(super) max_interval: Option<u64>,
    /// Whether clients are offered a WebSocket, where the tape does not show one.
    pub(super) websocket: bool,
}

/// A setting with where it stands, for the message about a wrong one.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) value: String,
    pub(super) origin: String,
}

impl Match {
    /// The rules that these settings make.
    fn rules(&self) -> anyhow::Result<Rules> {
        let places = |name: &str, places: &[String]| -> anyhow::Result<Vec<Place>> {
            let read = places.iter().map(|place| place.parse());
            read.collect::<Result<_, _>>()
                .with_context(|| format!("match.{name}"))
        };
        Ok(Rules {
            ignored: places("ignore", &self.ignore)?,
            fixed: places("fixed", &self.fixed)?,
            headers: self
                .headers
                .iter()
                .map(|name| name.to_ascii_lowercase())
                .collect(),
        })
    }
}

impl ConfigFlag {
    /// Reads the settings. No file where none was named is no settings.
    pub(super) fn read(&self) -> Result<Config, Failure> {
        let path = self.path();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && self.config.is_none() => {
                return Ok(Config::default());
            }
            Err(error) => {
                let context = format!("cannot read the settings {}", path.display());
                return Err(error).context(context).because(Trouble::Usage);
            }
        };
        parse(&text)
            .with_context(|| path.display().to_string())
            .because(Trouble::Usage)
    }

    /// The value that counts: the flag's (or the environment's, which clap puts in its place), else
    /// that of the file.
    pub(super) fn pick(
        &self,
        flag: (&str, Option<&String>),
        file: (&str, Option<String>),
    ) -> Option<Setting> {
        if let (name, Some(value)) = flag {
            let origin = format!("{name} (or {})", variable(name));
            return Some(Setting {
                value: value.clone(),
                origin,
            });
        }
        let (name, value) = file;
        let origin = format!("{}: {name}", self.path().display());
        value.map(|value| Setting { value, origin })
    }

    /// The rules that the settings make.
    pub(super) fn rules(&self, settings: &Match) -> anyhow::Result<Rules> {
        let rules = settings.rules();
        rules.with_context(|| self.path().display().to_string())
    }

    pub(super) fn path(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT))
    }
}

/// The environment variable of a flag.
pub(super) fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("ANTIPHON_{}", name.to_uppercase())
}

/// What a setting says; an error names where it stands.
pub(super) fn read<T>(
    setting: Option<Setting>,
    meaning: impl FnOnce(&str) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let read = |setting: Setting| meaning(&setting.value).context(setting.origin);
    setting.map(read).transpose()
}

fn parse(text: &str) -> anyhow::Result<Config> {
    let options = Options {
        mending: Mending::Refuse,
        layout: Layout::Compact,
    };
    let normalized = normalizer::normalize(text, options)?;
    if let Some(notice) = normalized.notices.first() {
        // What a sample becomes where that is found, and what counts then, is said behind it.
        let why = notice.why.split("; ").next().unwrap_or_default();
        let (line, column) = (notice.line, notice.column);
        bail!("{line}:{column}: {}: {why}", notice.was);
    }
    // The derived reader would take an array for a list of settings in order.
    let json = Json::parse(normalized.json.as_bytes());
    let within = |name| json.as_ref().and_then(|json| json.get(name));
    let objects = [
        json.as_ref(),
        within("bayeux"),
        within("diff"),
        within("limits"),
        within("match"),
        within("record"),
        within("redact"),
    ];
    if let Some(other) = objects.into_iter().flatten().find(|json| !json.is_object()) {
        bail!("expected an object, found {other}");
    }
    let mut reader = serde_json::Deserializer::from_str(&normalized.json);
    // The line and column are those of the JSON, and would mislead in the file.
    Config::deserialize(&mut reader).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message);
        match json.as_ref().and_then(fault) {
            Some(key) => anyhow!("{key}: {message}"),
            None => anyhow!("{message}"),
        }
    })
}

/// The first key that is wrong also where it stands alone, as `limits.drain`. The derived reader's message
/// has the value only.
fn fault(settings: &Json) -> Option<String> {
    let alone = |name: &str, value: Json| Json::Object(vec![(name.to_owned(), value)]);
    let wrong = |json: Json| serde_json::from_str::<Config>(&json.to_string()).is_err();
    let mut members = settings.members().iter();
    let (name, value) = members.find(|(name, value)| wrong(alone(name, value.clone())))?;
    let mut within = value.members().iter();
    let inner = within.find(|(key, inner)| wrong(alone(name, alone(key, inner.clone()))));
    Some(match inner {
        Some((key, _)) => format!("{name}.{key}"),
        None => name.clone(),
    })
}
