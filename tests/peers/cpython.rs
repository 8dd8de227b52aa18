//! `antiphon normalize` beside `CPython`'s own `ast.literal_eval`, on random values.
//!
//! The values and the comparison are the business of `literal_eval.py`.

use std::path::Path;
use std::process::Command;

use crate::programs::{self, SOURCES};

/// How many values are compared.
const VALUES: usize = 100_000;

#[test]
fn normalize_agrees_with_cpython() {
    programs::need("python3", "install CPython 3.9 or later");
    let output = Command::new("python3")
        .arg(Path::new(SOURCES).join("literal_eval.py"))
        .arg(env!("CARGO_BIN_EXE_antiphon"))
        .arg(VALUES.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        (output.status.code(), said.lines().last()),
        (Some(0), Some(format!("{VALUES} passed, 0 failed").as_str())),
        "{said}{words}"
    );
}
