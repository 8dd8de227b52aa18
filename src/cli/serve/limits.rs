//! The flags that say how many clients there may be, what they may send, and how long they are waited
//! for.

use std::time::Duration;

use anyhow::anyhow;
use serde::Deserialize;

use crate::listen::{Limits, MAX_CONNECTIONS, MAX_HEAD, Names, OnFin, Sockets};

use super::seconds;
use crate::cli::config::{ConfigFlag, read};

/// How long a client may take to send a head unless the user chooses: a phone on a bad line, and no more.
const HEAD: Duration = Duration::from_secs(30);

/// How long content may pause, and a reader take nothing: a phone that changes its network is back by then.
const PAUSE: Duration = Duration::from_secs(60);

/// How long a connection may be open with nothing under way: longer than people look at a page.
const IDLE: Duration = Duration::from_secs(120);

/// How long what is under way may go on at the end: most responses are out by then.
const DRAIN: Duration = Duration::from_secs(5);

/// The longest head that can be allowed: what the HTTP/1.1 library holds of one at most is some 400 KB.
const LONGEST_HEAD: usize = 256 * 1024;

/// The shortest: what a request with a few fields has.
const SHORTEST_HEAD: usize = 256;

/// How clients are kept from starving each other.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct CrowdFlags {
    /// How many connections clients may have open; one more is answered 503 and closed
    /// [default: 4096].
    #[arg(long, value_name = "N", env = "ANTIPHON_MAX_CONNECTIONS")]
    max_connections: Option<usize>,

    /// How many bytes the head of a request may have, 256 to 262144 [default: 65536].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_HEAD")]
    max_head: Option<usize>,

    /// How long a client may take to send the head of a request, and for a TLS handshake [default: 30].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_HEAD_TIMEOUT")]
    head_timeout: Option<String>,

    /// How long the content of a request may bring no byte while it is waited for; then it is answered
    /// 408. Content beside a response that has begun, and gRPC, may pause [default: 60].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_BODY_TIMEOUT")]
    body_timeout: Option<String>,

    /// How long a client may take no byte of what it is sent; then its connection is cut. One that
    /// waits for something to be sent, as in a long poll, may wait [default: 60].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_READER_TIMEOUT")]
    reader_timeout: Option<String>,

    /// How long a client's connection may be open with nothing under way [default: 120].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_IDLE_TIMEOUT")]
    idle_timeout: Option<String>,

    /// How long what is under way may go on after SIGINT or SIGTERM; then it is cut. A second signal
    /// cuts it at once [default: 5].
    #[arg(long, value_name = "SECONDS", env = "ANTIPHON_DRAIN")]
    drain: Option<String>,
}

/// The limits that the settings file names: bytes, numbers and seconds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(in crate::cli) struct LimitSettings {
    max_connections: Option<usize>,
    max_head: Option<usize>,
    head_timeout: Option<f64>,
    body_timeout: Option<f64>,
    reader_timeout: Option<f64>,
    idle_timeout: Option<f64>,
    drain: Option<f64>,
    pub(in crate::cli) max_sessions: Option<usize>,
    pub(in crate::cli) max_journal: Option<usize>,
    pub(in crate::cli) max_content: Option<usize>,
    pub(in crate::cli) max_body: Option<usize>,
    pub(in crate::cli) max_held: Option<usize>,
    pub(in crate::cli) max_queue: Option<usize>,
}

/// What may be chosen for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Range {
    pub(in crate::cli) least: usize,
    pub(in crate::cli) most: usize,
}

impl Range {
    /// Whatever there is.
    pub(in crate::cli) const ANY: Range = Range::from(0);

    /// So many and more.
    pub(in crate::cli) const fn from(least: usize) -> Range {
        Range {
            least,
            most: usize::MAX,
        }
    }
}

impl CrowdFlags {
    /// The limits that they and the file make.
    pub(in crate::cli) fn limits(
        &self,
        config: &ConfigFlag,
        file: &LimitSettings,
        on_fin: OnFin,
        sockets: Sockets,
    ) -> anyhow::Result<Limits> {
        let time = |flag, given: &Option<String>, name, configured: Option<f64>, default| {
            let configured = configured.map(|seconds| seconds.to_string());
            let picked = config.pick((flag, given.as_ref()), (name, configured));
            picked.map_or(Ok(default), |setting| {
                seconds(&setting.origin, &setting.value)
            })
        };
        let connections = (file.max_connections, "limits.maxConnections");
        let head = (file.max_head, "limits.maxHead");
        Ok(Limits {
            connections: count(
                config,
                (self.max_connections, "--max-connections"),
                connections,
                Range::from(1),
            )?
            .unwrap_or(MAX_CONNECTIONS),
            head_size: count(
                config,
                (self.max_head, "--max-head"),
                head,
                Range {
                    least: SHORTEST_HEAD,
                    most: LONGEST_HEAD,
                },
            )?
            .unwrap_or(MAX_HEAD),
            head: time(
                "--head-timeout",
                &self.head_timeout,
                "limits.headTimeout",
                file.head_timeout,
                HEAD,
            )?,
            body: time(
                "--body-timeout",
                &self.body_timeout,
                "limits.bodyTimeout",
                file.body_timeout,
                PAUSE,
            )?,
            reader: time(
                "--reader-timeout",
                &self.reader_timeout,
                "limits.readerTimeout",
                file.reader_timeout,
                PAUSE,
            )?,
            idle: time(
                "--idle-timeout",
                &self.idle_timeout,
                "limits.idleTimeout",
                file.idle_timeout,
                IDLE,
            )?,
            drain: time("--drain", &self.drain, "limits.drain", file.drain, DRAIN)?,
            on_fin,
            sockets,
            names: Names::default(),
        })
    }
}

/// A number that a flag, the environment or the file gives, if one does.
pub(in crate::cli) fn count(
    config: &ConfigFlag,
    (given, flag): (Option<usize>, &str),
    (configured, name): (Option<usize>, &str),
    range: Range,
) -> anyhow::Result<Option<usize>> {
    let (given, configured) = (
        given.map(|number| number.to_string()),
        configured.map(|number| number.to_string()),
    );
    let picked = config.pick((flag, given.as_ref()), (name, configured));
    read(picked, |text| {
        let number = text.parse()?;
        let Range { least, most } = range;
        if number < least {
            return Err(anyhow!("{number} is less than {least}"));
        }
        if number > most {
            return Err(anyhow!("{number} is more than {most}"));
        }
        Ok(number)
    })
}
