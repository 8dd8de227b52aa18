//! The objects of a tape's text, read from its file one after the other: no more of the text is in memory
//! than one object takes, or a piece where they are small.
//!
//! What they are it does not know. Of what no tape is it says that it is unusual: to tell what is wrong, and
//! where, is for those who have all of the text.

use std::fs::File;
use std::io;

use serde_json::Deserializer;
use serde_json::value::RawValue;
use simdutf8::compat::from_utf8;

use super::read;
use super::window::{Rest, Window};

/// What stops the reading of a tape from its file.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Something stands there that is not as it usually is.
    Unusual,
    /// The file cannot be read.
    Io(io::Error),
}

/// Hands on each object of the text in a file, with the place where it begins. Returns how many bytes stand
/// behind the last one that are none.
pub(super) fn each(
    file: &File,
    mut take: impl FnMut(&str, u64) -> Result<(), Stopped>,
) -> Result<usize, Stopped> {
    let mut window = Window::new(file).map_err(Stopped::Io)?;
    let mut used = 0;
    loop {
        let rest = window.advance(used).map_err(|error| {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                return Stopped::Unusual; // it became shorter meanwhile
            }
            Stopped::Io(error)
        })?;
        let bytes = window.bytes();
        used = match rest {
            Rest::More => objects(whole(bytes)?, window.start(), &mut take)?,
            Rest::Nothing => {
                let text = read::intact(bytes).map_err(|_| Stopped::Unusual)?;
                let used = objects(text, window.start(), &mut take)?;
                return Ok(bytes.len() - read::start_of_rest(bytes, used));
            }
        };
    }
}

/// Hands on the objects that are whole in a text which begins at this place; how many bytes they take.
fn objects(
    text: &str,
    start: u64,
    take: &mut impl FnMut(&str, u64) -> Result<(), Stopped>,
) -> Result<usize, Stopped> {
    let mut objects = Deserializer::from_str(text).into_iter::<&RawValue>();
    let mut used = 0;
    while let Some(next) = objects.next() {
        match next {
            Ok(object) => {
                used = objects.byte_offset();
                let object = object.get();
                take(object, start + (used - object.len()) as u64)?;
            }
            Err(error) => {
                let rest = text.get(read::start_of_rest(text.as_bytes(), used)..);
                let rest = rest.unwrap_or_default();
                // Zeros are what a crash can leave, if nothing else follows.
                let zeros = rest.bytes().all(|byte| byte == 0);
                if zeros || (rest.starts_with('{') && read::is_torn(&error, text)) {
                    break;
                }
                return Err(Stopped::Unusual);
            }
        }
    }
    Ok(used)
}

/// The characters that are whole.
fn whole(bytes: &[u8]) -> Result<&str, Stopped> {
    match from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) if error.error_len().is_none() => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            from_utf8(valid).map_err(|_| Stopped::Unusual)
        }
        Err(_) => Err(Stopped::Unusual),
    }
}
