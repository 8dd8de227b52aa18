//! The table of who may import whom, held against the imports in `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with what it may import. A module may always import itself.
const HOUSE: &[(&str, &[&str])] = &[
    ("listen", &[]),
    ("admission", &[]),
    ("trust", &[]),
    ("metrics", &[]),
    ("proxy", &["exchange", "recorder", "websocket", "metrics"]),
    (
        "recorder",
        &[
            "exchange",
            "tape",
            "bayeux",
            "stream",
            "websocket",
            "journal",
        ],
    ),
    ("stream", &["exchange"]),
    ("websocket", &["exchange"]),
    ("exchange", &[]),
    ("tape", &["exchange"]),
    ("matcher", &["exchange", "compare"]),
    (
        "player",
        &[
            "exchange",
            "tape",
            "matcher",
            "bayeux",
            "stream",
            "websocket",
            "journal",
            "metrics",
        ],
    ),
    ("bayeux", &["exchange"]),
    ("normalizer", &[]),
    ("importer", &["exchange", "tape", "normalizer"]),
    ("compare", &[]),
    ("diff", &["exchange", "tape", "matcher", "compare"]),
    (
        "verify",
        &[
            "exchange", "tape", "matcher", "player", "bayeux", "stream", "listen", "compare",
        ],
    ),
    ("journal", &["exchange"]),
];

/// `cli`, and what only wires together, may import everything.
const FREE: &[&str] = &["cli", "lib", "main"];

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules of this crate that a file names: `crate::NAME`, also inside `use crate::{A, B::C}`.
fn imports(source: &str) -> BTreeSet<String> {
    let lines = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut found = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(group) => {
                let mut depth = 0;
                let mut item = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    match c {
                        ',' if depth == 0 => found.extend(first_name(&std::mem::take(&mut item))),
                        _ => item.push(c),
                    }
                }
                found.extend(first_name(&item));
            }
            None => found.extend(first_name(rest)),
        }
    }
    found
}

fn first_name(path: &str) -> Option<String> {
    let name: String = path
        .trim()
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!name.is_empty()).then_some(name)
}

/// What each module of `src` imports of the others, with the file that does.
fn imported() -> BTreeMap<String, Vec<(String, PathBuf)>> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all: BTreeMap<String, Vec<(String, PathBuf)>> = BTreeMap::new();
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str();
        let module = first.to_str().unwrap().trim_end_matches(".rs");
        let of_module = all.entry(module.to_owned()).or_default();
        for import in imports(&fs::read_to_string(&file).unwrap()) {
            if import != module {
                of_module.push((import, inside.to_owned()));
            }
        }
    }
    all.retain(|module, _| !FREE.contains(&module.as_str()));
    all
}

#[test]
fn every_module_imports_only_what_the_table_allows() {
    let mut faults = Vec::new();
    for (module, imports) in imported() {
        let row = HOUSE.iter().find(|(name, _)| *name == module);
        let (_, allowed) = row.unwrap_or_else(|| panic!("{module} is not in the table"));
        for (import, file) in imports {
            if !allowed.contains(&import.as_str()) {
                faults.push(format!("{}: imports {import}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_table_has_each_module_once_and_no_other() {
    let rows: Vec<&str> = HOUSE.iter().map(|(module, _)| *module).collect();
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    let modules: Vec<String> = imported().into_keys().collect();
    assert_eq!(sorted, modules);
    for (module, allowed) in HOUSE {
        let unknown = allowed.iter().find(|allowed| !rows.contains(allowed));
        assert_eq!(unknown, None, "{module} may import what there is not");
    }
}

#[test]
fn the_reader_of_imports_sees_every_form() {
    let source = "use crate::tape::Tape;\nuse crate::{exchange::{Body, Headers}, matcher};\n// use crate::cli;\nlet x = crate::listen::serve();";
    let found: Vec<String> = imports(source).into_iter().collect();
    assert_eq!(found, ["exchange", "listen", "matcher", "tape"]);
}
