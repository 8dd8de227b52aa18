//! A tape's file: read whole, and replaced whole.
//!
//! Of what stands in the file it knows the header only.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Deserializer;
use serde_json::value::RawValue;

use super::Header;
use super::error::{Problem, TapeError};
use super::packing::{self, Packing};
use super::segment::FILE_MODE;
use super::wire::{self, Entry};

/// The largest tape that is read. A tape is held in memory as a whole, and the bodies that would
/// make it larger than this are kept beside it.
pub(super) const MAX_TAPE_BYTES: u64 = 1024 * 1024 * 1024;

/// The longest header that is looked for in a file that may be no tape at all.
const MAX_HEADER_BYTES: u64 = 64 * 1024;

/// How many bytes tell how a file is packed.
const MAGIC_BYTES: u64 = 4;

/// Reads the content of a tape's file.
pub fn file(path: &Path) -> Result<Vec<u8>, TapeError> {
    let file = File::open(path).map_err(|source| TapeError::Read {
        path: path.to_owned(),
        source,
    })?;
    content(file, path)
}

/// Reads the content of a tape from anywhere; errors call it `name`.
pub fn content(source: impl io::Read, name: &Path) -> Result<Vec<u8>, TapeError> {
    let mut bytes = Vec::new();
    source
        .take(MAX_TAPE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| TapeError::Read {
            path: name.to_owned(),
            source,
        })?;
    if bytes.len() as u64 > MAX_TAPE_BYTES {
        let error = Problem::TooLarge(MAX_TAPE_BYTES).at("", 0).named(name);
        return Err(error.into());
    }
    Ok(bytes)
}

/// The header that a file begins with; `None` where there is none, and of a pipe, which can be read only once.
pub(super) fn header(path: &Path) -> Result<Option<Header>, TapeError> {
    let failed = |source| TapeError::Read {
        path: path.to_owned(),
        source,
    };
    if !path.metadata().map_err(failed)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(MAX_HEADER_BYTES)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let bytes = packing::beginning(&bytes, MAX_HEADER_BYTES);
    let text = bytes.utf8_chunks().next().map_or("", |first| first.valid());
    let first = Deserializer::from_str(text).into_iter::<&RawValue>().next();
    let entry = first
        .and_then(Result::ok)
        .map(|object| wire::read(object.get()));
    Ok(match entry {
        Some(Ok((_, Entry::Header(header)))) => Some(*header),
        _ => None,
    })
}

/// Has a file be opened only where its name is no symbolic link: whoever may put one into the folder of a
/// recording must not choose what it overwrites. The folders above may be links, which their owner set.
pub fn no_link(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    options.custom_flags(i32::try_from(flags).unwrap_or_default())
}

/// Whether a file was not opened for that reason.
pub fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

/// Replaces the file, or makes it: whoever reads it meanwhile, or after a crash, finds the old
/// content or the new one and nothing between. A file that is replaced keeps its permissions, and a
/// symbolic link stays one. A tape that another program is writing is left alone, and so is what is no file: a device
/// would be gone, and who reads a pipe to know what it takes the place of waits for ever. What the content is, is asked
/// with how the old one is packed.
pub(super) fn save(path: &Path, content: impl FnOnce(Packing) -> Vec<u8>) -> Result<(), TapeError> {
    save_with(path, |packing, file| file.write_all(&content(packing)))
}

/// The same for content that is written as it comes to be.
pub(super) fn save_with(
    path: &Path,
    write: impl FnOnce(Packing, &mut File) -> io::Result<()>,
) -> Result<(), TapeError> {
    let cannot = |source| TapeError::Write {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(cannot(io::Error::other("it is there, and no file")));
    }
    let lock = match File::open(path) {
        Ok(file) => Some(lock(file, path)?),
        // There is none yet, or replacing it will say what is wrong with it.
        Err(_) => None,
    };
    let mut magic = Vec::new();
    if let Some(lock) = &lock {
        // What cannot be read is replaced all the same.
        let _ = lock.file().take(MAGIC_BYTES).read_to_end(&mut magic);
    }
    let packing = Packing::of(&magic);
    replace_with(path, |file| write(packing, file)).map_err(cannot)
}

/// A tape's file, locked so that only one program writes it at a time. The lock ends with this
/// value, also where the program is killed; it keeps nobody from reading.
#[derive(Debug)]
pub(super) struct Locked(File);

impl Locked {
    pub(super) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is being started still has a copy of it
        // for a moment. Where unlocking fails, there is nothing better to do than to close it.
        let _ = self.0.unlock();
    }
}

/// Locks a tape's file.
pub(super) fn lock(file: File, path: &Path) -> Result<Locked, TapeError> {
    match file.try_lock() {
        Ok(()) => Ok(Locked(file)),
        Err(TryLockError::WouldBlock) => Err(TapeError::Busy {
            path: path.to_owned(),
        }),
        // A file system without locks, or a device: nothing to hold, and nothing lost by going on.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
            Ok(Locked(file))
        }
        Err(TryLockError::Error(source)) => Err(TapeError::Write {
            path: path.to_owned(),
            source,
        }),
    }
}

/// As [`save`], for whoever holds the lock.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(content))
}

fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        found => found?,
    };
    let temporary = beside(&target)?;
    let written = fill(&temporary, &target, write).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The first error is the one to report; a leftover file is the lesser trouble.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn fill(
    temporary: &Path,
    target: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(temporary)?;
    if let Ok(old) = fs::metadata(target) {
        file.set_permissions(old.permissions())?;
    }
    write(&mut file)?;
    file.sync_all()
}

/// A name in the target's own folder, since a rename does not cross file systems.
pub(super) fn beside(target: &Path) -> io::Result<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    name.push(format!(".{}.tmp", std::process::id()));
    Ok(target.with_file_name(name))
}

/// Has the names in the folder of this file survive a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}
