//! Latency: what a proxy adds on one connection to a direct call, with recording on.

use super::folder;
use super::pass::{DISTINCT, recorder};
use crate::generator::Callers;
use crate::party::{self, Party};
use crate::table::{Table, Wanted, median};
use crate::{Plan, Size};

const DIRECT: &str = "direct";
const WRITTEN: &str = "antiphon record, written";
const RELAXED: &str = "antiphon record, relaxed";
const NGINX: &str = "nginx";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let service = Party::own(&["fixed", "16"]);
    let work = format!(
        "150 B asked, 16 B answered, one connection, recording on, one call after the other; calls by {}",
        Callers::One.program()
    );
    let mut table = Table::new("latency", work, "µs, p50 and p99 of a turn");
    // Each recorder has a tape of its own.
    let folders = [folder(), folder()];
    let [written, relaxed] = [(&folders[0], "written"), (&folders[1], "relaxed")]
        .map(|(folder, durability)| recorder(&service, folder.path(), durability, &[]));
    let folder = folder();
    let nginx = party::nginx(&service.address, folder.path());
    let mut parties = vec![(DIRECT, &service), (WRITTEN, &written), (RELAXED, &relaxed)];
    match &nginx {
        Ok(nginx) => parties.push((NGINX, nginx)),
        Err(why) => table.not_run(NGINX, why),
    }
    let mut added: Vec<(f64, f64)> = Vec::new();
    for _ in 0..plan.rounds {
        let mut direct = (0.0, 0.0);
        for (name, party) in &parties {
            let done = Callers::One.load(&party.address, DISTINCT, plan.turn, folder.path());
            table.add(&format!("{name}, p50"), done.p50);
            table.add(&format!("{name}, p99"), done.p99);
            match *name {
                DIRECT => direct = (done.p50, done.p99),
                WRITTEN => added.push((done.p50 - direct.0, done.p99 - direct.1)),
                _ => {}
            }
            if done.failed > 0 {
                table
                    .notes
                    .push(format!("{name}: {} requests failed", done.failed));
            }
        }
    }
    let half = median(&added.iter().map(|(half, _)| *half).collect::<Vec<_>>());
    let most = median(&added.iter().map(|(_, most)| *most).collect::<Vec<_>>());
    table.bar("µs added at p50", half, Wanted::AtMost(100.0), Size::Whole);
    table.bar("µs added at p99", most, Wanted::AtMost(400.0), Size::Whole);
    vec![table]
}
