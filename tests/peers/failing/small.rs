//! A disk of 8 MiB that others fill: a file system of its own, in a namespace that ends with the
//! recorder.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::programs::need;
use crate::server::Server;

use super::{Caller, INSTALL, accounted, service, shown};

/// Starts a program with a small file system at the folder that is named first.
const SMALL: &[&str] = &[
    "unshare",
    "-rm",
    "sh",
    "-c",
    "mount -t tmpfs -o size=8m none \"$0\" && exec \"$@\"",
];

/// Fills the disk at a folder to its last byte.
fn fill(folder: &Path) -> PathBuf {
    let filler = folder.join("filler");
    let mut file = File::create(&filler).unwrap();
    let mut piece = vec![0; 1 << 16];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    filler
}

#[test]
fn traffic_passes_while_a_small_disk_is_full_and_the_tape_says_what_it_lacks() {
    need("unshare", INSTALL);
    let tried = Command::new("unshare")
        .args(["-rm", "true"])
        .output()
        .unwrap();
    assert!(
        tried.status.success(),
        "no file system of its own for a recorder: {}",
        String::from_utf8_lossy(&tried.stderr)
    );
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().to_str().unwrap();
    let by: Vec<&str> = SMALL.iter().copied().chain([mount]).collect();
    let tape = folder.path().join("small.tape");
    let server = Server::record_so(&by, &upstream, &tape, &["--max-queue", "2000000"]);
    // The same folder, as the recorder sees it.
    let inside = PathBuf::from(format!("/proc/{}/root{mount}", server.id()));
    let mut caller = Caller::of(&server);
    caller.call(20, 1_000);
    let filler = fill(&inside);
    // Three megabytes more than the recorder keeps in memory.
    caller.call(50, 100_000);
    let health = server.admin("health");
    assert_eq!(health["status"], "failing", "{health}");
    assert!(health["missed"]["events"].as_u64().unwrap() > 0, "{health}");
    fs::remove_file(filler).unwrap();
    while server.admin("health")["status"] == "failing" {
        caller.call(1, 10);
    }
    caller.call(20, 1_000);
    let copy = folder.path().join("copy.tape");
    fs::copy(inside.join("small.tape"), &copy).unwrap();
    let (code, words) = server.end_somehow();
    assert_eq!(code, Some(4), "{words}");
    assert!(words.contains("the tape says what it lacks"), "{words}");
    let (document, notices) = shown(&copy);
    assert!(notices.contains("missing"), "{notices}");
    let missing = accounted(&document, caller.called);
    let held = super::held(&document);
    // What is missing passed while the disk was full, and stands together.
    assert!((20..=50).contains(&missing), "{missing}");
    let gap: Vec<u64> = (0..caller.called)
        .filter(|number| !held.contains(number))
        .collect();
    assert_eq!(gap.last().unwrap() - gap[0] + 1, missing);
    assert!(gap[0] >= 20 && *gap.last().unwrap() < 70, "{gap:?}");
}
