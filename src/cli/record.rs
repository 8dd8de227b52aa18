//! `antiphon record`: stands in front of a real service, and writes what passes.

mod caps;
mod failure;
mod segments;

use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};

use crate::admission::Admission;
use crate::listen::{self, Counts, Door, Limits, OnFin, Peer, Sockets};
use crate::proxy::{self, Bodies, Forwarded, Host, Origin, Proxy};
use crate::recorder::{self, DEFAULT_MAX_BODY, Durability, Filter, Heard, Recorder, RecorderError};
use crate::tape::{Existing, Header, Redaction, TapeError, Trust};

use self::caps::CapFlags;
use self::failure::FailureFlags;
use self::segments::SegmentFlags;
use super::config::{Config, ConfigFlag};
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::output;
use super::redaction::{self, Earlier, Keeping, OFF, RedactionFlags};
use super::serve::admin::{self, AdminFlags};
use super::serve::limits;
use super::serve::ready::{Ready, ReadyFlag};
use super::serve::{self, DEFAULT_LISTEN, Ports};
use super::tls::{self, Front, FrontFlags, Service, ServiceFlags};

/// How many seconds connecting to a service may take, unless the user chooses.
pub(super) const CONNECT_TIMEOUT: &str = "10";

/// How many seconds an idle connection to it is kept, unless the user chooses.
pub(super) const UPSTREAM_IDLE: &str = "4";

/// The tape where none is named.
const DEFAULT_TAPE: &str = "recordings/recording.tape";

/// Who may look into a folder of tapes that is made here: whoever runs the program.
const FOLDER_MODE: u32 = 0o700;

/// How often the line of numbers on a terminal is written anew.
const LIVE: Duration = Duration::from_millis(500);

/// Stand in front of a service: pass everything through, and write what passes to a tape.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Record {
    /// The service, as `http://HOST[:PORT]` or `https://HOST[:PORT]`.
    #[arg(long, value_name = "URL", env = "ANTIPHON_UPSTREAM")]
    upstream: String,

    /// Where clients connect; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_LISTEN")]
    listen: Option<String>,

    /// Where the admin API listens [default: the port after that of --listen; a free one if that
    /// is 0].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_ADMIN")]
    admin: Option<String>,

    #[command(flatten)]
    tape: TapeFlags,

    #[command(flatten)]
    redaction: RedactionFlags,

    /// Keep the key of the pseudonyms beside the tape (NAME.key), so that --append goes on with them.
    /// Who has it can try guesses at secrets.
    #[arg(long, help_heading = "Redaction")]
    keep_key: bool,

    #[command(flatten)]
    traffic: TrafficFlags,

    #[command(flatten)]
    front: FrontFlags,

    #[command(flatten)]
    service: ServiceFlags,

    #[command(flatten)]
    failure: FailureFlags,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    access: AdminFlags,

    #[command(flatten)]
    ready: ReadyFlag,

    /// Print every event on stdout as it is recorded, one JSON a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: ConfigFlag,
}

/// What is written, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Tape")]
struct TapeFlags {
    /// The tape [default: recordings/recording.tape].
    #[arg(short, long, value_name = "TAPE", env = "ANTIPHON_OUTPUT")]
    output: Option<PathBuf>,

    /// Go on after the last event of a tape that is there already.
    #[arg(long, conflicts_with = "force")]
    append: bool,

    /// Overwrite a tape that is there already.
    #[arg(long)]
    force: bool,

    /// When the client may have the last byte of a response: at once (relaxed), when the operation is
    /// in the file and outlives the recorder (written), or when it is on the disk and outlives a power
    /// cut (synced).
    #[arg(
        long,
        value_name = "relaxed|written|synced",
        default_value = "written",
        env = "ANTIPHON_DURABILITY"
    )]
    durability: String,

    #[command(flatten)]
    segments: SegmentFlags,

    /// How many bytes of a body are kept; of a longer one, the first bytes and the digest of the whole
    /// [default: 2097152].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_BODY")]
    max_body: Option<usize>,

    /// Keep only operations of this method (POST), path (/api/**) or content type (image/*); may be
    /// given more than once.
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,

    /// Leave out operations of this method, path or content type; may be given more than once.
    #[arg(long, value_name = "RULE")]
    except: Vec<String>,

    /// What tells clients apart: `cookie:NAME`, `header:NAME`, or `field:NAME` of a JSON or form body
    /// [default: what is learned from the traffic].
    #[arg(long, value_name = "KIND:NAME", env = "ANTIPHON_SESSION_BY")]
    session_by: Option<String>,

    /// Take the responses at this path (/api/**/watch) for streams of JSON lines whatever their type is,
    /// if they do not say how long they are; may be given more than once.
    #[arg(long, value_name = "PATH")]
    lines: Vec<String>,
}

