//! Capture: what recording costs at each durability, beside antiphon's own pass-through and the
//! recorders that are installed.
//!
//! `httpmock` is passed over: it is a library, and its server records what a program tells it to.

use std::path::Path;
use std::process::Command;

use super::folder;
use super::pass::{DISTINCT, recorder};
use crate::Plan;
use crate::generator::Callers;
use crate::party::{self, Party};
use crate::table::{Table, Wanted};
use crate::work::ANSWERS;

const OFF: &str = "pass-through";
const MITMDUMP: &str = "mitmdump -w";
const WIREMOCK: &str = "WireMock";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let one = |(name, bytes)| compare(plan, name, bytes);
    ANSWERS.into_iter().map(one).collect()
}

fn compare(plan: Plan, name: &str, bytes: usize) -> Table {
    let work = format!(
        "150 B asked, {name} answered, 64 connections; load by {}",
        Callers::Many.program()
    );
    let mut table = Table::new("capture", work, "requests/s");
    let service = Party::own(&["fixed", &bytes.to_string()]);
    for _ in 0..plan.rounds {
        for party in [OFF, "relaxed", "written", "synced", MITMDUMP, WIREMOCK] {
            // A new process with a new tape for each turn, so that the disk does not fill.
            let folder = folder();
            let started = match party {
                OFF => Ok(recorder(
                    &service,
                    folder.path(),
                    "relaxed",
                    &["--except", "/**"],
                )),
                MITMDUMP => mitmdump(&service, folder.path()),
                WIREMOCK => wiremock(&service, folder.path()),
                durability => Ok(recorder(&service, folder.path(), durability, &[])),
            };
            match started {
                Ok(running) => {
                    let done =
                        Callers::Many.load(&running.address, DISTINCT, plan.turn, folder.path());
                    table.add(party, done.rate);
                    if done.failed > 0 {
                        table
                            .notes
                            .push(format!("{party}: {} requests failed", done.failed));
                    }
                }
                Err(why) => table.not_run(party, &why),
            }
        }
    }
    table.not_run(
        "httpmock",
        "it is a library, and what its server records a program must tell it",
    );
    table.ratio("written", OFF, Wanted::AtLeast(0.85));
    table.ratio("relaxed", OFF, Wanted::AtLeast(0.9));
    table
}

fn mitmdump(service: &Party, folder: &Path) -> Result<Party, String> {
    let program = party::installed("mitmdump").ok_or("not installed")?;
    Party::told(|port| {
        let mut command = Command::new(program);
        command
            .arg("--mode")
            .arg(format!("reverse:http://{}", service.address));
        command.args([
            "--listen-host",
            "127.0.0.1",
            "--listen-port",
            &port.to_string(),
        ]);
        command.arg("-q").arg("-w").arg(folder.join("flows"));
        command
    })
}

/// `WIREMOCK_JAR` names the file, since nothing installs it at one place.
fn wiremock(service: &Party, folder: &Path) -> Result<Party, String> {
    let jar = std::env::var_os("WIREMOCK_JAR").ok_or("no WIREMOCK_JAR in the environment")?;
    Party::told(|port| {
        let mut command = Command::new("java");
        command
            .arg("-jar")
            .arg(jar)
            .args(["--port", &port.to_string()]);
        command
            .arg("--proxy-all")
            .arg(format!("http://{}", service.address));
        command
            .arg("--record-mappings")
            .arg("--root-dir")
            .arg(folder);
        command
    })
}
