//! The reader of tapes: what loads is written and loads the same, in both layouts, and of a tape that was cut
//! off all events but the last load. A tape differs from itself in nothing.

#![no_main]

use antiphon::diff::{Seen, Settings, diff};
use antiphon::tape::reel::Lost;
use antiphon::tape::{Layout, Loaded, Notice, Tape, Walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(Loaded { tape, .. }) = Tape::read(bytes) else {
        return;
    };
    let written = tape.write(Layout::Lines);
    for text in [&written, &tape.write(Layout::Pretty)] {
        let loaded = Tape::read(text.as_bytes()).expect("what was written loads");
        assert_eq!(loaded.tape, tape);
        assert_eq!(loaded.notices, []);
    }
    let _ = tape.settled();
    let settings = Settings::default();
    let [left, right] = [(); 2].map(|()| {
        let loaded = Tape::read(written.as_bytes()).expect("what was written loads");
        Walk::held(loaded, &|event| Seen::of(event, &settings))
    });
    let compared = diff(&left, &right, &settings, |_| Ok::<(), Lost>(()));
    assert!(compared.expect("it is in memory").tally.is_same());
    // Where it is cut follows from the input, so that a finding can be found again.
    let cut = bytes
        .iter()
        .fold(0, |sum, byte| sum * 31 % written.len() + usize::from(*byte));
    let cut = cut % written.len();
    let kept = &written.as_bytes()[..cut];
    let objects = kept.iter().filter(|byte| **byte == b'\n').count();
    match Tape::read(kept) {
        Ok(loaded) => {
            // The last object may be whole, and only its line end be cut off.
            let events = loaded.tape.events.len();
            assert!(
                events + 1 >= objects,
                "{events} events of {objects} objects"
            );
            let last = written.lines().count() == events + 2
                && !loaded.notices.contains(&Notice::Unclosed);
            assert!(
                last || loaded.notices.contains(&Notice::Unclosed),
                "{:?}",
                loaded.notices
            );
        }
        Err(error) => assert_eq!(objects, 0, "{error}"),
    }
});
