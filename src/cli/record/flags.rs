//! What the user says of a recording beside the addresses: what is written, how traffic is passed on, and
//! how long what is waited for. It starts nothing.

use std::path::PathBuf;

use crate::cli::config::{Config, ConfigFlag};
use crate::cli::serve::{self, limits};
use crate::recorder::{self, DEFAULT_MAX_BODY, Filter};
use crate::tape::Existing;

use super::caps::CapFlags;
use super::segments::SegmentFlags;
use super::settings::{chosen, each};

/// How many seconds connecting to a service may take, unless the user chooses.
pub(in crate::cli) const CONNECT_TIMEOUT: &str = "10";

/// How many seconds an idle connection to it is kept, unless the user chooses.
pub(in crate::cli) const UPSTREAM_IDLE: &str = "4";

/// What is written, and how.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Tape")]
pub(super) struct TapeFlags {
    /// The tape [default: recordings/recording.tape].
    #[arg(short, long, value_name = "TAPE", env = "ANTIPHON_OUTPUT")]
    pub(super) output: Option<PathBuf>,

    /// Go on after the last event of a tape that is there already.
    #[arg(long, conflicts_with = "force")]
    append: bool,

    /// Overwrite a tape that is there already.
    #[arg(long)]
    force: bool,

    /// When the client may have the last byte of a response: at once (relaxed), when the operation is
    /// in the file and outlives the recorder (written), or when it is on the disk and outlives a power
    /// cut (synced) [default: written].
    #[arg(
        long,
        value_name = "relaxed|written|synced",
        env = "ANTIPHON_DURABILITY"
    )]
    durability: Option<String>,

    #[command(flatten)]
    segments: SegmentFlags,

    /// How many bytes of a body are kept; of a longer one, the first bytes and the digest of the whole
    /// [default: 2097152].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_BODY")]
    pub(super) max_body: Option<usize>,

    /// Keep only operations of this method (POST), path (/api/**) or content type (image/*); may be
    /// given more than once. Here as in --except and --lines, `''` leaves nothing of what antiphon.json5 says.
    #[arg(long, value_name = "RULE")]
    only: Vec<String>,

    /// Leave out operations of this method, path or content type; may be given more than once. `/**`
    /// turns the recording off: nothing that passes is looked at.
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
pub(super) struct TrafficFlags {
    /// Speak HTTP/2 to the service, by prior knowledge and without TLS. Sockets pass if it opens any over
    /// HTTP/2 (RFC 8441).
    #[arg(long)]
    pub(super) upstream_http2: bool,

    /// Send the service the Host that the client called, and not its own.
    #[arg(long)]
    pub(super) keep_host: bool,

    /// Tell the service for whom the proxy speaks: X-Forwarded-For, -Host and -Proto.
    #[arg(long)]
    pub(super) forwarded: bool,

    /// Move absolute URLs in JSON and text bodies too, to the proxy in responses and to the service
    /// in requests. The service is asked not to compress.
    #[arg(long)]
    pub(super) rewrite_bodies: bool,
}

/// How long what is waited for.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitFlags {
    #[command(flatten)]
    pub(super) clients: limits::CrowdFlags,

    #[command(flatten)]
    pub(super) caps: CapFlags,

    /// How long connecting to the service may take.
    #[arg(long, value_name = "SECONDS", default_value = CONNECT_TIMEOUT)]
    pub(super) connect_timeout: String,

    /// How long an idle connection to the service is kept; 0 turns reuse off. Less than servers
    /// commonly keep theirs (5 seconds), so that a request seldom meets a connection that is just
    /// being closed.
    #[arg(long, value_name = "SECONDS", default_value = UPSTREAM_IDLE)]
    pub(super) upstream_idle: String,
}

impl TapeFlags {
    /// What the recorder is to do with the tape, and with what: as the flags say, else the file.
    pub(super) fn settings(
        &self,
        config: &ConfigFlag,
        file: &Config,
    ) -> anyhow::Result<recorder::Settings> {
        let settings = &file.record;
        let durability = ("record.durability", settings.durability.as_ref());
        let by = ("--session-by", self.session_by.as_ref());
        let by = config.pick(by, ("sessionBy", file.session_by.clone()));
        Ok(recorder::Settings {
            durability: chosen(
                config,
                ("--durability", self.durability.as_ref()),
                durability,
            )?
            .unwrap_or_default(),
            max_body: self.max_body.unwrap_or(DEFAULT_MAX_BODY),
            existing: match (self.append, self.force) {
                (true, _) => Existing::Append,
                (_, true) => Existing::Replace,
                _ => Existing::Refuse,
            },
            session_by: serve::session_by(by)?,
            filter: Filter {
                only: each(
                    config,
                    ("--only", &self.only),
                    ("record.only", &settings.only),
                )?,
                except: each(
                    config,
                    ("--except", &self.except),
                    ("record.except", &settings.except),
                )?,
            },
            lines: each(
                config,
                ("--lines", &self.lines),
                ("record.lines", &settings.lines),
            )?,
            packing: self.segments.packing(settings),
            rotation: self.segments.rotation(config, settings)?,
            ..recorder::Settings::default()
        })
    }
}
