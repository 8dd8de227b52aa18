//! The file whose events are read where they stand, and how a compressed one comes to be such.
//!
//! It reads at places and knows nothing of what stands beside them.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::exchange::{Notification, Operation};
use crate::tape::segment::FILE_MODE;
use crate::tape::wire::{self, Entry};
use crate::tape::{Event, Likeness, Slate};

/// A file whose events are read where they stand.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
}

/// Where an event stands in a source, and a sum by which it is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    offset: u64,
    length: u32,
    sum: u32,
}

/// Why an event cannot be read again.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The system says why.
    #[error("cannot read {} again at byte {offset}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// Something else stands there now.
    #[error(
        "{} was changed after it was loaded: at byte {offset} stands something else",
        path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
}

impl Source {
    /// A file that is read as it is.
    pub(in crate::tape) fn new(file: File, path: &Path) -> Source {
        Source {
            file,
            path: path.to_owned(),
        }
    }

    /// The file itself.
    pub(in crate::tape) fn file(&self) -> &File {
        &self.file
    }

    /// The operation at a place.
    ///
    /// # Errors
    /// What stands there must be what stood there when the tape was loaded, byte for byte.
    pub fn operation(&self, spot: Spot) -> Result<Operation, Lost> {
        self.at(spot, wire::operation)
    }

    /// The operation at a place, read in that of another. Whether the header fields of the request and of the response
    /// are the same is told.
    ///
    /// # Errors
    /// As for [`Source::operation`]; what is read then is nothing.
    pub fn operation_over(&self, spot: Spot, over: &mut Slate) -> Result<[Likeness; 2], Lost> {
        self.at(spot, |text| over.read(text))
    }

    /// The notification at a place.
    ///
    /// # Errors
    /// As for [`Source::operation`].
    pub fn notification(&self, spot: Spot) -> Result<Notification, Lost> {
        self.at(spot, |text| wire::read_notification(text).ok())
    }

    /// The event at a place, of whatever kind.
    ///
    /// # Errors
    /// As for [`Source::operation`].
    pub(in crate::tape) fn event(&self, spot: Spot) -> Result<Event, Lost> {
        self.at(spot, |text| match wire::read(text) {
            Ok((_, Entry::Event(event))) => Some(*event),
            Ok((_, Entry::Header(_) | Entry::Trailer(_))) | Err(_) => None,
        })
    }

    /// What stands at a place.
    pub(super) fn at<T>(
        &self,
        spot: Spot,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Lost> {
        let Spot { offset, length, .. } = spot;
        let changed = || Lost::Changed {
            path: self.path.clone(),
            offset,
        };
        let length = usize::try_from(length).map_err(|_| changed())?;
        // Most are short, and are read once for each request of a long tape.
        let (mut short, mut long) = ([0; SHORT], Vec::new());
        let bytes = if let Some(bytes) = short.get_mut(..length) {
            bytes
        } else {
            long.resize(length, 0);
            long.as_mut_slice()
        };
        match self.file.read_exact_at(bytes, offset) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(changed()),
            Err(source) => {
                return Err(Lost::Read {
                    path: self.path.clone(),
                    offset,
                    source,
                });
            }
        }
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_| changed())?;
        let same = sum(bytes) == spot.sum;
        same.then(|| read(text)).flatten().ok_or_else(changed)
    }
}

impl Spot {
    /// The place of an object that begins at this byte; `None` where it is longer than any can be.
    pub(in crate::tape) fn of(text: &str, offset: u64) -> Option<Spot> {
        Some(Spot {
            offset,
            length: u32::try_from(text.len()).ok()?,
            sum: sum(text.as_bytes()),
        })
    }

    /// Where it begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes stand there.
    pub fn length(&self) -> u32 {
        self.length
    }
}

/// As many bytes as this are read without memory of their own.
const SHORT: usize = 1024;

