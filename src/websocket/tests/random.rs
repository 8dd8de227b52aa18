//! Any messages, in any fragments, cut anywhere; and arbitrary bytes.

use proptest::prelude::*;

use super::*;

/// A message to send, and into how many parts it is fragmented.
#[derive(Clone, Debug)]
struct Sent {
    kind: Kind,
    data: Vec<u8>,
    fragments: usize,
    packed: Packed,
    mask: [u8; 4],
    ping: Option<Vec<u8>>,
}

fn sent(longest: usize) -> impl Strategy<Value = Sent> {
    let length = prop_oneof![4 => 0..300_usize, 1 => Just(longest)];
    (
        length,
        any::<u64>(),
        1..6_usize,
        any::<[u8; 4]>(),
        any::<bool>(),
        any::<bool>(),
        prop::option::of(prop::collection::vec(any::<u8>(), 0..126)),
    )
        .prop_map(
            |(length, seed, fragments, mask, is_text, is_packed, ping)| {
                let words = ["agent", "é", "€uro", "😀", "{\"id\":", "\0", "0175"];
                let mut state = seed;
                let mut data = Vec::new();
                while data.len() < length {
                    state = state.wrapping_mul(6_364_136_223_846_793_005) | 1;
                    if is_text {
                        data.extend(words[(state >> 40) as usize % words.len()].as_bytes());
                    } else {
                        data.extend((state >> 20).to_be_bytes());
                    }
                }
                Sent {
                    kind: if is_text { Kind::Text } else { Kind::Binary },
                    data,
                    fragments,
                    packed: if is_packed {
                        Packed::Deflated
                    } else {
                        Packed::Plain
                    },
                    mask,
                    ping,
                }
            },
        )
}

/// The frames of these messages, as `sender` sends them.
fn wire(messages: &[Sent], sender: Side, agreement: &Agreement) -> (Vec<u8>, Vec<Seen>) {
    let mut compress = Compress::new(Level::fast(), false);
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for message in messages {
        let packed = match agreement {
            Agreement::Deflate { .. } => message.packed,
            Agreement::Plain | Agreement::Unknown(_) => Packed::Plain,
        };
        let content = match packed {
            Packed::Plain => message.data.clone(),
            Packed::Deflated => pack(&mut compress, &message.data),
        };
        if *agreement == NEITHER {
            compress.reset();
        }
        let mask = (sender == Side::Client).then_some(message.mask);
        let size = content.len().div_ceil(message.fragments).max(1);
        let mut parts: Vec<&[u8]> = content.chunks(size).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for (number, part) in parts.iter().enumerate() {
            let mut first = if number + 1 == parts.len() { 0x80 } else { 0 };
            if number == 0 {
                first |= if message.kind == Kind::Text { 1 } else { 2 };
                first |= if packed == Packed::Deflated { 0x40 } else { 0 };
            }
            bytes.extend(frame(first, part, mask));
            if number == 0
                && let Some(ping) = &message.ping
            {
                bytes.extend(frame(0x89, ping, mask));
                expected.push(Seen::Ping(ping.clone().into()));
            }
        }
        let seen = Seen::Message(Message {
            kind: message.kind,
            data: Body::new(message.data.clone()),
        });
        // Of a message in one frame the ping comes after.
        let place = expected.len() - usize::from(parts.len() == 1 && message.ping.is_some());
        expected.insert(place, seen);
    }
    (bytes, expected)
}

fn pack(compress: &mut Compress, data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(data.len() * 2 + 1_000);
    compress
        .compress_vec(data, &mut packed, FlushCompress::Sync)
        .unwrap();
    // Where it has nothing to flush it makes nothing at all.
    let length = packed.strip_suffix(&[0, 0, 0xff, 0xff]).map(<[u8]>::len);
    packed.truncate(length.unwrap_or_default());
    packed
}

/// Sends messages and sees them.
fn pass(messages: &[Sent], sender: Side, agreement: &Agreement, cuts: &[usize]) {
    let (bytes, expected) = wire(messages, sender, agreement);
    let mut decoder = Decoder::new(sender, agreement, 4 << 20);
    let (mut seen, mut rest) = (Vec::new(), bytes.as_slice());
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
        seen.extend(see(&mut decoder, piece, piece.len()));
        rest = after;
    }
    assert!(seen == expected, "{} for {}", seen.len(), expected.len());
    assert_eq!(decoder.end(), None);
}

fn agreement() -> impl Strategy<Value = Agreement> {
    prop_oneof![Just(Agreement::Plain), Just(BOTH), Just(NEITHER)]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Service)]
}

proptest! {
    #[test]
    fn any_messages_come_back(
        messages in prop::collection::vec(sent(70_000), 0..6),
        sender in side(),
        agreement in agreement(),
        cuts in prop::collection::vec(prop_oneof![1..20_usize, 1..70_000_usize], 1..10),
    ) {
        pass(&messages, sender, &agreement, &cuts);
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(0x81), Just(0xc2), Just(0x05)], 0..300),
        sender in side(),
        agreement in agreement(),
        piece in 1..40_usize,
    ) {
        let mut decoder = Decoder::new(sender, &agreement, KEEP);
        let seen = see(&mut decoder, &bytes, piece);
        let faults = seen.iter().filter(|seen| matches!(seen, Seen::Fault(_))).count();
        prop_assert!(faults <= 1);
        prop_assert!(faults == 0 || matches!(seen.last(), Some(Seen::Fault(_))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn messages_of_a_mebibyte_come_back(
        messages in prop::collection::vec(sent(1 << 20), 2..4),
        sender in side(),
        agreement in agreement(),
        cuts in prop::collection::vec(1..200_000_usize, 1..10),
    ) {
        pass(&messages, sender, &agreement, &cuts);
    }
}
