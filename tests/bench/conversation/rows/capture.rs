//! Capture: what recording costs at each durability, beside antiphon's own pass-through and the
//! recorders that are installed.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::folder;
use super::pass::{DISTINCT, recorder};
use crate::generator::Callers;
use crate::party::{self, Party};
use crate::table::{Table, Wanted};
use crate::work::ANSWERS;
use crate::{Plan, client};

const OFF: &str = "pass-through";
const MITMDUMP: &str = "mitmdump -w";
const WIREMOCK: &str = "WireMock";
const HTTPMOCK: &str = "httpmock";

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
        for party in [
            OFF, "relaxed", "written", "synced", HTTPMOCK, MITMDUMP, WIREMOCK,
        ] {
            // A new process with a new tape for each turn, so that the disk does not fill.
            let folder = folder();
            let started = match party {
                OFF => Ok(recorder(
                    &service,
                    folder.path(),
                    "relaxed",
                    &["--except", "/**"],
                )),
                HTTPMOCK => httpmock(&service),
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
    table.ratio("written", OFF, Wanted::AtLeast(0.85));
    table.ratio("relaxed", OFF, Wanted::AtLeast(0.9));
    table
}

/// Its server, which keeps what it records in its memory. What it is to pass on and to record it is told when it runs.
fn httpmock(service: &Party) -> Result<Party, String> {
    let program = party::installed("httpmock").ok_or("not installed")?;
    let party = Party::told(|port| {
        let mut command = Command::new(program);
        command.args(["--disable-access-log", "--port", &port.to_string()]);
        command
    })?;
    let forward = json!({
        "target_base_url": format!("http://{}", service.address),
        "request_requirements": {},
        "request_header": [],
    });
    let record = json!({
        "request_requirements": {},
        "record_headers": ["content-type"],
        "record_response_delays": false,
    });
    for (rules, rule) in [("forwarding_rules", forward), ("recordings", record)] {
        let target = format!("/__httpmock__/{rules}");
        let (status, said) = client::post(&party.address, &target, rule.to_string());
        if status != 201 {
            let said = String::from_utf8_lossy(&said);
            return Err(format!("its {rules} answered {status}: {said}"));
        }
    }
    Ok(party)
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
