//! `antiphon replay`: stands in for the recorded service.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use tokio::sync::watch;

use crate::exchange::Operation;
use crate::listen::{self, Counts, Door, Limits};
use crate::player::{Plan, Replay as Player, admin};
use crate::tape::{Redaction, Trust};

use self::flags::{Expected, Flags, OnMiss, Setup};
use super::config::ConfigFlag;
use super::exit::{Because as _, Failure, Outcome, Trouble};
use super::forward::Forwarding;
use super::output::quoted;
use super::serve::admin::guarded;
use super::serve::ready::{Ready, ReadyFlag};
use super::serve::{self, Ports};
use super::tls::{self, Front};
use super::{output, redaction, tapes};

mod caps;
mod flags;

/// How many operations are shown as curl lines at the start; `antiphon show` has them all.
const SHOWN_OPERATIONS: usize = 3;

/// Stand in for the service: answer operations, and push the notifications that they caused.
///
/// Without a tape, the conversation that antiphon carries in itself is played. Several tapes are
/// played at once, each in its own order.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Replay {
    /// The tapes to play, files or folders of segments; `-` reads stdin.
    #[arg(value_name = "TAPE")]
    tapes: Vec<PathBuf>,

    #[command(flatten)]
    config: ConfigFlag,

    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  antiphon replay                                     the embedded conversation on 127.0.0.1:8080
  antiphon replay chat.tape --listen 127.0.0.1:0      a tape, on a free port
  antiphon replay chat.tape --pace 10x                with its recorded gaps, ten times as fast
  antiphon replay chat.tape --spare-sessions fork     to many tests at once, each with its own copy
  antiphon replay chat.tape --record-misses --on-miss forward=http://gws.example:8080
                                                      what the tape lacks comes from the service
  antiphon replay chat.tape --tls                     over TLS; `antiphon ca` has clients trust it

A client is tied to a recorded session by an `Antiphon-Session: NAME` header, by --session-by, by
its HTTP Basic user, by a cookie or token of the tape, or by the cookie that its handshake set; else
it gets the next session that is free.
SIGINT and SIGTERM let what is under way end. Then a report says what was played, and the exit code
is 0 if that was all that the tape holds and nothing else was asked for; else 1.";

impl Replay {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let config = self.config.read()?;
        let front = self.flags.front()?;
        let setup = self.flags.setup(&self.tapes, &self.config, &config);
        let setup = setup.because(Trouble::Usage)?;
        let tapes = tapes::to_play(&self.tapes, &setup.reading)?;
        // What is added goes to the one tape that was named.
        let rules = tapes
            .first()
            .map(|tape| redaction::added_to(tape.header(), &config.redact, self.config.path()));
        let rules = rules.transpose().because(Trouble::Usage)?.flatten();
        let plan = tapes::planned(Plan::play(tapes, setup.reading.clone()))?;
        serve::runtime()?.block_on(play(plan, setup, (front, rules), &self.flags.ready))
    }
}

