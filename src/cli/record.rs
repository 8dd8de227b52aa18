//! `antiphon record`: stands in front of a real service, and writes what passes.

mod caps;
mod failure;
mod flags;
mod live;
mod opening;
mod segments;
mod settings;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};

use crate::admission::Admission;
use crate::listen::{self, Counts, Door, Limits, Names, OnFin, Peer, Sockets};
use crate::proxy::{self, Bodies, Forwarded, Host, Origin, Proxy};
use crate::recorder::{self, Heard};
use crate::tape::{Redaction, Trust};

use self::failure::FailureFlags;
pub(super) use self::flags::{CONNECT_TIMEOUT, UPSTREAM_IDLE};
use self::flags::{LimitFlags, TapeFlags, TrafficFlags};
use self::live::Live;
use self::opening::DEFAULT_TAPE;
pub(super) use self::opening::start;
pub(super) use self::settings::RecordSettings;
use super::config::{Config, ConfigFlag};
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::output;
use super::redaction::{Keeping, OFF, RedactionFlags};
use super::serve::admin::{self, AdminFlags};
use super::serve::ready::{Ready, ReadyFlag};
use super::serve::{self, DEFAULT_LISTEN, Ports};
use super::tls::{self, Front, FrontFlags, Service, ServiceFlags};

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
    ready: ReadyFlag,

    /// Print every event on stdout as it is recorded, one JSON a line.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    config: ConfigFlag,

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

impl Record {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let file = self.config.read()?;
        let front = self.front.front()?;
        let setup = self.setup(&file, front).because(Trouble::Usage)?;
        serve::runtime()?.block_on(record(setup))
    }

    fn setup(self, file: &Config, front: Front) -> anyhow::Result<Setup> {
        let address = |flag, value: &Option<String>, field, configured| {
            let picked = self
                .config
                .pick((flag, value.as_ref()), (field, configured));
            picked.map(serve::address).transpose()
        };
        let listen = address("--listen", &self.listen, "listen", file.listen.clone())?;
        let admin = address("--admin", &self.admin, "admin", file.admin.clone())?;
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
        let clients = &limits.clients;
        let limits = Limits {
            names: Names::Kept,
            ..clients.limits(&self.config, &file.limits, OnFin::Answer, Sockets::Passed)?
        };
        let redaction = self.redaction.redaction(&file.redact, self.config.path())?;
        let shown = std::io::stderr().is_terminal() && !self.json;
        let mut recorder = self.tape.settings(&self.config, file)?;
        caps.settle(
            &self.config,
            &file.limits,
            self.tape.max_body,
            &mut recorder,
        )?;
        recorder.failure = self
            .failure
            .failure(&self.config, &file.record, &file.limits)?;
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
    let _ready = setup.ready.say(&ports, setup.front.scheme())?;
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
        proxy.handle(
            tls::caller(&peer),
            serve::beside(peer),
            serve::passed(request),
        )
    };
    let counts = Counts::default();
    let crowd = counts.clone();
    let watched = admin::guarded(setup.admission, move |request| {
        proxy::administer(proxy.clone(), request, crowd.now().numbers())
    });
    let door = Door {
        listener: ports.listener,
        wire: setup.front.wire,
        crew: Some(serve::crew()?),
    };
    let serving = listen::serve_counted(door, stop.clone(), setup.limits, counts.clone(), pass);
    let clients = tokio::spawn(serving);
    let admin = tokio::spawn(listen::serve(ports.admin, stop, Limits::admin(), watched));
    let hangups = tokio::spawn(segments::hangups(recorder.clone())?);
    let shown = tokio::spawn(live::show(recorder.clone(), setup.live));
    signals.await;
    Ready::stopping();
    recorder.ends();
    serve::wind_down(end, [clients, admin], serve::signals()?).await?;
    shown.abort();
    hangups.abort();
    let summary = recorder.close().await;
    if setup.live == Live::Shown {
        live::erase();
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

/// What a switch stands for, or the default.
fn pick<T: Default>(on: bool, meaning: T) -> T {
    if on { meaning } else { T::default() }
}
