//! Takes the content codings off a stream (RFC 9110 §8.4) while it passes.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::exchange::Headers;

/// How much brotli's decoder holds before it writes.
const BROTLI_BUFFER: usize = 4_096;

/// The most that one push may unpack to, which is as much as of a whole body. A piece off the network has some
/// kilobytes; brotli makes a millionfold of its input at best.
const MAX_UNPACKED: usize = 64 * 1024 * 1024;

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

/// Where a decoder writes: what the bytes of one push mean.
#[derive(Default)]
struct Room(Vec<u8>);

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_UNPACKED {
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

    /// What the next bytes mean; `None` where they are not in the coding, or unpack to
    /// more than any stream has in one piece; then the rest means nothing any more.
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
    fn a_piece_that_unpacks_to_more_than_memory_should_hold_is_refused() {
        for (length, fits) in [(10, true), (11, false)] {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
            gzip.write_all(&vec![b'x'; length]).unwrap();
            let packed = gzip.finish().unwrap();
            let nearly_full = Room(vec![0; MAX_UNPACKED - 10]);
            let mut reader = Plain(Coding::Gzip(MultiGzDecoder::new(nearly_full)));
            assert_eq!(reader.push(&packed).is_some(), fits);
            // The next piece has all the room.
            let mut reader = plain("gzip").unwrap();
            assert_eq!(reader.push(&packed).unwrap().len(), length);
        }
    }
}
