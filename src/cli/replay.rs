//! `antiphon replay`: stands in for the recorded service.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::exchange::{Micros, Operation};
use crate::listen;
use crate::player::{
    Absence, OnExhausted, Pace, Plan, Reading, Replay as Player, Settings, Spare, Strictness, admin,
};
use crate::proxy::Origin;
use crate::tape::Tape;

use super::config::{Config, ConfigFlag, Setting};
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::forward::Forwarding;
use super::serve::{self, DEFAULT_LISTEN, Ports};
use super::{output, tapes};

/// The tape that is played where none is named.
const EMBEDDED: &[u8] = include_bytes!("../../recordings/remove-participant-from-conference.tape");

/// The endpoint of a tape that names none.
const DEFAULT_ENDPOINT: &str = "/api/v2/notifications";

/// How many operations are shown as curl lines at the start; `antiphon show` has them all.
const SHOWN_OPERATIONS: usize = 3;

/// Stand in for the service: answer operations, and push the notifications that they caused.
///
/// Without a tape, the conversation that antiphon carries in itself is played. Several tapes are
/// played at once, each in its own order.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// The tapes to play.
    #[arg(value_name = "TAPE")]
    tapes: Vec<PathBuf>,

    /// Where clients connect; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_LISTEN")]
    listen: Option<String>,

    /// Where the admin API listens [default: the port after that of --listen; a free one if that
    /// is 0].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_ADMIN")]
    admin: Option<String>,

    /// How recorded gaps become real time: instant, recorded, or a factor such as 2x [default:
    /// instant].
    #[arg(long, value_name = "PACE", env = "ANTIPHON_PACE")]
    pace: Option<String>,

    /// What a request that no recorded operation answers does: it is refused; the replay stops as
    /// well and exits with 1; or it goes on to the service at this URL [default: refuse].
    #[arg(long, value_name = "refuse|stop|forward=URL", env = "ANTIPHON_ON_MISS")]
    on_miss: Option<String>,

    /// Add what `--on-miss forward=URL` sends on to the tape, which must be one.
    #[arg(long, env = "ANTIPHON_RECORD_MISSES")]
    record_misses: bool,

    /// What an operation that comes more often than recorded does: it is refused, gets its last
    /// answer, or its answers and notifications from the first on [default: refuse].
    #[arg(long, value_name = "refuse|last|loop", env = "ANTIPHON_ON_EXHAUSTED")]
    on_exhausted: Option<String>,

    /// What tells clients apart: `cookie:NAME`, `header:NAME`, or `field:NAME` of a JSON or form body
    /// [default: what the tape tells of them].
    #[arg(long, value_name = "KIND:NAME", env = "ANTIPHON_SESSION_BY")]
    session_by: Option<String>,

    /// What becomes of a client for whom no session is left: it is refused, or gets a fresh copy of
    /// the whole conversation, as parallel tests want [default: refuse].
    #[arg(long, value_name = "refuse|fork", env = "ANTIPHON_SPARE_SESSIONS")]
    spare_sessions: Option<String>,

    /// After how many quiet seconds a session that no client has claimed goes on by itself, once
    /// another client listens; or never [default: 2].
    #[arg(long, value_name = "SECONDS|never", env = "ANTIPHON_ABSENT_AFTER")]
    absent_after: Option<String>,

    /// The path of the Bayeux endpoint [default: the one that the tape names].
    #[arg(long, value_name = "PATH", env = "ANTIPHON_ENDPOINT")]
    endpoint: Option<String>,

    /// Exit with 0 though not everything on the tape was played; a miss still exits with 1.
    #[arg(long, env = "ANTIPHON_ALLOW_UNPLAYED")]
    allow_unplayed: bool,

    /// Let a value of a request differ that a client chose and that never comes again on the tape.
    #[arg(long, env = "ANTIPHON_LENIENT")]
    lenient: bool,

    #[command(flatten)]
    config: ConfigFlag,
}

