//! The program of Autobahn's test suite. It is written for Python 2.7, and is installed for that with all
//! that it needs.
//!
//! What its verdicts mean for a test, that test knows.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::programs::SOURCES;

/// What to do where there is no Python 2.7.
const HINT: &str = "this test runs python2.7 with pip, which is missing: put it in the PATH, or \
                    `pyenv install 2.7.18`";

/// The groups of cases that are run.
const GROUPS: &[&str] = &["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"];

/// What starts it.
const START: &str = "from autobahntestsuite.wstest import run; run()";

/// Under which name the service stands in its report.
const AGENT: &str = "service";

/// What was said of one case: how the service behaved, and how it closed the socket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    behavior: String,
    close: String,
}

impl Verdict {
    /// Whether nothing is against the protocol. `NON-STRICT` is what may be and could be better,
    /// `INFORMATIONAL` where the protocol leaves the choice.
    pub(super) fn is_good(&self) -> bool {
        [&self.behavior, &self.close]
            .iter()
            .all(|word| matches!(word.as_str(), "OK" | "NON-STRICT" | "INFORMATIONAL"))
    }
}

/// Runs all cases against the service at `origin`; the verdict on each.
pub(super) fn verdicts(origin: &str) -> BTreeMap<String, Verdict> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("{}/", origin.replacen("http", "ws", 1));
    let wanted = json!({
        "outdir": "reports",
        "servers": [{ "agent": AGENT, "url": url }],
        "cases": GROUPS,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    fs::write(folder.path().join("wanted.json"), wanted.to_string()).unwrap();
    let output = Command::new(python())
        .args(["-c", START, "-m", "fuzzingclient", "-s", "wanted.json"])
        .current_dir(folder.path())
        .env("PYTHONPATH", modules())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    let report = folder.path().join("reports/index.json");
    let report = fs::read(report).unwrap_or_else(|error| panic!("{error}: {said}{words}"));
    let mut report: Value = serde_json::from_slice(&report).unwrap();
    let Value::Object(cases) = report[AGENT].take() else {
        panic!("no verdicts: {said}{words}");
    };
    let verdict = |case: Value| Verdict {
        behavior: case["behavior"].as_str().unwrap().to_owned(),
        close: case["behaviorClose"].as_str().unwrap().to_owned(),
    };
    let cases = cases.into_iter();
    cases.map(|(name, case)| (name, verdict(case))).collect()
}

/// A Python 2.7 with pip: the one in the PATH, or one that pyenv has installed.
fn python() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let mut programs = vec![PathBuf::from("python2.7")];
        programs.extend(of_pyenv());
        let mut programs = programs.into_iter().filter(|program| has_pip(program));
        programs.next().expect(HINT)
    })
}

fn of_pyenv() -> Vec<PathBuf> {
    let root = env::var_os("PYENV_ROOT").map(PathBuf::from);
    let root = root.or_else(|| Some(env::home_dir()?.join(".pyenv")));
    let versions = root.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let mut versions: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .as_encoded_bytes()
                .starts_with(b"2.7")
        })
        .collect();
    versions.sort();
    versions
        .iter()
        .map(|path| path.join("bin/python"))
        .collect()
}

fn has_pip(python: &Path) -> bool {
    let output = Command::new(python)
        .args(["-m", "pip", "--version"])
        .output();
    output.is_ok_and(|output| output.status.success())
}

/// The folder with the suite's modules, installed once under `target/`.
fn modules() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("autobahn");
        let wanted = Path::new(SOURCES).join("through/autobahn/requirements.txt");
        install(&wanted, &folder);
        folder
    })
}

/// Installs exactly what `wanted` names, unless that stands there already.
fn install(wanted: &Path, folder: &Path) {
    let names = fs::read(wanted).unwrap();
    let stamp = folder.join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == names) {
        return;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    let output = Command::new(python())
        .args([
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .arg("--target")
        .arg(folder)
        .arg("--requirement")
        .arg(wanted)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "pip install to {} failed; it needs PyPI, once:\n{}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    // Python 2.7 finds a package's parent only if that is a package too, and pip leaves this one bare.
    fs::write(folder.join("zope/__init__.py"), "").unwrap();
    fs::write(stamp, names).unwrap();
}
