//! The bodies on their way through: teed to the recorder, never held but for the last byte.

mod content;
mod download;
mod upload;

use std::error::Error as StdError;

use bytes::{Bytes, BytesMut};
use http_body_util::combinators::BoxBody;
use hyper::body::SizeHint;

pub(super) use content::UpstreamContent;
pub use download::Download;
pub(super) use download::Passing;
pub(super) use upload::{Delivery, Sending, Upload};

/// Any error of a body.
type BoxError = Box<dyn StdError + Send + Sync>;

/// The content of a client's request, as it comes.
pub type Content = BoxBody<Bytes, BoxError>;

/// What became of content that was to be read whole.
#[derive(Debug)]
pub(super) enum Collected {
    /// Here it is.
    Whole(Bytes),
    /// There is more of it than may be held.
    TooLong,
    /// It broke off.
    Broken,
}

fn joined(parts: impl Iterator<Item = Bytes>) -> Bytes {
    let mut all = BytesMut::new();
    for part in parts {
        all.extend_from_slice(&part);
    }
    all.freeze()
}

fn exact(content: Option<&Bytes>) -> SizeHint {
    let length = content.map_or(0, Bytes::len);
    SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
}