const EXAMPLES: &str = "\
Examples:
  antiphon replay                                     the embedded conversation on 127.0.0.1:8080
  antiphon replay chat.tape --listen 127.0.0.1:0      a tape, on a free port
  antiphon replay chat.tape --pace 10x                with its recorded gaps, ten times as fast

A client is tied to a recorded session by an `Antiphon-Session: NAME` header, by its HTTP Basic
user, or by the cookie that its handshake set; else it gets the next session that is free.
SIGINT and SIGTERM let what is under way end. Then a report says what was played, and the exit code
is 0 if that was all that the tape holds and nothing else was asked for; else 1.";

/// What happens on a miss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum OnMiss {
    #[default]
    Refuse,
    Stop,
    /// It goes on to this service, and onto this tape, if there is one.
    Forward(Origin, Option<PathBuf>),
}

/// What a run must have done to exit with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Everything that the tape holds, and nothing else.
    Everything,
    /// Nothing that the tape does not hold.
    NoMiss,
}

/// Everything that a replay needs, with flags, environment, file and defaults put together.
struct Setup {
    listen: String,
    admin: Option<String>,
    on_miss: OnMiss,
    expected: Expected,
    endpoint: Option<String>,
    settings: Settings,
    reading: Reading,
}

impl Replay {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let config = self.config.read()?;
        let setup = self.setup(config).because(Trouble::Usage)?;
        let tapes = self.load()?;
        let plan = Plan::of(&tapes, setup.reading.clone()).because(Trouble::Tape)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")
            .because(Trouble::Io)?;
        runtime.block_on(play(plan, setup))
    }

    fn setup(&self, file: Config) -> anyhow::Result<Setup> {
        let pick = |flag, value: &Option<String>, field, configured| {
            self.config
                .pick((flag, value.as_ref()), (field, configured))
        };
        let mut settings = Settings::default();
        if let Some(pace) = pick("--pace", &self.pace, "pace", file.pace) {
            settings.pace = Pace::from_str(&pace.value).context(pace.origin)?;
        }
        let word = pick(
            "--on-exhausted",
            &self.on_exhausted,
            "onExhausted",
            file.on_exhausted,
        );
        if let Some(word) = word {
            settings.on_exhausted = on_exhausted(&word.value).context(word.origin)?;
        }
        let word = pick(
            "--spare-sessions",
            &self.spare_sessions,
            "spareSessions",
            file.spare_sessions,
        );
        if let Some(word) = word {
            settings.spare = spare(&word.value).context(word.origin)?;
        }
        let word = pick(
            "--absent-after",
            &self.absent_after,
            "absentAfter",
            file.absent_after,
        );
        if let Some(word) = word {
            settings.absence = absence(&word.value).context(word.origin)?;
        }
        let on_miss = match pick("--on-miss", &self.on_miss, "onMiss", file.on_miss) {
            Some(word) => self.on_miss(&word.value).context(word.origin)?,
            None => OnMiss::default(),
        };
        if self.record_misses && !matches!(on_miss, OnMiss::Forward(..)) {
            return Err(anyhow!("--record-misses needs --on-miss forward=URL"));
        }
        if self.lenient || file.lenient {
            settings.strictness = Strictness::Lenient;
        }
        let rules = file
            .r#match
            .rules()
            .with_context(|| self.config.path().display().to_string())?;
        let session_by = pick(
            "--session-by",
            &self.session_by,
            "sessionBy",
            file.session_by,
        );
        let session_by = session_by
            .map(|by| by.value.parse().context(by.origin))
            .transpose()?;
        let milliseconds = |value: u64| Micros(value.saturating_mul(1_000));
        if let Some(timeout) = file.bayeux.timeout {
            settings.bayeux.timeout = milliseconds(timeout);
        }
        if let Some(max_interval) = file.bayeux.max_interval {
            settings.bayeux.max_interval = milliseconds(max_interval);
        }
        let endpoint = pick("--endpoint", &self.endpoint, "endpoint", file.endpoint);
        let listen = pick("--listen", &self.listen, "listen", file.listen);
        let admin = pick("--admin", &self.admin, "admin", file.admin);
        Ok(Setup {
            listen: listen.map_or_else(|| Ok(DEFAULT_LISTEN.to_owned()), serve::address)?,
            admin: admin.map(serve::address).transpose()?,
            on_miss,
            expected: if self.allow_unplayed {
                Expected::NoMiss
            } else {
                Expected::Everything
            },
            endpoint: endpoint.map(path).transpose()?,
            settings,
            reading: Reading { rules, session_by },
        })
    }

    fn on_miss(&self, word: &str) -> anyhow::Result<OnMiss> {
        match word {
            "refuse" => Ok(OnMiss::Refuse),
            "stop" => Ok(OnMiss::Stop),
            _ => {
                let url = word.strip_prefix("forward=");
                let url =
                    url.ok_or_else(|| anyhow!("{word:?} is none of refuse, stop and forward=URL"))?;
                let tape = match &self.tapes[..] {
                    _ if !self.record_misses => None,
                    [tape] => Some(tape.clone()),
                    _ => return Err(anyhow!("--record-misses adds to one tape; name it")),
                };
                Ok(OnMiss::Forward(url.parse()?, tape))
            }
        }
    }

    fn load(&self) -> Result<Vec<Tape>, Failure> {
        if self.tapes.is_empty() {
            let embedded = Tape::read(EMBEDDED)
                .context("the embedded tape")
                .because(Trouble::Tape)?;
            return Ok(vec![embedded.tape]);
        }
        self.tapes.iter().map(|path| tapes::load(path)).collect()
    }
}

