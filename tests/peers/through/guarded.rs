//! A room with secrets in all that is said on its sockets, in their handshakes, and beside them; and calls of
//! gRPC with secrets in their metadata.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use serde_json::{Map, Value, json};

use crate::canaries::{Scene, own, prove};

use super::chromium::{Service, service_by};
use super::grpc;
use super::room::{BY, PROGRAM, members, talk};

const NAMES: [&str; 3] = ["carol", "bob", "alice"];

/// What each member brings with it.
const BROUGHT: &[&str] = &["token", "password"];

/// Who brings what all members have in their header fields.
const ALL: &str = "room";

struct Guarded;

impl Scene for Guarded {
    type Service = Service;

    fn start(&self) -> (Service, String) {
        let service = service_by(PROGRAM, &["guarded"]);
        let origin = service.origin.clone();
        (service, origin)
    }

    fn play(&self, origin: &str, mark: &'static str) -> Value {
        let mut members = members(|| 0);
        for (member, name) in members.as_array_mut().unwrap().iter_mut().zip(NAMES) {
            for what in BROUGHT {
                member[*what] = json!(own(mark, name, what));
            }
        }
        let headers = json!({ "authorization": format!("Bearer {}", own(mark, ALL, "bearer")) });
        let company = json!([{ "members": members, "headers": headers }]);
        talk(origin, "in turn", &company)
    }

    fn minted(&self, service: Service, heard: &Value) -> BTreeSet<String> {
        drop(service);
        let members = heard.as_array().unwrap().iter();
        let secrets = |member: &Value| {
            let list = |name: &str| member[name].as_array().unwrap().clone();
            let cookie = |pair: Value| pair.as_str().unwrap().replace("ROOM=", "");
            let cookies: Vec<String> = list("cookies").into_iter().map(cookie).collect();
            assert_eq!(cookies.len(), 1);
            let told = list("heard").into_iter();
            let told = told.filter_map(|told| Some(told["accessToken"].as_str()?.to_owned()));
            cookies.into_iter().chain(told)
        };
        members.flat_map(secrets).collect()
    }

    fn brought(&self, mark: &'static str) -> BTreeSet<String> {
        let each = NAMES.iter().flat_map(|name| {
            let what = BROUGHT.iter();
            what.map(move |what| own(mark, name, what))
        });
        each.chain([own(mark, ALL, "bearer")]).collect()
    }

    fn both(&self) -> &'static [&'static str] {
        &BY
    }
}

#[test]
fn no_secret_of_a_room_on_sockets_is_told_and_its_replay_is_as_the_room() {
    prove(&Guarded);
}

/// Two users of gRPC.
struct Calls;

/// The users, and what each brings with it.
const USERS: [&str; 2] = ["ann", "ben"];
const SHOWN: [&str; 2] = ["bearer", "key"];

impl Scene for Calls {
    type Service = grpc::Service;

    fn start(&self) -> (grpc::Service, String) {
        let service = grpc::Service::start(&[]);
        let origin = format!("http://{}", service.address);
        (service, origin)
    }

    fn play(&self, origin: &str, mark: &'static str) -> Value {
        let shows = |user: &str| -> Value {
            let shown = SHOWN.map(|what| (what.to_owned(), json!(own(mark, user, what))));
            Value::Object(shown.into_iter().collect())
        };
        let users: Map<String, Value> = USERS
            .iter()
            .map(|user| ((*user).to_owned(), shows(user)))
            .collect();
        let users = Value::Object(users).to_string();
        grpc::heard_with(origin, "guarded", Some(OsStr::new(&users))).into()
    }

    fn minted(&self, service: grpc::Service, heard: &Value) -> BTreeSet<String> {
        drop(service);
        let calls = heard.as_array().unwrap().iter();
        let fields = calls.flat_map(|call| {
            let of = |part: &str| call[part].as_array().unwrap().clone();
            [of("first"), of("last")].concat()
        });
        let tokens = fields.filter(|field| field[0].as_str().unwrap().ends_with("-token"));
        tokens
            .map(|field| field[1][0].as_str().unwrap().to_owned())
            .collect()
    }

    fn brought(&self, mark: &'static str) -> BTreeSet<String> {
        let each = USERS
            .iter()
            .flat_map(|user| SHOWN.map(|what| own(mark, user, what)));
        each.collect()
    }

    fn recording(&self) -> &'static [&'static str] {
        &["--upstream-http2"]
    }
}

#[test]
fn no_secret_in_metadata_of_grpc_is_told_and_its_replay_is_as_the_service() {
    prove(&Calls);
}
