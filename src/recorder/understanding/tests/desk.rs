//! A made-up agents' desk that knows the truth: agents call each other and chat, all at once, with
//! fresh identifiers, timers, and notifications before answers.

mod dice;
mod manner;

use super::*;
use dice::Dice;
use manner::{Habit, Manner};

/// How much of what the desk pushes must be given its true cause. The rest is what nobody could
/// tell: two agents act on one object within a few milliseconds of each other.
const AIM: f64 = 0.99;

/// A call or a chat.
struct Thing {
    id: String,
    kind: &'static str,
    agents: [u64; 2],
    made: u64,
}

/// A line to be seen at some time, and for a notification the thing that it is about and the
/// operation that sent it.
struct Line {
    at: u64,
    text: String,
    about: About,
}

enum About {
    Operation {
        key: u64,
        thing: Option<usize>,
    },
    Push {
        to: u64,
        by: u64,
        thing: Option<usize>,
        timer: bool,
    },
    Other,
}

struct Desk {
    dice: Dice,
    manner: Manner,
    lines: Vec<Line>,
    things: Vec<Thing>,
    exchange: u64,
    marks: u64,
}

impl Desk {
    fn open(seed: u64, manner: Manner) -> Desk {
        let mut desk = Desk {
            dice: Dice(seed),
            manner,
            lines: Vec::new(),
            things: Vec::new(),
            exchange: 0,
            marks: 0,
        };
        for agent in 0..manner.agents {
            let cookie = format!("+Cookie:SID=5e55{agent}");
            desk.exchange(
                0,
                agent,
                &format!("POST /login username=agent{agent}&password=x"),
                &format!("302 +Set-Cookie:SID=5e55{agent}"),
            );
            desk.exchange(
                1,
                agent,
                &format!("GET /api/v2/me {cookie}"),
                &format!(
                    "200 {{\"user\":{{\"id\":\"{0}\",\"uri\":\"http://h/api/v2/users/{0}\"}}}}",
                    user(agent)
                ),
            );
            desk.exchange(
                2,
                agent,
                &format!("shake {cookie}"),
                &format!("shaken K{agent}"),
            );
        }
        desk
    }

    fn exchange(&mut self, at: u64, agent: u64, request: &str, response: &str) {
        self.exchange += 1;
        let number = self.exchange;
        let about = if request.starts_with("shake") {
            About::Other
        } else {
            About::Operation {
                key: number,
                thing: None,
            }
        };
        self.lines.push(Line {
            at,
            text: format!("{number} c{agent} {request}"),
            about,
        });
        self.lines.push(Line {
            at,
            text: format!("{number} {response}"),
            about: About::Other,
        });
    }

    fn operation(
        &mut self,
        at: u64,
        agent: u64,
        thing: Option<usize>,
        target: &str,
        body: &str,
        answer: &str,
    ) -> u64 {
        self.exchange += 1;
        let number = self.exchange;
        let answered = at + 5 + self.dice.below(60);
        let text = format!(
            "{number} c{} POST {target} +Cookie:SID=5e55{agent} {body}",
            10 + self.dice.below(4)
        );
        self.lines.push(Line {
            at,
            text,
            about: About::Operation { key: number, thing },
        });
        self.lines.push(Line {
            at: answered,
            text: format!("{number} 200 {answer}"),
            about: About::Other,
        });
        number
    }

    fn push(&mut self, at: u64, to: u64, by: u64, thing: Option<usize>, timer: bool, state: &str) {
        self.exchange += 1;
        self.marks += 1;
        let users = if self.manner.has(Habit::CarriesUsers) {
            let of = thing.map_or([to, to], |thing| self.things[thing].agents);
            format!(
                ",\"users\":[\"http://h/api/v2/users/{}\",\"http://h/api/v2/users/{}\"]",
                user(of[0]),
                user(of[1])
            )
        } else {
            String::new()
        };
        let (channel, named) = match thing.map(|thing| &self.things[thing]) {
            Some(Thing { id, kind, .. }) => (
                format!("/v2/me/{kind}"),
                format!(
                    "\"{kind}\":{{\"id\":\"{id}\",\"uri\":\"http://h/api/v2/{kind}/{id}\",{state}{users}}}"
                ),
            ),
            None => (
                "/v2/me".to_owned(),
                format!("\"user\":{{\"id\":\"{}\",{state}}}{users}", user(to)),
            ),
        };
        let channel = if self.manner.has(Habit::OneChannel) {
            "/v2/me".to_owned()
        } else {
            channel
        };
        let (number, mark) = (self.exchange, self.marks);
        self.lines.push(Line {
            at,
            text: format!("{number} c{to} poll K{to} +Cookie:SID=5e55{to}"),
            about: About::Other,
        });
        let text = format!(
            "{number} push {channel} {{{named},\"stamp\":{},\"n\":{mark}}}",
            1_700_000_000_000 + at
        );
        self.lines.push(Line {
            at,
            text,
            about: About::Push {
                to,
                by,
                thing,
                timer,
            },
        });
    }

    /// Pushes to both agents of a thing, some milliseconds after the request: before the answer or
    /// after it.
    fn tell(&mut self, at: u64, by: u64, thing: usize, timer: bool, state: &str) {
        let mut agents = self.things[thing].agents;
        if self.dice.below(2) == 0 {
            agents.reverse();
        }
        for (place, agent) in agents.into_iter().enumerate() {
            let later = if timer { 0 } else { 1 + self.dice.below(8) };
            self.push(
                at + later + place as u64,
                agent,
                by,
                Some(thing),
                timer,
                state,
            );
        }
    }

