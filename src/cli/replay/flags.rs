//! What the user of `antiphon replay` may choose: by flags, the environment and the settings file.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;

use crate::admission::Admission;
use crate::bayeux::Sockets;
use crate::exchange::Micros;
use crate::listen::{self, Limits, Names, OnFin};
use crate::player::{Absence, OnExhausted, Pace, Present, Reading, Settings, Spare, Strictness};
use crate::proxy::Origin;

use super::caps::CapFlags;
use crate::cli::config::{Bayeux, Config, ConfigFlag, read};
use crate::cli::exit::Failure;
use crate::cli::serve::admin::AdminFlags;
use crate::cli::serve::limits::CrowdFlags;
use crate::cli::serve::ready::ReadyFlag;
use crate::cli::serve::{self, DEFAULT_LISTEN};
use crate::cli::tls::{Front, FrontFlags, Service, ServiceFlags};

/// The flags.
#[derive(Debug, clap::Args)]
pub(super) struct Flags {
    /// Where clients connect; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_LISTEN")]
    listen: Option<String>,

    /// Where the admin API listens [default: the port after that of --listen; a free one if that
    /// is 0].
    #[arg(long, value_name = "ADDR", env = "ANTIPHON_ADMIN")]
    admin: Option<String>,

    /// The path of the Bayeux endpoint [default: the one that the tape names].
    #[arg(long, value_name = "PATH", env = "ANTIPHON_ENDPOINT")]
    endpoint: Option<String>,

    /// Offer Bayeux clients a WebSocket too, where the tape does not show one.
    #[arg(long, env = "ANTIPHON_OFFER_WEBSOCKET")]
    offer_websocket: bool,

    #[command(flatten)]
    pub(super) ready: ReadyFlag,

    #[command(flatten)]
    time: TimeFlags,

    #[command(flatten)]
    clients: ClientFlags,

    #[command(flatten)]
    requests: RequestFlags,

    #[command(flatten)]
    front: FrontFlags,

    #[command(flatten)]
    service: ServiceFlags,

    #[command(flatten)]
    limits: CrowdFlags,

    #[command(flatten)]
    caps: CapFlags,

    #[command(flatten)]
    access: AdminFlags,
}

/// When things happen.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Time")]
struct TimeFlags {
    /// How recorded gaps become real time: instant, recorded, a factor such as 2x, or step, where
    /// each notification waits for `POST /__admin/step` [default: instant].
    #[arg(long, value_name = "PACE", env = "ANTIPHON_PACE")]
    pace: Option<String>,

    /// Move all times inside bodies by the time that has passed since the recording began.
    #[arg(long, env = "ANTIPHON_NOW")]
    now: bool,
}

/// Who plays.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Clients")]
struct ClientFlags {
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
}

/// Which requests are answered, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Requests")]
struct RequestFlags {
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

    /// Let a value of a request differ that a client chose and that never comes again on the tape.
    #[arg(long, env = "ANTIPHON_LENIENT")]
    lenient: bool,

    /// Exit with 0 though not everything on the tape was played; a miss still exits with 1.
    #[arg(long, env = "ANTIPHON_ALLOW_UNPLAYED")]
    allow_unplayed: bool,
}

/// What happens on a miss.
#[derive(Clone, Debug, Default)]
pub(super) enum OnMiss {
    #[default]
    Refuse,
    Stop,
    /// It goes on to this service, and onto this tape, if there is one.
    Forward(Box<Service>, Option<PathBuf>),
}

/// What a run must have done to exit with 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// Everything that the tape holds, and nothing else.
    Everything,
    /// Nothing that the tape does not hold.
    NoMiss,
}

/// Everything that a replay needs, with flags, environment, file and defaults put together.
pub(super) struct Setup {
    pub(super) listen: String,
    pub(super) admin: Option<String>,
    pub(super) on_miss: OnMiss,
    pub(super) expected: Expected,
    pub(super) endpoint: Option<String>,
    pub(super) settings: Settings,
    pub(super) reading: Reading,
    pub(super) limits: Limits,
    pub(super) admission: Admission,
}

impl Flags {
    /// What clients meet.
    pub(super) fn front(&self) -> Result<Front, Failure> {
        self.front.front()
    }

    /// Whether what is said of the service goes with what happens on a miss.
    fn fit(&self, on_miss: &OnMiss) -> anyhow::Result<()> {
        if matches!(on_miss, OnMiss::Forward(..)) {
            return Ok(());
        }
        let record = self.requests.record_misses.then_some("--record-misses");
        match self.service.given().or(record) {
            Some(flag) => Err(anyhow!("{flag} needs --on-miss forward=URL")),
            None => Ok(()),
        }
    }

