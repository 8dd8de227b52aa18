//! Which recorded operation a live request means: by method, path, query and body.
//!
//! Pure: it compares one request with one operation. Which operations are candidates, in which
//! order, and what happens on a miss is the player's to say.

mod contract;
mod key;

pub use contract::{Breach, breach};
pub use key::{Key, Mismatch, Part, nearest};