/// Multiplied in, it spreads what is low to what is high: the golden ratio's bits, which no text has.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A sum that is another one where the bytes are, but for one chance in four thousand million. It finds
/// what editors and accidents change; whoever wants to deceive may write the tape in the first place.
pub fn sum(bytes: &[u8]) -> u32 {
    // Four at a time, since each waits for the one before it.
    let mut lanes = [bytes.len() as u64, 1, 2, 3];
    let (words, rest) = bytes.as_chunks::<16>();
    let (fours, last) = words.as_chunks::<4>();
    for [one, two, three, four] in fours {
        let [first, second, third, fourth] = lanes;
        lanes = [
            add(first, one),
            add(second, two),
            add(third, three),
            add(fourth, four),
        ];
    }
    let joined = |all: u64, lane: u64| (all ^ lane).wrapping_mul(SPREAD).rotate_left(29);
    let mut all = lanes.into_iter().fold(0, joined);
    for last in last {
        all = add(all, last);
    }
    let mut end = [0; 16];
    end.iter_mut()
        .zip(rest)
        .for_each(|(end, byte)| *end = *byte);
    all = add(all, &end);
    let all = (all ^ (all >> 32)).wrapping_mul(SPREAD);
    u32::try_from(all >> 32).unwrap_or_default()
}

/// Adds sixteen bytes to a sum: one half of them times the other, as wide as that becomes.
fn add(sum: u64, bytes: &[u8; 16]) -> u64 {
    let halves = u128::from_le_bytes(*bytes);
    let half = |halves: u128| u64::try_from(halves & u128::from(u64::MAX)).unwrap_or_default();
    let (low, high) = (half(halves), half(halves >> 64));
    let product = u128::from(sum ^ low) * u128::from(high ^ SPREAD);
    half(product) ^ half(product >> 64)
}

/// The folder for temporary files, where [`nameless`] makes its files.
pub(super) fn nameless_folder() -> PathBuf {
    env::temp_dir()
}

/// A new file without a name, for this program alone: it is gone when that ends, however it ends.
pub(super) fn nameless() -> io::Result<File> {
    let folder = nameless_folder();
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(FILE_MODE);
    let flags = rustix::fs::OFlags::TMPFILE.bits();
    let made = options
        .clone()
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(&folder);
    made.or_else(|_| {
        // A file system that knows no such files: a name that nobody can guess the use of, taken away at once.
        let name = format!(".antiphon.{}.spill", std::process::id());
        let path = folder.join(name);
        let file = options.create_new(true).open(&path)?;
        fs::remove_file(&path)?;
        Ok(file)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_byte_makes_another_sum(
            bytes in proptest::collection::vec(any::<u8>(), 1..200),
            place in any::<prop::sample::Index>(),
            other in 1_u8..,
        ) {
            let mut changed = bytes.clone();
            changed[place.index(bytes.len())] ^= other;
            prop_assert_ne!(sum(&bytes), sum(&changed));
            prop_assert_ne!(sum(&bytes), sum(&bytes[1..]));
        }
    }

    #[test]
    fn what_stands_at_a_place_is_read_however_long_it_is() {
        for length in [0, 1, SHORT - 1, SHORT, SHORT + 1, 3 * SHORT] {
            let text = "a".repeat(length);
            let file = nameless().unwrap();
            file.write_all_at(format!("before{text}").as_bytes(), 0)
                .unwrap();
            let source = Source::new(file, Path::new("x.tape"));
            let spot = Spot::of(&text, 6).unwrap();
            let read = source.at(spot, |text| Some(text.to_owned()));
            assert_eq!(read.unwrap(), text);
            let beyond = Spot { offset: 7, ..spot };
            let lost = source.at(beyond, |_| Some(()));
            assert_eq!(lost.is_err(), length > 0, "{length}");
        }
    }

    #[test]
    fn a_file_without_a_name_can_be_written_and_read() {
        let file = nameless().unwrap();
        file.write_all_at(b"spilled", 0).unwrap();
        let mut back = [0; 7];
        file.read_exact_at(&mut back, 0).unwrap();
        assert_eq!(&back, b"spilled");
    }
}
