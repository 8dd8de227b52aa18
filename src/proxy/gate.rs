//! Holds the content of a request back until the upstream asks for it (`Expect: 100-continue`,
//! RFC 9110 §10.1.1), as the client does that sent the field.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;

/// How long an upstream is waited for that may not know the field; as long as curl waits.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the upstream has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Nothing,
    /// It wants the content.
    Continue,
    /// It has answered without the content.
    Answered,
    /// Its answer is over.
    Over,
}

/// What tells the gate what the upstream has said.
#[derive(Clone, Debug)]
pub(super) struct Keeper(Arc<watch::Sender<Word>>);

/// Whether the content is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    Open,
    Closed,
}

/// The gate: resolves when it is known.
pub(super) type Gate = Pin<Box<dyn Future<Output = Passage> + Send>>;

/// A gate with its keeper. Without a keeper left it closes.
pub(super) fn gate() -> (Keeper, Gate) {
    let (sender, mut word) = watch::channel(Word::Nothing);
    let gate = async move {
        let heard = tokio::time::timeout(PATIENCE, word.wait_for(|word| *word != Word::Nothing));
        let heard = match heard.await {
            // It does not know the field, or is slow: the content goes, as the client's would.
            Err(_) => return Passage::Open,
            Ok(Ok(word)) => *word,
            Ok(Err(_)) => return Passage::Closed,
        };
        if heard == Word::Continue {
            return Passage::Open;
        }
        // To end the request before its answer is over would end the connection under the answer.
        let _ = word.wait_for(|word| *word == Word::Over).await;
        Passage::Closed
    };
    (Keeper(Arc::new(sender)), Box::pin(gate))
}

impl Keeper {
    /// The upstream has sent an interim response.
    pub(super) fn informed(&self, status: StatusCode) {
        if status == StatusCode::CONTINUE {
            self.say(Word::Continue);
        }
    }

    /// The upstream has begun its final response.
    pub(super) fn answered(&self) {
        self.say(Word::Answered);
    }

    /// The final response is over, or nobody waits for it any more.
    pub(super) fn over(&self) {
        self.say(Word::Over);
    }

    fn say(&self, word: Word) {
        self.0.send_if_modified(|said| {
            let further = *said != Word::Continue && *said != Word::Over;
            if further {
                *said = word;
            }
            further
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_gate_does_what_the_upstream_says() {
        let (keeper, gate) = gate();
        keeper.informed(StatusCode::EARLY_HINTS);
        keeper.informed(StatusCode::CONTINUE);
        keeper.answered();
        assert_eq!(gate.await, Passage::Open);

        let (keeper, gate) = self::gate();
        keeper.answered();
        keeper.over();
        assert_eq!(gate.await, Passage::Closed);

        let (keeper, gate) = self::gate();
        drop(keeper);
        assert_eq!(gate.await, Passage::Closed);

        let (_keeper, gate) = self::gate();
        assert_eq!(gate.await, Passage::Open);
    }
}
