//! The importer of pages: the tape that it makes of one is written and loads the same, and what it remarks on
//! stands on the page.

#![no_main]

use antiphon::importer::{ImportError, Page, Settings, import};
use antiphon::tape::{Layout, Tape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for name in ["page.txt", "page.html"] {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        let page = Page { name, bytes };
        match import(&[page], &Settings::default()) {
            Ok(imported) => {
                let written = imported.tape.write(Layout::Lines);
                let loaded = Tape::read(written.as_bytes()).expect("an imported tape loads");
                assert_eq!(loaded.notices, []);
                assert_eq!(loaded.tape, imported.tape);
                for remarks in &imported.remarks {
                    for notice in &remarks.notices {
                        assert!((1..=lines).contains(&notice.line), "{notice:?}");
                    }
                    for repair in &remarks.repairs {
                        assert!((1..=lines).contains(&repair.line), "{repair:?}");
                    }
                }
            }
            Err(ImportError::Unreadable { line, .. } | ImportError::NotText { line, .. }) => {
                assert!((1..=lines).contains(&line), "line {line} of {lines}");
            }
            Err(_) => {}
        }
    }
});
