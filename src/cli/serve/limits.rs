//! The flags that say how many clients there may be, what they may send, and how long they are waited
//! for.

use anyhow::anyhow;

use crate::listen::{Limits, MAX_CONNECTIONS, MAX_HEAD, OnFin, Sockets};

use super::seconds;

/// The longest head that can be allowed: what the HTTP/1.1 library holds of one at most is some 400 KB.
const LONGEST_HEAD: usize = 256 * 1024;

/// How clients are kept from starving each other.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits")]
pub(in crate::cli) struct CrowdFlags {
    /// How many connections clients may have open; one more is answered 503 and closed
    /// [default: 4096].
    #[arg(long, value_name = "N", env = "ANTIPHON_MAX_CONNECTIONS")]
    max_connections: Option<usize>,

    /// How many bytes the head of a request may have, at most 262144 [default: 65536].
    #[arg(long, value_name = "BYTES", env = "ANTIPHON_MAX_HEAD")]
    max_head: Option<usize>,

    /// How long a client may take to send the head of a request, and for a TLS handshake.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "30",
        env = "ANTIPHON_HEAD_TIMEOUT"
    )]
    head_timeout: String,

    /// How long the content of a request may bring no byte while it is waited for; then it is answered
    /// 408. Content beside a response that has begun, and gRPC, may pause.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "60",
        env = "ANTIPHON_BODY_TIMEOUT"
    )]
    body_timeout: String,

    /// How long a client may take no byte of what it is sent; then its connection is cut. One that
    /// waits for something to be sent, as in a long poll, may wait.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "60",
        env = "ANTIPHON_READER_TIMEOUT"
    )]
    reader_timeout: String,

    /// How long a client's connection may be open with nothing under way.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "120",
        env = "ANTIPHON_IDLE_TIMEOUT"
    )]
    idle_timeout: String,

    /// How long what is under way may go on after SIGINT or SIGTERM; then it is cut. A second signal
    /// cuts it at once.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "5",
        env = "ANTIPHON_DRAIN"
    )]
    drain: String,
}

impl CrowdFlags {
    /// The limits that they make.
    pub(in crate::cli) fn limits(&self, on_fin: OnFin, sockets: Sockets) -> anyhow::Result<Limits> {
        let connections = self.max_connections.unwrap_or(MAX_CONNECTIONS);
        if connections == 0 {
            return Err(anyhow!("--max-connections: 0 would let nobody in"));
        }
        let head_size = self.max_head.unwrap_or(MAX_HEAD);
        if head_size > LONGEST_HEAD {
            return Err(anyhow!(
                "--max-head: {head_size} is more than {LONGEST_HEAD}"
            ));
        }
        Ok(Limits {
            connections,
            head_size,
            head: seconds("--head-timeout", &self.head_timeout)?,
            body: seconds("--body-timeout", &self.body_timeout)?,
            reader: seconds("--reader-timeout", &self.reader_timeout)?,
            idle: seconds("--idle-timeout", &self.idle_timeout)?,
            drain: seconds("--drain", &self.drain)?,
            on_fin,
            sockets,
        })
    }
}
