//! Start and verify: how long antiphon takes from nothing to its first answer, and for a long talk.

use std::process::{Command, Stdio};
use std::time::Instant;

use bytes::Bytes;

use super::folder;
use crate::client::once;
use crate::party::Party;
use crate::table::{Table, Wanted};
use crate::work::content;
use crate::{Plan, Size, tapes};

/// The tape of the page from which the project started, and an operation of it.
const SEED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/recordings/remove-participant-from-conference.tape"
);
const TARGET: &str = "/api/v2/me/chats/00010a9FSGFP001F";
const CONTENT: &str = r#"{"operationName":"RemoveParticipantFromConference","targetUri":"http://10.10.15.212:9090/api/v2/users/c30d06daa1ea43b8be79f9b071f30d70"}"#;

const ANTIPHON: &str = "antiphon replay";
const FIXED: &str = "fixed answer by hyper";

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let work = "from the start of the process to the first answer, the seed tape";
    let mut table = Table::new("start", work, "ms");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // A start is short, and so there may be more of them.
    for _ in 0..plan.rounds * 4 {
        for name in [FIXED, ANTIPHON] {
            let begin = Instant::now();
            let party = match name {
                FIXED => Party::own(&["fixed", "16"]),
                _ => Party::antiphon(&["replay", SEED]).unwrap(),
            };
            let content = if name == FIXED {
                content()
            } else {
                CONTENT.to_owned()
            };
            let asked = once(&party.address, "POST", TARGET, Bytes::from(content));
            let (status, _) = runtime.block_on(asked);
            table.add(name, begin.elapsed().as_secs_f64() * 1e3);
            assert_eq!(status, 200, "{name}");
        }
    }
    let start = table.median(ANTIPHON);
    table.bar(
        "ms to the first answer",
        start,
        Wanted::AtMost(20.0),
        Size::Whole,
    );
    vec![table]
}

/// Verify: a talk of ten minutes, at the pace `instant`.
pub(super) fn verify(plan: Plan) -> Vec<Table> {
    let folder = folder();
    let tape = folder.path().join("talk.tape");
    tapes::talk(&tape);
    let work = "1,200 operations and 2,400 notifications of ten minutes, played twice";
    let mut table = Table::new("verify", work, "ms");
    for _ in 0..plan.rounds {
        let begin = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .arg("verify")
            .arg(&tape)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        table.add("antiphon verify", begin.elapsed().as_secs_f64() * 1e3);
        assert!(status.success(), "the talk was not verified");
    }
    vec![table]
}
