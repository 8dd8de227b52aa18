//! The flags that say who may use the admin port, and the port behind them.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Response};
use http_body_util::{Either, Full};

use crate::admission::{Admission, Token};
use crate::listen::{Content, Peer};

/// The longest file that holds a token.
const MAX_TOKEN_FILE: u64 = 4_096;

/// Who may use the admin port.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Admin")]
#[allow(clippy::struct_field_names)] // a field is named as its flag is
pub(in crate::cli) struct AdminFlags {
    /// What each request to the admin port must carry as `Authorization: Bearer TOKEN`, of 16
    /// characters or more; without one, the admin port is on loopback only. Others on this machine can
    /// see a flag: prefer the variable or --admin-token-file.
    #[arg(
        long,
        value_name = "TOKEN",
        env = "ANTIPHON_ADMIN_TOKEN",
        hide_env_values = true
    )]
    admin_token: Option<String>,

    /// A file whose first line is that token.
    #[arg(
        long,
        value_name = "PATH",
        env = "ANTIPHON_ADMIN_TOKEN_FILE",
        conflicts_with = "admin_token"
    )]
    admin_token_file: Option<PathBuf>,

    /// A name by which the admin port may be called beside localhost and addresses; may be given more
    /// than once.
    #[arg(
        long,
        value_name = "NAME",
        env = "ANTIPHON_ADMIN_HOST",
        value_delimiter = ','
    )]
    admin_host: Vec<String>,
}

/// The answer to a request to an admin port: a refusal, or what the port says.
type Answered<B> = Pin<Box<dyn Future<Output = Response<Either<Full<Bytes>, B>>> + Send>>;

impl AdminFlags {
    /// Who is let in.
    pub(in crate::cli) fn admission(&self) -> anyhow::Result<Admission> {
        let text = match (&self.admin_token, &self.admin_token_file) {
            (Some(text), _) => Some((text.clone(), "--admin-token (or ANTIPHON_ADMIN_TOKEN)")),
            (None, Some(path)) => {
                let mut text = String::new();
                let file = File::open(path);
                let read =
                    file.and_then(|file| file.take(MAX_TOKEN_FILE).read_to_string(&mut text));
                read.with_context(|| {
                    format!("--admin-token-file: cannot read {}", path.display())
                })?;
                let line = text.lines().next().unwrap_or_default();
                Some((line.trim().to_owned(), "--admin-token-file"))
            }
            (None, None) => None,
        };
        let token = match text {
            Some((text, origin)) => Some(Token::new(&text).context(origin)?),
            None => None,
        };
        let hosts = self.admin_host.iter().map(|host| host.trim());
        let hosts: Vec<&str> = hosts.filter(|host| !host.is_empty()).collect();
        let is_name = |host: &&str| {
            host.parse::<IpAddr>().is_ok()
                || host
                    .parse::<Authority>()
                    .is_ok_and(|read| read.host() == *host)
        };
        if let Some(other) = hosts.iter().find(|host| !is_name(host)) {
            return Err(anyhow!(
                "--admin-host (or ANTIPHON_ADMIN_HOST): {other:?} is no name of a host, without a port"
            ));
        }
        Ok(Admission::new(token, &hosts))
    }
}

/// Where the admin port is where nobody says: beside the other one, but on loopback where anybody could
/// use it.
pub(super) fn beside(listen: SocketAddr, port: u16, admission: &Admission) -> SocketAddr {
    let ip = match listen.ip() {
        ip if ip.is_loopback() || admission.wants_token() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, port)
}

/// Refuses an address that others than this machine reach, where no token is asked for.
pub(super) fn check(address: SocketAddr, admission: &Admission) -> anyhow::Result<()> {
    if address.ip().to_canonical().is_loopback() || admission.wants_token() {
        return Ok(());
    }
    Err(anyhow!(
        "--admin: {address} is reached from other machines: set --admin-token (or \
         ANTIPHON_ADMIN_TOKEN), or keep the admin port on loopback"
    ))
}

/// An admin port that answers those who are let in.
pub(in crate::cli) fn guarded<H, F, B>(
    admission: Admission,
    handle: H,
) -> impl Fn(Peer, Request<Content>) -> Answered<B> + Clone
where
    H: Fn(Request<Content>) -> F,
    H: Clone,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Send + 'static,
{
    let admission = Arc::new(admission);
    move |_, request| {
        if let Some(refusal) = admission.refusal(&request) {
            return Box::pin(std::future::ready(refusal.map(Either::Left)));
        }
        let answer = handle(request);
        Box::pin(async move { answer.await.map(Either::Right) })
    }
}
