//! Push: one operation that notifies 1, 100 and 10,000 clients on held polls, until the last of them
//! has its event; beside bare long polls by hyper.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::folder;
use crate::client::{Client, once};
use crate::party::Party;
use crate::table::{Table, Wanted};
use crate::work::{TARGET, content};
use crate::{Plan, Size, tapes};

const ANTIPHON: &str = "antiphon replay";
const BARE: &str = "bare long polls by hyper";

const ENDPOINT: &str = "/api/v2/notifications";

/// How many clients shake hands at the same time, so that none waits too long for it.
const AT_ONCE: usize = 64;

/// How long the polls of all clients may take to be held, and an event to reach all of them.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often the number of held polls is asked for, until all are.
const TRY: Duration = Duration::from_millis(20);

/// How many files the bench has open beside the connections of a crowd, and more.
const SPARE_FILES: usize = 200;

/// A client that listens, with the identifier that it got where the party is antiphon.
struct Listener {
    client: Client,
    id: String,
}

pub(super) fn run(plan: Plan) -> Vec<Table> {
    let most = match plan.size {
        Size::Whole => 10_000,
        Size::Sixteenth => 625,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let one = |count| runtime.block_on(compare(plan, count, count == most));
    [1, 100, most].into_iter().map(one).collect()
}

async fn compare(plan: Plan, count: usize, most: bool) -> Table {
    let work =
        format!("one operation, {count} clients on held polls, until the last has its event");
    let mut table = Table::new("push", work, "ms");
    let files = open_files();
    if count + SPARE_FILES > files {
        let why = format!("{count} connections want more than the {files} files that may be open");
        table.not_run(ANTIPHON, &why);
        return table;
    }
    let folder = folder();
    let tape = folder.path().join("pushes.tape");
    tapes::pushes(&tape, count, plan.rounds);
    let mut bare = Crowd::at_bare(count).await;
    let in_turns = 2 * count + SPARE_FILES <= files;
    if !in_turns {
        for round in 0..plan.rounds {
            bare.push(round, &mut table).await;
        }
        bare.listeners.clear();
        let why = "the two were not measured in turns: that wants more files than may be open";
        table.notes.push(why.to_owned());
    }
    let mut antiphon = match Crowd::at_antiphon(&tape, count).await {
        Ok(antiphon) => antiphon,
        Err(why) => {
            table.not_run(ANTIPHON, &why);
            return table;
        }
    };
    for round in 0..plan.rounds {
        if in_turns {
            bare.push(round, &mut table).await;
        }
        antiphon.push(round, &mut table).await;
    }
    let held = [antiphon.memory, bare.memory].map(|memory| memory / count as f64 / 1024.0);
    if count > 1 {
        let note = format!(
            "KiB a parked client: antiphon {:.1}, bare {:.1}",
            held[0], held[1]
        );
        table.notes.push(note);
    }
    if most {
        let ratio = table.median(BARE) / table.median(ANTIPHON);
        let what = format!("speed of {ANTIPHON} / {BARE}");
        table.bar(what, ratio, Wanted::AtLeast(0.7), plan.size);
        table.bar(
            "KiB a parked client",
            held[0],
            Wanted::AtMost(24.0),
            plan.size,
        );
    }
    table
}

/// All clients of a party.
struct Crowd {
    name: &'static str,
    party: Party,
    listeners: Vec<Listener>,
    /// The memory of the party before any client came.
    idle: u64,
    /// What the held polls of all of them took, the last time.
    memory: f64,
}

impl Crowd {
    async fn at_bare(count: usize) -> Crowd {
        let party = Party::own(&["park"]);
        let idle = party.memory();
        let mut listeners = Vec::with_capacity(count);
        for _ in 0..count {
            let client = Client::connect(&party.address).await;
            let id = String::new();
            listeners.push(Listener { client, id });
        }
        Crowd {
            name: BARE,
            party,
            listeners,
            idle,
            memory: 0.0,
        }
    }

    /// `Err` where antiphon or its clients do not come up in time.
    async fn at_antiphon(tape: &Path, count: usize) -> Result<Crowd, String> {
        let tape = tape.to_str().unwrap();
        // More than antiphon lets in unless it is told to.
        let most = (count + SPARE_FILES).to_string();
        let play = [
            "replay",
            tape,
            "--absent-after",
            "never",
            "--max-connections",
        ];
        let party = Party::antiphon(&[&play[..], &[&most]].concat())?;
        let idle = party.memory();
        let greeted = tokio::time::timeout(PATIENCE, greet(&party, count)).await;
        let late = |_| format!("not all had shaken hands after {} s", PATIENCE.as_secs());
        Ok(Crowd {
            name: ANTIPHON,
            listeners: greeted.map_err(late)?,
            party,
            idle,
            memory: 0.0,
        })
    }

    /// Has all clients poll, calls the operation of this round, and waits for the last to have its
    /// event: the time since the call goes to the table.
    async fn push(&mut self, round: usize, table: &mut Table) {
        let count = self.listeners.len();
        let mut polls = JoinSet::new();
        for listener in self.listeners.drain(..) {
            polls.spawn(poll(listener));
        }
        let end = Instant::now() + PATIENCE;
        while self.held().await < count {
            assert!(Instant::now() < end, "not all polls are held");
            tokio::time::sleep(TRY).await;
        }
        self.memory = self.party.memory().saturating_sub(self.idle) as f64;
        let target = format!("{TARGET}{round}");
        let mut caller = Client::connect(&self.party.address).await;
        let begin = Instant::now();
        let (target, session) = if self.party.admin.is_some() {
            (target.as_str(), "caller")
        } else {
            ("/go", "")
        };
        let called = caller.send("POST", target, session, Bytes::from(content()));
        let (status, _) = called.await.unwrap();
        assert_eq!(status, 200);
        let all = async {
            while let Some(listener) = polls.join_next().await {
                self.listeners.push(listener.unwrap());
            }
        };
        let all = tokio::time::timeout(PATIENCE, all).await;
        all.expect("the event reached all");
        table.add(self.name, begin.elapsed().as_secs_f64() * 1e3);
    }

    async fn held(&self) -> usize {
        let number = if let Some(admin) = &self.party.admin {
            let (_, said) = once(admin, "GET", "/__admin/health", Bytes::new()).await;
            let health: Value = serde_json::from_slice(&said).unwrap();
            health["polls_held"].as_u64()
        } else {
            let address = &self.party.address;
            let (_, said) = once(address, "GET", "/parked", Bytes::new()).await;
            std::str::from_utf8(&said).unwrap().parse().ok()
        };
        number.expect("a number of polls") as usize
    }
}

/// Polls until an event is there.
async fn poll(mut listener: Listener) -> Listener {
    if listener.id.is_empty() {
        let (status, _) = listener
            .client
            .send("GET", "/poll", "", Bytes::new())
            .await
            .unwrap();
        assert_eq!(status, 200);
        return listener;
    }
    let message = json!([{
        "channel": "/meta/connect", "clientId": listener.id, "connectionType": "long-polling", "id": "9",
    }]);
    let content = Bytes::from(message.to_string());
    let (_, said) = listener
        .client
        .send("POST", ENDPOINT, "", content)
        .await
        .unwrap();
    let messages: Vec<Value> = serde_json::from_slice(&said).unwrap();
    let event = |message: &Value| message["channel"] == "/v2/me/chats";
    assert!(
        messages.iter().any(event),
        "a poll ended without its event: {messages:?}"
    );
    listener
}

/// Has all sessions of a tape shake hands, subscribe, and make the first connect, which is not held.
async fn greet(party: &Party, count: usize) -> Vec<Listener> {
    let address = Arc::<str>::from(party.address.as_str());
    let mut listeners = Vec::with_capacity(count);
    let mut greetings = JoinSet::new();
    for number in 0..count {
        if greetings.len() >= AT_ONCE {
            listeners.push(greetings.join_next().await.unwrap().unwrap());
        }
        let address = Arc::clone(&address);
        greetings.spawn(async move { shake_hands(&address, &format!("listener{number}")).await });
    }
    while let Some(listener) = greetings.join_next().await {
        listeners.push(listener.unwrap());
    }
    listeners
}

async fn shake_hands(address: &str, session: &str) -> Listener {
    let mut client = Client::connect(address).await;
    let handshake = json!([{
        "channel": "/meta/handshake", "version": "1.0", "id": "1",
        "supportedConnectionTypes": ["long-polling"],
    }]);
    let content = Bytes::from(handshake.to_string());
    let (_, said) = client
        .send("POST", ENDPOINT, session, content)
        .await
        .unwrap();
    let replies: Value = serde_json::from_slice(&said).unwrap();
    let id = replies[0]["clientId"].as_str();
    let id = id
        .unwrap_or_else(|| panic!("no handshake: {replies}"))
        .to_owned();
    let messages = json!([
        { "channel": "/meta/subscribe", "subscription": "/v2/me/chats", "clientId": id, "id": "2" },
        { "channel": "/meta/connect", "connectionType": "long-polling", "clientId": id, "id": "3" },
    ]);
    let content = Bytes::from(messages.to_string());
    let (status, _) = client
        .send("POST", ENDPOINT, session, content)
        .await
        .unwrap();
    assert_eq!(status, 200);
    Listener { client, id }
}

/// How many files a process may have open.
fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    soft.unwrap_or(1_024)
}
