//! The rows of the bench, by name.

mod capture;
mod latency;
mod load;
mod normalize;
mod pass;
mod push;
mod replay;
mod start;

use super::Plan;
use super::table::Table;

/// In the order in which they run.
pub(crate) const NAMES: [&str; 9] = [
    "pass-through",
    "capture",
    "replay",
    "push",
    "latency",
    "load",
    "normalize",
    "verify",
    "start",
];

/// Runs a row.
pub(crate) fn run(name: &str, plan: Plan) -> Vec<Table> {
    match name {
        "pass-through" => pass::run(plan),
        "capture" => capture::run(plan),
        "replay" => replay::run(plan),
        "push" => push::run(plan),
        "latency" => latency::run(plan),
        "load" => load::run(plan),
        "normalize" => normalize::run(plan),
        "verify" => start::verify(plan),
        "start" => start::run(plan),
        _ => panic!("{name} is no row"),
    }
}

/// A folder on the build's own disk, that goes with its value.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
