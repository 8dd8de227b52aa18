//! Channel names, and the patterns that subscribe to them (Bayeux 1.0 §2.2).

/// A channel, or a pattern of channels: `/v2/me/chats`, `/v2/me/*` (one segment), `/v2/**` (many).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a subscription; `None` where it is no channel: it must begin with `/`, have no empty
    /// segment, and hold a wildcard only as the whole of its last segment.
    pub fn parse(text: &str) -> Option<Pattern> {
        let segments = text.strip_prefix('/')?.split('/');
        let last = segments.clone().count().checked_sub(1)?;
        let fine = segments.enumerate().all(|(place, segment)| match segment {
            "" => false,
            "*" | "**" => place == last,
            name => !name.contains('*'),
        });
        fine.then(|| Pattern(text.to_owned()))
    }

    /// The text of the subscription.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it stands for more than one channel.
    pub fn is_wild(&self) -> bool {
        self.0.ends_with('*')
    }

    /// Whether an event on `channel` is for this subscription.
    pub fn matches(&self, channel: &str) -> bool {
        if let Some(above) = self.0.strip_suffix("**") {
            return channel.len() > above.len() && channel.starts_with(above);
        }
        match self.0.strip_suffix('*') {
            Some(above) => channel
                .strip_prefix(above)
                .is_some_and(|segment| !segment.is_empty() && !segment.contains('/')),
            None => self.0 == channel,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_one_segment_and_two_are_many() {
        for (pattern, channel, expected) in [
            ("/v2/me/chats", "/v2/me/chats", true),
            ("/v2/me/chats", "/v2/me/chat", false),
            ("/v2/me/*", "/v2/me/chats", true),
            ("/v2/me/*", "/v2/me", false),
            ("/v2/me/*", "/v2/me/", false),
            ("/v2/me/*", "/v2/me/chats/7", false),
            ("/v2/**", "/v2/me/chats/7", true),
            ("/v2/**", "/v2", false),
            ("/**", "/a", true),
            ("/*", "/a/b", false),
        ] {
            let matches = Pattern::parse(pattern).unwrap().matches(channel);
            assert_eq!(matches, expected, "{pattern} and {channel}");
        }
    }

    #[test]
    fn what_is_no_channel_is_refused() {
        for text in ["", "a", "/", "//a", "/a/", "/a*", "/*/a", "/**/a", "/***"] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
