//! `antiphon verify`: plays tapes to themselves.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::PathBuf;

use serde::Serialize;

use crate::exchange::counted;
use crate::player::{Present, Reading};
use crate::tape::Gaps;
use crate::verify::{self, Settings, Tapes, Verdict, VerifyError};

use super::config::ConfigFlag;
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::{output, serve, tapes};

/// How often tapes are played unless the user chooses.
const RUNS: u64 = 2;

/// Play tapes to themselves: a client for each session does what its session did, and must get what
/// that got. The first time without delays, then with random ones; the digest must be the same.
///
/// Prints the digest of the transcript. Without a tape, the one that antiphon carries in itself is
/// played.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// The tapes to play, at once: files or folders of segments; `-` reads stdin.
    #[arg(value_name = "TAPE")]
    tapes: Vec<PathBuf>,

    /// How often to play them; from the second time on with random delays.
    #[arg(long, value_name = "COUNT", default_value_t = RUNS, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,

    /// Where the random delays come from; the same seed makes the same [default: another each time].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,

    /// What tells clients apart: `cookie:NAME`, `header:NAME`, or `field:NAME` of a JSON or form body
    /// [default: what the tape tells of them].
    #[arg(long, value_name = "KIND:NAME", env = "ANTIPHON_SESSION_BY")]
    session_by: Option<String>,

    /// The path of the Bayeux endpoint [default: the one that the tape names].
    #[arg(long, value_name = "PATH", env = "ANTIPHON_ENDPOINT")]
    endpoint: Option<String>,

    /// Print one JSON document instead of the digest.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: ConfigFlag,
}

const EXAMPLES: &str = "\
Examples:
  antiphon verify chat.tape              can the tape be played to its end, the same each time?
  antiphon verify chat.tape --runs 100   with random delays, 99 times

The exit code is 0 if every run was as on the tapes; 1 if not: then what differs stands on stderr,
and where the conversation cannot go on, what waits for what.";

/// What came of it, for programs.
#[derive(Serialize)]
struct Document<'a> {
    verified: bool,
    digest: &'a str,
    sessions: usize,
    operations: usize,
    notifications: usize,
    runs: u64,
    seed: u64,
    microseconds: u128,
    differences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    gaps: Option<Gaps>,
}

impl Verify {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = self.config.read()?;
        let flag = ("--session-by", self.session_by.as_ref());
        let session_by = self.config.pick(flag, ("sessionBy", file.session_by));
        let flag = ("--endpoint", self.endpoint.as_ref());
        let endpoint = self.config.pick(flag, ("endpoint", file.endpoint));
        let endpoint = serve::endpoint(endpoint).because(Trouble::Usage)?;
        let reading = Reading {
            rules: self.config.rules(&file.r#match).because(Trouble::Usage)?,
            session_by: serve::session_by(session_by).because(Trouble::Usage)?,
            present: Present::Recorded,
        };
        let recordings = tapes::to_play(&self.tapes, &reading)?;
        let tapes = tapes::planned(Tapes::of(recordings, reading))?;
        let settings = Settings {
            endpoints: tapes::endpoints(tapes.plan(), endpoint),
            runs: self.runs,
            seed: self.seed.unwrap_or_else(any),
        };
        let verdict = serve::runtime()?.block_on(verify::verify(&tapes, &settings));
        let verdict = match verdict {
            Err(error @ VerifyError::Port(_)) => Err(error).because(Trouble::Io),
            other => other.because(Trouble::Tape),
        }?;
        self.tell(&verdict, &settings)
    }

    fn tell(&self, verdict: &Verdict, settings: &Settings) -> Result<Outcome, Failure> {
        let Verdict {
            sessions,
            operations,
            notifications,
            digest,
            took,
            differences,
            gaps,
        } = verdict;
        let Settings { runs, seed, .. } = settings;
        for difference in differences {
            output::say(&format!("difference: {difference}"));
        }
        let verified = differences.is_empty();
        let outcome = if verified {
            let seconds = took.as_secs_f64();
            output::say(&format!(
                "{}, {} and {}: as recorded, {} in {seconds:.2} s",
                counted(*sessions as u64, "session"),
                counted(*operations as u64, "operation"),
                counted(*notifications as u64, "notification"),
                counted(*runs, "time")
            ));
            Outcome::Done
        } else {
            output::say(&format!(
                "not as recorded (--seed {seed} makes the same delays)"
            ));
            Outcome::Different
        };
        if self.json {
            let document = Document {
                verified,
                digest,
                sessions: *sessions,
                operations: *operations,
                notifications: *notifications,
                runs: *runs,
                seed: *seed,
                microseconds: took.as_micros(),
                differences,
                gaps: (!gaps.is_empty()).then_some(*gaps),
            };
            let text = serde_json::to_string_pretty(&document).because(Trouble::Io)?;
            output::data(&format!("{text}\n"))?;
        } else if verified {
            output::data(&format!("{digest}\n"))?;
        }
        Ok(outcome)
    }
}

/// Another number each time.
pub(super) fn any() -> u64 {
    RandomState::new().build_hasher().finish()
}