/// How requests and responses are passed on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traffic")]
#[allow(clippy::struct_excessive_bools)] // a switch on the command line is one; what it means is an enum
struct TrafficFlags {
    /// Speak HTTP/2 to the service, by prior knowledge and without TLS. Sockets pass if it opens any over
    /// HTTP/2 (RFC 8441).
    #[arg(long)]
    upstream_http2: bool,

    /// Send the service the Host that the client called, and not its own.
    #[arg(long)]
    keep_host: bool,

    /// Tell the service for whom the proxy speaks: X-Forwarded-For, -Host and -Proto.
    #[arg(long)]
    forwarded: bool,

    /// Move absolute URLs in JSON and text bodies too, to the proxy in responses and to the service
    /// in requests. The service is asked not to compress.
    #[arg(long)]
    rewrite_bodies: bool,
}

/// How long what is waited for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    #[command(flatten)]
    clients: limits::CrowdFlags,

    #[command(flatten)]
    caps: CapFlags,

    /// How long connecting to the service may take.
    #[arg(long, value_name = "SECONDS", default_value = CONNECT_TIMEOUT)]
    connect_timeout: String,

    /// How long an idle connection to the service is kept; 0 turns reuse off. Less than servers
    /// commonly keep theirs (5 seconds), so that a request seldom meets a connection that is just
    /// being closed.
    #[arg(long, value_name = "SECONDS", default_value = UPSTREAM_IDLE)]
    upstream_idle: String,
}

const EXAMPLES: &str = "\
Examples:
  antiphon record --upstream http://10.0.0.5:9090                      to recordings/recording.tape
  antiphon record --upstream http://localhost:9090 -o chat.tape --append
  antiphon record --upstream http://localhost:9090 -o desk.tape --rotate 64MiB --keep 7d
  antiphon record --upstream http://localhost:9090 --except 'image/*' --json
  antiphon record --upstream http://localhost:9090 --on-failure stop   nothing passes unrecorded
  antiphon record --upstream https://gws.example --tls                 TLS on both sides
  antiphon record --upstream https://localhost:9443 --upstream-ca test-ca.pem

Point the client at the address that is printed. SIGINT and SIGTERM let what is under way end,
close the tape, and exit 0; or 4 if something that passed is not on it.";

/// Everything that a recording needs.
struct Setup {
    listen: String,
    admin: Option<String>,
    admission: Admission,
    ready: ReadyFlag,
    tape: PathBuf,
    front: Front,
    limits: Limits,
    proxy: proxy::Settings,
    trust: Trust,
    recorder: recorder::Settings,
    redaction: Option<Redaction>,
    keeping: Keeping,
    live: Live,
}

/// Whether there is a line of numbers on the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    Shown,
    Hidden,
}

