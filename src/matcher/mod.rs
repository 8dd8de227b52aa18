//! Which recorded operation a live request means: by method, path, query and body.
//!
//! Pure: it compares one request with one operation. Which operations are candidates, in which
//! order, and what happens on a miss is the player's to say.

mod content;
mod contract;
mod field;
mod key;
mod rules;
mod same;
mod told;

pub use content::{Content, parameters};
pub use contract::{Breach, breach};
pub use field::{Field, Spelling, of_content, of_target};
pub use key::{Key, Mismatch, Part, distance};
pub use rules::{Place, PlaceError, Rules};
pub use same::is_same;
