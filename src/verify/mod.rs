//! Plays tapes to themselves: the player on a port of this machine, and a client for each session that
//! does what its session did. What the clients get is compared with the tapes, and run with run.
//!
//! It changes no tape, and it judges nothing but whether the tapes can be played to their end, the
//! same each time.

mod actor;
mod board;
mod difference;
mod jitter;
mod listening;
mod script;
mod sockets;
mod subscriber;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::exchange::Fact;
use crate::listen::{self, Limits, Sockets};
use crate::player::{self, Absence, Plan, PlanError, Reading, Reconnections, Recording, Replay};
use crate::tape::Gaps;

use actor::Actor;
use board::Board;
use jitter::Jitter;
use script::Script;

/// The tapes that are verified. What they hold of operations and long notifications stays in their files.
#[derive(Debug)]
pub struct Tapes {
    plan: Arc<Plan>,
    /// What the sessions of each did beside calling and hearing.
    facts: Vec<Vec<Fact>>,
}

/// How tapes are verified.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The paths of the Bayeux endpoints; the first is that of sessions whose tape names none.
    pub endpoints: Vec<String>,
    /// How often the tapes are played; the first time without delays.
    pub runs: u64,
    /// Where the delays of the other times come from.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// How many sessions took part.
    pub sessions: usize,
    /// How many operations they called in each run.
    pub operations: usize,
    /// How many notifications they heard in each run.
    pub notifications: usize,
    /// The digest of the first run's transcript.
    pub digest: String,
    /// How long all runs took.
    pub took: Duration,
    /// What the tapes lack: that is not verified.
    pub gaps: Gaps,
    /// What was not as on the tapes, or not the same each time: the first of each run.
    pub differences: Vec<String>,
}

/// Why tapes cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// They cannot be played.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no port to play them on.
    #[error("cannot open a port to play on: {0}")]
    Port(#[from] io::Error),
}

/// What one run came to.
struct Ran {
    digest: String,
    differences: Vec<String>,
}

impl Tapes {
    /// The tapes of these recordings, whose requests are read so.
    pub fn of(recordings: Vec<Recording>, reading: Reading) -> Result<Tapes, PlanError> {
        let facts = recordings.iter().map(Recording::facts).collect();
        let plan = Arc::new(Plan::play(recordings, reading)?);
        Ok(Tapes { plan, facts })
    }

    /// What a replay plays of them.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }
}

/// Plays tapes to themselves.
pub async fn verify(tapes: &Tapes, settings: &Settings) -> Result<Verdict, VerifyError> {
    let began = Instant::now();
    let scripts = script::of(&tapes.plan, &tapes.facts, settings);
    let mut verdict = Verdict {
        sessions: scripts.len(),
        operations: scripts.iter().map(Script::operations).sum(),
        notifications: scripts.iter().map(Script::notifications).sum(),
        digest: String::new(),
        took: Duration::ZERO,
        gaps: tapes.plan.gaps(),
        differences: Vec::new(),
    };
    for number in 1..=settings.runs {
        let ran = run(&tapes.plan, &scripts, settings, number).await?;
        if let Some(fault) = tapes.plan.fault() {
            return Err(PlanError::Changed(fault.to_owned()).into());
        }
        let of_run = |what: &String| format!("run {number}: {what}");
        verdict
            .differences
            .extend(ran.differences.iter().map(of_run));
        if number == 1 {
            verdict.digest = ran.digest;
        } else if ran.digest != verdict.digest {
            let (digest, first) = (ran.digest, &verdict.digest);
            let what = format!("run {number}: its digest is {digest}, that of run 1 is {first}");
            verdict.differences.push(what);
        }
    }
    verdict.took = began.elapsed();
    Ok(verdict)
}

/// Plays the tapes once.
async fn run(
    plan: &Arc<Plan>,
    scripts: &[Script],
    settings: &Settings,
    number: u64,
) -> Result<Ran, VerifyError> {
    let playing = player::Settings {
        absence: Absence::Never,
        reconnections: Reconnections::AsRecorded,
        ..player::Settings::default()
    };
    let replay = Replay::new(Arc::clone(plan), playing, settings.endpoints.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (end, stop) = listen::stopper();
    let answering = replay.clone();
    let server = tokio::spawn(listen::serve(
        listener,
        stop,
        Limits {
            sockets: Sockets::Passed,
            ..Limits::default()
        },
        move |peer, request| answering.clone().handle(request, peer),
    ));
    let timer = tokio::spawn(replay.clone().keep_time());
    let board = Arc::new(Board::new(scripts));
    let stuck = tokio::select! {
        () = play((plan, scripts), settings, number, address, &board) => None,
        stuck = board.stuck() => Some(stuck),
    };
    replay.stop();
    let _ = end.send(true);
    let _ = server.await;
    timer.abort();
    let report = replay.report();
    let mut differences = board.differences();
    if let Some(stuck) = stuck {
        differences.push(format!("it cannot go on: {stuck}\n{report}"));
    } else if differences.is_empty() && !report.is_clean() {
        differences.push(report.to_string());
    }
    Ok(Ran {
        digest: report.digest().to_owned(),
        differences,
    })
}

/// Lets every session do what its script says; then nobody may have more to hear.
async fn play(
    (plan, scripts): (&Arc<Plan>, &[Script]),
    settings: &Settings,
    number: u64,
    address: SocketAddr,
    board: &Arc<Board>,
) {
    let mut actors = JoinSet::new();
    for (place, script) in scripts.iter().enumerate() {
        let jitter = match number {
            1 => Jitter::none(),
            _ => Jitter::new(settings.seed, number, place, script.steps.len()),
        };
        let script = (script.clone(), Arc::clone(plan));
        let actor = Actor::new(script, address, jitter, Arc::clone(board), place);
        actors.spawn(actor.play());
    }
    for actor in actors.join_all().await {
        actor.leave().await;
    }
}
