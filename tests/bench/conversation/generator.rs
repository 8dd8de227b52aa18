//! The load: connections that ask and ask again, by `wrk` where it is installed, else by hyper.
//! The same for all parties of a run, and the output says which.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Builder;

use super::client::Client;
use super::party;
use super::work::{CONNECTIONS, TARGET, content};

/// What a party did under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests a second that were answered with 200.
    pub(crate) rate: f64,
    /// Microseconds within which half of them were answered.
    pub(crate) p50: f64,
    /// Microseconds within which 99 of 100 were.
    pub(crate) p99: f64,
    /// Requests that were answered otherwise, or not at all.
    pub(crate) failed: u64,
}

/// How many connections ask at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Sixty-four.
    Many,
    /// One, call after call.
    One,
}

impl Callers {
    fn connections(self) -> usize {
        match self {
            Callers::Many => CONNECTIONS,
            Callers::One => 1,
        }
    }

    /// How many threads of `wrk` do it.
    fn threads(self) -> usize {
        self.connections().min(2)
    }

    /// Which program makes the load.
    pub(crate) fn program(self) -> String {
        if party::installed("wrk").is_some() {
            format!("wrk, threads: {}", self.threads())
        } else {
            "the bench's own hyper client".to_owned()
        }
    }

    /// Loads a party for this long with this many different operations, one after the other.
    pub(crate) fn load(
        self,
        address: &str,
        operations: usize,
        turn: Duration,
        folder: &Path,
    ) -> Load {
        if party::installed("wrk").is_some() {
            return by_wrk(self, address, operations, turn, folder);
        }
        let mut runtime = match self {
            Callers::Many => Builder::new_multi_thread(),
            Callers::One => Builder::new_current_thread(),
        };
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(by_hyper(self, address, operations, turn))
    }
}

fn by_wrk(
    callers: Callers,
    address: &str,
    operations: usize,
    turn: Duration,
    folder: &Path,
) -> Load {
    let script = format!(
        "local count = 0\n\
         function setup(thread) thread:set('first', count * {half}); count = count + 1 end\n\
         function init(args) n = first end\n\
         wrk.method = 'POST'\nwrk.body = '{content}'\n\
         wrk.headers['content-type'] = 'application/json'\n\
         function request() n = (n + 1) % {operations}; return wrk.format(nil, '{TARGET}' .. n) end\n\
         function done(s, l, r) io.write(string.format('RESULT %d %d %d %d %d\\n', s.requests, \
         s.duration, l:percentile(50), l:percentile(99), s.errors.connect + s.errors.read + s.errors.write + \
         s.errors.timeout + s.errors.status)) end\n",
        half = operations / 2,
        content = content(),
    );
    let file = folder.join("load.lua");
    std::fs::write(&file, script).unwrap();
    // wrk takes whole seconds.
    let seconds = format!("{}s", turn.as_secs_f64().ceil().max(1.0));
    let output = Command::new("wrk")
        .args(["-t", &callers.threads().to_string()])
        .args(["-c", &callers.connections().to_string(), "-d", &seconds])
        .arg("-s")
        .arg(&file)
        .arg(format!("http://{address}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.unwrap_or_else(|| panic!("wrk said {text}"));
    let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
    let [requests, duration, half, most, failed] = numbers[..] else {
        panic!("wrk said {line}");
    };
    // Where nothing was answered, nothing was in time.
    let in_time = |micros: u64| match requests {
        0 => f64::INFINITY,
        _ => micros as f64,
    };
    Load {
        rate: requests.saturating_sub(failed) as f64 / (duration as f64 / 1e6),
        p50: in_time(half),
        p99: in_time(most),
        failed,
    }
}

async fn by_hyper(callers: Callers, address: &str, operations: usize, turn: Duration) -> Load {
    let content = Bytes::from(content());
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..callers.connections() {
        let (content, next) = (content.clone(), Arc::clone(&next));
        let mut client = Client::connect(address).await;
        tasks.push(tokio::spawn(async move {
            let (mut times, mut failed) = (Vec::new(), 0);
            while begin.elapsed() < turn {
                let number = next.fetch_add(1, Ordering::Relaxed) % operations;
                let target = format!("{TARGET}{number}");
                let asked = Instant::now();
                match client.send("POST", &target, "", content.clone()).await {
                    Ok((200, _)) => times.push(asked.elapsed()),
                    Ok(_) => failed += 1,
                    Err(_) => return (times, failed + 1),
                }
            }
            (times, failed)
        }));
    }
    let (mut times, mut failed) = (Vec::new(), 0);
    for task in tasks {
        let (these, others) = task.await.unwrap();
        times.extend(these);
        failed += others;
    }
    let seconds = begin.elapsed().as_secs_f64();
    times.sort();
    Load {
        rate: times.len() as f64 / seconds,
        p50: percentile(&times, 50),
        p99: percentile(&times, 99),
        failed,
    }
}

/// So many of 100 are at most this, in microseconds; of times that are sorted.
fn percentile(times: &[Duration], percent: usize) -> f64 {
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times
        .get(place)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
