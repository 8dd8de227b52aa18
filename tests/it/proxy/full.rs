//! A disk that takes no more.

use super::*;

#[test]
fn a_full_disk_stops_no_traffic_and_leaves_a_tape_that_loads_and_says_so() {
    const CALLS: usize = 100;
    let upstream = Upstream::answering(|_, _| ok(&"x".repeat(1_000)));
    let mut recording = Recording::on_full_disk(upstream.address, 64);
    let mut client = recording.connect();
    for number in 0..CALLS {
        client.send(&get(&format!("/{number}")));
        assert_eq!(client.message().1.len(), 1_000);
    }
    drop(client);
    assert_eq!(recording.end(), Some(4));
    let shown = recording.show();
    let operations = shown["operations"].as_array().unwrap();
    assert!(
        (10..CALLS).contains(&operations.len()),
        "{}",
        operations.len()
    );
    for (number, operation) in operations.iter().enumerate() {
        assert_eq!(operation["target"], format!("/{number}"));
    }
}