impl Record {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = self.config.read()?;
        let front = self.front.front()?;
        let setup = self.setup(file, front).because(Trouble::Usage)?;
        serve::runtime()?.block_on(record(setup))
    }

    fn setup(self, file: Config, front: Front) -> anyhow::Result<Setup> {
        let address = |flag, value: &Option<String>, field, configured| {
            let picked = self
                .config
                .pick((flag, value.as_ref()), (field, configured));
            picked.map(serve::address).transpose()
        };
        let listen = address("--listen", &self.listen, "listen", file.listen)?;
        let admin = address("--admin", &self.admin, "admin", file.admin)?;
        let upstream: Origin = self.upstream.parse().context("--upstream")?;
        let limits = self.limits;
        let traffic = self.traffic;
        let plain = traffic.upstream_http2.then_some(proxy::Wire::Http2);
        let Service {
            origin,
            wire,
            trust,
        } = self.service.service(upstream, plain)?;
        let proxy = proxy::Settings {
            upstream: origin,
            wire,
            host: pick(traffic.keep_host, Host::Keep),
            forwarded: pick(traffic.forwarded, Forwarded::Named),
            bodies: pick(traffic.rewrite_bodies, Bodies::Rewrite),
            connect_timeout: serve::seconds("--connect-timeout", &limits.connect_timeout)?,
            idle: serve::seconds("--upstream-idle", &limits.upstream_idle)?,
        };
        let caps = limits.caps;
        let limits =
            limits
                .clients
                .limits(&self.config, &file.limits, OnFin::Answer, Sockets::Passed)?;
        let redaction = self.redaction.redaction(&file.redact, self.config.path())?;
        let shown = std::io::stderr().is_terminal() && !self.json;
        let mut recorder = self.tape.settings()?;
        caps.settle(
            &self.config,
            &file.limits,
            self.tape.max_body,
            &mut recorder,
        )?;
        recorder.failure = self.failure.failure(file.limits.max_queue)?;
        recorder.heard = self.json.then(|| Heard(Box::new(print)));
        Ok(Setup {
            listen: listen.unwrap_or_else(|| DEFAULT_LISTEN.to_owned()),
            admin,
            admission: self.access.admission()?,
            ready: self.ready,
            tape: self
                .tape
                .output
                .unwrap_or_else(|| PathBuf::from(DEFAULT_TAPE)),
            front,
            limits,
            proxy,
            trust,
            recorder,
            redaction,
            keeping: if self.keep_key {
                Keeping::Kept
            } else {
                Keeping::Dropped
            },
            live: if shown { Live::Shown } else { Live::Hidden },
        })
    }
}

impl TapeFlags {
    fn settings(&self) -> anyhow::Result<recorder::Settings> {
        let durability: Durability = self.durability.parse().context("--durability")?;
        Ok(recorder::Settings {
            durability,
            max_body: self.max_body.unwrap_or(DEFAULT_MAX_BODY),
            existing: match (self.append, self.force) {
                (true, _) => Existing::Append,
                (_, true) => Existing::Replace,
                _ => Existing::Refuse,
            },
            session_by: match &self.session_by {
                Some(text) => Some(text.parse().context("--session-by")?),
                None => None,
            },
            filter: Filter {
                only: each("--only", &self.only)?,
                except: each("--except", &self.except)?,
            },
            lines: each("--lines", &self.lines)?,
            packing: self.segments.packing(),
            rotation: self.segments.rotation()?,
            ..recorder::Settings::default()
        })
    }
}

/// What a switch stands for, or the default.
fn pick<T: Default>(on: bool, meaning: T) -> T {
    if on { meaning } else { T::default() }
}

/// What each of a flag's texts means.
fn each<T>(flag: &'static str, texts: &[String]) -> anyhow::Result<Vec<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let each = texts.iter().map(|text| text.parse::<T>());
    each.collect::<Result<_, _>>().context(flag)
}

/// Prints an event. Where nobody reads any more, the recording goes on.
fn print(line: &str) {
    let _ = output::data(&format!("{line}\n"));
}

