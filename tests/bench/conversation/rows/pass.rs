//! Pass-through: the recorder with recording off, beside a minimal hyper proxy and nginx.

use super::folder;
use crate::Plan;
use crate::generator::Callers;
use crate::party::{self, Party};
use crate::table::{Table, Wanted};
use crate::work::ANSWERS;

pub(super) const ANTIPHON: &str = "antiphon record, relaxed, recording off";
const MINIMAL: &str = "minimal hyper proxy";
const NGINX: &str = "nginx";

/// Enough that no party tires: the operations of the load differ, as those of real clients do.
pub(super) const DISTINCT: usize = 100_000_000;

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let one = |(name, bytes)| compare(plan, name, bytes);
    ANSWERS.into_iter().map(one).collect()
}

fn compare(plan: Plan, name: &str, bytes: usize) -> Table {
    let folder = folder();
    let work = format!(
        "150 B asked, {name} answered, 64 connections; load by {}",
        Callers::Many.program()
    );
    let mut table = Table::new("pass-through", work, "requests/s");
    let service = Party::own(&["fixed", &bytes.to_string()]);
    let mut parties = vec![
        (
            ANTIPHON,
            recorder(&service, folder.path(), "relaxed", &["--except", "/**"]),
        ),
        (MINIMAL, Party::own(&["proxy", &service.address])),
    ];
    match party::nginx(&service.address, folder.path()) {
        Ok(nginx) => parties.push((NGINX, nginx)),
        Err(why) => table.not_run(NGINX, &why),
    }
    for _ in 0..plan.rounds {
        for (name, party) in &parties {
            let done = Callers::Many.load(&party.address, DISTINCT, plan.turn, folder.path());
            table.add(name, done.rate);
            if done.failed > 0 {
                table
                    .notes
                    .push(format!("{name}: {} requests failed", done.failed));
            }
        }
    }
    table.ratio(ANTIPHON, MINIMAL, Wanted::AtLeast(0.95));
    table.ratio(ANTIPHON, NGINX, Wanted::AtLeast(0.8));
    table
}

/// antiphon as a recorder of this service, with its tape in this folder.
pub(super) fn recorder(
    service: &Party,
    folder: &std::path::Path,
    durability: &str,
    more: &[&str],
) -> Party {
    let upstream = format!("http://{}", service.address);
    let tape = folder.join("recorded.tape");
    let mut arguments = vec![
        "record",
        "--upstream",
        &upstream,
        "--durability",
        durability,
    ];
    arguments.extend(["--force", "--output", tape.to_str().unwrap()]);
    arguments.extend(more);
    Party::antiphon(&arguments).unwrap()
}
