//! Floods over HTTP/2: frames without end, of each kind that makes a server work or remember.
//!
//! Each is poured on a recording and on a replay, while another client is served by it. How many frames a
//! server bears before it closes the connection is its library's business; that memory has a bound is not.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::thread::{self, JoinHandle};

use crate::support::Replay;

use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, PRIORITY,
    RST_STREAM, SETTINGS, frame, literal, request,
};
use super::*;

/// How much memory a flood may cost, in KiB.
const MOST: u64 = 32 * 1024;

/// A flood: what it opens with, and pieces that follow it.
#[derive(Clone)]
struct Flood {
    opening: Vec<u8>,
    piece: fn(u32) -> Vec<u8>,
    pieces: u32,
    answers: Answers,
}

/// What the client does with what the server says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Read,
    /// It reads none, so that they pile up.
    Left,
}

/// How a flood went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The server had enough of it.
    Closed,
    /// All of it was taken.
    Taken,
}

/// The number of the client's stream that a piece is for.
fn stream(number: u32) -> u32 {
    2 * number + 1
}

/// Begins to pour; ends when the server closes the connection, or all is taken.
fn pour(address: SocketAddr, flood: Flood) -> JoinHandle<End> {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.set_write_timeout(Some(PATIENCE)).unwrap();
    let answers = (flood.answers == Answers::Read).then(|| {
        let client = client.try_clone().unwrap();
        thread::spawn(move || hear(client))
    });
    thread::spawn(move || {
        let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[]), &flood.opening].concat();
        client.write_all(&opening).unwrap();
        let mut pieces = (0..flood.pieces).map(flood.piece).peekable();
        let mut poured = Ok(());
        while poured.is_ok() && pieces.peek().is_some() {
            // Many at once, as somebody would who means harm.
            let many: Vec<u8> = pieces.by_ref().take(512).flatten().collect();
            poured = client.write_all(&many);
        }
        if let Err(error) = &poured {
            let waits = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
            assert!(!waits.contains(&error.kind()), "it neither takes nor ends");
        }
        // It may be closed already.
        let _ = client.shutdown(Shutdown::Write);
        match (poured, answers.map(|answers| answers.join().unwrap())) {
            (Err(_), _) | (_, Some(End::Closed)) => End::Closed,
            (Ok(()), _) => End::Taken,
        }
    })
}

/// Reads what the server says, to its end; whether it said that it had enough.
fn hear(mut client: TcpStream) -> End {
    let mut head = [0; 9];
    let mut end = End::Taken;
    loop {
        let Ok(()) = client.read_exact(&mut head) else {
            return end;
        };
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        let Ok(()) = client.read_exact(&mut payload) else {
            return end;
        };
        // The last four bytes of the fixed ones are the reason; 0 is a farewell (RFC 9113 §6.8).
        if head[3] == GOAWAY && payload[4..8] != [0; 4] {
            end = End::Closed;
        }
    }
}

/// Pours on one server; how it went, when others were served meanwhile and memory has its bound.
fn bear(address: SocketAddr, status: u16, peak: impl Fn() -> u64, flood: Flood) -> End {
    let served = || {
        let answer = support::get(&format!("http://{address}/other"));
        assert_eq!(answer.status, status);
    };
    served();
    let before = peak();
    let pouring = pour(address, flood);
    served();
    while !pouring.is_finished() {
        served();
    }
    let end = pouring.join().unwrap();
    served();
    let more = peak() - before;
    assert!(more < MOST, "{more} KiB more than {before} KiB");
    end
}

/// A recording and a replay that do not wait long for a client that takes nothing.
fn servers() -> (Recording, Replay) {
    let patience = ["--reader-timeout", "0.5"];
    let upstream = Upstream::start(|mut client, _| {
        loop {
            let head = client.head();
            match head.split(' ').nth(1).unwrap_or_default() {
                "" => return,
                "/held" => {
                    client.drain().1.ok();
                    return;
                }
                "/deaf" => loop {
                    thread::park();
                },
                _ => client.send(&ok("here")),
            }
        }
    });
    let recording = Recording::start(upstream.address, &patience);
    (recording, Replay::start(&patience))
}

