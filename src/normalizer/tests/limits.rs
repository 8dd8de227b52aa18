//! Depth and length: no crash, and no time by the square.

use super::{REPAIR, normalize, read, refused};

#[test]
fn depth_has_a_limit_and_no_depth_crashes() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(normalize(&nested(511), REPAIR).is_ok());
    for depth in [512, 100_000] {
        assert_eq!(refused(&nested(depth)).column, 512);
        assert_eq!(refused(&"{'a':".repeat(depth)).column, 511 * 5 + 1);
        assert_eq!(refused(&"(".repeat(depth)).column, 512);
    }
}

#[test]
fn long_lines_of_damage_take_no_time_by_the_square() {
    let count = 10_000;
    for entry in [
        "\"a\"b\"c\"",
        "“a”",
        "'\t\t\t\t\t\t'",
        "\"x\" None",
        "{'a' 'b', 'c': 1}",
        "{('a'): 1}",
        "':\x0c\x01\x0c'",
    ] {
        let normalized = read(&format!("[{}]", vec![entry; count].join(", ")));
        assert!(normalized.json.len() > count);
    }
    assert_eq!(
        read(&format!("'{}'", "\t".repeat(1_000_000))).json.len(),
        2_000_002
    );
}
