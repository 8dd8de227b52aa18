//! The load: 64 connections that ask and ask again, by `wrk` where it is installed, else by hyper.
//! The same for all parties of a run, and the output says which.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::client::Client;
use super::party;
use super::work::{CONNECTIONS, TARGET, content};

/// What a party did under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Requests a second that were answered with 200.
    pub(crate) rate: f64,
    /// Microseconds within which 99 of 100 were answered.
    pub(crate) p99: f64,
    /// Requests that were answered otherwise, or not at all.
    pub(crate) failed: u64,
}

/// Which program makes the load.
pub(crate) fn name() -> &'static str {
    if party::installed("wrk").is_some() {
        "wrk, 2 threads"
    } else {
        "the bench's own hyper client"
    }
}

/// Loads a party for this long with this many different operations, one after the other.
pub(crate) fn load(address: &str, operations: usize, turn: Duration, folder: &Path) -> Load {
    if party::installed("wrk").is_some() {
        by_wrk(address, operations, turn, folder)
    } else {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(by_hyper(address, operations, turn))
    }
}

fn by_wrk(address: &str, operations: usize, turn: Duration, folder: &Path) -> Load {
    let script = format!(
        "local count = 0\n\
         function setup(thread) thread:set('first', count * {half}); count = count + 1 end\n\
         function init(args) n = first end\n\
         wrk.method = 'POST'\nwrk.body = '{content}'\n\
         wrk.headers['content-type'] = 'application/json'\n\
         function request() n = (n + 1) % {operations}; return wrk.format(nil, '{TARGET}' .. n) end\n\
         function done(s, l, r) io.write(string.format('RESULT %d %d %d %d\\n', s.requests, \
         s.duration, l:percentile(99), s.errors.connect + s.errors.read + s.errors.write + \
         s.errors.timeout + s.errors.status)) end\n",
        half = operations / 2,
        content = content(),
    );
    let file = folder.join("load.lua");
    std::fs::write(&file, script).unwrap();
    // wrk takes whole seconds.
    let seconds = format!("{}s", turn.as_secs_f64().ceil().max(1.0));
    let output = Command::new("wrk")
        .args(["-t", "2", "-c", &CONNECTIONS.to_string(), "-d", &seconds])
        .arg("-s")
        .arg(&file)
        .arg(format!("http://{address}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let line = line.unwrap_or_else(|| panic!("wrk said {text}"));
    let numbers: Vec<u64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
    Load {
        rate: numbers[0].saturating_sub(numbers[3]) as f64 / (numbers[1] as f64 / 1e6),
        p99: if numbers[0] == 0 {
            f64::INFINITY // nothing was answered, so nothing in time
        } else {
            numbers[2] as f64
        },
        failed: numbers[3],
    }
}

async fn by_hyper(address: &str, operations: usize, turn: Duration) -> Load {
    let content = Bytes::from(content());
    let next = Arc::new(AtomicUsize::new(0));
    let begin = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..CONNECTIONS {
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
        p99: percentile(&times, 99),
        failed,
    }
}

/// So many of 100 are at most this, in microseconds; of times that are sorted.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> f64 {
    let place = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times
        .get(place)
        .map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}
