//! The desk with secrets in all that is said: in header fields, cookies, forms, queries, JSON, handshakes and
//! messages, by its agents and by itself.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::agent::{Agent, Library, Pauses};
use crate::canaries::{Scene, own, prove};

use super::part::{self, LOGIN_ANSWERS};
use super::service::Desk;
use super::shift::NAMES;

/// What the agents bring with them, each under its name.
const BROUGHT: &[&str] = &["bearer", "key", "password", "shown"];

/// What only one of them brings.
const ALONE: &[(&str, &str)] = &[("alice", "call"), ("carol", "chat")];

/// What one of them brings where agents publish.
const PUBLISHED: (&str, &str) = ("bob", "news");

/// Agents with these libraries, at a desk that these arguments choose.
struct Guarded {
    desk: &'static [&'static str],
    libraries: [Library; 3],
    publishing: Publishing,
}

/// Whether agents publish too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Publishing {
    No,
    Yes,
}

/// The agents at work.
struct Shift {
    agents: Vec<Agent>,
    /// The token of each agent's login, which its requests show.
    csrf: Vec<Value>,
    calls: [usize; 3],
}

impl Shift {
    /// Logs the agents in, and lets them listen.
    fn begin(origin: &str, libraries: &[Library], mark: &str) -> Shift {
        let begin = |(name, library): (&&str, &Library)| {
            let bearer = own(mark, name, "bearer");
            let authorization = match *name {
                "bob" => format!("Basic {}", BASE64.encode(format!("bob:{bearer}"))),
                _ => format!("Bearer {bearer}"),
            };
            let headers = json!({
                "Authorization": authorization,
                "X-Api-Key": own(mark, name, "key"),
            });
            let ext = json!({ "authentication": { "token": own(mark, name, "shown") } });
            let headers = headers.as_object().unwrap();
            let channels = part::channels();
            let mut agent = Agent::showing(*library, origin, name, headers, &channels, &ext);
            let form = format!("username={name}&password={}", own(mark, name, "password"));
            agent.log_in("/login", &form, 0);
            agent.join(Pauses::default());
            agent.until(|heard| heard.ready == 1);
            agent
        };
        let agents: Vec<Agent> = NAMES.iter().zip(libraries).map(begin).collect();
        let mut shift = Shift {
            agents,
            csrf: Vec::new(),
            calls: [0; 3],
        };
        shift.csrf = (0..NAMES.len())
            .map(|place| shift.answer(place, LOGIN_ANSWERS)["csrfToken"].clone())
            .collect();
        shift
    }

    /// The content of this answer, from 1, that an agent got.
    fn answer(&mut self, place: usize, number: usize) -> Value {
        let heard = self.agents[place].until(|heard| heard.answers.len() >= number);
        let content = heard.answers[number - 1]["content"].as_str().unwrap();
        serde_json::from_str(content).unwrap()
    }

    /// Sends an operation; its answer, which is good.
    fn call(&mut self, name: &str, target: &str, body: &Value) -> Value {
        let place = NAMES.iter().position(|other| *other == name).unwrap();
        let csrf = Map::from_iter([("X-CSRF-TOKEN".to_owned(), self.csrf[place].clone())]);
        let content = body.to_string();
        self.agents[place].request_with("POST", target, Some(&content), 0, &csrf);
        self.calls[place] += 1;
        let answer = self.answer(place, LOGIN_ANSWERS + self.calls[place]);
        assert_eq!(answer["statusCode"], 0, "{name} {target} {body}: {answer}");
        answer
    }

    /// The last message of an agent, when all have so many.
    fn heard(&mut self, name: &str, counts: [usize; 3]) -> Value {
        for (agent, count) in self.agents.iter_mut().zip(counts) {
            agent.until(|heard| heard.messages.len() >= count);
        }
        let place = NAMES.iter().position(|other| *other == name).unwrap();
        let heard = self.agents[place].until(|_| true);
        heard.messages[counts[place] - 1]["data"].clone()
    }

    /// A call, of which each shows the token in another place.
    fn talk(&mut self, mark: &str) {
        let dial =
            json!({ "operationName": "Dial", "to": "bob", "password": own(mark, "alice", "call") });
        let call = self.call("alice", "/api/v2/me/calls", &dial);
        let heard = self.heard("bob", [1, 1, 0])["call"].clone();
        assert_eq!(heard["accessToken"], call["accessToken"]);
        assert_eq!(heard["password"], dial["password"]);
        let link = heard["link"].as_str().unwrap().to_owned();
        self.call("bob", &link, &json!({ "operationName": "Answer" }));
        self.heard("alice", [2, 2, 0]);
        let target = heard["uri"].as_str().unwrap().to_owned();
        let token = &call["accessToken"];
        let tones = json!({ "operationName": "SendDtmf", "digits": "12#", "accessToken": token });
        self.call("alice", &target, &tones);
        self.heard("alice", [3, 3, 0]);
    }

