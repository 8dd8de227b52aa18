//! The work that all parties are given: what is asked, of how many different operations.

/// How many connections ask at once, unless a row says otherwise.
pub(crate) const CONNECTIONS: usize = 64;

/// How many bytes the content of a request has.
const ASKED: usize = 150;

/// How many bytes a pushed event has, about.
pub(crate) const PUSHED: usize = 150;

/// What the answers of the workloads are called, and how many bytes they have.
pub(crate) const ANSWERS: [(&str, usize); 3] = [("16 B", 16), ("2 KB", 2_048), ("64 KB", 65_536)];

/// The target of an operation, before its number.
pub(crate) const TARGET: &str = "/api/v2/me/chats/";

/// The content that every operation sends.
pub(crate) fn content() -> String {
    let head = "{\"operationName\":\"SendMessage\",\"text\":\"";
    let rest = ASKED - head.len() - 2;
    format!("{head}{}\"}}", "t".repeat(rest))
}
