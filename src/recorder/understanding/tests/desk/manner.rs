//! What made-up desks are like.

/// What a desk is like.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) agents: u64,
    pub(super) habits: &'static [Habit],
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Habit {
    /// The answer to what makes a call or a chat tells its identifier.
    AnswersWithId,
    /// Every notification carries the users' URIs.
    CarriesUsers,
    /// Chats, calls and users have one channel.
    OneChannel,
    /// The request that makes a call or a chat names the other agent.
    NamesPeer,
}

impl Manner {
    pub(super) fn has(self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }
}
