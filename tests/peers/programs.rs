//! The programs that are not ours: node with what npm has, and any other that a test runs.
//!
//! The libraries are installed under `target/`, so that none ever stands in the tree.

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// The sources of the agents and their lock file.
pub(crate) const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");

/// What npm reads.
const PACKAGE: &[&str] = &["package.json", "package-lock.json"];

/// A copy of the lock file that was last installed, in the installed folder.
const INSTALLED: &str = "installed-lock.json";

/// Variables by which a library would send what is for this machine to a proxy.
const PROXIES: &[&str] = &["http_proxy", "HTTP_PROXY"];

/// A program by itself, or as the last arguments of another that starts it.
pub(crate) fn command(by: &[&str], program: &str) -> Command {
    let Some((starter, arguments)) = by.split_first() else {
        return Command::new(program);
    };
    let mut command = Command::new(starter);
    command.args(arguments).arg(program);
    command
}

/// Node, to run one of the programs that stand beside the tests.
pub(crate) fn node(program: &str) -> Command {
    node_by(&[], program)
}

/// The same, started by another program.
pub(crate) fn node_by(by: &[&str], program: &str) -> Command {
    let mut command = command(by, "node");
    command.arg(program).current_dir(agents());
    for variable in PROXIES {
        command.env_remove(variable);
    }
    command
}

/// The lines that a program says, as they come.
pub(crate) fn lines(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// The folder with the agents' programs and the libraries that they use, installed once.
fn agents() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| installed(Path::new(SOURCES), "peers"))
}

/// The folder with the test suite of npm's `CometD` server and all that it needs, installed once.
pub(crate) fn suite() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| installed(&Path::new(SOURCES).join("suite"), "suite"))
}

/// Copies the programs in `sources` to a folder of this name under `target/`, and installs there
/// what their lock file names.
fn installed(sources: &Path, name: &str) -> PathBuf {
    need("node", "install Node.js 20 or later");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for entry in fs::read_dir(sources).unwrap() {
        let source = entry.unwrap().path();
        let extension = source.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("mjs" | "cjs" | "proto")) {
            fs::copy(&source, folder.join(source.file_name().unwrap())).unwrap();
        }
    }
    install(sources, &folder);
    folder
}

/// Fails with a hint where a program cannot be run.
pub(crate) fn need(program: &str, hint: &str) {
    let output = Command::new(program).arg("--version").output();
    let works = output.is_ok_and(|output| output.status.success());
    assert!(works, "this test runs {program}, which is missing: {hint}");
}

/// Installs exactly what the lock file names, unless that stands there already.
fn install(sources: &Path, folder: &Path) {
    let lock = fs::read(sources.join("package-lock.json")).unwrap();
    let stamp = folder.join(INSTALLED);
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return;
    }
    need("npm", "it comes with Node.js");
    for file in PACKAGE {
        fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    let output = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "npm ci in {} failed; it needs npm's registry, once:\n{}",
        folder.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(stamp, lock).unwrap();
}