async fn play(
    plan: Plan,
    setup: Setup,
    (front, rules): (Front, Option<Redaction>),
    ready: &ReadyFlag,
) -> Result<Outcome, Failure> {
    let ports = Ports::open(&setup.listen, setup.admin.as_deref(), &setup.admission).await?;
    let endpoints = tapes::endpoints(&plan, setup.endpoint);
    let words = introduction(&plan, &front, &ports);
    let (end, stop) = listen::stopper();
    let (end_forwarding, stop_forwarding) = listen::stopper();
    let forwarding = forwarding(&setup.on_miss, rules, &front, stop_forwarding).await?;
    let player = match &forwarding {
        Some(forwarding) => {
            Player::forwarding(plan, setup.settings, endpoints, forwarding.forward())
        }
        None => Player::new(plan, setup.settings, endpoints),
    };
    let signals = serve::signals()?;
    let _ready = ready.say(&ports, front.scheme())?;
    ports.announce(front.scheme())?;
    output::say(&words);
    player.clone().learn();
    let counts = Counts::default();
    let timer = tokio::spawn(player.clone().keep_time());
    let for_clients = player.clone();
    let door = Door {
        listener: ports.listener,
        wire: front.wire,
        crew: Some(serve::crew()?),
    };
    let clients = tokio::spawn(listen::serve_counted(
        door,
        stop.clone(),
        setup.limits,
        counts.clone(),
        move |peer, request| for_clients.clone().handle(request, peer),
    ));
    let for_admin = player.clone();
    let shown = counts.clone();
    let watched = guarded(setup.admission, move |request| {
        admin::handle(for_admin.clone(), request, shown.now().numbers())
    });
    let admin = tokio::spawn(listen::serve(ports.admin, stop, Limits::admin(), watched));
    let stops = matches!(setup.on_miss, OnMiss::Stop);
    tokio::select! {
        () = signals => {}
        () = player.missed(), if stops => {}
    }
    // The order matters: no poll is held any more when the connections are asked to end.
    player.stop();
    Ready::stopping();
    serve::wind_down(end, [clients, admin], serve::signals()?).await?;
    serve::say_cut(&counts);
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

/// What sends misses on, where the user wants that.
async fn forwarding(
    on_miss: &OnMiss,
    rules: Option<Redaction>,
    front: &Front,
    stop: watch::Receiver<bool>,
) -> Result<Option<Forwarding>, Failure> {
    let OnMiss::Forward(service, tape) = on_miss else {
        return Ok(None);
    };
    if service.trust == Trust::Insecure {
        output::say(tls::INSECURE);
    }
    let scheme = tls::scheme(front.wire.scheme());
    let service = service.as_ref().clone();
    let tape = tape.as_deref().map(|tape| (tape, rules));
    let forwarding = Forwarding::start(service, scheme, tape, stop).await?;
    Ok(Some(forwarding))
}

/// The curl lines that play this very conversation.
fn introduction(plan: &Plan, front: &Front, ports: &Ports) -> String {
    let admin = ports.admin_address;
    let mut lines =
        vec!["# hear a session's notifications, each in a terminal of its own:".to_owned()];
    lines.extend(plan.sessions().iter().map(|session| {
        let name = percent(session.name());
        format!("curl -N 'http://{admin}/__try/notifications?session={name}'")
    }));
    let sayable = plan.operations().filter(|operation| is_sayable(operation));
    let mut operations = sayable.take(SHOWN_OPERATIONS).peekable();
    if operations.peek().is_some() {
        lines.push("# call an operation:".to_owned());
    }
    let origin = format!("{}://{}", front.scheme(), ports.address);
    let trusting = front.authority().map(|path| {
        let path = path.display().to_string();
        format!("--cacert {} ", quoted(&path))
    });
    let options = trusting.unwrap_or_default();
    lines.extend(operations.map(|operation| curl(&operation, &origin, &options)));
    lines.push("# begin again:".to_owned());
    lines.push(format!("curl -X POST http://{admin}/__admin/reset"));
    lines.join("\n")
}

/// Whether the content of an operation's request can stand on a line for a shell.
fn is_sayable(operation: &Operation) -> bool {
    let steers = |c: char| c.is_control() && !c.is_whitespace();
    let text = operation.request.body.text();
    text.is_some_and(|text| !text.contains(steers))
}

fn curl(operation: &Operation, origin: &str, options: &str) -> String {
    let request = &operation.request;
    let header = |name: &str, value: &str| format!(" -H {}", quoted(&format!("{name}: {value}")));
    let url = quoted(&format!("{origin}{}", request.target));
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
    format!(
        "curl {options}-X {} {url}{session}{kind}{data}",
        request.method
    )
}

fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Sends the program's own messages to stderr: those that `RUST_LOG` asks for, else all but the
/// chatter.
pub(super) fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("antiphon=info"));
    // What HTTP/2 writes of frames holds header fields, and so passwords.
    let filter = match "h2=info".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
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