    /// A chat with a password, which who is invited says again.
    fn chat(&mut self, mark: &str) {
        let create = json!({
            "operationName": "Create", "nickname": "Carol", "referenceId": 471_100_301,
            "password": own(mark, "carol", "chat"),
        });
        let chat = self.call("carol", "/api/v2/me/chats", &create);
        self.heard("carol", [3, 3, 1]);
        let target = format!("/api/v2/me/chats/{}", chat["id"].as_str().unwrap());
        let invite = json!({
            "operationName": "Invite", "name": "bob", "referenceId": "inv-20c4-77f1",
            "accessToken": chat["accessToken"],
        });
        self.call("carol", &target, &invite);
        let heard = self.heard("bob", [3, 4, 2])["chat"].clone();
        assert_eq!(heard["password"], create["password"]);
        let text = json!({
            "operationName": "SendMessage", "text": format!("it is {}", heard["password"]),
            "referenceId": 471_200_856, "accessToken": heard["accessToken"],
        });
        self.call("bob", &target, &text);
        self.heard("carol", [3, 5, 3]);
    }

    /// A message that comes of no request, with a secret of its own.
    fn publish(&mut self, mark: &str) {
        let (name, what) = PUBLISHED;
        let place = NAMES.iter().position(|other| *other == name).unwrap();
        let news = json!({ "text": "news", "token": own(mark, name, what) });
        let agent = &mut self.agents[place];
        agent.request("PUBLISH", super::sockets::CHATS, Some(&news.to_string()), 0);
        self.calls[place] += 1;
        let answers = LOGIN_ANSWERS + self.calls[place];
        agent.until(|heard| heard.answers.len() >= answers);
        assert_eq!(self.heard("alice", [4, 6, 4])["token"], news["token"]);
    }

    /// Lets all leave; what each got.
    fn end(self) -> Value {
        let leave = |mut agent: Agent| {
            agent.leave();
            let heard = agent.take();
            json!({ "answers": heard.answers, "messages": heard.messages })
        };
        self.agents.into_iter().map(leave).collect()
    }
}

impl Scene for Guarded {
    type Service = Desk;

    fn start(&self) -> (Desk, String) {
        let desk = Desk::by(&[&["guarded"], self.desk].concat());
        let origin = desk.origin.clone();
        (desk, origin)
    }

    fn play(&self, origin: &str, mark: &'static str) -> Value {
        let mut shift = Shift::begin(origin, &self.libraries, mark);
        shift.talk(mark);
        shift.chat(mark);
        if self.publishing == Publishing::Yes {
            shift.publish(mark);
        }
        shift.end()
    }

    fn directly(&self, origin: &str, mark: &'static str) -> Value {
        let libraries = self.libraries.map(|library| {
            if library == Library::Cometd9OverHttp2 {
                Library::Cometd9
            } else {
                library
            }
        });
        Guarded { libraries, ..*self }.play(origin, mark)
    }

    fn minted(&self, desk: Desk, _: &Value) -> BTreeSet<String> {
        let told: BTreeSet<String> = desk.end().secrets.into_iter().collect();
        // A message shows what its client brought.
        let (brought, minted): (BTreeSet<String>, _) = told
            .into_iter()
            .partition(|secret| secret.starts_with("cnry-"));
        assert_eq!(brought.len(), NAMES.len());
        minted
    }

    fn brought(&self, mark: &'static str) -> BTreeSet<String> {
        let each = NAMES.iter().flat_map(|name| {
            let what = BROUGHT.iter();
            what.map(move |what| own(mark, name, what))
        });
        let published = (self.publishing == Publishing::Yes).then_some(PUBLISHED);
        let alone = ALONE.iter().copied().chain(published);
        each.chain(alone.map(|(name, what)| own(mark, name, what)))
            .collect()
    }

    /// What messages show that are not published, and the replies to handshakes: of those a tape keeps the
    /// client alone.
    fn unkept(&self) -> usize {
        match self.publishing {
            Publishing::No => 2 * NAMES.len(),
            Publishing::Yes => 2 * NAMES.len() - 1,
        }
    }
}

#[test]
fn no_secret_of_agents_that_poll_is_told_and_its_replay_is_as_the_desk() {
    prove(&Guarded {
        desk: &[],
        libraries: Library::PLAIN,
        publishing: Publishing::No,
    });
}

#[test]
fn no_secret_of_agents_on_sockets_is_told_and_its_replay_is_as_the_desk() {
    prove(&Guarded {
        desk: &["faye"],
        libraries: Library::ON_SOCKETS,
        publishing: Publishing::Yes,
    });
}

#[test]
fn no_secret_of_agents_that_publish_by_polling_is_told_and_its_replay_is_as_the_desk() {
    prove(&Guarded {
        desk: &["faye"],
        libraries: Library::PLAIN,
        publishing: Publishing::Yes,
    });
}

#[test]
fn no_secret_of_agents_over_http_2_is_told_and_its_replay_is_as_the_desk() {
    prove(&Guarded {
        desk: &[],
        libraries: [
            Library::Cometd9OverHttp2,
            Library::Cometd3,
            Library::Cometd9OverHttp2,
        ],
        publishing: Publishing::No,
    });
}
