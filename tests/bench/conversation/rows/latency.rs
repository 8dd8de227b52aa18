//! Latency: what a proxy adds on one connection to a direct call, with recording on.

use std::time::Instant;

use bytes::Bytes;

use super::folder;
use super::pass::recorder;
use crate::client::Client;
use crate::generator::percentile;
use crate::party::{self, Party};
use crate::table::{Table, Wanted, median};
use crate::work::{TARGET, content};
use crate::{Plan, Size};

/// How many calls a turn has: enough that twenty lie above the p99.
const CALLS: usize = 2_000;

const DIRECT: &str = "direct";
const NGINX: &str = "nginx";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let folder = folder();
    let service = Party::own(&["fixed", "16"]);
    let work = "150 B asked, 16 B answered, one connection, recording on, one call after the other";
    let mut table = Table::new("latency", work, "µs, p50 and p99 of a turn");
    let antiphon = recorder(&service, folder.path(), "written", &[]);
    let nginx = party::nginx(&service.address, folder.path());
    let mut parties = vec![(DIRECT, &service), ("antiphon record, written", &antiphon)];
    match &nginx {
        Ok(nginx) => parties.push((NGINX, nginx)),
        Err(why) => table.not_run(NGINX, why),
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut added: Vec<(f64, f64)> = Vec::new();
    for _ in 0..plan.rounds {
        let mut direct = (0.0, 0.0);
        for (name, party) in &parties {
            let (half, most) = runtime.block_on(calls(&party.address));
            table.add(&format!("{name}, p50"), half);
            table.add(&format!("{name}, p99"), most);
            match *name {
                DIRECT => direct = (half, most),
                NGINX => {}
                _ => added.push((half - direct.0, most - direct.1)),
            }
        }
    }
    let half = median(&added.iter().map(|(half, _)| *half).collect::<Vec<_>>());
    let most = median(&added.iter().map(|(_, most)| *most).collect::<Vec<_>>());
    table.bar("µs added at p50", half, Wanted::AtMost(100.0), Size::Whole);
    table.bar("µs added at p99", most, Wanted::AtMost(400.0), Size::Whole);
    vec![table]
}

/// The p50 and p99 of so many calls, in microseconds.
async fn calls(address: &str) -> (f64, f64) {
    let content = Bytes::from(content());
    let mut client = Client::connect(address).await;
    let mut times = Vec::with_capacity(CALLS);
    for number in 0..CALLS {
        let target = format!("{TARGET}{number}");
        let begin = Instant::now();
        let (status, _) = client
            .send("POST", &target, "", content.clone())
            .await
            .unwrap();
        assert_eq!(status, 200);
        times.push(begin.elapsed());
    }
    times.sort();
    (percentile(&times, 50), percentile(&times, 99))
}
