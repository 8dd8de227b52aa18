//! Recordings in segments and compressed ones, with real programs: `zstd` reads them, and `strace` kills the
//! recorder at each step of turning to the next segment.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::kill::{Had, call, check, service};
use crate::programs::need;
use crate::server::Server;
use crate::wire::Wire;

/// The system calls of the writer's thread at which the recorder is killed, before they do anything; each with
/// how many of them came before. (The first segment is made by another thread, with one rename and two
/// waits for the disk.) A turn waits for the new file, renames it, waits for its folder, and for the old file.
const POINTS: [(&str, u32); 9] = [
    ("fsync", 3),
    ("fsync", 4),
    ("rename", 2),
    ("fsync", 5),
    ("fsync", 6),
    ("fsync", 7),
    ("rename", 3),
    ("fsync", 8),
    ("fsync", 9),
];

/// The segments in a folder, in their order.
pub(crate) fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut segments: Vec<PathBuf> = paths
        .filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'))
        .collect();
    segments.sort();
    segments
}

#[test]
fn nothing_is_lost_wherever_a_turn_is_cut_short() {
    need("strace", "install strace");
    let upstream = service();
    for (system_call, number) in POINTS {
        let point = format!("{system_call} {number}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("killed.tape");
        let inject = format!("inject={system_call}:signal=KILL:when={number}");
        let strace = [
            "env",
            "ANTIPHON_ROTATE=1KiB",
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            &inject,
        ];
        let had = Mutex::new(Had::default());
        let recorder = Server::record_by(&strace, &upstream, &path);
        // It ends when the recorder is killed, and only then.
        let ended = call(&recorder.origin, "0", &had);
        assert!(ended.is_err(), "{point}");
        drop(recorder);
        let had = had.into_inner().unwrap();
        assert!(!had.operations.is_empty(), "{point}");
        check(&path, &had, &point);
        Server::record_on(&upstream, &path, &["--rotate", "1KiB"]).end_well();
        check(&path, &had, &point);
        assert!(segments(&path).len() > 1, "{point}");
    }
}

#[test]
fn zstd_reads_what_is_compressed() {
    need("zstd", "install zstd");
    let upstream = service();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packed.tape");
    let had = Mutex::new(Had::default());
    let arguments = ["--compress", "--rotate", "4KiB"];
    let mut recorder = Server::record_on(&upstream, &path, &arguments);
    let mut wire = Wire::connect(&recorder.origin).unwrap();
    for number in 0..40 {
        let target = format!("/op/z-{number}");
        crate::kill::post(&mut wire, &target, r#"{"operationName":"Do"}"#).unwrap();
        had.lock().unwrap().operations.insert(target);
    }
    recorder.kill();
    let had = had.into_inner().unwrap();
    let parts = segments(&path);
    assert!(parts.len() > 2, "{parts:?}");
    let mut text = String::new();
    for part in &parts {
        assert!(part.to_str().unwrap().ends_with(".tape.zst"), "{part:?}");
        let output = Command::new("zstd")
            .args(["-d", "-c"])
            .arg(part)
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{part:?}: {words}");
        text.push_str(std::str::from_utf8(&output.stdout).unwrap());
    }
    for target in &had.operations {
        assert!(
            text.contains(&format!(r#""target":"{target}""#)),
            "{target}"
        );
    }
    check(&path, &had, "compressed");
    // And what zstd packed is read as well, though it is one frame.
    let first = folder.path().join("first.tape");
    let unpacked = Command::new("zstd")
        .args(["-d", "-q", "-o"])
        .arg(&first)
        .arg(&parts[0])
        .status();
    assert!(unpacked.unwrap().success());
    let again = folder.path().join("again.tape.zst");
    let packed = Command::new("zstd")
        .args(["-19", "-q", "-o"])
        .arg(&again)
        .arg(&first)
        .status();
    assert!(packed.unwrap().success());
    let show = |path: &Path| {
        let shown = Command::new(env!("CARGO_BIN_EXE_antiphon"))
            .arg("show")
            .arg(path)
            .output();
        let shown = shown.unwrap();
        assert!(shown.status.success());
        String::from_utf8(shown.stdout).unwrap()
    };
    assert_eq!(show(&again), show(&first));
}
