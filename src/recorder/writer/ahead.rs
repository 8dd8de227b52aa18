//! Has the disk take what was written while more comes. Otherwise the system gathers it, and whoever ends a
//! segment waits, with all the traffic, until the disk has taken the whole of it.
//!
//! What becomes of a segment that the disk does not take is decided by the writer.

use std::io;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread::Builder;

use crate::tape::Growing;

/// How much is written before the disk is asked to take it, in bytes: so little is left at the end of a
/// segment, and short recordings ask for nothing.
const STEP: u64 = 8 * 1024 * 1024;

/// What the disk was asked for.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// How large the file was when the disk was last asked.
    asked: u64,
    /// What it answers, where it has not yet.
    answer: Option<Receiver<io::Result<()>>>,
}

impl Ahead {
    /// More was written to the file: the disk is asked where it is time.
    pub(super) fn goes_on(&mut self, growing: &Growing) {
        if self.answer.is_some() || growing.size() < self.asked + STEP {
            return;
        }
        // Where it cannot be asked, the end of the segment takes longer, and that is all.
        let Ok(sync) = growing.syncing() else { return };
        let (tell, answer) = mpsc::channel();
        let asked = Builder::new()
            .name("antiphon-disk".into())
            .spawn(move || tell.send(sync()));
        if asked.is_ok() {
            self.asked = growing.size();
            self.answer = Some(answer);
        }
    }

    /// What the disk has answered meanwhile, if it has.
    pub(super) fn answered(&mut self) -> io::Result<()> {
        let answer = match &self.answer {
            Some(answer) => answer.try_recv(),
            None => return Ok(()),
        };
        if let Err(TryRecvError::Empty) = answer {
            return Ok(());
        }
        self.answer = None;
        answer.unwrap_or(Ok(()))
    }

    /// What the disk answers, which is waited for: the segment ends.
    pub(super) fn ended(&mut self) -> io::Result<()> {
        let Ahead { answer, .. } = std::mem::take(self);
        let answer = answer.and_then(|answer| answer.recv().ok());
        answer.unwrap_or(Ok(()))
    }
}
