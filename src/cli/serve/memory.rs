//! How much free memory a server keeps for what comes next.

use std::hint::black_box;

/// How large a block of memory is that the allocator is shown: larger than what a connection reads at once, and so
/// small that twice as much may lie about.
const SHOWN: usize = 4 * 1024 * 1024;

/// Has the allocator keep what is free at the end of a heap. The C library gives it back to the system as soon as
/// it is more than twice the largest block that was ever freed, and at first more than 128 KiB
/// (mallopt(3), `M_MMAP_THRESHOLD`): with bodies of some size that is after nearly each of them, and each is then read
/// into pages that the system has to make anew.
pub(super) fn keep() {
    drop(black_box(Vec::<u8>::with_capacity(SHOWN)));
}