    fn step(&mut self, at: u64, agent: u64) {
        let mine = (0..self.things.len()).filter(|thing| {
            self.things[*thing].agents.contains(&agent) && self.things[*thing].made + 80 < at
        });
        let mine: Vec<usize> = mine.collect();
        let peer = (agent + 1 + self.dice.below(self.manner.agents - 1)) % self.manner.agents;
        let timer = at + 200 + self.dice.below(1_800);
        match self.dice.below(10) {
            0 => {
                let by = self.operation(
                    at,
                    agent,
                    None,
                    "/api/v2/me",
                    r#"{"operationName":"Ready"}"#,
                    r#"{"statusCode":0}"#,
                );
                self.push(at + 3, agent, by, None, false, "\"state\":\"Ready\"");
            }
            turn @ 1..5 => {
                let peer_name = if self.manner.has(Habit::NamesPeer) {
                    format!("agent{peer}")
                } else {
                    "somebody".to_owned()
                };
                let body = format!(r#"{{"operationName":"Make","destination":"{peer_name}"}}"#);
                let kind = if turn < 3 { "calls" } else { "chats" };
                self.make(at, timer, [agent, peer], kind, &body);
            }
            turn => {
                let Some(thing) = mine
                    .get(usize::try_from(self.dice.below(64)).unwrap() % mine.len().max(1))
                    .copied()
                else {
                    return;
                };
                let target = format!(
                    "/api/v2/me/{}/{}",
                    self.things[thing].kind, self.things[thing].id
                );
                let (body, state) = if turn < 8 {
                    let text = format!("\"text\":\"words number {}\"", self.dice.below(1 << 30));
                    (format!("{{\"operationName\":\"Say\",{text}}}"), text)
                } else {
                    (
                        r#"{"operationName":"Hold"}"#.to_owned(),
                        "\"state\":\"Held\"".to_owned(),
                    )
                };
                let by = self.operation(
                    at,
                    agent,
                    Some(thing),
                    &target,
                    &body,
                    r#"{"statusCode":0}"#,
                );
                self.tell(at, by, thing, false, &state);
                if turn == 9 {
                    self.tell(timer, by, thing, true, "\"state\":\"TimedOut\"");
                }
            }
        }
    }

    fn make(&mut self, at: u64, timer: u64, agents: [u64; 2], kind: &'static str, body: &str) {
        let id = self.dice.mint();
        let answer = if self.manner.has(Habit::AnswersWithId) {
            format!("{{\"statusCode\":0,\"id\":\"{id}\"}}")
        } else {
            r#"{"statusCode":0}"#.to_owned()
        };
        let thing = self.things.len();
        self.things.push(Thing {
            id,
            kind,
            agents,
            made: at,
        });
        let by = self.operation(
            at,
            agents[0],
            Some(thing),
            &format!("/api/v2/me/{kind}"),
            body,
            &answer,
        );
        self.tell(at, by, thing, false, "\"state\":\"Ringing\"");
        self.tell(timer, by, thing, true, "\"state\":\"Established\"");
    }

    /// The share of notifications whose cause was found, and those where it was not.
    fn score(mut self) -> (f64, Vec<String>) {
        self.lines.sort_by_key(|line| line.at);
        let mut numbers = BTreeMap::new();
        let mut latest = BTreeMap::new();
        let mut understanding = Understanding::default();
        let (mut last_operation, mut right, mut all) = (0, 0, 0);
        let mut wrong = Vec::new();
        let mut given = 0;
        for line in &self.lines {
            if let About::Operation { key, thing } = line.about {
                given += 1;
                last_operation = given;
                numbers.insert(key, given);
                if let Some(thing) = thing {
                    latest.insert(thing, given);
                }
            }
            let events = understanding.observe(observation(&line.text, Micros(line.at * 1_000)));
            for event in &events {
                let (
                    Event::Notification(notification),
                    About::Push {
                        to,
                        by,
                        thing,
                        timer,
                    },
                ) = (event, &line.about)
                else {
                    continue;
                };
                given += 1;
                all += 1;
                // What a timer sends belongs to whoever acted on the thing last.
                let of_thing = thing
                    .filter(|_| *timer)
                    .and_then(|thing| latest.get(&thing));
                let truth = of_thing.copied().unwrap_or(numbers[by]);
                assert_eq!(notification.session.name(), format!("agent{to}"));
                if notification.after == [OperationId(truth)] {
                    right += 1;
                } else {
                    wrong.push(format!("{} should be #{truth}", told(event)));
                }
            }
        }
        assert!(last_operation > 0 && all > 0);
        (f64::from(right) / f64::from(all), wrong)
    }
}

fn user(agent: u64) -> String {
    format!("c30d06daa1ea43b8be79f9b071f3{agent:04}")
}

#[test]
fn the_true_causes_are_found() {
    use Habit::{AnswersWithId, CarriesUsers, NamesPeer, OneChannel};
    let manners: [(u64, &'static [Habit]); 5] = [
        (2, &[AnswersWithId, CarriesUsers, NamesPeer]),
        (2, &[CarriesUsers]),
        (4, &[CarriesUsers, NamesPeer]),
        (4, &[AnswersWithId, CarriesUsers, OneChannel]),
        (4, &[OneChannel]),
    ];
    for (agents, habits) in manners {
        let manner = Manner { agents, habits };
        for seed in 0..4 {
            let mut desk = Desk::open(seed, manner);
            for agent in 0..agents {
                let mut at = 100 + agent;
                while at < 20_000 {
                    at += 50 + desk.dice.below(600);
                    desk.step(at, agent);
                }
            }
            let (share, wrong) = desk.score();
            assert!(share >= AIM, "{share}: {wrong:#?}");
        }
    }
}
