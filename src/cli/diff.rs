//! `antiphon diff`: what two tapes differ in, for people, or as one JSON document for programs.

mod document;
mod listing;

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use serde::Deserialize;

use crate::diff::{Change, Renames, Seen, Settings, Tally, diff};
use crate::exchange::{Session, counted};
use crate::tape::{Event, Walk};

use super::config::{Config, ConfigFlag};
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::output::Unwritten;
use super::{output, tapes};

/// Show what two tapes differ in.
///
/// Compared are, session by session and in their order, the operations (method, path, query and content, status
/// and the response's content), the notifications with the operations that they are due after, handshakes,
/// subscriptions and how streams ended. No difference are numbers and times of events, header fields (but for those
/// that `match.headers` of antiphon.json5 names), pings and comments, what `match.ignore` says of requests, and
/// the pseudonyms of two redacted tapes where each stands for the other throughout.
/// Sessions of the same name are one; those that are left are taken in the order in which they appear.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Diff {
    /// The one tape, a file or a folder of segments; `-` reads stdin.
    left: PathBuf,
    /// The other tape.
    right: PathBuf,

    /// Fields of this name may differ, wherever they stand; `*` stands for anything. May be given again.
    #[arg(long, value_name = "NAME")]
    ignore: Vec<String>,

    /// What stands here may differ: `body /POINTER` (in requests, responses and notifications, without the
    /// `/request`, `/response` or `/data` that a difference is shown with), `query NAME`, `header NAME` or
    /// `path /NUMBER`; `*` stands for one step. May be given again.
    #[arg(long, value_name = "PLACE")]
    ignore_at: Vec<String>,

    /// Values that stand for one another throughout, at two places or more, are the same: identifiers that the
    /// service made anew. They are listed.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    renamed: Option<bool>,

    /// These two sessions are one, whatever they are called. May be given again.
    #[arg(long = "session", value_name = "LEFT=RIGHT")]
    sessions: Vec<String>,

    /// Write one JSON document for programs.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: ConfigFlag,
}

const EXAMPLES: &str = "\
Examples:
  antiphon diff monday.tape tuesday.tape
  antiphon diff monday.tape tuesday.tape --renamed --ignore 'timestamp*' --ignore duration
  antiphon diff monday.tape tuesday.tape --session agent1=agent7
  antiphon diff recordings/desk.tape today.tape --json | jq '.changes[] | select(.kind == \"notification\")'

The exit code is 0 if nothing differs, and 1 if something does.";

/// What is called with each change.
type Tell<'a> = &'a mut dyn FnMut(&Change) -> Result<(), Unwritten>;

/// What may differ between two tapes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct DiffSettings {
    /// Names of fields.
    ignore: Vec<String>,
    /// Places, as those of `match.ignore`.
    ignore_at: Vec<String>,
    /// Whether values that stand for one another throughout are the same.
    renamed: bool,
}

impl Diff {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = self.config.read()?;
        let settings = self.settings(&file).because(Trouble::Usage)?;
        if tapes::is_piped(&self.left) && tapes::is_piped(&self.right) {
            return Err(anyhow!("only one of the two tapes can be read from stdin"))
                .because(Trouble::Usage);
        }
        let see = |event: &Event| Seen::of(event, &settings);
        let left = tapes::walk(&self.left, &see)?;
        let right = tapes::walk(&self.right, &see)?;
        let names = [tapes::name(&self.left), tapes::name(&self.right)];
        say_unknown(&settings, [&left, &right], &names);
        let mut compared = None;
        output::stream(|out| {
            let diff = |tell: Tell<'_>| diff(&left, &right, &settings, tell);
            compared = Some(if self.json {
                document::write(&names, out, diff)?
            } else {
                listing::write(&names, out, diff)?
            });
            Ok(())
        })?;
        let Some(compared) = compared else {
            // Whoever read has gone away, and has had a change then.
            return Ok(Outcome::Different);
        };
        let Tally {
            same,
            changed,
            left,
            right,
        } = compared.tally;
        if compared.pseudonyms > 0 {
            output::say(&format!(
                "notice: {} on each tape, with a key of its own: whether they are the same nobody can say, \
                 and where each stands for the other throughout that is no difference",
                counted(compared.pseudonyms as u64, "pseudonym")
            ));
        }
        output::say(&format!(
            "{} the same, {changed} differ, {left} only on the first tape, {right} only on the second",
            counted(same, "event")
        ));
        Ok(if compared.tally.is_same() {
            Outcome::Done
        } else {
            Outcome::Different
        })
    }

    fn settings(&self, file: &Config) -> anyhow::Result<Settings> {
        let path = self.config.path().display();
        let of_file = |name: &str| format!("{path}: diff.{name}");
        let mut settings = Settings {
            requests: self.config.rules(&file.r#match)?,
            ..Settings::default()
        };
        let names = [
            (&self.ignore, "--ignore".to_owned()),
            (&file.diff.ignore, of_file("ignore")),
        ];
        for (names, origin) in names {
            for name in names {
                let pattern = name.parse().with_context(|| origin.clone())?;
                settings.names.push(pattern);
            }
        }
        let places = [
            (&self.ignore_at, "--ignore-at".to_owned()),
            (&file.diff.ignore_at, of_file("ignoreAt")),
        ];
        for (places, origin) in places {
            for place in places {
                settings
                    .places
                    .push(place.parse().with_context(|| origin.clone())?);
            }
        }
        for pair in &self.sessions {
            let (left, right) = pair
                .split_once('=')
                .filter(|(left, right)| !left.is_empty() && !right.is_empty())
                .ok_or_else(|| anyhow!("--session {pair:?}: expected LEFT=RIGHT"))?;
            let taken =
                |(one, other): &(Session, Session)| one.name() == left || other.name() == right;
            if settings.sessions.iter().any(taken) {
                return Err(anyhow!(
                    "--session {pair:?}: one of the two has another already"
                ));
            }
            settings
                .sessions
                .push((Session::new(left), Session::new(right)));
        }
        if self.renamed.unwrap_or(file.diff.renamed) {
            settings.renames = Renames::Same;
        }
        Ok(settings)
    }
}

/// Says which of the sessions that the user named a tape does not have.
fn say_unknown(settings: &Settings, [left, right]: [&Walk<Option<Seen>>; 2], names: &[String; 2]) {
    let [left_name, right_name] = names;
    let sessions = settings.sessions.iter();
    tapes::say_unknown(
        left_name,
        left,
        sessions.clone().map(|(left, _)| left.name()),
    );
    tapes::say_unknown(right_name, right, sessions.map(|(_, right)| right.name()));
}
