//! Writes numbers as Prometheus reads them (text exposition format 0.0.4).
//!
//! What is counted, and what it means, is the business of those who count.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The type of such a text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A number, or some with a label each.
#[derive(Clone, Debug)]
pub struct Metric {
    name: Cow<'static, str>,
    kind: &'static str,
    help: &'static str,
    values: Vec<(&'static str, String)>,
}

/// A number that only grows, from the start of the program or of a run.
pub fn counter(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric {
        name: Cow::Borrowed(name),
        kind: "counter",
        help,
        values: vec![("", value.to_string())],
    }
}

/// A number that grows and shrinks.
pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Metric {
    Metric {
        kind: "gauge",
        ..counter(name, help, value)
    }
}

/// How often something was done and how long that took together; each value with what follows the name.
pub fn summary(
    name: &'static str,
    help: &'static str,
    values: Vec<(&'static str, String)>,
) -> Metric {
    Metric {
        kind: "summary",
        values,
        ..counter(name, help, 0)
    }
}

/// The numbers of a port by their names: connections that are open now, and how many there were of each
/// other kind.
pub fn connections(numbers: &BTreeMap<&'static str, u64>) -> impl Iterator<Item = Metric> {
    numbers.iter().map(|(name, value)| match *name {
        "open" => gauge("connections_open", "Connections of clients", *value),
        other => Metric {
            name: Cow::Owned(format!("connections_{other}_total")),
            ..counter("", "Connections that met this end", *value)
        },
    })
}

/// All of them as one text.
pub fn exposition(metrics: impl IntoIterator<Item = Metric>) -> String {
    let mut text = String::new();
    for metric in metrics {
        // A string takes all that is written.
        metric.write(&mut text).unwrap_or_default();
    }
    text
}

/// A time as Prometheus has it, in seconds.
pub fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

impl Metric {
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let Metric {
            name, kind, help, ..
        } = self;
        writeln!(text, "# HELP antiphon_{name} {help}.")?;
        writeln!(text, "# TYPE antiphon_{name} {kind}")?;
        for (label, value) in &self.values {
            writeln!(text, "antiphon_{name}{label} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_says_what_it_is_before_its_values() {
        let disk = vec![
            ("_sum{call=\"write\"}", seconds(1_500_000)),
            ("_count{call=\"write\"}", "3".to_owned()),
        ];
        let port = BTreeMap::from([("open", 2), ("cut", 1)]);
        let metrics = [
            counter("operations_total", "Operations", 7),
            summary("disk_seconds", "How long it took", disk),
        ];
        let text = exposition(metrics.into_iter().chain(connections(&port)));
        assert_eq!(
            text,
            "# HELP antiphon_operations_total Operations.\n\
             # TYPE antiphon_operations_total counter\n\
             antiphon_operations_total 7\n\
             # HELP antiphon_disk_seconds How long it took.\n\
             # TYPE antiphon_disk_seconds summary\n\
             antiphon_disk_seconds_sum{call=\"write\"} 1.500000\n\
             antiphon_disk_seconds_count{call=\"write\"} 3\n\
             # HELP antiphon_connections_cut_total Connections that met this end.\n\
             # TYPE antiphon_connections_cut_total counter\n\
             antiphon_connections_cut_total 1\n\
             # HELP antiphon_connections_open Connections of clients.\n\
             # TYPE antiphon_connections_open gauge\n\
             antiphon_connections_open 2\n"
        );
    }
}