/// A path without the slash at its end.
fn path(setting: Setting) -> anyhow::Result<String> {
    let Setting { value, origin } = setting;
    if value.starts_with('/') {
        Ok(value.trim_end_matches('/').to_owned())
    } else {
        Err(anyhow!(
            "{origin}: {value:?} is no path: it must begin with a slash"
        ))
    }
}

fn on_exhausted(word: &str) -> anyhow::Result<OnExhausted> {
    match word {
        "refuse" => Ok(OnExhausted::Refuse),
        "last" => Ok(OnExhausted::Last),
        "loop" => Ok(OnExhausted::Loop),
        _ => Err(anyhow!(
            "--on-exhausted: {word:?} is none of refuse, last and loop"
        )),
    }
}

fn spare(word: &str) -> anyhow::Result<Spare> {
    match word {
        "refuse" => Ok(Spare::Refuse),
        "fork" => Ok(Spare::Fork),
        _ => Err(anyhow!("{word:?} is neither refuse nor fork")),
    }
}

fn absence(word: &str) -> anyhow::Result<Absence> {
    if word == "never" {
        return Ok(Absence::Never);
    }
    let seconds: Option<f64> = word.parse().ok();
    let wait = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let wait = wait.and_then(|wait| u64::try_from(wait.as_micros()).ok());
    wait.map(|wait| Absence::After(Micros(wait)))
        .ok_or_else(|| anyhow!("{word:?} is neither a number of seconds nor never"))
}

