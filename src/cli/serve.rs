//! What the commands share that serve: their ports, the words on them, and the signals that end them.

pub(super) mod admin;
mod files;
pub(super) mod limits;
mod memory;
pub(super) mod ready;

use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use http::Request;
use http_body_util::BodyExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::admission::Admission;
use crate::exchange::{Ender, SessionBy};
use crate::listen::{self, Counts, Crew, Given, Peer};
use crate::proxy::{self, Beside, Breaker, Socket, Tell};

use super::config::{Setting, read};
use super::exit::{Because as _, Failure, Trouble};
use super::output;

/// Where a server listens where nothing else is said.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// The ports of a server, open.
pub(super) struct Ports {
    pub(super) listener: TcpListener,
    pub(super) address: SocketAddr,
    pub(super) admin: TcpListener,
    pub(super) admin_address: SocketAddr,
}

impl Ports {
    /// Opens them. The admin port is the one after the other where nothing else is said, and a free
    /// one where that is free.
    pub(super) async fn open(
        listen: &str,
        admin: Option<&str>,
        admission: &Admission,
    ) -> Result<Ports, Failure> {
        let listener = bind(listen, "--listen").await?;
        let address = local(&listener)?;
        let next = match address.port() {
            _ if listen.ends_with(":0") => 0,
            port => port.wrapping_add(1),
        };
        let admin = if let Some(admin) = admin {
            bind(admin, "--admin").await?
        } else {
            let beside = admin::beside(address, next, admission);
            bind(&beside.to_string(), "--admin").await?
        };
        let admin_address = local(&admin)?;
        admin::check(admin_address, admission).because(Trouble::Usage)?;
        Ok(Ports {
            listener,
            address,
            admin,
            admin_address,
        })
    }

    /// Says on stdout where they are; the URLs of the first begin with `scheme`.
    pub(super) fn announce(&self, scheme: &str) -> Result<(), Failure> {
        output::data(&self.words(scheme))
    }

    fn words(&self, scheme: &str) -> String {
        let Ports {
            address,
            admin_address,
            ..
        } = self;
        format!("listening on {scheme}://{address}\nadmin on http://{admin_address}\n")
    }
}

/// The runtime of a server: for all but the connections that a crew carries.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    files::allow();
    memory::keep();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
        .because(Trouble::Io)
}

/// Those who carry the connections of a server: a thread for each core.
pub(super) fn crew() -> Result<Crew, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    Crew::gather(cores)
        .context("cannot start the threads that carry the traffic")
        .because(Trouble::Io)
}

/// Ends with the first SIGINT or SIGTERM.
pub(super) fn signals() -> Result<impl Future<Output = ()>, Failure> {
    let hear = |kind, name: &str| {
        signal(kind)
            .with_context(|| format!("cannot hear {name}"))
            .because(Trouble::Io)
    };
    let mut interrupt = hear(SignalKind::interrupt(), "SIGINT")?;
    let mut terminate = hear(SignalKind::terminate(), "SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Lets the tasks of the ports end: what is under way has its time, unless `again`, a second signal,
/// says otherwise.
pub(super) async fn wind_down(
    end: watch::Sender<bool>,
    tasks: [JoinHandle<()>; 2],
    again: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let _ = end.send(true);
    let ended = async {
        for task in tasks {
            task.await
                .context("a server task ended badly")
                .because(Trouble::Io)?;
        }
        Ok(())
    };
    tokio::pin!(ended);
    tokio::select! {
        done = &mut ended => return done,
        () = again => output::say("a second signal: what is under way is cut"),
    }
    // Nobody is left who could give it time.
    drop(end);
    ended.await
}

/// Says how many connections were cut at the end.
pub(super) fn say_cut(counts: &Counts) {
    let cut = counts.now().cut;
    if cut > 0 {
        output::say(&format!(
            "{cut} {} at work when the time to drain was over, and cut",
            if cut == 1 {
                "connection was"
            } else {
                "connections were"
            }
        ));
    }
}

/// A number of seconds, as a flag has it.
pub(super) fn seconds(flag: &str, text: &str) -> anyhow::Result<Duration> {
    let number: Option<f64> = text.parse().ok();
    number
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| anyhow!("{flag}: {text:?} is no number of seconds"))
}

/// An address as `HOST:PORT`; whether the host is there is seen when it is bound.
pub(super) fn address(setting: Setting) -> anyhow::Result<String> {
    let Setting { value, origin } = setting;
    let parts = value.rsplit_once(':');
    let fine = parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if fine {
        Ok(value)
    } else {
        Err(anyhow!("{origin}: {value:?} is no HOST:PORT"))
    }
}

/// What a client takes beside the response, for a proxy.
pub(super) fn beside(peer: Peer) -> Beside<impl Tell, impl Breaker> {
    let interim = peer.interim;
    let socket = peer.socket.map(|socket| {
        let socket = Arc::new(socket);
        let cut = Arc::clone(&socket);
        Socket {
            cut: Box::pin(async move { cut.cut().await }),
            reset: Box::new(move || socket.reset()),
        }
    });
    let cut = peer.cut;
    Beside {
        breaker: move || match cut.given() {
            Given::Yes => Ender::Recorder,
            Given::No => Ender::Client,
        },
        tell: move |head: &http::Response<()>| interim.send(head),
        socket,
    }
}

/// A request as the proxy takes it, whoever serves.
pub(super) fn passed(request: Request<listen::Content>) -> Request<proxy::Content> {
    request.map(BodyExt::boxed)
}

async fn bind(address: &str, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{flag}: cannot listen on {address}"))
        .because(Trouble::Io)
}

fn local(listener: &TcpListener) -> Result<SocketAddr, Failure> {
    listener
        .local_addr()
        .context("cannot tell the address")
        .because(Trouble::Io)
}

/// The path of the Bayeux endpoint, where the user chose one.
pub(super) fn endpoint(setting: Option<Setting>) -> anyhow::Result<Option<String>> {
    read(setting, path)
}

/// What tells clients apart, where the user says so.
pub(super) fn session_by(setting: Option<Setting>) -> anyhow::Result<Option<SessionBy>> {
    read(setting, |word| Ok(word.parse::<SessionBy>()?))
}

/// A path without the slash at its end.
fn path(word: &str) -> anyhow::Result<String> {
    if word.starts_with('/') {
        Ok(word.trim_end_matches('/').to_owned())
    } else {
        Err(anyhow!("{word:?} is no path: it must begin with a slash"))
    }
}
