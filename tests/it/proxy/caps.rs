//! How much a recording holds in memory.

use super::*;

#[test]
fn bodies_beyond_what_is_held_stand_on_the_tape_with_their_beginning() {
    let upstream = Upstream::answering(|_, _| ok("0123456789"));
    let recording = Recording::start(upstream.address, &["--max-held", "4"]);
    let mut client = recording.connect();
    client.send(&get("/"));
    assert_eq!(client.message().1, "0123456789");
    let metrics = support::get(&format!("{}/metrics", recording.admin)).text;
    let wanted = "antiphon_held_bytes 0\n";
    assert!(metrics.contains(wanted), "{metrics}");
    let events = recording.events();
    let operation = events.iter().find(|event| event["kind"] == "operation");
    let body = operation.unwrap()["response"]["body"].clone();
    assert_eq!(body["cut"]["length"], 10, "{body}");
}
