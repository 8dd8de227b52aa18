//! Recordings that fail: what a full disk, a broken one and one that hangs do to the traffic, and what
//! the tape says of it. The disk is a real one of which strace, or the size of its file system, makes
//! what the test needs.

mod hanging;
mod injected;
mod small;

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::programs::need;
use crate::server::Server;
use crate::tape::shown;
use crate::wire::{self, Wire};

/// What installs the programs on Debian.
const INSTALL: &str = "apt-get install strace util-linux";

/// Has the calls on a file answered so. Each thread's are counted.
fn inject<'a>(what: &'a str, file: &'a Path) -> [&'a str; 9] {
    need("strace", INSTALL);
    let file = file.to_str().unwrap();
    [
        "strace",
        "-D",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        file,
        what,
    ]
}

/// A disk that takes nothing while it fails. That is a matter of the tape's name: under another one every
/// write to it fails, whichever thread makes it. The recorder writes on in the file that it has open.
struct Disk {
    tape: PathBuf,
    failing: PathBuf,
    what: String,
}

impl Disk {
    /// One on which writes to the tape fail with this error, while it fails.
    fn of(tape: &Path, error: &str) -> Disk {
        Disk {
            tape: tape.to_owned(),
            failing: tape.with_extension("failing"),
            what: format!("-einject=write:error={error}"),
        }
    }

    /// What to run the recorder by.
    fn inject(&self) -> [&str; 9] {
        inject(&self.what, &self.failing)
    }

    fn fails(&self) {
        fs::rename(&self.tape, &self.failing).unwrap();
    }

    fn goes_on(&self) {
        fs::rename(&self.failing, &self.tape).unwrap();
    }
}

/// A service that answers each request with its target, and as many letters as that ends with.
fn service() -> String {
    wire::upstream(|wire| {
        loop {
            let request = wire.head()?;
            wire.content(request.length)?;
            let target = request.line.split(' ').nth(1).unwrap();
            let letters = target.rsplit('-').next().unwrap().parse().unwrap();
            let content = format!(
                r#"{{"target":"{target}","more":"{}"}}"#,
                "x".repeat(letters)
            );
            let length = content.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            wire.send(format!("{head}{content}").as_bytes())?;
        }
    })
}

/// Clients of a recorder that call operations with numbers.
struct Caller {
    wire: Wire,
    /// How many have been called.
    called: u64,
}

impl Caller {
    fn of(server: &Server) -> Caller {
        Caller {
            wire: Wire::connect(&server.origin).unwrap(),
            called: 0,
        }
    }

    /// Calls an operation whose answer has so many letters; the answer's status, and its content.
    fn ask(&mut self, letters: usize) -> io::Result<(u16, Value)> {
        let target = format!("/op/{}-{letters}", self.called);
        self.wire.send(
            format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").as_bytes(),
        )?;
        let answer = self.wire.head()?;
        let status = answer.line.split(' ').nth(1).unwrap().parse().unwrap();
        let content = serde_json::from_str(&self.wire.content(answer.length)?)?;
        Ok((status, content))
    }

    /// Calls so many operations, each of which must be answered as if nobody recorded.
    fn call(&mut self, count: u64, letters: usize) {
        for _ in 0..count {
            let (status, content) = self.ask(letters).unwrap();
            let target = format!("/op/{}-{letters}", self.called);
            assert_eq!((status, content["target"].as_str()), (200, Some(&*target)));
            self.called += 1;
        }
    }
}

/// The numbers of the operations that a tape holds, in order.
fn held(document: &Value) -> Vec<u64> {
    let operations = document["operations"].as_array().unwrap().iter();
    operations
        .map(|operation| {
            let target = operation["target"].as_str().unwrap();
            let number = target.strip_prefix("/op/").unwrap().split('-').next();
            number.unwrap().parse().unwrap()
        })
        .collect()
}

/// The sum of a count over all gaps of a tape.
fn in_gaps(document: &Value, count: &str) -> u64 {
    let gaps = document["gaps"].as_array().into_iter().flatten();
    gaps.map(|gap| gap[count].as_u64().unwrap()).sum()
}

/// Checks that all of so many operations are on the tape or in its gaps, and that those which are missing
/// stand together; says how many are missing.
fn accounted(document: &Value, called: u64) -> u64 {
    let held = held(document);
    let missing = in_gaps(document, "events") + in_gaps(document, "exchanges");
    assert_eq!(
        held.len() as u64 + missing,
        called,
        "{:?}",
        document["gaps"]
    );
    assert!(held.is_sorted());
    missing
}
