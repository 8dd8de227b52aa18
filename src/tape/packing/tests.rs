use proptest::prelude::*;

use super::*;
use crate::tape::error::Problem;

fn sealed(parts: &[&[u8]]) -> Vec<u8> {
    let mut packer = Packer::new(Packing::Zstd, Vec::new());
    let mut bytes = Vec::new();
    for part in parts {
        let (packed, frames) = packer.pack(part);
        bytes.extend_from_slice(&packed);
        packer.wrote(frames);
    }
    bytes.extend(packer.table());
    bytes
}

#[test]
fn a_seek_table_tells_of_each_frame() {
    let bytes = sealed(&[b"one\n", b"and two\n"]);
    let footer = &bytes[bytes.len() - 9..];
    assert_eq!(footer, [2, 0, 0, 0, 0, 0xb1, 0xea, 0x92, 0x8f]);
    let table = bytes.len() - 9 - 2 * 8 - 8;
    assert_eq!(
        bytes[table..table + 8],
        [0x5e, 0x2a, 0x4d, 0x18, 25, 0, 0, 0]
    );
    let number = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()) as usize;
    let (first, second) = (number(table + 8), number(table + 16));
    assert_eq!(first + second, table);
    assert_eq!((number(table + 12), number(table + 20)), (4, 8));
    let text = text(&bytes[first..table]).unwrap();
    assert_eq!(text.text.as_ref(), b"and two\n");
}

#[test]
fn a_packed_text_that_is_cut_or_flipped_is_told_of() {
    let parts: [&[u8]; 3] = [
        b"the first line\n",
        b"the second line\n",
        b"the third line\n",
    ];
    let bytes = sealed(&parts);
    let whole = text(&bytes).unwrap();
    assert_eq!(
        (whole.text.as_ref(), whole.torn),
        (parts.concat().as_slice(), 0)
    );
    let mut ends = vec![0];
    for frame in &whole.frames {
        ends.push(ends[ends.len() - 1] + frame.packed as usize);
    }
    for cut in 4..bytes.len() {
        let read = text(&bytes[..cut]).unwrap();
        let frames = ends.iter().filter(|end| **end <= cut).count() - 1;
        assert_eq!(read.text.as_ref(), parts[..frames].concat(), "cut at {cut}");
        assert_eq!(read.torn, cut - ends[frames], "cut at {cut}");
    }
    for place in 0..ends[3] {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        match text(&bytes) {
            Ok(read) if read.torn > 0 => assert!(parts.concat().starts_with(&read.text)),
            Ok(read) if read.packing == Packing::Plain => assert!(place < 4),
            Ok(read) => assert_eq!(read.text.as_ref(), parts.concat(), "{place}"),
            Err(_) => {}
        }
    }
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    // A hundred blocks of one byte each, repeated 128 KiB times.
    let mut bomb = FRAME.to_vec();
    bomb.extend([0x00, 0x58]); // a window of 2 MiB
    for last in (0..1_000).map(|block| u32::from(block == 999)) {
        let header = (128 << 10 << 3) | (1 << 1) | last;
        bomb.extend(&header.to_le_bytes()[..3]);
        bomb.push(b'a');
    }
    let error = text(&bomb).unwrap_err();
    assert!(matches!(error.problem, Problem::Dense(_)), "{error}");
    // And what is written is never so dense that it is not read.
    let zeros = vec![b'0'; 3 * MAX_FRAME];
    assert_eq!(text(&sealed(&[&zeros])).unwrap().text.len(), zeros.len());
}

proptest! {
    #[test]
    fn every_text_comes_back(parts in prop::collection::vec(any::<String>(), 0..5), times in 1..2_000_usize) {
        let parts: Vec<String> = parts.into_iter().map(|part| part.repeat(times)).collect();
        let slices: Vec<&[u8]> = parts.iter().map(String::as_bytes).collect();
        let bytes = sealed(&slices);
        let read = text(&bytes).unwrap();
        prop_assert_eq!(read.text.as_ref(), slices.concat());
        prop_assert_eq!(read.torn, 0);
    }

    #[test]
    fn no_bytes_make_it_fall_over(bytes in any::<Vec<u8>>()) {
        let bytes = [FRAME.as_slice(), &bytes].concat();
        let _ = text(&bytes);
        let _ = beginning(&bytes, 100);
    }
}