async fn record(setup: Setup) -> Result<Outcome, Failure> {
    let ports = Ports::open(&setup.listen, setup.admin.as_deref(), &setup.admission).await?;
    let signals = serve::signals()?;
    let from = (&setup.proxy.upstream, setup.trust);
    let rules = (setup.redaction, setup.keeping);
    let off = rules.0.is_none();
    let recorder = start(setup.recorder, rules, from, &setup.tape)?;
    let proxy = Proxy::new(setup.proxy, recorder.clone()).because(Trouble::Usage)?;

    let (end, stop) = listen::stopper();
    ports.announce(setup.front.scheme())?;
    let tape = setup.tape.display();
    output::say(&format!("recording to {tape}"));
    if off {
        output::say(&format!("warning: {OFF}"));
    }
    if setup.trust == Trust::Insecure {
        output::say(tls::INSECURE);
    }
    let passing = proxy.clone();
    let pass = move |peer: Peer, request| {
        let proxy = passing.clone();
        proxy.handle(tls::caller(&peer), serve::beside(peer), request)
    };
    let counts = Counts::default();
    let shown = counts.clone();
    let watched = admin::guarded(setup.admission, move |request| {
        proxy::administer(proxy.clone(), request, shown.now().numbers())
    });
    let _ready = setup.ready.say(&ports, setup.front.scheme())?;
    let door = Door {
        listener: ports.listener,
        wire: setup.front.wire,
    };
    let serving = listen::serve_counted(door, stop.clone(), setup.limits, counts.clone(), pass);
    let clients = tokio::spawn(serving);
    let admin = tokio::spawn(listen::serve(ports.admin, stop, Limits::admin(), watched));
    let hangups = tokio::spawn(segments::hangups(recorder.clone())?);
    let live = tokio::spawn(show(recorder.clone(), setup.live));
    signals.await;
    Ready::stopping();
    recorder.ends();
    serve::wind_down(end, [clients, admin], serve::signals()?).await?;
    live.abort();
    hangups.abort();
    let summary = recorder.close().await;
    if setup.live == Live::Shown {
        erase();
    }
    serve::say_cut(&counts);
    output::say(&format!("{}: {summary}", setup.tape.display()));
    if off {
        output::say(&format!("warning: {OFF}"));
    }
    if setup.trust == Trust::Insecure {
        output::say(tls::INSECURE);
    }
    if summary.is_whole() {
        Ok(Outcome::Done)
    } else {
        Err(anyhow!("{}: the tape is not whole", setup.tape.display())).because(Trouble::Io)
    }
}

/// Opens the tape, in a folder that is made for it where it is the usual one.
pub(super) fn start(
    mut settings: recorder::Settings,
    (redaction, keeping): (Option<Redaction>, Keeping),
    (upstream, trust): (&Origin, Trust),
    path: &Path,
) -> Result<Recorder, Failure> {
    if path == Path::new(DEFAULT_TAPE)
        && let Some(folder) = path.parent()
    {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))
            .because(Trouble::Io)?;
    }
    let earlier = match settings.existing {
        Existing::Append => Earlier::GoesOn,
        Existing::Refuse | Existing::Replace => Earlier::Gone,
    };
    let made = redaction.map(|redaction| redaction::redactor(redaction, path, earlier));
    let (redactor, key) = made.transpose()?.unzip();
    let mut header = Header {
        title: format!("recorded from {upstream}"),
        source: upstream.to_string(),
        started: Some(
            jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
        ),
        endpoint: None,
        trust,
        segment: segments::first(settings.rotation),
        redaction: None,
    };
    settings.redactor = redactor.map(|mut redactor| {
        redactor.header(&mut header);
        redactor
    });
    let started = Recorder::start(settings, &header, path);
    let trouble = match &started {
        Err(RecorderError::Tape(TapeError::Exists { .. } | TapeError::Link { .. })) => {
            Trouble::Usage
        }
        Err(RecorderError::Tape(TapeError::Unreadable(_) | TapeError::Folder { .. })) => {
            Trouble::Tape
        }
        _ => Trouble::Io,
    };
    let recorder = started.because(trouble)?;
    if let Some(key) = key {
        redaction::keep(&key, path, keeping, earlier)?;
    }
    for notice in recorder.notices() {
        output::say(&format!("notice: {}: {notice}", path.display()));
    }
    Ok(recorder)
}

/// Keeps a line of numbers on the terminal.
async fn show(recorder: Recorder, live: Live) {
    if live == Live::Hidden {
        return;
    }
    let mut tick = tokio::time::interval(LIVE);
    loop {
        tick.tick().await;
        let now = recorder.progress();
        let mut stderr = std::io::stderr().lock();
        // Where the terminal is gone there is nobody to show it to.
        let _ = write!(
            stderr,
            "\r\x1b[K{} operations, {} notifications, {} sessions, {} bytes, {} waiting",
            now.operations, now.notifications, now.sessions, now.bytes, now.waiting
        );
        let _ = stderr.flush();
    }
}

fn erase() {
    let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
}