fn address(replay: &Replay) -> SocketAddr {
    let address = replay.origin.strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

/// Pours on a recording and a replay; how each went.
fn borne(flood: &Flood) -> [End; 2] {
    let (recording, replay) = servers();
    let peak = || recording.peak();
    let recorded = bear(recording.address, 200, peak, flood.clone());
    let replayed = bear(address(&replay), 404, || replay.peak(), flood.clone());
    [recorded, replayed]
}

/// A frame that wants an answer.
fn settings(_: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
}

/// Another one.
fn ping(_: u32) -> Vec<u8> {
    frame(PING, 0, 0, &[7; 8])
}

/// What a server may ignore: the weight of a stream that nobody has opened, and a kind that nobody knows.
fn idle(number: u32) -> Vec<u8> {
    let weight = frame(PRIORITY, 0, stream(number), &[0, 0, 0, 0, 9]);
    [weight, frame(0xf0, 0, 0, b"who knows")].concat()
}

#[test]
fn what_is_answered_or_ignored_at_once_is_not_remembered() {
    for piece in [settings, ping, idle] {
        borne(&Flood {
            opening: Vec::new(),
            piece,
            pieces: 200_000,
            answers: Answers::Read,
        });
    }
}

#[test]
fn who_floods_and_reads_no_answer_is_cut() {
    for piece in [settings, ping] {
        let ends = borne(&Flood {
            opening: Vec::new(),
            piece,
            pieces: u32::MAX,
            answers: Answers::Left,
        });
        assert_eq!(ends, [End::Closed; 2]);
    }
}

#[test]
fn a_head_without_end_closes_the_connection() {
    let full = |_| {
        frame(
            CONTINUATION,
            0,
            1,
            &literal("x", &"y".repeat(120)).repeat(130),
        )
    };
    let empty: fn(u32) -> Vec<u8> = |_| frame(CONTINUATION, 0, 1, &[]);
    for piece in [full, empty] {
        let ends = borne(&Flood {
            opening: frame(HEADERS, END_STREAM, 1, &request("GET", "/")),
            piece,
            pieces: 1_000_000,
            answers: Answers::Read,
        });
        assert_eq!(ends, [End::Closed; 2]);
    }
}

/// A head that names one long field of the table over and over: 12 KB that mean 48 MB.
fn bomb(number: u32) -> Vec<u8> {
    // A literal that the table keeps, and its length (RFC 7541 §6.2.1, §5.1).
    let long = [&[0x40, 1, b'x', 0x7f, 0xa1, 0x1e][..], &[b'y'; 4_000]].concat();
    let block = [request("GET", "/"), long, vec![0xbe; 12_000]].concat();
    frame(HEADERS, END_STREAM | END_HEADERS, stream(number), &block)
}

#[test]
fn a_head_that_means_more_than_it_is_long_costs_no_memory() {
    borne(&Flood {
        opening: Vec::new(),
        piece: bomb,
        pieces: 200,
        answers: Answers::Read,
    });
}

/// A request, and that it is not wanted any more.
fn reset(number: u32) -> Vec<u8> {
    let stream = stream(number);
    let flags = END_STREAM | END_HEADERS;
    let asked = frame(HEADERS, flags, stream, &request("GET", "/held"));
    [asked, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
}

#[test]
fn requests_that_are_reset_at_once_close_the_connection() {
    let ends = borne(&Flood {
        opening: Vec::new(),
        piece: reset,
        pieces: 200_000,
        answers: Answers::Read,
    });
    assert_eq!(ends, [End::Closed; 2]);
}

#[test]
fn content_in_empty_frames_closes_the_connection() {
    let ends = borne(&Flood {
        opening: frame(HEADERS, END_HEADERS, 1, &request("POST", "/deaf")),
        piece: |_| frame(DATA, 0, 1, &[]),
        pieces: 1_000_000,
        answers: Answers::Read,
    });
    assert_eq!(ends, [End::Closed; 2]);
}

#[test]
fn content_in_tiny_frames_that_nobody_reads_closes_the_connection() {
    // No more than a client may send ahead.
    let [recorded, _] = borne(&Flood {
        opening: frame(HEADERS, END_HEADERS, 1, &request("POST", "/deaf")),
        piece: |_| frame(DATA, 0, 1, b"x"),
        pieces: 1_000_000,
        answers: Answers::Read,
    });
    // A replay reads all of it, to compare it; whether it keeps up is chance.
    assert_eq!(recorded, End::Closed);
}

/// Asks, and takes it back only when the server has seen it, so that no count of early resets grows.
fn reset_one_by_one(address: SocketAddr, count: u32) {
    let mut client = Client::connect(address);
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    client.bytes(&opening).unwrap();
    for number in 0..count {
        let stream = stream(number);
        let flags = END_STREAM | END_HEADERS;
        let asked = frame(HEADERS, flags, stream, &request("GET", "/held"));
        let seen = frame(PING, 0, 0, &[7; 8]);
        client.bytes(&[asked, seen].concat()).unwrap();
        loop {
            let head = client.octets(9);
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            client.octets(length as usize);
            assert_ne!(head[3], GOAWAY, "after {number}");
            if head[3] == PING {
                break;
            }
        }
        let reset = frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
        client.bytes(&reset).unwrap();
    }
}

#[test]
fn requests_that_are_reset_one_by_one_leave_nothing_behind() {
    let (recording, replay) = servers();
    let servers: [(SocketAddr, &dyn Fn() -> u64); 2] = [
        (recording.address, &|| recording.peak()),
        (address(&replay), &|| replay.peak()),
    ];
    for (address, peak) in servers {
        reset_one_by_one(address, 20);
        let before = peak();
        reset_one_by_one(address, 2_000);
        let more = peak() - before;
        assert!(more < MOST, "{more} KiB more than {before} KiB");
        support::get(&format!("http://{address}/other"));
    }
}
