//! Frames on the wire, and what is seen of them; and everything that breaks a rule.

mod random;

use flate2::{Compress, Compression as Level, FlushCompress};

use crate::exchange::Cut;

use super::*;

const KEEP: usize = 1 << 20;

const BOTH: Agreement = Agreement::Deflate {
    client: Takeover::Yes,
    service: Takeover::Yes,
};

const NEITHER: Agreement = Agreement::Deflate {
    client: Takeover::No,
    service: Takeover::No,
};

/// All that is seen in `bytes`, which come in pieces of this size.
fn see(decoder: &mut Decoder, bytes: &[u8], piece: usize) -> Vec<Seen> {
    let mut seen = Vec::new();
    for mut piece in bytes.chunks(piece) {
        while let Some(one) = decoder.next(&mut piece) {
            seen.push(one);
        }
        assert!(piece.is_empty(), "{} bytes are left", piece.len());
    }
    seen
}

/// What is seen of these bytes of the service, which is the same in pieces of any size.
fn service(agreement: &Agreement, bytes: &[u8]) -> Vec<Seen> {
    in_any_pieces(Side::Service, agreement, bytes)
}

fn in_any_pieces(sender: Side, agreement: &Agreement, bytes: &[u8]) -> Vec<Seen> {
    let whole = see(
        &mut Decoder::new(sender, agreement, KEEP),
        bytes,
        bytes.len().max(1),
    );
    for piece in 1..bytes.len().min(20) {
        let mut decoder = Decoder::new(sender, agreement, KEEP);
        assert_eq!(see(&mut decoder, bytes, piece), whole, "{piece}");
    }
    whole
}

fn text(data: &str) -> Seen {
    Seen::Message(Message {
        kind: Kind::Text,
        data: Body::new(data.to_owned()),
    })
}

fn binary(data: &[u8]) -> Seen {
    Seen::Message(Message {
        kind: Kind::Binary,
        data: Body::new(data.to_vec()),
    })
}

fn closed(code: u16, reason: &str) -> Seen {
    Seen::Close(Close {
        code: Some(code),
        reason: reason.to_owned(),
    })
}

/// One frame, of the service where it has no mask.
fn frame(first: u8, payload: &[u8], mask: Option<[u8; 4]>) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(bit | u8::try_from(short).unwrap()),
        middle @ 126..=0xffff => {
            bytes.push(bit | 0x7e);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(bit | 0x7f);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask.iter().flatten());
    let key = mask.unwrap_or_default().into_iter().cycle();
    bytes.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
    bytes
}

