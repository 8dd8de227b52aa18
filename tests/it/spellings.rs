//! How a secret may be spelled, and whether it stands somewhere.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Each secret as it may be spelled.
fn spellings(canary: &str) -> Vec<String> {
    let quoted = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let mut all = vec![
        canary.to_owned(),
        quoted(canary),
        quoted(&quoted(canary)),
        form_urlencoded::byte_serialize(canary.as_bytes()).collect(),
        STANDARD.encode(canary),
        URL_SAFE_NO_PAD.encode(canary),
    ];
    // In base64 a text looks different behind one octet, two or none; its inner part is compared.
    for before in ["bob:", "x", "xx"] {
        let encoded = STANDARD.encode(format!("{before}{canary}"));
        let inner = &encoded[before.len().div_ceil(3) * 4..encoded.len() - 4];
        all.push(inner.to_owned());
    }
    all
}

/// How a secret is spelled in this content, if it stands there.
pub(crate) fn holds(content: &[u8], canary: &str) -> Option<String> {
    let text = String::from_utf8_lossy(content);
    spellings(canary)
        .into_iter()
        .find(|spelled| text.contains(spelled.as_str()))
}
