//! Counts what passes, for those who watch the proxy.
//!
//! It keeps numbers only; the recorder keeps the exchanges.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The statuses that there can be: all of three digits (RFC 9110 §15).
const FIRST_STATUS: u16 = 100;
const LAST_STATUS: u16 = 999;

/// The bounds of the classes of added latency, in microseconds.
const LATENCY_BOUNDS: [u64; 8] = [100, 250, 500, 1_000, 2_500, 10_000, 100_000, 1_000_000];

/// The numbers. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Numbers>);

/// How many answers had each status.
#[derive(Debug)]
struct Statuses(Vec<AtomicU64>);

impl Default for Statuses {
    fn default() -> Statuses {
        let all = FIRST_STATUS..=LAST_STATUS;
        Statuses(all.map(|_| AtomicU64::default()).collect())
    }
}

impl Statuses {
    fn count(&self, status: u16) {
        let place = usize::from(status.saturating_sub(FIRST_STATUS));
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Those that answers had, and how many.
    fn seen(&self) -> impl Iterator<Item = (u16, u64)> {
        let counts = (FIRST_STATUS..).zip(self.0.iter().map(load));
        counts.filter(|(_, count)| *count > 0)
    }
}

#[derive(Debug, Default)]
struct Numbers {
    /// By status, from [`FIRST_STATUS`] on.
    statuses: Statuses,
    under_way: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    added: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    added_sum: AtomicU64,
}

/// An exchange that is under way as long as this lives.
#[derive(Debug)]
pub(super) struct Span(Meter);

impl Span {
    /// Content came from the upstream.
    pub(super) fn received(&self, bytes: usize) {
        self.0.received(bytes);
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.0.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the exchanges that passed come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// How many were answered, by the proxy itself too.
    pub answered: u64,
    /// How many are under way.
    pub under_way: u64,
    /// Bytes of content in both directions.
    pub bytes: u64,
}

impl Meter {
    /// An exchange begins.
    pub(super) fn begin(&self) -> Span {
        self.0.under_way.fetch_add(1, Ordering::Relaxed);
        Span(self.clone())
    }

    /// Content went to the upstream.
    pub(super) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Content came from the upstream.
    pub(super) fn received(&self, bytes: usize) {
        self.0.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// A response with this status is about to go to the client, after the proxy itself took `added`.
    pub(super) fn answered(&self, status: u16, added: Duration) {
        self.0.statuses.count(status);
        let micros = u64::try_from(added.as_micros()).unwrap_or(u64::MAX);
        let class = LATENCY_BOUNDS.iter().take_while(|bound| micros > **bound);
        if let Some(class) = self.0.added.get(class.count()) {
            class.fetch_add(1, Ordering::Relaxed);
        }
        self.0.added_sum.fetch_add(micros, Ordering::Relaxed);
    }

    /// A request was answered at once.
    pub(super) fn refused(&self, status: u16) {
        self.answered(status, Duration::ZERO);
    }

    /// The numbers in short.
    pub fn count(&self) -> Count {
        let (sent, received) = (load(&self.0.sent), load(&self.0.received));
        Count {
            answered: self.0.statuses.seen().map(|(_, count)| count).sum(),
            under_way: load(&self.0.under_way),
            bytes: sent + received,
        }
    }

    /// All of them, as Prometheus reads them (text exposition format 0.0.4).
    pub fn exposition(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).unwrap_or_default(); // a string takes all that is written
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(
            text,
            "# HELP antiphon_requests_total Requests answered, by status."
        )?;
        writeln!(text, "# TYPE antiphon_requests_total counter")?;
        for (status, count) in self.0.statuses.seen() {
            writeln!(
                text,
                "antiphon_requests_total{{status=\"{status}\"}} {count}"
            )?;
        }
        writeln!(
            text,
            "# HELP antiphon_requests_under_way Requests under way."
        )?;
        writeln!(text, "# TYPE antiphon_requests_under_way gauge")?;
        writeln!(
            text,
            "antiphon_requests_under_way {}",
            load(&self.0.under_way)
        )?;
        writeln!(
            text,
            "# HELP antiphon_bytes_total Bytes of content that passed."
        )?;
        writeln!(text, "# TYPE antiphon_bytes_total counter")?;
        let (sent, received) = (load(&self.0.sent), load(&self.0.received));
        writeln!(text, "antiphon_bytes_total{{direction=\"request\"}} {sent}")?;
        writeln!(
            text,
            "antiphon_bytes_total{{direction=\"response\"}} {received}"
        )?;
        let name = "antiphon_added_latency_seconds";
        writeln!(
            text,
            "# HELP {name} Time the proxy itself took until a response's head."
        )?;
        writeln!(text, "# TYPE {name} histogram")?;
        let mut sum = 0;
        let bounds = LATENCY_BOUNDS.iter().map(|bound| seconds(*bound));
        let bounds = bounds.chain(["+Inf".to_owned()]);
        for (class, bound) in self.0.added.iter().zip(bounds) {
            sum += load(class);
            writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {sum}")?;
        }
        writeln!(text, "{name}_sum {}", seconds(load(&self.0.added_sum)))?;
        writeln!(text, "{name}_count {sum}")
    }
}

/// Tells the time that the proxy takes from the time that it waits for the upstream.
#[derive(Debug)]
pub(super) struct Watch {
    since: Instant,
    own: Duration,
}

impl Watch {
    /// The proxy begins.
    pub(super) fn start() -> Watch {
        Watch {
            since: Instant::now(),
            own: Duration::ZERO,
        }
    }

    /// The proxy has done its part, and waits.
    pub(super) fn pause(&mut self) {
        self.own += self.since.elapsed();
    }

    /// The proxy goes on.
    pub(super) fn resume(&mut self) {
        self.since = Instant::now();
    }

    /// The time that the proxy has taken, with what it takes now.
    pub(super) fn own(&self) -> Duration {
        self.own + self.since.elapsed()
    }
}

fn load(number: &AtomicU64) -> u64 {
    number.load(Ordering::Relaxed)
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_counted() {
        let meter = Meter::default();
        let span = meter.begin();
        meter.sent(3);
        meter.received(4);
        meter.answered(200, Duration::from_micros(300));
        meter.answered(200, Duration::from_secs(5));
        meter.answered(502, Duration::from_micros(100));
        let count = Count {
            answered: 3,
            under_way: 1,
            bytes: 7,
        };
        assert_eq!(meter.count(), count);
        drop(span);
        let text = meter.exposition();
        for line in [
            "antiphon_requests_total{status=\"200\"} 2",
            "antiphon_requests_total{status=\"502\"} 1",
            "antiphon_requests_under_way 0",
            "antiphon_bytes_total{direction=\"response\"} 4",
            "antiphon_added_latency_seconds_bucket{le=\"0.000100\"} 1",
            "antiphon_added_latency_seconds_bucket{le=\"0.000500\"} 2",
            "antiphon_added_latency_seconds_bucket{le=\"1.000000\"} 2",
            "antiphon_added_latency_seconds_bucket{le=\"+Inf\"} 3",
            "antiphon_added_latency_seconds_sum 5.000400",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
