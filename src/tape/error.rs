//! Why a tape cannot be read or written, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::exchange::{NotificationId, OperationId};

use super::wire::VERSION;

/// Why a tape cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// The file cannot be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is a file already, and nobody said what should become of it.
    #[error("{} is already there", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another program is writing the tape.
    #[error("{} is being written by another program", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The files of a folder are not the segments of one recording.
    #[error("{}: {fault}", path.display())]
    Folder {
        /// The folder, or the file in it.
        path: PathBuf,
        /// What is wrong.
        fault: FolderFault,
    },
    /// The file could be read, and what stands in it is not a whole tape.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// What can be wrong with a folder of segments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FolderFault {
    /// Segments were to go there, and it is a file.
    #[error("it is a file: the segments of a recording are files in a folder")]
    NoFolder,
    /// There are none.
    #[error("the folder has no segments of a recording, such as 000001.tape")]
    NoSegments,
    /// A tape stands among the segments.
    #[error("it is no segment, and stands among the segments of a recording")]
    Stranger,
    /// A segment belongs to another recording.
    #[error("it is a segment of another recording than the segments before it")]
    OtherRecording,
    /// A segment is called by another number than its own.
    #[error("it says that it is segment {0}")]
    OtherNumber(u64),
    /// Two files have one number.
    #[error("two files are segment {0}")]
    Twice(u64),
}

impl FolderFault {
    /// The fault, of this folder or file.
    pub(super) fn at(self, path: &Path) -> TapeError {
        TapeError::Folder {
            path: path.to_owned(),
            fault: self,
        }
    }
}

/// A place in a tape that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    /// The tape's file, where it came from one.
    pub path: Option<PathBuf>,
    /// The line, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl Unreadable {
    /// The same, in the file at `path`.
    pub(super) fn named(self, path: &Path) -> Self {
        Unreadable {
            path: Some(path.to_owned()),
            ..self
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}:", path.display())?;
        }
        write!(f, "{}:{}: {}", self.line, self.column, self.problem)
    }
}

/// What can be wrong with a tape.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is nothing in it.
    #[error("the tape is empty: expected a header")]
    Empty,
    /// It ends before its header does.
    #[error("the tape ends within its header")]
    TornHeader,
    /// It does not begin with a header.
    #[error("expected the tape's header, found `{0}`")]
    NoHeader(String),
    /// A header stands among the events.
    #[error("a second header: a tape has one, at its beginning")]
    SecondHeader,
    /// It is written in a format that this program does not know.
    #[error("the tape is in format {0}; this antiphon reads format {VERSION}")]
    Version(u64),
    /// Something stands after the trailer.
    #[error("`{0}` after the trailer: expected the end of the tape")]
    AfterTrailer(String),
    /// An object is of no kind that this format has.
    #[error("unknown kind `{0}`: expected contract, operation, notification, fact, gap or trailer")]
    UnknownKind(String),
    /// Something other than an object stands at the top level.
    #[error("expected an object such as {{\"kind\":…}}")]
    NotAnObject,
    /// The text is not JSON, or an object is not shaped as its kind is.
    #[error("{0}")]
    Malformed(String),
    /// Bytes that are not UTF-8.
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// It is larger than a tape may be.
    #[error("the tape is larger than {0} bytes")]
    TooLarge(u64),
    /// Something that is no zstd frame stands among frames, after so many bytes of the file.
    #[error("no zstd frame after the first {0} bytes of the file")]
    NoFrame(usize),
    /// A zstd frame is broken, and others follow it.
    #[error("the zstd frame after the first {0} bytes of the file is broken")]
    BrokenFrame(usize),
    /// It is compressed, and unpacks to more than can be trusted.
    #[error("the tape unpacks to more than {0} bytes, which is more than its size allows")]
    Dense(u64),
    /// Two operations have one number.
    #[error("operation {0} is already on the tape")]
    SecondOperation(OperationId),
    /// Two notifications have one number.
    #[error("notification {0} is already on the tape")]
    SecondNotification(NotificationId),
    /// A notification names a cause that is not there.
    #[error(
        "notification {notification} is due after operation {operation}, which is not on the tape"
    )]
    NoSuchOperation {
        /// The notification.
        notification: NotificationId,
        /// The operation that it names.
        operation: OperationId,
    },
}

impl Problem {
    /// The problem, at a byte of the tape's text.
    pub(super) fn at(self, text: &str, offset: usize) -> Unreadable {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Unreadable {
            path: None,
            line: before.matches('\n').count() + 1,
            column: before
                .get(line_start..)
                .map_or(0, |line| line.chars().count())
                + 1,
            problem: self,
        }
    }
}
