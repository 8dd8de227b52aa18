//! Events in a file without a name, written there as capture writes them: so a tape is played from a file whatever it
//! stands in, and with other values in it than that has.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};

use rustix::fs::MemfdFlags;

use super::Reader;
use super::lines::Piece;
use super::source::{Lost, Source, Spot, nameless, nameless_folder};
use crate::tape::{Event, wire};

/// A file without a name to which events are written.
#[derive(Debug)]
pub struct Spool {
    file: BufWriter<File>,
    length: u64,
    state: State,
}

/// Whether all could be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Failed,
}

/// What became of events that were noted where they stand in a spool.
#[derive(Debug)]
pub struct Wound {
    /// The file.
    pub source: Source,
    /// The events that are no operations, each with how many operations stand before it; of notifications what
    /// the reader has left in them.
    pub events: Vec<(usize, Event)>,
}

impl Spool {
    /// A spool with what `fill` writes, in the folder for temporary files. Where that has no room for it, it is
    /// filled once more, in memory.
    ///
    /// # Errors
    /// Those of `fill`, which gets what the system says on writing.
    pub fn filled<T, E: From<io::Error>>(
        fill: impl Fn(&mut Spool) -> Result<T, E>,
    ) -> Result<(Spool, T), E> {
        if let Ok(file) = nameless() {
            let mut spool = Spool::on(file);
            let filled = fill(&mut spool).and_then(|filled| {
                spool.flush()?;
                Ok(filled)
            });
            match (filled, spool.state) {
                (Err(_), State::Failed) => {}
                (filled, _) => return Ok((spool, filled?)),
            }
        }
        let memory = rustix::fs::memfd_create("antiphon", MemfdFlags::CLOEXEC);
        let mut spool = Spool::on(memory.map_err(io::Error::from)?.into());
        let filled = fill(&mut spool)?;
        spool.flush()?;
        Ok((spool, filled))
    }

    fn on(file: File) -> Spool {
        Spool {
            file: BufWriter::new(file),
            length: 0,
            state: State::Whole,
        }
    }

    /// Writes an event; where it stands.
    ///
    /// # Errors
    /// What the system says, and where the event is longer than any can be.
    pub fn add(&mut self, event: &Event) -> io::Result<Spot> {
        let mut text = wire::write_event(event);
        let spot = Spot::of(&text, self.length).ok_or(io::ErrorKind::FileTooLarge)?;
        text.push('\n');
        self.length += text.len() as u64;
        let written = self.file.write_all(text.as_bytes());
        self.noted(written)?;
        Ok(spot)
    }

    /// Has a reader take note of the events at these places, in this order. The reader is handed back.
    ///
    /// # Errors
    /// Where the file cannot be read again, or the reader does not take an event.
    pub fn wind<R: Reader>(
        self,
        order: impl Iterator<Item = Spot>,
        reader: R,
    ) -> Result<(Wound, R), Lost> {
        let (file, _) = self.file.into_parts(); // all is in it
        let source = Source::new(file, &nameless_folder());
        let mut piece = Piece::of(reader);
        for spot in order {
            source.at(spot, |line| piece.line(line, spot.offset(), &mut None))?;
        }
        let Piece { reader, events, .. } = piece;
        Ok((Wound { source, events }, reader))
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.noted(flushed)
    }

    fn noted(&mut self, written: io::Result<()>) -> io::Result<()> {
        if written.is_err() {
            self.state = State::Failed;
        }
        written
    }
}
