//! Takes the content codings off a stream (RFC 9110 §8.4) while it passes.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::exchange::Headers;

use super::MAX_MESSAGE;

/// The most that one piece of a stream may become without its coding: as long as the longest message is.
/// A service that says more at once with few bytes is not worth the memory.
const MAX_PIECE: usize = MAX_MESSAGE;

/// How much brotli's decoder holds before it writes.
const BROTLI_BUFFER: usize = 4_096;

/// What is left of a stream without its coding.
pub struct Plain(Coding);

enum Coding {
    None,
    Gzip(MultiGzDecoder<Room>),
    Zlib(ZlibDecoder<Room>),
    Deflate(DeflateDecoder<Room>),
    /// `deflate` before its first byte, which tells zlib's format from bare deflate.
    Undecided,
    Brotli(Box<DecompressorWriter<Room>>),
}

/// Where a decoder writes, which has an end.
#[derive(Default)]
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PIECE {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The low four bits of zlib's first byte (RFC 1950 §2.2).
const ZLIB_METHOD: u8 = 8;

impl Plain {
    /// What takes off the coding of content with these header fields; `None` where there are several,
    /// or it cannot be taken off as it passes.
    pub fn of(headers: &Headers) -> Option<Plain> {
        let coding = headers.get("content-encoding").unwrap_or_default();
        let coding = coding.trim_ascii().to_ascii_lowercase();
        Some(Plain(match coding.as_slice() {
            b"" | b"identity" => Coding::None,
            b"gzip" | b"x-gzip" => Coding::Gzip(MultiGzDecoder::new(Room::default())),
            b"deflate" => Coding::Undecided,
            b"br" => {
                let writer = DecompressorWriter::new(Room::default(), BROTLI_BUFFER);
                Coding::Brotli(Box::new(writer))
            }
            _ => return None,
        }))
    }

    /// What the next bytes mean; `None` where they are not in the coding, or would become
    /// more than [`MAX_PIECE`].
    pub fn push(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if let (Coding::Undecided, Some(first)) = (&self.0, bytes.first()) {
            self.0 = match first & 0x0f {
                ZLIB_METHOD => Coding::Zlib(ZlibDecoder::new(Room::default())),
                _ => Coding::Deflate(DeflateDecoder::new(Room::default())),
            };
        }
        match &mut self.0 {
            Coding::None => Some(bytes.to_vec()),
            Coding::Undecided => Some(Vec::new()),
            Coding::Gzip(decoder) => taken(decoder, bytes, MultiGzDecoder::get_mut),
            Coding::Zlib(decoder) => taken(decoder, bytes, ZlibDecoder::get_mut),
            Coding::Deflate(decoder) => taken(decoder, bytes, DeflateDecoder::get_mut),
            Coding::Brotli(decoder) => taken(&mut **decoder, bytes, DecompressorWriter::get_mut),
        }
    }
}

/// What a decoder makes of the next bytes, taken out of where it writes.
fn taken<D: Write>(
    decoder: &mut D,
    bytes: &[u8],
    target: fn(&mut D) -> &mut Room,
) -> Option<Vec<u8>> {
    decoder.write_all(bytes).ok()?;
    decoder.flush().ok()?;
    Some(std::mem::take(&mut target(decoder).0))
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    fn plain(coding: &str) -> Option<Plain> {
        Plain::of(&[("Content-Encoding", coding)].into_iter().collect())
    }

    #[test]
    fn each_flushed_message_is_there_before_the_next_is_sent() {
        let level = Compression::default();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        let mut deflate = DeflateEncoder::new(Vec::new(), level);
        let mut readers = [plain("gzip"), plain("deflate"), plain("Deflate"), plain("")];
        for message in ["data: one\n\n", "data: two\n\n", "data: one\n\n"] {
            gzip.write_all(message.as_bytes()).unwrap();
            gzip.flush().unwrap();
            zlib.write_all(message.as_bytes()).unwrap();
            zlib.flush().unwrap();
            deflate.write_all(message.as_bytes()).unwrap();
            deflate.flush().unwrap();
            let sent = [
                std::mem::take(gzip.get_mut()),
                std::mem::take(zlib.get_mut()),
                std::mem::take(deflate.get_mut()),
                message.as_bytes().to_vec(),
            ];
            for (reader, sent) in readers.iter_mut().zip(sent) {
                let mut read = Vec::new();
                for byte in sent {
                    let reader = reader.as_mut().unwrap();
                    read.extend(reader.push(&[byte]).unwrap());
                }
                assert_eq!(read, message.as_bytes());
            }
        }
    }

    #[test]
    fn what_is_not_in_the_coding_is_said() {
        assert!(plain("gzip").unwrap().push(b"data: plain\n\n").is_none());
        assert!(plain("zstd").is_none() && plain("gzip, br").is_none());
    }

    #[test]
    fn a_piece_that_becomes_too_much_is_refused() {
        let level = Compression::best();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        let mut deflate = ZlibEncoder::new(Vec::new(), level);
        let zeros = vec![0; MAX_PIECE];
        for encoder in [&mut gzip as &mut dyn Write, &mut deflate] {
            encoder.write_all(&zeros).unwrap();
            encoder.write_all(b"x").unwrap();
        }
        // Some few KiB each.
        let bombs = [("gzip", gzip.finish()), ("deflate", deflate.finish())];
        for (coding, bomb) in bombs {
            let bomb = bomb.unwrap();
            let mut reader = plain(coding).unwrap();
            assert!(reader.push(&bomb).is_none(), "{coding}: {}", bomb.len());
        }
        let mut fitting = GzEncoder::new(Vec::new(), level);
        fitting.write_all(&zeros).unwrap();
        let read = plain("gzip").unwrap().push(&fitting.finish().unwrap());
        assert_eq!(read.map(|read| read.len()), Some(MAX_PIECE));
    }
}
