//! A day at the office: what its members do in turn, and the same as parts that they play at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::canaries::own;
use crate::random::Random;

use super::company::Ear;

/// The members, by their login names.
pub(super) const NAMES: [&str; 3] = ["ann", "ben", "cleo"];

/// How a member shows the token that its login gave.
pub(super) const QUERY: &str = "?access_token=TOKEN";

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    LogIn,
    Listen,
    Post(&'static str),
    Digest,
    Recite,
    Nudge(&'static str),
    /// The office ends its stream, and it comes back by itself.
    Rest,
    /// It is there again.
    Return,
    /// It loses the connection of its stream, and comes back by itself.
    Lose,
}

/// Who does what, one after the other, each act with the number that others hear of it.
#[derive(Clone)]
pub(super) struct Day {
    ear: Ear,
    /// What its members' secrets have in them, where they have any in all that they say.
    mark: Option<&'static str>,
    acts: Vec<(usize, &'static str, Act)>,
}

/// How a member plays its part: times are in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// It waits for what it had heard by then on that day.
    Listens,
    /// It only waits for the answers to what it calls.
    Rushes,
}

impl Day {
    /// A day of members who listen so.
    pub(super) fn of(ear: Ear) -> Day {
        let begin = NAMES.iter().flat_map(|name| {
            let acts = [Act::LogIn, Act::Listen];
            acts.map(|act| (*name, act))
        });
        let mut acts: Vec<(&str, Act)> = begin.collect();
        acts.extend([
            ("ann", Act::Post("good morning")),
            ("ben", Act::Nudge("ann")),
            ("cleo", Act::Digest),
            ("ann", Act::Recite),
        ]);
        if ear != Ear::Lines {
            acts.extend([("ben", Act::Rest), ("ben", Act::Return)]);
        }
        acts.extend([
            ("cleo", Act::Nudge("ben")),
            ("ann", Act::Post("ümläut €, \"quoted\"")),
        ]);
        if ear != Ear::Lines {
            acts.extend([("ann", Act::Rest), ("ann", Act::Return)]);
        }
        acts.extend([
            ("ben", Act::Post("late")),
            ("ben", Act::Digest),
            ("cleo", Act::Post("good night")),
        ]);
        let acts = acts.into_iter().enumerate();
        let acts = acts
            .map(|(number, (who, act))| (number, who, act))
            .collect();
        let mark = None;
        Day { ear, mark, acts }
    }

    /// The same day with secrets, which have this mark, in all that members say.
    pub(super) fn guarded(self, mark: &'static str) -> Day {
        let mark = Some(mark);
        Day { mark, ..self }
    }

    /// The secrets in it.
    pub(super) fn secrets(&self) -> BTreeSet<String> {
        let silent = |act: &Act| matches!(act, Act::Listen | Act::Return | Act::Lose);
        let said = self.acts.iter().filter(|(.., act)| !silent(act));
        said.filter_map(|(number, who, _)| self.secret(*number, who))
            .collect()
    }

    /// The same day where everybody loses its connection after whatever it has done.
    pub(super) fn with_losses(&self) -> Day {
        let lose = |&(number, who, act): &(usize, &'static str, Act)| {
            let loses = !matches!(act, Act::LogIn | Act::Listen | Act::Rest);
            let loss = loses.then_some((number, who, Act::Lose));
            [Some((number, who, act)), loss].into_iter().flatten()
        };
        Day {
            ear: self.ear,
            mark: self.mark,
            acts: self.acts.iter().flat_map(lose).collect(),
        }
    }

    /// How often this member's stream is opened.
    pub(super) fn opened(&self, name: &str) -> usize {
        opened(&self.acts, name)
    }

    /// The parts, each step in its turn: when everybody has heard what was done before it.
    pub(super) fn in_turn(&self) -> Value {
        let mut heard = BTreeMap::new();
        let mut steps: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (turn, (number, who, act)) in self.acts.iter().enumerate() {
            let mut step = self.step(*number, who, *act);
            if *act == Act::Return {
                step["opened"] = json!(opened(&self.acts[..=turn], who));
            }
            step["turn"] = json!(turn);
            step["heard"] = json!(heard);
            steps.entry(who).or_default().push(step);
            hear(&mut heard, who, *act);
        }
        parts(&steps, &heard)
    }

    /// The parts of these members, played at once, with waits up to the longest: some do not listen
    /// before they go on, and some lose their connections.
    pub(super) fn at_once(&self, random: &mut Random, longest: u64, names: &[&str]) -> Value {
        let mut heard = BTreeMap::new();
        let manners: BTreeMap<&str, Manner> = NAMES
            .iter()
            .map(|name| (*name, random.one_of(&[Manner::Listens, Manner::Rushes])))
            .collect();
        let mut steps: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (number, who, act) in &self.acts {
            if names.contains(who) {
                let own: usize = heard.get(who).copied().unwrap_or_default();
                let steps = steps.entry(who).or_default();
                if self.ear != Ear::Lines && own > 0 && random.below(4) == 0 {
                    // One who has heard nothing cannot say what was last.
                    let heard = 1 + random.below(u64::try_from(own).unwrap());
                    steps.push(json!({ "heard": { *who: heard }, "cut": true }));
                }
                let mut step = self.step(*number, who, *act);
                step["after"] = json!(random.wait(longest));
                if manners[who] == Manner::Listens {
                    step["heard"] = json!({ *who: own });
                }
                steps.push(step);
            }
            hear(&mut heard, who, *act);
        }
        parts(&steps, &heard)
    }

    /// What a member says of an act that nobody may tell.
    fn secret(&self, number: usize, who: &str) -> Option<String> {
        self.mark
            .map(|mark| own(mark, who, &format!("{number:03}")))
    }

    /// One step.
    fn step(&self, number: usize, who: &str, act: Act) -> Value {
        let reference = format!("ref-{number}-7f3a");
        let secret = self.secret(number, who);
        let desk = |mut body: Value| {
            let mut target = "/desk".to_owned();
            if let Some(secret) = &secret {
                body["password"] = json!(secret);
                target.push_str(QUERY);
            }
            let content = body.to_string();
            json!({ "call": { "method": "POST", "target": target, "content": content } })
        };
        match act {
            Act::LogIn => {
                let password = secret.unwrap_or_else(|| format!("secret-of-{who}"));
                json!({ "call": log_in(who, &password) })
            }
            Act::Listen => json!({ "open": self.ear.path() }),
            Act::Post(words) => {
                desk(json!({ "deed": "Post", "words": words, "reference": reference }))
            }
            Act::Digest => desk(json!({ "deed": "Digest", "reference": reference })),
            Act::Recite => {
                let lines = ["Roses are red,", "violets: blue;"];
                desk(json!({ "deed": "Recite", "lines": lines, "reference": reference }))
            }
            Act::Nudge(to) => desk(json!({ "deed": "Nudge", "to": to, "reference": reference })),
            Act::Rest => desk(json!({ "deed": "Rest", "number": number })),
            Act::Return => json!({}),
            Act::Lose => json!({ "cut": true }),
        }
    }
}

/// How often a member opens its stream by these acts.
fn opened(acts: &[(usize, &'static str, Act)], name: &str) -> usize {
    let opens = |act: &Act| matches!(act, Act::Listen | Act::Return | Act::Lose);
    let own = acts.iter().filter(|(_, who, _)| *who == name);
    own.filter(|(_, _, act)| opens(act)).count()
}

/// The parts with these steps, when members have heard so much.
fn parts(steps: &BTreeMap<&str, Vec<Value>>, heard: &BTreeMap<&'static str, usize>) -> Value {
    let part = |(name, steps): (&&str, &Vec<Value>)| {
        let hears = heard.get(name).copied().unwrap_or_default();
        json!({ "member": name, "steps": steps, "hears": hears })
    };
    steps.iter().map(part).collect()
}

/// The request by which a member logs in.
fn log_in(name: &str, password: &str) -> Value {
    let form = format!("username={name}&password={password}");
    json!({ "method": "POST", "target": "/login", "content": form })
}

/// Counts who hears what of an act.
fn hear(heard: &mut BTreeMap<&'static str, usize>, who: &'static str, act: Act) {
    let mut add = |name: &'static str, count: usize| *heard.entry(name).or_default() += count;
    let everybody: usize = match act {
        Act::LogIn | Act::Listen | Act::Rest | Act::Return | Act::Lose | Act::Nudge(_) => 0,
        Act::Post(_) | Act::Recite => 1,
        Act::Digest => 3,
    };
    for name in NAMES {
        add(name, everybody);
    }
    match act {
        Act::Post(_) => add(who, 1),
        Act::Nudge(to) => add(to, 1),
        Act::LogIn
        | Act::Listen
        | Act::Digest
        | Act::Recite
        | Act::Rest
        | Act::Return
        | Act::Lose => {}
    }
}
