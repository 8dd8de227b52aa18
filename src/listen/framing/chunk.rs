//! Follows a chunked body byte by byte (RFC 9112 §7.1), and finds the first that has no one meaning.

use super::super::refusal::Refusal;

/// The longest line before a chunk: its size, and extensions that nobody uses.
pub(super) const MAX_CHUNK_LINE: usize = 4 * 1024;

/// The longest trailer section, which has to fit where the head does.
pub(super) const MAX_TRAILERS: usize = 16 * 1024;

/// Where in a chunked body (RFC 9112 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunk {
    /// In the digits of a size.
    Size { digits: usize, size: u64 },
    /// In what may follow the digits, after this many bytes of the line.
    Extension { line: usize, size: u64 },
    /// At the LF that ends the line of a size.
    SizeLf { size: u64 },
    /// In data.
    Data(u64),
    /// At the CR after data.
    DataCr,
    /// At the LF after data.
    DataLf,
    /// In the trailer section, of which so many bytes were seen; a line with so many in it.
    Trailer { section: usize, line: usize },
    /// At the LF of a line of it.
    TrailerLf { section: usize, line: usize },
    /// Behind the last byte.
    End,
}

impl Chunk {
    /// Before the first byte of a chunk.
    pub(super) const FIRST: Chunk = Chunk::Size { digits: 0, size: 0 };

    /// Where one more byte leads; not for data.
    pub(super) fn after(self, byte: u8) -> Result<Chunk, Refusal> {
        let broken = |what: &str| Err(Refusal::bad(format!("{what} in a chunked body")));
        match (self, byte) {
            (Chunk::Size { digits, .. } | Chunk::Extension { line: digits, .. }, _)
                if digits >= MAX_CHUNK_LINE =>
            {
                broken("a line that is too long")
            }
            (Chunk::Size { digits, size }, byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                match size
                    .checked_mul(16)
                    .and_then(|size| size.checked_add(digit))
                {
                    Some(size) => Ok(Chunk::Size {
                        digits: digits + 1,
                        size,
                    }),
                    None => broken("a size that is too large"),
                }
            }
            (Chunk::Size { digits: 0, .. }, _) => broken("no size before a chunk"),
            (Chunk::Size { size, .. } | Chunk::Extension { size, .. }, b'\r') => {
                Ok(Chunk::SizeLf { size })
            }
            (Chunk::Size { digits, size }, b';') => Ok(Chunk::Extension { line: digits, size }),
            (Chunk::Size { .. } | Chunk::Extension { .. } | Chunk::Trailer { .. }, b'\n') => {
                broken("a bare LF ends a line")
            }
            (Chunk::Extension { line, size }, _) => Ok(Chunk::Extension {
                line: line + 1,
                size,
            }),
            (Chunk::SizeLf { size: 0 }, b'\n') => Ok(Chunk::Trailer {
                section: 0,
                line: 0,
            }),
            (Chunk::SizeLf { size }, b'\n') => Ok(Chunk::Data(size)),
            (Chunk::DataCr, b'\r') => Ok(Chunk::DataLf),
            (Chunk::DataLf, b'\n') => Ok(Chunk::FIRST),
            (Chunk::Trailer { section, .. }, _) if section >= MAX_TRAILERS => {
                broken("a trailer section that is too long")
            }
            (Chunk::Trailer { section, line }, b'\r') => Ok(Chunk::TrailerLf { section, line }),
            (Chunk::Trailer { section, line }, _) => Ok(Chunk::Trailer {
                section: section + 1,
                line: line + 1,
            }),
            (Chunk::TrailerLf { line: 0, .. }, b'\n') => Ok(Chunk::End),
            (Chunk::TrailerLf { section, .. }, b'\n') => Ok(Chunk::Trailer { section, line: 0 }),
            (Chunk::Size { .. }, _) => broken("a size that is no number"),
            (Chunk::SizeLf { .. } | Chunk::TrailerLf { .. }, _) => broken("a bare CR"),
            (Chunk::DataCr | Chunk::DataLf, _) => broken("no line end after a chunk"),
            (Chunk::Data(_) | Chunk::End, _) => Ok(self),
        }
    }
}