/// The examples of RFC 6455 §5.7.
#[test]
fn examples_of_rfc_6455() {
    let plain = Agreement::Plain;
    let hello = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(service(&plain, &hello), [text("Hello")]);
    let masked = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(
        in_any_pieces(Side::Client, &plain, &masked),
        [text("Hello")]
    );
    let fragments = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
    assert_eq!(service(&plain, &fragments), [text("Hello")]);
    let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
    assert_eq!(
        service(&plain, &ping),
        [Seen::Ping(Bytes::from_static(b"Hello"))]
    );
    let pong = [
        0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    assert_eq!(
        in_any_pieces(Side::Client, &plain, &pong),
        [Seen::Pong(Bytes::from_static(b"Hello"))]
    );
    for (length, head) in [
        (256, &[0x82, 0x7e, 0x01, 0x00][..]),
        (65536, &[0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let data = vec![7; length];
        let bytes = [head, &data].concat();
        assert_eq!(service(&plain, &bytes), [binary(&data)]);
    }
}

/// The examples of RFC 7692 §7.2.3.
#[test]
fn examples_of_rfc_7692() {
    let hello = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(service(&BOTH, &hello), [text("Hello")]);
    let fragments = [
        0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00,
    ];
    assert_eq!(service(&BOTH, &fragments), [text("Hello")]);
    let shared = [
        0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00,
        0x00,
    ];
    assert_eq!(service(&BOTH, &shared), [text("Hello"), text("Hello")]);
    assert_eq!(
        service(&NEITHER, &shared),
        [text("Hello"), Seen::Fault(Fault::Deflate)]
    );
    let stored = [
        0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
    ];
    assert_eq!(service(&BOTH, &stored), [text("Hello")]);
    let last_block = [0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    let twice = [last_block, last_block].concat();
    assert_eq!(service(&BOTH, &twice), [text("Hello"), text("Hello")]);
    let two_blocks = [
        0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
    ];
    assert_eq!(service(&BOTH, &two_blocks), [text("Hello")]);
    let empty = [0xc1, 0x01, 0x00];
    assert_eq!(service(&BOTH, &empty), [text("")]);
}

#[test]
fn control_frames_stand_between_fragments() {
    let bytes = [
        frame(0x01, "é".as_bytes().get(..1).unwrap(), None),
        frame(0x89, b"1", None),
        frame(0x00, &[], None),
        frame(0x8a, b"", None),
        frame(0x80, "é".as_bytes().get(1..).unwrap(), None),
        frame(0x88, b"\x03\xe8bye", None),
    ];
    let expected = [
        Seen::Ping(Bytes::from_static(b"1")),
        Seen::Pong(Bytes::new()),
        text("é"),
        closed(1000, "bye"),
    ];
    assert_eq!(service(&Agreement::Plain, &bytes.concat()), expected);
}

#[test]
fn a_message_may_go_uncompressed_where_compression_was_agreed_on() {
    let bytes = [
        frame(0x81, b"plain", None),
        vec![0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
        frame(0x82, b"\xff", None),
    ];
    assert_eq!(
        service(&BOTH, &bytes.concat()),
        [text("plain"), text("Hello"), binary(b"\xff")]
    );
}

#[test]
fn what_an_unknown_extension_may_have_changed_is_kept_as_it_is() {
    let unknown = Agreement::Unknown("x-mystery".to_owned());
    let bytes = [
        frame(0xf1, b"\xff\xfe", None),
        frame(0x81, b"text", None),
        frame(0x88, b"", None),
    ];
    let expected = [
        binary(b"\xff\xfe"),
        binary(b"text"),
        Seen::Close(Close::default()),
    ];
    assert_eq!(service(&unknown, &bytes.concat()), expected);
}

#[test]
fn codes_of_close_frames() {
    for code in [
        1000, 1001, 1002, 1003, 1007, 1011, 1012, 1014, 3000, 3999, 4000, 4999,
    ] {
        let payload = u16::to_be_bytes(code);
        assert_eq!(
            service(&Agreement::Plain, &frame(0x88, &payload, None)),
            [closed(code, "")]
        );
    }
    for code in [
        0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535,
    ] {
        let payload = u16::to_be_bytes(code);
        assert_eq!(
            service(&Agreement::Plain, &frame(0x88, &payload, None)),
            [Seen::Fault(Fault::Code(code))]
        );
    }
}

#[test]
fn every_rule_that_can_be_broken() {
    let plain = Agreement::Plain;
    let mask = Some([1, 2, 3, 4]);
    for (agreement, bytes, fault) in [
        (&plain, frame(0xc1, b"", None), Fault::Reserved(0b100)),
        (&plain, frame(0xa1, b"", None), Fault::Reserved(0b010)),
        (&BOTH, frame(0x91, b"", None), Fault::Reserved(0b001)),
        (&BOTH, frame(0xd1, b"", None), Fault::Reserved(0b101)),
        (&BOTH, frame(0xc9, b"", None), Fault::Reserved(0b100)),
        (
            &BOTH,
            [frame(0x41, b"\0", None), frame(0xc0, b"\0", None)].concat(),
            Fault::Reserved(0b100),
        ),
        (&plain, frame(0x83, b"", None), Fault::Opcode(0x3)),
        (&plain, frame(0x8b, b"", None), Fault::Opcode(0xb)),
        (&plain, frame(0x0f, b"", None), Fault::Opcode(0xf)),
        (&plain, frame(0x09, b"", None), Fault::Fragment),
        (&plain, frame(0x08, b"", None), Fault::Fragment),
        (&plain, frame(0x89, &[0; 126], None), Fault::LongControl),
        (
            &plain,
            frame(0x8a, &vec![0; 70_000], None),
            Fault::LongControl,
        ),
        (&plain, frame(0x80, b"", None), Fault::Continuation),
        (
            &plain,
            [frame(0x81, b"", None), frame(0x00, b"", None)].concat(),
            Fault::Continuation,
        ),
        (
            &plain,
            [frame(0x01, b"", None), frame(0x82, b"", None)].concat(),
            Fault::Interleaved,
        ),
        (&plain, frame(0x81, b"", mask), Fault::Masked),
        (&plain, vec![0x82, 126, 0, 125], Fault::LongLength(125)),
        (
            &plain,
            vec![0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
            Fault::LongLength(65535),
        ),
        (
            &plain,
            vec![0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
            Fault::Length,
        ),
        (&plain, frame(0x81, b"a\xff", None), Fault::Text),
        (&plain, frame(0x81, b"\xe2\x82", None), Fault::Text),
        (
            &plain,
            [frame(0x01, b"\xe2\x82", None), frame(0x80, b"a", None)].concat(),
            Fault::Text,
        ),
        (&plain, frame(0x88, b"\x03", None), Fault::HalfCode),
        (&plain, frame(0x88, b"\x03\xe8\xff", None), Fault::Reason),
        (&BOTH, frame(0xc1, b"\xff\xff", None), Fault::Deflate),
        (
            &plain,
            [frame(0x88, b"", None), frame(0x89, b"", None)].concat(),
            Fault::AfterClose,
        ),
    ] {
        let seen = service(agreement, &bytes);
        assert_eq!(seen.last(), Some(&Seen::Fault(fault)), "{bytes:x?}");
        let faults = seen.iter().filter(|seen| matches!(seen, Seen::Fault(_)));
        assert_eq!(faults.count(), 1, "{bytes:x?}");
    }
    let unmasked = in_any_pieces(Side::Client, &plain, &frame(0x81, b"", None));
    assert_eq!(unmasked, [Seen::Fault(Fault::Unmasked)]);
}

#[test]
fn nothing_is_seen_behind_a_fault() {
    let mut decoder = Decoder::new(Side::Service, &Agreement::Plain, KEEP);
    let bytes = [frame(0x83, b"", None), frame(0x81, b"fine", None)].concat();
    let mut rest = bytes.as_slice();
    assert_eq!(
        decoder.next(&mut rest),
        Some(Seen::Fault(Fault::Opcode(0x3)))
    );
    assert_eq!(decoder.next(&mut &bytes[2..]), None);
    assert_eq!(decoder.end(), None);
}

#[test]
fn a_direction_may_end_between_messages_only() {
    let message = [frame(0x01, b"ab", None), frame(0x80, b"c", None)].concat();
    for cut in 0..=message.len() {
        let mut decoder = Decoder::new(Side::Service, &Agreement::Plain, KEEP);
        see(&mut decoder, &message[..cut], 3);
        let torn = (cut > 0 && cut < message.len()).then_some(Fault::Torn);
        assert_eq!(decoder.end(), torn, "{cut}");
        assert_eq!(decoder.end(), None);
    }
    let mut decoder = Decoder::new(Side::Service, &Agreement::Plain, KEEP);
    see(&mut decoder, &frame(0x88, b"", None), 3);
    assert_eq!(decoder.end(), None);
}

#[test]
fn of_a_long_message_the_beginning_is_kept_and_the_digest_of_all() {
    let data = "é".repeat(50);
    let whole = Cut::Passed {
        length: 100,
        digest: format!("blake3:{}", blake3::hash(data.as_bytes()).to_hex()),
    };
    let bytes = [
        frame(0x01, &data.as_bytes()[..33], None),
        frame(0x80, &data.as_bytes()[33..], None),
        frame(0x81, b"next", None),
    ];
    for keep in [0, 1, 2, 33, 34, 98, 99, 100] {
        for piece in [1, 7, 200] {
            let mut decoder = Decoder::new(Side::Service, &Agreement::Plain, keep);
            let seen = see(&mut decoder, &bytes.concat(), piece);
            let Some(Seen::Message(message)) = seen.first() else {
                panic!("{seen:?}");
            };
            let cut = (keep < 100).then_some(&whole);
            assert_eq!(message.data.cut(), cut, "{keep}");
            assert_eq!(message.data.text(), Some(&data[..keep / 2 * 2]), "{keep}");
            assert_eq!(seen.len(), 2);
        }
    }
}

#[test]
fn a_message_under_way_can_be_cut_where_it_stands() {
    let whole = Cut::Passed {
        length: 10,
        digest: format!("blake3:{}", blake3::hash(b"0123456789").to_hex()),
    };
    let bytes = [frame(0x02, b"01234", None), frame(0x80, b"56789", None)].concat();
    for (most, kept) in [(9, "01234"), (5, "01234"), (2, "01"), (0, "")] {
        let mut decoder = Decoder::new(Side::Service, &Agreement::Plain, KEEP);
        let (mut first, mut second) = bytes.split_at(7);
        assert_eq!(decoder.next(&mut first), None);
        assert_eq!(decoder.held(), 5);
        decoder.cut(most);
        let Some(Seen::Message(message)) = decoder.next(&mut second) else {
            panic!("no message");
        };
        assert_eq!(message.data.text(), Some(kept));
        assert_eq!(message.data.cut(), Some(&whole));
        assert_eq!(decoder.held(), 0);
    }
}

/// What a message of so many zeros inflates from.
fn bomb(length: u64) -> Vec<u8> {
    let mut compress = Compress::new(Level::best(), false);
    let zeros = vec![0; 1 << 20];
    let mut packed = Vec::with_capacity(2 << 20);
    for _ in 0..length >> 20 {
        let before = compress.total_in();
        compress
            .compress_vec(&zeros, &mut packed, FlushCompress::Sync)
            .unwrap();
        assert_eq!(compress.total_in() - before, 1 << 20);
    }
    packed.truncate(packed.len() - 4);
    packed
}

#[test]
fn a_message_that_inflates_to_much_is_cut_and_the_next_still_read() {
    let packed = bomb(3 << 20);
    let mut decoder = Decoder::new(Side::Service, &BOTH, 1 << 20);
    let bytes = [
        frame(0xc2, &packed, None),
        vec![0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00],
    ];
    let seen = see(&mut decoder, &bytes.concat(), 1 << 16);
    let [Seen::Message(message), next] = seen.as_slice() else {
        panic!("{} seen", seen.len());
    };
    assert_eq!(message.data.bytes().len(), 1 << 20);
    let Some(Cut::Passed { length, .. }) = message.data.cut() else {
        panic!("it is not cut");
    };
    assert_eq!(*length, 3 << 20);
    assert_eq!(next, &text("Hello"));
}

#[test]
fn nobody_has_more_kept_than_there_is_memory_for() {
    let decoder = Decoder::new(Side::Client, &BOTH, usize::MAX);
    assert_eq!(decoder.keep, MAX_KEPT);
}
