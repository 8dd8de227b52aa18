//! Replay of operations: a tape of 1, 1,000 and 1,000,000 different ones, beside a fixed answer.

use super::folder;
use crate::generator::Callers;
use crate::party::Party;
use crate::table::{Table, Wanted};
use crate::{Plan, Size, client, table, tapes};

const ANTIPHON: &str = "antiphon replay";
const FIXED: &str = "fixed answer by hyper";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let most = match plan.size {
        Size::Whole => 1_000_000,
        Size::Sixteenth => 62_500,
    };
    let counts = [
        (1, 0.85, Size::Whole),
        (1_000, 0.85, Size::Whole),
        (most, 0.7, plan.size),
    ];
    let one = |(count, least, size)| compare(plan, count, least, size);
    counts.into_iter().map(one).collect()
}

fn compare(plan: Plan, count: usize, least: f64, size: Size) -> Table {
    let folder = folder();
    let work = format!(
        "{count} different operations that may come again, 150 B asked, 16 B answered, 64 \
         connections; load by {}",
        Callers::Many.program()
    );
    let mut table = Table::new("replay", work, "requests/s");
    let fixed = Party::own(&["fixed", "16"]);
    let tape = folder.path().join("operations.tape");
    tapes::operations(&tape, count, 16);
    let arguments = ["replay", tape.to_str().unwrap(), "--on-exhausted", "last"];
    let antiphon = match Party::antiphon(&arguments) {
        Ok(antiphon) => antiphon,
        Err(why) => {
            table.not_run(ANTIPHON, &why);
            return table;
        }
    };
    // Who asks for something again before is waited for: what that takes is said, and not measured as if it
    // were the speed of answers.
    let learning = client::learned(&antiphon.address).as_secs_f64();
    table.notes.push(format!(
        "all is learned of the tape {learning:.2} s after it listens"
    ));
    // By the fixed answer, and by antiphon: on a machine of few cores most of it is the wait for one of them.
    let mut slowest = [Vec::new(), Vec::new()];
    for _ in 0..plan.rounds {
        let parties = [(FIXED, &fixed), (ANTIPHON, &antiphon)];
        for ((name, party), slowest) in parties.into_iter().zip(&mut slowest) {
            let done = Callers::Many.load(&party.address, count, plan.turn, folder.path());
            table.add(name, done.rate);
            slowest.push(done.p99);
            if done.failed > 0 {
                table
                    .notes
                    .push(format!("{name}: {} requests failed", done.failed));
            }
        }
    }
    let ratio = table.median(ANTIPHON) / table.median(FIXED);
    let what = format!("{ANTIPHON} / {FIXED}");
    table.bar(what, ratio, Wanted::AtLeast(least), size);
    let [fixed, antiphon] = slowest.map(|slowest| table::median(&slowest) / 1_000.0);
    table
        .notes
        .push(format!("{FIXED}: p99 {fixed:.2} milliseconds"));
    table.bar("p99 in milliseconds", antiphon, Wanted::AtMost(2.0), size);
    table
}