async fn play(plan: Plan, setup: Setup) -> Result<Outcome, Failure> {
    let ports = Ports::open(&setup.listen, setup.admin.as_deref()).await?;
    let endpoints = match setup.endpoint {
        Some(endpoint) => vec![endpoint],
        None if plan.endpoints().is_empty() => vec![DEFAULT_ENDPOINT.to_owned()],
        None => plan.endpoints().to_vec(),
    };
    let words = introduction(&plan, ports.address, ports.admin_address);
    let (end, stop) = listen::stopper();
    let (end_forwarding, stop_forwarding) = listen::stopper();
    let forwarding = match &setup.on_miss {
        OnMiss::Forward(upstream, tape) => {
            Some(Forwarding::start(upstream.clone(), tape.as_deref(), stop_forwarding).await?)
        }
        OnMiss::Refuse | OnMiss::Stop => None,
    };
    let player = match &forwarding {
        Some(forwarding) => {
            Player::forwarding(plan, setup.settings, endpoints, forwarding.forward())
        }
        None => Player::new(plan, setup.settings, endpoints),
    };
    let signals = serve::signals()?;
    ports.announce()?;
    output::say(&words);
    let limits = listen::Limits::default();
    let timer = tokio::spawn(player.clone().keep_time());
    let for_clients = player.clone();
    let clients = tokio::spawn(listen::serve(
        ports.listener,
        stop.clone(),
        limits,
        move |_, request| for_clients.clone().handle(request),
    ));
    let for_admin = player.clone();
    let admin = tokio::spawn(listen::serve(
        ports.admin,
        stop,
        limits,
        move |_, request| admin::handle(for_admin.clone(), request),
    ));
    tokio::select! {
        () = signals => {}
        () = player.missed(), if setup.on_miss == OnMiss::Stop => {}
    }
    // The order matters: no poll is held any more when the connections are asked to end.
    player.stop();
    let _ = end.send(true);
    for task in [clients, admin] {
        task.await
            .context("a server task ended badly")
            .because(Trouble::Io)?;
    }
    timer.abort();
    // After the clients: what was sent on for them has come to its end.
    let _ = end_forwarding.send(true);
    let forwarded = match forwarding {
        Some(forwarding) => forwarding.end().await,
        None => Ok(()),
    };
    let report = player.report();
    output::say(&report.to_string());
    forwarded?;
    let as_expected = match setup.expected {
        Expected::Everything => report.is_clean(),
        Expected::NoMiss => report.has_no_misses(),
    };
    Ok(if as_expected {
        Outcome::Done
    } else {
        Outcome::Different
    })
}

/// The curl lines that play this very conversation.
fn introduction(plan: &Plan, address: SocketAddr, admin: SocketAddr) -> String {
    let mut lines =
        vec!["# hear a session's notifications, each in a terminal of its own:".to_owned()];
    lines.extend(plan.sessions().iter().map(|session| {
        let name = percent(session.name());
        format!("curl -N 'http://{admin}/__try/notifications?session={name}'")
    }));
    lines.push("# call an operation:".to_owned());
    let operations = plan.operations().take(SHOWN_OPERATIONS);
    lines.extend(operations.map(|operation| curl(operation, address)));
    lines.push("# begin again:".to_owned());
    lines.push(format!("curl -X POST http://{admin}/__admin/reset"));
    lines.join("\n")
}

fn curl(operation: &Operation, address: SocketAddr) -> String {
    let request = &operation.request;
    let header = |name: &str, value: &str| format!(" -H {}", quoted(&format!("{name}: {value}")));
    let url = quoted(&format!("http://{address}{}", request.target));
    let session = header("Antiphon-Session", operation.session.name());
    let text = request.body.text().filter(|text| !text.is_empty());
    // curl would call the content a form.
    let recorded = request
        .headers
        .get("content-type")
        .map(String::from_utf8_lossy);
    let kind = recorded.or_else(|| request.body.json().map(|_| "application/json".into()));
    let kind = kind
        .filter(|_| text.is_some())
        .map(|kind| header("Content-Type", &kind));
    let data = text.map(|text| format!(" -d {}", quoted(text)));
    let (kind, data) = (kind.unwrap_or_default(), data.unwrap_or_default());
    format!("curl -X {} {url}{session}{kind}{data}", request.method)
}

/// A word as a POSIX shell takes it literally.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Sends the program's own messages to stderr: those that `RUST_LOG` asks for, else all but the
/// chatter.
pub(super) fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("antiphon=info"));
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let format = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour);
    // A second call would find a subscriber in place, and needs no other.
    let _ = format
        .without_time()
        .with_target(false)
        .with_writer(std::io::stderr)
        .try_init();
}