    /// Puts the flags and the settings file together.
    pub(super) fn setup(
        &self,
        tapes: &[PathBuf],
        config: &ConfigFlag,
        file: &Config,
    ) -> anyhow::Result<Setup> {
        let requests = &self.requests;
        let pick = |flag, value: &Option<String>, field, configured: &Option<String>| {
            config.pick((flag, value.as_ref()), (field, configured.clone()))
        };
        let on_miss = pick("--on-miss", &requests.on_miss, "onMiss", &file.on_miss);
        let endpoint = pick("--endpoint", &self.endpoint, "endpoint", &file.endpoint);
        let listen = pick("--listen", &self.listen, "listen", &file.listen);
        let admin = pick("--admin", &self.admin, "admin", &file.admin);
        let on_miss = read(on_miss, |word| requests.on_miss(word, tapes, &self.service))?;
        let on_miss = on_miss.unwrap_or_default();
        self.fit(&on_miss)?;
        let limits =
            self.limits
                .limits(config, &file.limits, OnFin::Gone, listen::Sockets::Passed)?;
        Ok(Setup {
            listen: listen.map_or_else(|| Ok(DEFAULT_LISTEN.to_owned()), serve::address)?,
            admin: admin.map(serve::address).transpose()?,
            expected: if requests.allow_unplayed {
                Expected::NoMiss
            } else {
                Expected::Everything
            },
            endpoint: serve::endpoint(endpoint)?,
            settings: self.settings(config, file)?,
            reading: self.reading(config, file)?,
            limits: Limits {
                names: on_miss.names(),
                ..limits
            },
            on_miss,
            admission: self.access.admission()?,
        })
    }

    /// How the tapes are played.
    fn settings(&self, config: &ConfigFlag, file: &Config) -> anyhow::Result<Settings> {
        let (clients, requests) = (&self.clients, &self.requests);
        let pick = |flag, value: &Option<String>, field, configured: &Option<String>| {
            config.pick((flag, value.as_ref()), (field, configured.clone()))
        };
        let pace = pick("--pace", &self.time.pace, "pace", &file.pace);
        let (spare, in_file) = (&clients.spare_sessions, &file.spare_sessions);
        let spare = pick("--spare-sessions", spare, "spareSessions", in_file);
        let (absent, in_file) = (&clients.absent_after, &file.absent_after);
        let absent = pick("--absent-after", absent, "absentAfter", in_file);
        let (exhausted, in_file) = (&requests.on_exhausted, &file.on_exhausted);
        let exhausted = pick("--on-exhausted", exhausted, "onExhausted", in_file);
        let sockets = if self.offer_websocket || file.bayeux.websocket {
            Sockets::Offered
        } else {
            Sockets::NotOffered
        };
        let default = Settings::default();
        Ok(Settings {
            pace: read(pace, |word| Ok(word.parse::<Pace>()?))?.unwrap_or_default(),
            on_exhausted: read(exhausted, on_exhausted)?.unwrap_or_default(),
            spare: read(spare, spare_sessions)?.unwrap_or_default(),
            absence: read(absent, absence)?.unwrap_or_default(),
            strictness: if requests.lenient || file.lenient {
                Strictness::Lenient
            } else {
                Strictness::Strict
            },
            caps: self.caps.caps(config, &file.limits)?,
            bayeux: times(&file.bayeux, sockets, default.bayeux),
            ..default
        })
    }

    /// How the requests of the tapes are read.
    fn reading(&self, config: &ConfigFlag, file: &Config) -> anyhow::Result<Reading> {
        let flag = ("--session-by", self.clients.session_by.as_ref());
        let session_by = config.pick(flag, ("sessionBy", file.session_by.clone()));
        Ok(Reading {
            rules: config.rules(&file.r#match)?,
            session_by: serve::session_by(session_by)?,
            present: if self.time.now || file.now {
                Present::At(jiff::Timestamp::now().as_second())
            } else {
                Present::Recorded
            },
        })
    }
}

impl OnMiss {
    /// How the names of header fields are spelled that clients send: what is sent on keeps them.
    fn names(&self) -> Names {
        match self {
            OnMiss::Refuse | OnMiss::Stop => Names::Lowered,
            OnMiss::Forward(..) => Names::Kept,
        }
    }
}

impl RequestFlags {
    fn on_miss(
        &self,
        word: &str,
        tapes: &[PathBuf],
        service: &ServiceFlags,
    ) -> anyhow::Result<OnMiss> {
        match word {
            "refuse" => Ok(OnMiss::Refuse),
            "stop" => Ok(OnMiss::Stop),
            _ => {
                let url = word.strip_prefix("forward=");
                let url =
                    url.ok_or_else(|| anyhow!("{word:?} is none of refuse, stop and forward=URL"))?;
                let tape = match tapes {
                    _ if !self.record_misses => None,
                    [tape] => Some(tape.clone()),
                    _ => return Err(anyhow!("--record-misses adds to one tape; name it")),
                };
                let origin: Origin = url.parse()?;
                let service = service.service(origin, None)?;
                Ok(OnMiss::Forward(Box::new(service), tape))
            }
        }
    }
}

fn on_exhausted(word: &str) -> anyhow::Result<OnExhausted> {
    match word {
        "refuse" => Ok(OnExhausted::Refuse),
        "last" => Ok(OnExhausted::Last),
        "loop" => Ok(OnExhausted::Loop),
        _ => Err(anyhow!("{word:?} is none of refuse, last and loop")),
    }
}

fn spare_sessions(word: &str) -> anyhow::Result<Spare> {
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

fn times(
    file: &Bayeux,
    sockets: Sockets,
    default: crate::bayeux::Settings,
) -> crate::bayeux::Settings {
    let milliseconds = |value: u64| Micros(value.saturating_mul(1_000));
    crate::bayeux::Settings {
        timeout: file.timeout.map_or(default.timeout, milliseconds),
        max_interval: file.max_interval.map_or(default.max_interval, milliseconds),
        sockets,
    }
}
